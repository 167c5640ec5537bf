//! What a site signs when it enrols.

use crate::common::{key, public};
use ripieno_identity::enrolment::{enrol_digest, request_digest, secret_digest};

#[test]
fn an_enrolment_is_bound_to_coordinator_secret_request_and_key() {
    let (secret, request) = (secret_digest(&[1; 32]), request_digest(b"request"));
    let signed = enrol_digest(public(1000), &secret, &request, &public(1));
    let signature = key(1).sign(&signed);
    public(1).verify(&signed, &signature).unwrap();
    let others = [
        enrol_digest(public(1001), &secret, &request, &public(1)),
        enrol_digest(public(1000), &secret_digest(&[2; 32]), &request, &public(1)),
        enrol_digest(public(1000), &secret, &request_digest(b"another"), &public(1)),
        enrol_digest(public(1000), &secret, &request, &public(2)),
        enrol_digest(public(1000), &request, &secret, &public(1)),
    ];
    for (i, other) in others.iter().enumerate() {
        assert!(public(1).verify(other, &signature).is_err(), "change {i}");
    }
}

#[test]
fn digests_of_secret_and_request_are_of_different_kinds() {
    assert_ne!(secret_digest(&[1; 32]), request_digest(&[1; 32]));
}
