//! Charters and what people hand to each other.

use bytes::Bytes;
use ripieno_wire::membership::{
    decode_charter, decode_consent, decode_history, decode_ratified, encode_charter, encode_consent,
};
use ripieno_wire::{
    Invitation, credential_from_text, credential_to_text, decode_authorities, decode_credential,
    decode_proof, decode_submission, encode_authorities, encode_credential, encode_proof,
    encode_submission,
};

use super::fair;
use crate::allocations::within;
use crate::common::federation::coordinator_key;
use crate::input::Input;
use ripieno_identity::RatifiedCharter;

/// A charter, a consent, a ratified charter or a history, which is also verified.
pub fn charters(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 4;
    let bytes = Bytes::copy_from_slice(input.rest());
    within(fair(data.len()), || match kind {
        0 => {
            let Ok(charter) = decode_charter(bytes) else { return };
            assert_eq!(decode_charter(encode_charter(&charter)).as_ref(), Ok(&charter));
            assert!(!charter.fingerprint_words().is_empty());
        }
        1 => {
            let Ok(consent) = decode_consent(bytes) else { return };
            assert_eq!(decode_consent(encode_consent(&consent)), Ok(consent));
        }
        2 => {
            let Ok((charter, consents)) = decode_ratified(bytes) else { return };
            let _ = RatifiedCharter::found(charter, consents);
        }
        _ => {
            let Ok(history) = decode_history(bytes) else { return };
            if let Ok(charters) = history.verify() {
                assert!(!charters.is_empty(), "a history that is verified has a last charter");
            }
        }
    });
}

/// A credential, a submission, a proof of who asks, a list of authorities, an invitation.
pub fn papers(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 6;
    within(fair(data.len()), || match kind {
        0 => {
            let Ok(credential) = decode_credential(Bytes::copy_from_slice(input.rest())) else {
                return;
            };
            assert_eq!(decode_credential(encode_credential(&credential)), Ok(credential));
        }
        1 => {
            let Ok(submission) = decode_submission(Bytes::copy_from_slice(input.rest())) else {
                return;
            };
            assert_eq!(decode_submission(encode_submission(&submission)), Ok(submission));
        }
        2 => {
            let (at, signed) = (u64::from(input.number()), Bytes::copy_from_slice(input.take(64)));
            let rest = Bytes::copy_from_slice(input.rest());
            let Ok(proof) = decode_proof(rest, at, &signed) else { return };
            let (credential, at, signed) = encode_proof(&proof);
            assert_eq!(decode_proof(credential, at, &signed), Ok(proof));
        }
        3 => {
            let Ok(list) = decode_authorities(Bytes::copy_from_slice(input.rest())) else { return };
            assert_eq!(decode_authorities(encode_authorities(&list)).as_ref(), Ok(&list));
            let forged = list.verify("test", coordinator_key().public());
            assert!(forged.is_err() || list.authorities.len() <= 2);
        }
        4 => {
            let Ok(text) = str::from_utf8(input.rest()) else { return };
            let Ok(invitation) = Invitation::from_text(text) else { return };
            assert!(Invitation::from_text(&invitation.to_text()).as_ref() == Ok(&invitation));
        }
        _ => {
            let Ok(text) = str::from_utf8(input.rest()) else { return };
            let Ok(credential) = credential_from_text(text) else { return };
            assert_eq!(credential_from_text(&credential_to_text(&credential)), Ok(credential));
        }
    });
}
