//! The governed view: all that an analysis ever sees of a site's data.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use ripieno_catalog::{CatalogError, Permit, Place, Row, Table};
use ripieno_study::manifest::Missing;
use thiserror::Error;
use zeroize::Zeroize;

use crate::anonymity::{AnonymityError, Anonymous, coarsen};
use crate::plan::Plan;

/// The permitted columns of a table, complete rows only. Cannot be built outside of this crate.
pub struct View {
    file: Arc<str>,
    outcome_name: Arc<str>,
    lines: Vec<u64>,
    features: Array2<f64>,
    outcome: Array1<f64>,
    counts: Counts,
}

/// How many rows a view is made of, and what became of the rest. For the site's own people: they
/// say something about the rows that were taken out.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Rows of the table.
    pub read: u64,
    /// Rows that the choice of rows took out.
    pub filtered: u64,
    /// Rows that were left out because a value was missing.
    pub incomplete: u64,
    /// Rows of the view.
    pub rows: u64,
    /// How coarse it was made so that nobody stands alone, and what that cost.
    pub anonymous: Option<Anonymous>,
}

/// Why a table gives no view.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The table does not open.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The policy is another one than when the permit was issued.
    #[error("the policy shows other columns or rows than when the study was allowed; ask again")]
    OtherPlan,
    /// The rows cannot be made coarse enough.
    #[error("{file}: {source}")]
    Anonymity {
        /// The file.
        file: Arc<str>,
        /// Why.
        source: AnonymityError,
    },
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
        usize::try_from(self.counts.incomplete).unwrap_or(usize::MAX)
    }

    /// What became of the table's rows.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl View {
    /// The complete rows of a table of which `read` rows were sifted, on the permit's terms.
    pub(crate) fn of(
        table: &Table,
        permit: &Permit,
        plan: &Plan,
        read: u64,
    ) -> Result<Self, ViewError> {
        let width = plan.columns.len();
        if permit.data().missing == Missing::Error {
            all_complete(table, width)?;
        }
        let whole = table.rows().filter(|row| missing_value(row, width).is_none());
        let incomplete = (table.len() - whole.clone().count()) as u64;
        let enough = |rows: u64| {
            let minimum = permit.minimum_rows().max(1);
            let few = ViewError::TooFewRows { file: table.file().clone(), minimum };
            if rows < minimum { Err(few) } else { Ok(()) }
        };
        enough(table.len() as u64 - incomplete)?;
        let (anonymous, (lines, outcome, features)) = match &plan.anonymity {
            None => (None, split(whole.map(|row| (row.line, row.values)), width)),
            Some(anonymity) => {
                let mut rows = Rows::of(whole, table.len());
                let found = coarsen(plan, anonymity, &mut rows.values, rows.width);
                let found = found.map_err(|source| ViewError::Anonymity {
                    file: table.file().clone(),
                    source,
                })?;
                let parts = split(rows.that_stay(found.as_ref()), width);
                (found, parts)
            }
        };
        enough(lines.len() as u64)?;
        let counts = Counts {
            read,
            filtered: read.saturating_sub(table.len() as u64),
            incomplete,
            rows: lines.len() as u64,
            anonymous,
        };
        let shape = (lines.len(), width.saturating_sub(1));
        // Splitting added exactly this many values.
        let features = Array2::from_shape_vec(shape, features).expect("rows times features");
        Ok(Self {
            file: table.file().clone(),
            outcome_name: table.columns().first().cloned().unwrap_or_default(),
            lines,
            features,
            outcome: Array1::from_vec(outcome),
            counts,
        })
    }
}

/// Complete rows of a table, `width` values each, to be made coarser.
struct Rows {
    width: usize,
    lines: Vec<u64>,
    values: Vec<f64>,
}

impl Rows {
    fn of<'a>(rows: impl Iterator<Item = Row<'a>>, at_most: usize) -> Self {
        let mut all = Self { width: 1, lines: Vec::with_capacity(at_most), values: Vec::new() };
        for row in rows {
            if all.lines.is_empty() {
                all.width = row.values.len().max(1);
                all.values.reserve_exact(at_most * all.width);
            }
            all.lines.push(row.line);
            all.values.extend_from_slice(row.values);
        }
        all
    }

    fn that_stay(&self, found: Option<&Anonymous>) -> impl Iterator<Item = (u64, &[f64])> {
        let gone =
            move |row: usize| found.is_some_and(|found| found.suppressed.get(row) != Some(&false));
        let rows = self.lines.iter().copied().zip(self.values.chunks_exact(self.width));
        rows.enumerate().filter(move |(row, _)| !gone(*row)).map(|(_, row)| row)
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// Lines, first values, and the others of the first `columns`.
fn split<'a>(
    rows: impl Iterator<Item = (u64, &'a [f64])>,
    columns: usize,
) -> (Vec<u64>, Vec<f64>, Vec<f64>) {
    let (mut lines, mut outcome, mut features) = (Vec::new(), Vec::new(), Vec::new());
    for (line, values) in rows {
        if let Some((first, rest)) = values.split_first() {
            lines.push(line);
            outcome.push(*first);
            features.extend(rest.iter().take(columns.saturating_sub(1)));
        }
    }
    (lines, outcome, features)
}

fn all_complete(table: &Table, columns: usize) -> Result<(), ViewError> {
    let lacks = |row: Row<'_>| missing_value(&row, columns).map(|column| table.place(row, column));
    table.rows().find_map(lacks).map_or(Ok(()), |place| Err(ViewError::Missing(place)))
}

/// The first of the first `columns` in which a row lacks its value.
fn missing_value(row: &Row<'_>, columns: usize) -> Option<usize> {
    row.values.iter().take(columns).position(|value| value.is_nan())
}

/// What was read does not stay in memory.
impl Drop for View {
    fn drop(&mut self) {
        self.features.as_slice_mut().into_iter().for_each(Zeroize::zeroize);
        self.outcome.as_slice_mut().into_iter().for_each(Zeroize::zeroize);
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("file", &self.file)
            .field("shape", &self.features.dim())
            .finish_non_exhaustive()
    }
}
