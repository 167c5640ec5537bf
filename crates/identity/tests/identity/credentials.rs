//! Credentials and submissions: made up, expired, from the wrong home, moved, changed.

use crate::common::{founded, index, key, public};
use ripieno_identity::{Credential, CredentialFields, Submission};
use ripieno_study::{Check, Culprit, Hasher, Refusal, Tag};

const NOW: u64 = 1_800_000_000;
/// The researcher's key has this number; sites have theirs from 1.
const RESEARCHER: u64 = 500;

fn fields() -> CredentialFields {
    CredentialFields {
        name: "Ada Lovelace".into(),
        role: "statistician".into(),
        department: "cardiology".into(),
        clearance: "pseudonymous".into(),
        expires: NOW + 1,
        federation: "cardiology".into(),
        home: index(2),
        researcher: public(RESEARCHER),
    }
}

fn credential() -> Credential {
    Credential::issue(fields(), &key(2)).unwrap()
}

fn submission() -> Submission {
    let study = Hasher::new(Tag::Study).part("a study").finish();
    Submission::sign(study, credential(), &key(RESEARCHER))
}

fn culprit<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Culprit {
    let refusal = result.expect_err("must be refused");
    assert_eq!(refusal.check, Check::H1, "{refusal}");
    refusal.culprit
}

#[test]
fn a_submission_with_a_good_credential_is_accepted() {
    let verified = submission().verify(&founded(3), NOW).unwrap();
    assert_eq!(verified.study(), submission().study);
    assert_eq!(verified.credential().fields(), &fields());
}

#[test]
fn an_expired_credential_is_refused() {
    let refused = |now| submission().verify(&founded(3), now);
    assert!(refused(NOW).is_ok());
    assert_eq!(culprit(refused(NOW + 1)), Culprit::Site(index(2)));
    assert_eq!(culprit(refused(u64::MAX)), Culprit::Site(index(2)));
}

#[test]
fn a_credential_of_another_home_is_refused() {
    // Signed by site 3, for site 2; and for a site that is not in the charter.
    let stolen = Credential::issue(fields(), &key(3)).unwrap();
    assert_eq!(culprit(stolen.verify(&founded(3), NOW)), Culprit::Coordinator);
    let outside = CredentialFields { home: index(4), ..fields() };
    let outside = Credential::issue(outside, &key(4)).unwrap();
    assert_eq!(culprit(outside.verify(&founded(3), NOW)), Culprit::Coordinator);
    assert!(outside.verify(&founded(4), NOW).is_ok());
}

#[test]
fn an_invented_researcher_is_refused() {
    let invented = Credential::issue(fields(), &key(RESEARCHER)).unwrap();
    assert_eq!(culprit(invented.verify(&founded(3), NOW)), Culprit::Coordinator);
}

#[test]
fn a_credential_counts_in_its_federation_alone() {
    let elsewhere = CredentialFields { federation: "oncology".into(), ..fields() };
    let elsewhere = Credential::issue(elsewhere, &key(2)).unwrap();
    assert_eq!(culprit(elsewhere.verify(&founded(3), NOW)), Culprit::Coordinator);
}

#[test]
fn every_field_of_a_credential_is_signed() {
    let changes: [fn(&mut CredentialFields); 7] = [
        |f| f.name.push('x'),
        |f| f.role.push('x'),
        |f| f.department.push('x'),
        |f| f.clearance.push('x'),
        |f| f.expires += 1,
        |f| f.home = index(1),
        |f| f.researcher = public(501),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut changed = credential();
        change(&mut changed.fields);
        let result = changed.verify(&founded(3), NOW);
        assert_eq!(culprit(result), Culprit::Coordinator, "change {i}");
    }
}

#[test]
fn a_submission_is_signed_by_its_researcher_for_its_study() {
    let mut swapped = submission();
    swapped.study = Hasher::new(Tag::Study).part("another study").finish();
    assert_eq!(culprit(swapped.verify(&founded(3), NOW)), Culprit::Coordinator);
    let borrowed = Submission::sign(swapped.study, credential(), &key(501));
    assert_eq!(culprit(borrowed.verify(&founded(3), NOW)), Culprit::Coordinator);
    // A renewed credential of the same researcher: the submission was made with the old one.
    let renewed = CredentialFields { expires: NOW + 100, ..fields() };
    let mut moved = submission();
    moved.credential = Credential::issue(renewed, &key(2)).unwrap();
    assert_eq!(culprit(moved.verify(&founded(3), NOW)), Culprit::Coordinator);
}

#[test]
fn texts_that_could_mislead_a_reader_are_refused() {
    for name in ["", "  ", "Ada\u{1b}[2J", &"a".repeat(129)] {
        let fields = CredentialFields { name: name.into(), ..fields() };
        assert!(Credential::issue(fields.clone(), &key(2)).is_err(), "{name:?}");
        // A home site that signs one all the same is named.
        let signature = key(2).sign(&Credential::digest_of(&fields));
        let result = Credential { fields, signature }.verify(&founded(3), NOW);
        assert_eq!(culprit(result), Culprit::Site(index(2)), "{name:?}");
    }
}
