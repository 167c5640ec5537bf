//! A study as it is shown to a site, and the site's answer.

use std::fmt;

use ripieno_identity::charter::MAX_NAME;
use ripieno_identity::credential::MAX_TEXT;
use ripieno_identity::{Credential, CredentialFields, Submission};
use ripieno_study::Digest;

use crate::error::{Fault, WireError};
use crate::field::{
    Wire, digest, name, public_key, put, put_name, put_reason, put_site, reason, required,
    signature, site, text,
};
use crate::limits::{MAX_RULE, MAX_STUDY_TEXT};
use crate::pb;
use pb::study_answer::Verdict;

/// A study that a researcher submitted. Neither text nor submission is verified, nor that they
/// belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyOffer {
    /// The manifest as it was written: at most [`MAX_STUDY_TEXT`] bytes.
    pub text: String,
    /// The researcher's request.
    pub submission: Submission,
}

/// What a site says to a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyAnswer {
    /// Digest of the study manifest.
    pub study: Digest,
    /// Yes, no, or not yet.
    pub verdict: StudyVerdict,
}

/// Whether a site takes part in a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StudyVerdict {
    /// It does.
    Approved,
    /// A person has to decide.
    Pending {
        /// Why; cut to [`MAX_REASON`](crate::limits::MAX_REASON) bytes when it is sent.
        reason: String,
    },
    /// It does not.
    Refused {
        /// Name of the deciding rule; cut to [`MAX_RULE`] bytes when it is sent.
        rule: String,
        /// Why; cut to [`MAX_REASON`](crate::limits::MAX_REASON) bytes when it is sent.
        reason: String,
    },
}

impl fmt::Display for StudyVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StudyVerdict::Approved => f.write_str("approved"),
            StudyVerdict::Pending { reason } => write!(f, "waits for the steward: {reason}"),
            StudyVerdict::Refused { rule, reason } => write!(f, "refused by {rule}: {reason}"),
        }
    }
}

impl Wire for Credential {
    type Proto = pb::Credential;

    fn to_proto(&self) -> pb::Credential {
        let fields = &self.fields;
        pb::Credential {
            name: fields.name.clone(),
            role: fields.role.clone(),
            department: fields.department.clone(),
            clearance: fields.clearance.clone(),
            expires: fields.expires,
            federation: fields.federation.clone(),
            home: put_site(fields.home),
            researcher: put(fields.researcher),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Credential) -> Result<Self, WireError> {
        let fields = CredentialFields {
            name: name("credential.name", proto.name, MAX_TEXT)?,
            role: name("credential.role", proto.role, MAX_TEXT)?,
            department: name("credential.department", proto.department, MAX_TEXT)?,
            clearance: name("credential.clearance", proto.clearance, MAX_TEXT)?,
            expires: proto.expires,
            federation: name("credential.federation", proto.federation, MAX_NAME)?,
            home: site("credential.home", proto.home)?,
            researcher: public_key("credential.researcher", &proto.researcher)?,
        };
        Ok(Self { fields, signature: signature("credential.signature", &proto.signature)? })
    }
}

impl Wire for Submission {
    type Proto = pb::Submission;

    fn to_proto(&self) -> pb::Submission {
        pb::Submission {
            study: put(self.study),
            credential: Some(self.credential.to_proto()),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Submission) -> Result<Self, WireError> {
        Ok(Self {
            study: digest("submission.study", &proto.study)?,
            credential: required("submission.credential", proto.credential)?,
            signature: signature("submission.signature", &proto.signature)?,
        })
    }
}

impl Wire for StudyOffer {
    type Proto = pb::StudyOffer;

    fn to_proto(&self) -> pb::StudyOffer {
        pb::StudyOffer { text: self.text.clone(), submission: Some(self.submission.to_proto()) }
    }

    fn from_proto(proto: pb::StudyOffer) -> Result<Self, WireError> {
        Ok(Self {
            text: text("study_offer.text", proto.text, 0..=MAX_STUDY_TEXT)?,
            submission: required("study_offer.submission", proto.submission)?,
        })
    }
}

impl Wire for StudyAnswer {
    type Proto = pb::StudyAnswer;

    fn to_proto(&self) -> pb::StudyAnswer {
        let verdict = match &self.verdict {
            StudyVerdict::Approved => Verdict::Approved(pb::StudyApproved {}),
            StudyVerdict::Pending { reason } => {
                Verdict::Pending(pb::StudyPending { reason: put_reason(reason) })
            }
            StudyVerdict::Refused { rule, reason } => Verdict::Refused(pb::StudyRefused {
                rule: put_name(rule, MAX_RULE),
                reason: put_reason(reason),
            }),
        };
        pb::StudyAnswer { study: put(self.study), verdict: Some(verdict) }
    }

    fn from_proto(proto: pb::StudyAnswer) -> Result<Self, WireError> {
        let verdict = match proto.verdict {
            None => return Err(Fault::Missing.of("study_answer.verdict")),
            Some(Verdict::Approved(_)) => StudyVerdict::Approved,
            Some(Verdict::Pending(pending)) => {
                StudyVerdict::Pending { reason: reason("study_pending.reason", pending.reason)? }
            }
            Some(Verdict::Refused(refused)) => StudyVerdict::Refused {
                rule: name("study_refused.rule", refused.rule, MAX_RULE)?,
                reason: reason("study_refused.reason", refused.reason)?,
            },
        };
        Ok(Self { study: digest("study_answer.study", &proto.study)?, verdict })
    }
}
