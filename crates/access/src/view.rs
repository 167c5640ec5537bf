//! The governed view: all that an analysis ever sees of a site's data.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use ripieno_catalog::{CatalogError, Permit, Place, Row, Table};
use ripieno_study::manifest::Missing;
use thiserror::Error;

/// The permitted columns of a table, complete rows only. Cannot be built outside of this crate.
pub struct View {
    file: Arc<str>,
    outcome_name: Arc<str>,
    lines: Vec<u64>,
    features: Array2<f64>,
    outcome: Array1<f64>,
    dropped: usize,
}

/// Why a table gives no view.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The table does not open.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A value is missing, and the study says `missing = "error"`.
    #[error(
        "{0}: the value is missing; complete the row, or set missing = \"drop-row\" in the study"
    )]
    Missing(Place),
    /// Too few complete rows.
    #[error(
        "{file}: fewer than {minimum} complete rows, the least that policy.minimum-rows allows"
    )]
    TooFewRows {
        /// The file.
        file: Arc<str>,
        /// The least.
        minimum: u64,
    },
}

impl View {
    /// Number of rows, at least 1.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.outcome.len()
    }

    /// The features, rows × features, columns in the study's order. All values are finite.
    #[must_use]
    pub fn features(&self) -> ArrayView2<'_, f64> {
        self.features.view()
    }

    /// The outcome, one finite value per row.
    #[must_use]
    pub fn outcome(&self) -> ArrayView1<'_, f64> {
        self.outcome.view()
    }

    /// Where the outcome of a row stands in its file, for an error that must not show the value.
    /// `row` counts from 0; beyond the last row the line is 0.
    #[must_use]
    pub fn outcome_place(&self, row: usize) -> Place {
        Place {
            file: self.file.clone(),
            line: self.lines.get(row).copied().unwrap_or(0),
            column: self.outcome_name.clone(),
        }
    }

    /// Rows that were left out because a value was missing (`missing = "drop-row"`).
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

impl View {
    /// The complete rows of a table, on the permit's terms.
    pub(crate) fn of(table: &Table, permit: &Permit) -> Result<Self, ViewError> {
        let (mut lines, mut outcome, mut features) = (Vec::new(), Vec::new(), Vec::new());
        for row in table.rows() {
            match (row.values.split_first(), missing_value(&row)) {
                (Some((first, rest)), None) => {
                    lines.push(row.line);
                    outcome.push(*first);
                    features.extend_from_slice(rest);
                }
                (_, Some(column)) if permit.data().missing == Missing::Error => {
                    return Err(ViewError::Missing(table.place(row, column)));
                }
                _ => {}
            }
        }
        let minimum = permit.minimum_rows().max(1);
        if (lines.len() as u64) < minimum {
            return Err(ViewError::TooFewRows { file: table.file().clone(), minimum });
        }
        let shape = (lines.len(), table.columns().len().saturating_sub(1));
        // The loop added exactly this many values.
        let features = Array2::from_shape_vec(shape, features).expect("rows times features");
        Ok(Self {
            file: table.file().clone(),
            outcome_name: table.columns().first().cloned().unwrap_or_default(),
            dropped: table.len() - lines.len(),
            lines,
            features,
            outcome: Array1::from_vec(outcome),
        })
    }
}

/// The first column in which a row lacks its value.
fn missing_value(row: &Row<'_>) -> Option<usize> {
    row.values.iter().position(|value| value.is_nan())
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("file", &self.file)
            .field("shape", &self.features.dim())
            .finish_non_exhaustive()
    }
}
