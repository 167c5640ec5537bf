//! Requests of researchers: replayed, moved, stale, for another coordinator.

use crate::common::{consents, fields, founded, index, key, public};
use ripieno_identity::request::MAX_OFFSET;
use ripieno_identity::{
    Charter, CharterFields, Credential, CredentialFields, RatifiedCharter, RequestProof,
};
use ripieno_study::{Check, Culprit, Digest, Hasher, Refusal, Tag};

const NOW: u64 = 1_800_000_000;
const RESEARCHER: u64 = 500;

fn credential() -> Credential {
    let fields = CredentialFields {
        name: "Ada Lovelace".into(),
        role: "statistician".into(),
        department: "cardiology".into(),
        clearance: "pseudonymous".into(),
        expires: NOW + 10_000,
        federation: "cardiology".into(),
        home: index(2),
        researcher: public(RESEARCHER),
    };
    Credential::issue(fields, &key(2)).unwrap()
}

fn study(text: &str) -> Digest {
    Hasher::new(Tag::Study).part(text).finish()
}

fn proof(method: &str, subject: Option<&Digest>) -> RequestProof {
    RequestProof::sign(method, subject, NOW, credential(), public(1000), &key(RESEARCHER))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, words: &str) {
    let refusal = result.expect_err("must be refused");
    assert_eq!((refusal.check, refusal.culprit), (Check::H1, Culprit::Own), "{refusal}");
    assert!(refusal.reason.contains(words), "{refusal}");
}

#[test]
fn a_request_of_a_known_researcher_is_taken() {
    let verified =
        proof("Get", Some(&study("a"))).verify("Get", Some(&study("a")), &founded(3), NOW);
    assert_eq!(verified.unwrap().fields(), &credential().fields);
    proof("List", None).verify("List", None, &founded(3), NOW).unwrap();
}

#[test]
fn a_request_counts_for_its_method_and_subject_alone() {
    let proof = proof("Get", Some(&study("a")));
    let charter = founded(3);
    refused(proof.verify("Cancel", Some(&study("a")), &charter, NOW), "the request Cancel is not");
    refused(proof.verify("Get", Some(&study("b")), &charter, NOW), "is not one that Ada");
    refused(proof.verify("Get", None, &charter, NOW), "is not one that Ada");
}

#[test]
fn a_replayed_request_ends_with_its_time() {
    let (proof, charter) = (proof("List", None), founded(3));
    for now in [NOW - MAX_OFFSET, NOW + MAX_OFFSET] {
        proof.verify("List", None, &charter, now).unwrap();
    }
    refused(proof.verify("List", None, &charter, NOW + MAX_OFFSET + 1), "301 s behind");
    refused(proof.verify("List", None, &charter, NOW - MAX_OFFSET - 1), "301 s ahead");
    refused(proof.verify("List", None, &charter, 0), "set the clock");
    // A later time cannot be written over the signed one.
    let moved = RequestProof { at: NOW + 600, ..proof };
    refused(moved.verify("List", None, &charter, NOW + 600), "is not one that Ada");
}

#[test]
fn a_request_counts_at_its_coordinator_alone() {
    let elsewhere = Charter::new(CharterFields { coordinator: public(1001), ..fields(3) }).unwrap();
    let signed = consents(&elsewhere, &[1, 2, 3]);
    let elsewhere = RatifiedCharter::found(elsewhere, signed).unwrap();
    refused(proof("List", None).verify("List", None, &elsewhere, NOW), "is not one that Ada");
}

#[test]
fn a_request_is_signed_with_the_key_of_its_credential() {
    let charter = founded(3);
    let borrowed =
        RequestProof::sign("List", None, NOW, credential(), public(1000), &key(RESEARCHER + 1));
    refused(borrowed.verify("List", None, &charter, NOW), "is not one that Ada");
    // Another credential of the same researcher: the request was made with the first.
    let other = CredentialFields { clearance: "identified".into(), ..credential().fields };
    let credential = Credential::issue(other, &key(2)).unwrap();
    let raised = RequestProof { credential, ..proof("List", None) };
    refused(raised.verify("List", None, &charter, NOW), "is not one that Ada");
}

#[test]
fn a_bad_credential_is_laid_to_its_sender_or_its_home() {
    let charter = founded(3);
    let invented = Credential::issue(credential().fields, &key(RESEARCHER)).unwrap();
    let proof = RequestProof { credential: invented, ..proof("List", None) };
    refused(proof.verify("List", None, &charter, NOW), "is not one that site 2 issued");
    let expired = CredentialFields { expires: NOW, ..credential().fields };
    let expired = Credential::issue(expired, &key(2)).unwrap();
    let proof = RequestProof::sign("List", None, NOW, expired, public(1000), &key(RESEARCHER));
    let refusal = proof.verify("List", None, &charter, NOW).unwrap_err();
    assert_eq!(refusal.culprit, Culprit::Site(index(2)), "{refusal}");
}
