//! Errors of an analysis.

use thiserror::Error;

/// Why an analysis cannot start or move on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnalysisError {
    /// The study asks for something impossible.
    #[error("the study cannot be carried out: {0}")]
    Study(String),
    /// The state is not one of this study.
    #[error("the state belongs to another study, or was damaged: {0}")]
    State(&'static str),
    /// The sums lack a vector.
    #[error("the sums have no vector \"{name}\" of length {length}")]
    Missing {
        /// Name of the vector.
        name: String,
        /// Length that it must have.
        length: u64,
    },
    /// The sums cannot come from data.
    #[error("the sum \"{name}\" is impossible: {reason}; a site computed it wrongly")]
    Impossible {
        /// Name of the vector.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}
