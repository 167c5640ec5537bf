//! Credentials and submissions by themselves, as bytes and as text.

use bytes::Bytes;
use prost::Message;
use ripieno_identity::{Credential, Submission};

use crate::envelope::{self, Body, body};
use crate::error::WireError;
use crate::field::Wire;
use crate::limits::{MAX_FIELDS, MAX_SMALL_BYTES};
use crate::text::{BadText, Form};

const CREDENTIAL: Body = body(0, "credential", MAX_SMALL_BYTES);
const SUBMISSION: Body = body(0, "submission", MAX_SMALL_BYTES);
const TEXT: Form = Form { what: "credential", word: "ripieno-credential-1." };

/// The bytes of a credential.
#[must_use]
pub fn encode_credential(credential: &Credential) -> Bytes {
    credential.to_proto().encode_to_vec().into()
}

/// A credential, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_credential(bytes: Bytes) -> Result<Credential, WireError> {
    decode(CREDENTIAL, bytes)
}

/// A credential as text, to be sent by mail: `ripieno-credential-1.` and base64url. It is no
/// secret.
#[must_use]
pub fn credential_to_text(credential: &Credential) -> String {
    // Taken out of what would erase it.
    std::mem::take(&mut *TEXT.write(&encode_credential(credential)))
}

/// The credential of a text, not yet verified. White space counts nowhere.
///
/// # Errors
/// [`BadText`] tells another text, a typing error and bad content apart.
pub fn credential_from_text(text: &str) -> Result<Credential, BadText> {
    decode_credential(TEXT.read(text)?).map_err(TEXT.content())
}

/// The bytes of a submission.
#[must_use]
pub fn encode_submission(submission: &Submission) -> Bytes {
    submission.to_proto().encode_to_vec().into()
}

/// A submission, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_submission(bytes: Bytes) -> Result<Submission, WireError> {
    decode(SUBMISSION, bytes)
}

fn decode<T: Wire<Proto: Message + Default>>(body: Body, bytes: Bytes) -> Result<T, WireError> {
    envelope::whole(body, &bytes, MAX_FIELDS)?;
    T::from_proto(envelope::parse(body, bytes)?)
}
