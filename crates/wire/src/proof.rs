//! The proof of who sends a request, between its domain type and the three fields of a request.

use bytes::Bytes;
use ripieno_identity::RequestProof;

use crate::credential::{decode_credential, encode_credential};
use crate::error::WireError;
use crate::field::{put, signature};

/// The fields `credential`, `at` and `signature` of a proof.
#[must_use]
pub fn encode_proof(proof: &RequestProof) -> (Bytes, u64, Bytes) {
    (encode_credential(&proof.credential), proof.at, put(proof.signature))
}

/// The proof with these fields, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_proof(credential: Bytes, at: u64, signed: &Bytes) -> Result<RequestProof, WireError> {
    Ok(RequestProof {
        credential: decode_credential(credential)?,
        at,
        signature: signature("request_proof.signature", signed)?,
    })
}
