//! Errors of the local computation.

use ripieno_access::Place;
use thiserror::Error;

/// Why a site cannot compute its part. Names places, never values.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComputeError {
    /// An outcome that the family does not have.
    #[error("{place}: {expected}; correct the row, or choose another family")]
    Outcome {
        /// Where it stands.
        place: Box<Place>,
        /// What the family's outcomes are.
        expected: &'static str,
    },
    /// The view does not have the study's columns.
    #[error("the view does not have the columns that the study names")]
    Shape,
    /// The state is not one of the study.
    #[error("the state of the round does not belong to the study")]
    State,
    /// More rows than the study allows where updates are packed.
    #[error(
        "this site has more rows than the study expects at all sites; raise [analysis] max_rows"
    )]
    TooManyRows,
}

/// The same, before a row has a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowError {
    Outcome { row: usize, expected: &'static str },
    Shape,
    State,
    TooManyRows,
}

impl RowError {
    /// Puts the place of a row in its stead.
    pub(crate) fn at(self, place: impl Fn(usize) -> Place) -> ComputeError {
        match self {
            RowError::Outcome { row, expected } => {
                ComputeError::Outcome { place: Box::new(place(row)), expected }
            }
            RowError::Shape => ComputeError::Shape,
            RowError::State => ComputeError::State,
            RowError::TooManyRows => ComputeError::TooManyRows,
        }
    }
}
