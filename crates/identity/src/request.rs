//! Who sends a request to the coordinator: a researcher signs each one with the key of a
//! credential (docs/protocol.md §2, check H1).

use ripieno_study::{Check, Culprit, Digest, Hasher, Refusal, Tag};

use crate::credential::{Credential, VerifiedCredential};
use crate::keys::{PublicKey, Signature, SigningKey};
use crate::ratification::RatifiedCharter;

/// By how many seconds the sender's clock may be off, before or after the receiver's.
pub const MAX_OFFSET: u64 = 300;

/// The proof that comes with a request: not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestProof {
    /// Who sends it.
    pub credential: Credential,
    /// When it was signed, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// The researcher's signature over coordinator, method, subject, credential and time.
    pub signature: Signature,
}

impl RequestProof {
    /// Signs a request for `method`, by its name in the service, with the researcher's key.
    /// `subject` is the digest of the study that it is about, if it is about one.
    #[must_use]
    pub fn sign(
        method: &str,
        subject: Option<&Digest>,
        at: u64,
        credential: Credential,
        coordinator: PublicKey,
        researcher: &SigningKey,
    ) -> Self {
        let signature = researcher.sign(&digest(method, subject, at, &credential, coordinator));
        Self { credential, at, signature }
    }

    /// Verifies that the request for this method and subject comes, at `now` (seconds since
    /// 1970-01-01 UTC), from whom the credential names.
    ///
    /// # Errors
    /// A [`Refusal`] by H1: the credential is bad, the request was signed more than
    /// [`MAX_OFFSET`] seconds ago or ahead, or for another method, subject or coordinator, or
    /// with another key.
    pub fn verify(
        &self,
        method: &str,
        subject: Option<&Digest>,
        charter: &RatifiedCharter,
        now: u64,
    ) -> Result<VerifiedCredential, Refusal> {
        let credential = self.credential.verify(charter, now).map_err(from_the_sender)?;
        let name = &credential.fields().name;
        let signed = digest(method, subject, self.at, &self.credential, charter.coordinator());
        credential.fields().researcher.verify(&signed, &self.signature).map_err(|bad| {
            Refusal::own(
                Check::H1,
                format!("the request {method} is not one that {name} signed: {bad}"),
            )
        })?;
        let offset = self.at.abs_diff(now);
        if offset > MAX_OFFSET {
            let side = if self.at < now { "behind" } else { "ahead" };
            let reason = format!(
                "the request {method} of {name} is {offset} s {side}, at most {MAX_OFFSET} s are \
                 allowed: set the clock of the machine that sent it"
            );
            return Err(Refusal::own(Check::H1, reason));
        }
        Ok(credential)
    }
}

/// A bad credential was relayed by nobody here: it came from the researcher, who is no party of
/// the protocol.
fn from_the_sender(refusal: Refusal) -> Refusal {
    match refusal.culprit {
        Culprit::Coordinator => Refusal::own(refusal.check, refusal.reason),
        _ => refusal,
    }
}

fn digest(
    method: &str,
    subject: Option<&Digest>,
    at: u64,
    credential: &Credential,
    coordinator: PublicKey,
) -> Digest {
    Hasher::new(Tag::Request)
        .part(&credential.fields.federation)
        .part(coordinator)
        .part(method)
        .part(subject.map_or(&[0; 32], Digest::as_bytes))
        .part(Credential::digest_of(&credential.fields))
        .number(at)
        .finish()
}
