//! What a steward sees of what a study would compute on: counts, no row.

use thiserror::Error;

use crate::decision::Denial;
use crate::plan::Plan;
use crate::view::{Counts, ViewError};

/// What a study would compute on.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Columns, rows and steps.
    pub plan: Plan,
    /// How many rows there are, and what became of the rest.
    pub counts: Counts,
}

/// Why there is nothing to compute on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// The policy says no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The table gives no view.
    #[error(transparent)]
    View(#[from] ViewError),
}
