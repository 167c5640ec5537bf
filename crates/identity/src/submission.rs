//! A researcher's request to run a study: the study's digest, signed with the key of a credential
//! (docs/protocol.md §2, check H1).

use ripieno_study::{Check, Digest, Hasher, Refusal, Tag};

use crate::credential::{Credential, VerifiedCredential};
use crate::keys::{Signature, SigningKey};
use crate::ratification::RatifiedCharter;

/// A submission as it arrived: not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Digest of the study manifest.
    pub study: Digest,
    /// Who submits it.
    pub credential: Credential,
    /// The researcher's signature over the federation, the study and the credential.
    pub signature: Signature,
}

/// A study that a known researcher asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSubmission {
    study: Digest,
    credential: VerifiedCredential,
}

impl Submission {
    /// Signs a submission with the researcher's key.
    #[must_use]
    pub fn sign(study: Digest, credential: Credential, researcher: &SigningKey) -> Self {
        let signature = researcher.sign(&digest(study, &credential));
        Self { study, credential, signature }
    }

    /// Verifies credential and submission under a charter, at `now` (seconds since 1970-01-01
    /// UTC).
    ///
    /// # Errors
    /// A [`Refusal`] by H1: the credential is bad, or the submission is not signed with its key.
    pub fn verify(
        &self,
        charter: &RatifiedCharter,
        now: u64,
    ) -> Result<VerifiedSubmission, Refusal> {
        let credential = self.credential.verify(charter, now)?;
        credential
            .fields()
            .researcher
            .verify(&digest(self.study, &self.credential), &self.signature)
            .map_err(|bad| {
                let reason = format!(
                    "the submission of study {} is not one that {} signed: {bad}",
                    self.study.short(),
                    credential.fields().name
                );
                Refusal::coordinator(Check::H1, reason)
            })?;
        Ok(VerifiedSubmission { study: self.study, credential })
    }
}

impl VerifiedSubmission {
    /// Digest of the study manifest.
    #[must_use]
    pub fn study(&self) -> Digest {
        self.study
    }

    /// Who submitted it.
    #[must_use]
    pub fn credential(&self) -> &VerifiedCredential {
        &self.credential
    }
}

fn digest(study: Digest, credential: &Credential) -> Digest {
    Hasher::new(Tag::Submission)
        .part(&credential.fields.federation)
        .part(study)
        .part(Credential::digest_of(&credential.fields))
        .finish()
}
