//! Charters, signatures, credentials and proofs by themselves: round trips and bounds.

use bytes::Bytes;
use proptest::prelude::*;
use ripieno_identity::{Charter, RequestProof};
use ripieno_study::SiteIndex;

use super::{any, sample};
use crate::limits::{MAX_CHARTER_BYTES, MAX_HISTORY_BYTES, MAX_SMALL_BYTES};
use crate::membership::{
    decode_charter, decode_consent, decode_history, decode_ratified, encode_charter, encode_consent,
};
use crate::{
    WireError, credential_from_text, credential_to_text, decode_credential, decode_proof,
    decode_submission, encode_credential, encode_proof, encode_submission,
};

proptest! {
    #[test]
    fn charters(charter in any::charter()) {
        prop_assert_eq!(decode_charter(encode_charter(&charter)), Ok(charter));
    }

    #[test]
    fn consents(consent in any::consent()) {
        prop_assert_eq!(decode_consent(encode_consent(&consent)), Ok(consent));
    }

    #[test]
    fn credentials(credential in any::credential(), at: u64, submission in any::submission()) {
        prop_assert_eq!(decode_credential(encode_credential(&credential)), Ok(credential.clone()));
        let text = credential_to_text(&credential);
        prop_assert_eq!(credential_from_text(&text), Ok(credential.clone()));
        let signature = credential.signature;
        let proof = RequestProof { credential, at, signature };
        let (bytes, at, signature) = encode_proof(&proof);
        prop_assert_eq!(decode_proof(bytes, at, &signature), Ok(proof));
        prop_assert_eq!(decode_submission(encode_submission(&submission)), Ok(submission));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = Bytes::from(bytes);
        if let Ok(charter) = decode_charter(bytes.clone()) {
            prop_assert_eq!(decode_charter(encode_charter(&charter)), Ok(charter));
        }
        let _ = decode_ratified(bytes.clone());
        let _ = decode_history(bytes.clone());
        let _ = decode_credential(bytes.clone());
        let _ = decode_submission(bytes.clone());
        let _ = decode_consent(bytes);
    }
}

#[test]
fn the_largest_charter_fits() {
    let mut fields = sample(any::charter()).fields().clone();
    let sites = fields.sites.len();
    fields.federation = "f".repeat(64);
    for (site, index) in fields.sites.iter_mut().zip(60_000..) {
        site.name = format!("{index:0>64}");
        site.index = SiteIndex::new(index).unwrap();
    }
    fields.next_index = u16::MAX;
    let charter = Charter::new(fields).unwrap();
    let bytes = encode_charter(&charter);
    // 4096 such sites, with as many signatures of 72 bytes, stay below the limit.
    let site = bytes.len() / sites + 1;
    assert!(site * 4096 + 72 * 4096 < MAX_CHARTER_BYTES, "{site} bytes a site");
    assert_eq!(decode_charter(bytes), Ok(charter));
}

#[test]
fn what_is_too_long_is_refused_before_it_is_decoded() {
    let zeros = |limit: usize| Bytes::from(vec![0; limit + 1]);
    let charter = zeros(MAX_CHARTER_BYTES);
    let small = zeros(MAX_SMALL_BYTES);
    let refused = [
        (decode_charter(charter.clone()).err(), "charter", MAX_CHARTER_BYTES),
        (decode_ratified(charter).err(), "ratified_charter", MAX_CHARTER_BYTES),
        (decode_history(zeros(MAX_HISTORY_BYTES)).err(), "charter_history", MAX_HISTORY_BYTES),
        (decode_consent(small.clone()).err(), "charter_consent", MAX_SMALL_BYTES),
        (decode_credential(small.clone()).err(), "credential", MAX_SMALL_BYTES),
        (decode_submission(small).err(), "submission", MAX_SMALL_BYTES),
    ];
    for (found, message, limit) in refused {
        assert_eq!(found, Some(WireError::TooLarge { message, bytes: limit + 1, limit }));
    }
}

#[test]
fn lists_of_empty_messages_are_counted_before_they_are_decoded() {
    // Field 4, empty, 5000 times: two bytes each.
    let sites = [0x22, 0].repeat(5000);
    let found = decode_charter(sites.clone().into()).unwrap_err().to_string();
    assert_eq!(found, "charter: not a message of ripieno.v1: more than 4160 fields");
    // The same inside of a ratified charter: field 1, 10000 bytes.
    let inner = [&[0x0a, 0x90, 0x4e][..], &sites].concat();
    let found = decode_ratified(inner.into()).unwrap_err().to_string();
    assert_eq!(found, "charter: not a message of ripieno.v1: more than 4160 fields");
    let found = decode_history([0x0a, 0].repeat(5000).into()).unwrap_err().to_string();
    assert_eq!(found, "charter_history: not a message of ripieno.v1: more than 1088 fields");
}

#[test]
fn a_proof_has_a_whole_signature() {
    let credential = encode_credential(&sample(any::credential()));
    let found = decode_proof(credential, 0, &Bytes::from(vec![0; 63])).unwrap_err();
    assert_eq!(found.to_string(), "request_proof.signature: 63 bytes, 64 expected");
}
