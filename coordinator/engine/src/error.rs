//! Why a coordinator did not do what its driver asked.

use ripieno_analysis::AnalysisError;
use ripieno_study::Refusal;
use ripieno_study::manifest::ManifestError;
use thiserror::Error;

/// Why a study was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The manifest is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The analysis cannot be carried out.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The submission is not signed by a researcher whom a site vouches for.
    #[error(transparent)]
    Submission(#[from] Refusal),
    /// The submission is for another text.
    #[error("the submission is signed for study {signed}, the text is study {text}")]
    Text {
        /// What was signed.
        signed: String,
        /// What came with it.
        text: String,
    },
    /// The study runs already.
    #[error("study {0} was submitted before")]
    Known(String),
}

/// Why a study was not cancelled.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// There is none with this digest.
    #[error("study {0} was never submitted here")]
    Unknown(String),
    /// It has its result, or was given up, or cancelled.
    #[error("study {0} is over already")]
    Over(String),
}

/// Why a coordinator did not go on under another charter.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuccessionError {
    /// A slot has no outcome yet, or one that was not handed out to be made durable.
    #[error(
        "a round is under way, or its outcome is not durable; hold new ones, wait until the \
         coordinator is quiet, and store its changes first"
    )]
    UnderWay,
    /// The charter does not follow the one in force.
    #[error("the charter does not follow the one in force: {0}")]
    Charter(&'static str),
}

/// Why a coordinator could not be restored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the record of {what} cannot be used: {reason}; restore the coordinator's store from a backup, \
     or run the version that wrote it"
)]
#[non_exhaustive]
pub struct RestoreError {
    /// Which record.
    pub what: String,
    /// What is wrong with it.
    pub reason: String,
}

impl RestoreError {
    pub(crate) fn new(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what: what.into(), reason: reason.into() }
    }
}
