//! Charters, researchers, enrolment (docs/protocol.md §2).

use bip39::Language;
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    AuthorityList, BadCharter, Charter, CharterConsent, CharterFields, CharterSite, Credential,
    CredentialFields, FederationPolicy, PublicKey, RatifiedCharter, RequestProof, Submission,
    enrolment,
};
use ripieno_study::{Check, Digest, Refusal};
use ripieno_wire::{Invitation, credential_from_text, credential_to_text};
use zeroize::Zeroizing;

use crate::support::{Vector, file};

#[test]
fn charters_have_the_digests_and_words_of_the_reference() {
    let words = Language::English.word_list();
    for one in file("people").list("charters") {
        let charter = charter(&one.at("charter")).expect("a good charter");
        assert_eq!(charter.digest(), one.digest("digest"), "{}", one.label());
        let numbers: Vec<usize> = one.get("words");
        let expected: Vec<_> = numbers.into_iter().map(|number| words[number]).collect();
        assert_eq!(charter.fingerprint_words(), expected, "{}", one.label());
    }
}

#[test]
fn charters_that_break_a_rule_are_refused() {
    let v = file("people");
    let good = v.list("charters")[0].at("charter");
    for one in v.list("charters_refused") {
        let refused = charter(&good.changed(&one));
        assert!(refused.is_err(), "{}", one.label());
    }
}

#[test]
fn a_federation_is_founded_by_all_its_sites() {
    let v = file("people");
    let founding = v.at("founded").at("charter");
    founded(&v);
    for one in v.list("founded_refused") {
        let charter = charter(&founding).expect("a good charter");
        refused(RatifiedCharter::found(charter, consents(&one)), &one);
    }
    for (index, signed) in consents(&v.at("founded")).iter().map(|c| (c.site, c.signature)) {
        let charter = charter(&founding).expect("a good charter");
        let own = v.at("seeds").signer(index.get()).sign(&consent_digest(&charter, index));
        assert_eq!(own, signed);
    }
}

#[test]
fn a_charter_follows_by_a_quorum_of_the_one_before() {
    let v = file("people");
    let (current, next) = (founded(&v), v.at("succeeded"));
    let proposed = charter(&next.at("charter")).expect("a good charter");
    current.succeed(proposed, consents(&next)).expect("a quorum");
    for one in v.list("succeeded_refused") {
        let proposed = charter(&next.at("charter").changed(&one)).expect("good by itself");
        refused(current.succeed(proposed, consents(&one)), &one);
    }
}

#[test]
fn credentials_and_submissions() {
    let v = file("people");
    let (charter, now) = (founded(&v), v.get("now"));
    let held = credential(&v.at("credential"));
    assert_eq!(Credential::digest_of(&held.fields), v.at("credential").digest("digest"));
    let issued = Credential::issue(held.fields.clone(), &v.at("seeds").signer(2));
    assert_eq!(issued.as_ref(), Ok(&held));
    held.verify(&charter, now).expect("a good credential");
    for one in v.list("credentials_refused") {
        refused(credential(&one).verify(&charter, now), &one);
    }

    let manifest = v.at("study").text("manifest");
    let study = ripieno_study::manifest::digest_of(&manifest);
    assert_eq!(study, v.at("study").digest("digest"));
    let submission = Submission::sign(study, held.clone(), &v.at("seeds").signer("researcher"));
    assert_eq!(submission.signature, v.at("submission").signature("signature"));
    submission.verify(&charter, now).expect("a good submission");
    for one in v.list("submissions_refused") {
        let (study, signature) = (one.digest("study"), one.signature("signature"));
        let spoilt = Submission { study, credential: held.clone(), signature };
        refused(spoilt.verify(&charter, now), &one);
    }
}

#[test]
fn requests() {
    let v = file("people");
    let (charter, now) = (founded(&v), v.get("now"));
    let (held, researcher) = (credential(&v.at("credential")), v.at("seeds").signer("researcher"));
    for one in v.list("requests") {
        let (method, subject) = asked(&one);
        let at = one.get("time");
        let coordinator = charter.coordinator();
        let proof = RequestProof::sign(
            &method,
            subject.as_ref(),
            at,
            held.clone(),
            coordinator,
            &researcher,
        );
        assert_eq!(proof.signature, one.signature("signature"), "{}", one.label());
        proof.verify(&method, subject.as_ref(), &charter, now).expect("a good request");
    }
    for one in v.list("requests_refused") {
        let (method, subject) = asked(&one);
        let (at, signature) = (one.get("time"), one.signature("signature"));
        let proof = RequestProof { credential: held.clone(), at, signature };
        refused(proof.verify(&method, subject.as_ref(), &charter, now), &one);
    }
}

#[test]
fn authorities_for_connections() {
    let v = file("people");
    let coordinator = v.at("founded").at("charter").key("coordinator");
    let federation = v.at("founded").at("charter").text("federation");
    let list = |one: &Vector| AuthorityList {
        number: one.get("number"),
        authorities: one.all("certificates").iter().map(Vector::hex).collect(),
        signature: one.signature("signature"),
    };
    let good = list(&v.at("authorities").at("good"));
    assert_eq!(
        good.digest(&federation, coordinator),
        v.at("authorities").at("good").digest("digest")
    );
    good.verify_after(6, &federation, coordinator).expect("a newer list");
    assert!(good.verify_after(7, &federation, coordinator).is_err(), "the same number again");
    let signer = v.at("seeds").signer("coordinator");
    let signed = AuthorityList::sign(7, good.authorities.clone(), &federation, &signer);
    assert_eq!(signed, good);
    for one in v.at("authorities").list("refused") {
        assert!(list(&one).verify(&federation, coordinator).is_err(), "{}", one.label());
    }
}

#[test]
fn enrolment_and_texts() {
    let v = file("people");
    let e = v.at("enrolment");
    let coordinator = v.at("founded").at("charter").key("coordinator");
    let secret = enrolment::secret_digest(&e.bytes("secret"));
    assert_eq!(secret, e.digest("secret_digest"));
    let request = enrolment::request_digest(&e.at("certificate_request").hex());
    let key = v.at("seeds").signer(9);
    let digest = enrolment::enrol_digest(coordinator, &secret, &request, &key.public());
    assert_eq!(digest, e.digest("digest"));
    assert_eq!(key.sign(&digest), e.signature("signature"));

    let invitation = Invitation {
        address: e.text("address"),
        authority: e.digest("authority"),
        coordinator,
        site: e.text("site"),
        expires: e.get("expires"),
        secret: Zeroizing::new(e.bytes("secret")),
    };
    assert_eq!(*invitation.to_text(), e.text("text"));
    assert_eq!(Invitation::from_text(&e.text("text")).as_ref(), Ok(&invitation));
    for one in v.list("texts_refused") {
        assert!(Invitation::from_text(&one.text("text")).is_err(), "{}", one.label());
    }
    let spaced = Invitation::from_text(&e.text("text_with_white_space"));
    assert_eq!(spaced.as_ref(), Ok(&invitation));
    let held = credential(&v.at("credential"));
    assert_eq!(credential_to_text(&held), e.text("credential_text"));
    assert_eq!(credential_from_text(&e.text("credential_text")).as_ref(), Ok(&held));
    for one in v.list("credential_texts_refused") {
        assert!(credential_from_text(&one.text("text")).is_err(), "{}", one.label());
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, one: &Vector) {
    let check = result.map_err(|refusal| refusal.check);
    assert_eq!(check.err(), Some(Check::H1), "{}", one.label());
}

fn founded(v: &Vector) -> RatifiedCharter {
    let charter = charter(&v.at("founded").at("charter")).expect("a good charter");
    RatifiedCharter::found(charter, consents(&v.at("founded"))).expect("all have signed")
}

pub(crate) fn charter(v: &Vector) -> Result<Charter, BadCharter> {
    let site = |one: &Vector| CharterSite {
        index: one.site("index"),
        name: one.text("name"),
        key: one.key("key"),
    };
    Charter::new(CharterFields {
        federation: v.text("federation"),
        version: v.get("version"),
        previous: v.get::<Option<Digest>>("previous"),
        sites: v.list("sites").iter().map(site).collect(),
        next_index: v.get("next_index"),
        coordinator: v.key("coordinator"),
        corrupt: v.get("corrupt"),
        quorum: v.get("quorum"),
        policy: FederationPolicy { minimum_sites: v.get("minimum_sites") },
    })
}

fn consents(v: &Vector) -> Vec<CharterConsent> {
    let consent = |one: &Vector| CharterConsent {
        site: one.site("site"),
        signature: one.signature("signature"),
    };
    v.list("consents").iter().map(consent).collect()
}

fn credential(v: &Vector) -> Credential {
    let fields = v.at("fields");
    let researcher: PublicKey = fields.key("researcher");
    Credential {
        fields: CredentialFields {
            name: fields.text("name"),
            role: fields.text("role"),
            department: fields.text("department"),
            clearance: fields.text("clearance"),
            expires: fields.get("expires"),
            federation: fields.text("federation"),
            home: fields.site("home"),
            researcher,
        },
        signature: v.signature("signature"),
    }
}

/// Method and subject of a request; 32 zero bytes stand for no study.
fn asked(v: &Vector) -> (String, Option<Digest>) {
    let subject = v.bytes("subject");
    let subject = (subject != [0; 32]).then(|| Digest::from_bytes(subject));
    (v.text("method"), subject)
}
