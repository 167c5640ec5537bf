//! What a study sees of a table: the columns that it needs, the rows that it may have, and what is
//! done with each value. A plan is made by the site's policy for one study; its digest is part of
//! the permit, so that what was decided about is what is opened.

mod cell;
mod day;
mod fake;
mod filter;
mod icd;
mod keys;
mod sieve;
mod step;

use std::fmt;

use ripieno_study::{Digest, Hasher, Tag};

use crate::anonymity::Anonymity;

pub use cell::Cell;
pub use day::Day;
pub use fake::{Fake, FakeKind};
pub use filter::{Consent, Dates, MAX_OPT_OUTS, OptOut, OptOutList, RowFilter};
pub use keys::{SiteKey, StudyKeys, TOKEN_BYTES};
pub use sieve::PlanSieve;
pub use step::{At, MAX_EDGES, MAX_STEPS, Step};

/// What a study sees of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The data set.
    pub dataset: String,
    /// The study's columns in its order: the outcome, then the features.
    pub columns: Vec<PlannedColumn>,
    /// Which rows stay.
    pub rows: RowFilter,
    /// Coarser values and fewer rows until nobody stands alone.
    pub anonymity: Option<Anonymity>,
}

/// A column and what is done with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedColumn {
    /// The name in the table.
    pub name: String,
    /// Steps, in their order; none leaves the values as they are.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether the columns are shown as they are, and every row.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = self.columns.iter().all(|column| column.steps.is_empty());
        plain && self.rows.is_empty() && self.anonymity.is_none()
    }

    /// Columns that are read for the choice of rows alone, each once.
    #[must_use]
    pub fn also(&self) -> Vec<String> {
        let mut also: Vec<String> = Vec::new();
        for name in self.rows.columns() {
            let named = self.columns.iter().any(|column| column.name == name);
            if !named && !also.iter().any(|other| other == name) {
                also.push(name.to_owned());
            }
        }
        also
    }

    /// Digest of all that it says, with the entries of an opt-out list.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::View).part(&self.dataset);
        let hasher = hasher.list(self.columns.iter(), |hasher, column| {
            let hasher = hasher.part(&column.name);
            hasher.list(column.steps.iter(), |hasher, step| step.hash(hasher))
        });
        let hasher = self.rows.hash(hasher);
        let anonymity = self.anonymity.iter();
        hasher.list(anonymity, |hasher, anonymity| anonymity.hash(hasher)).finish()
    }

    /// Whether a step needs the site's key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.columns.iter().flat_map(|column| &column.steps).any(Step::needs_key)
    }

    /// The first column that has no numbers after its last step.
    #[must_use]
    pub fn without_numbers(&self) -> Option<(&str, &Step)> {
        self.columns.iter().find_map(|column| {
            let last = column.steps.last().filter(|step| step.is_text())?;
            Some((column.name.as_str(), last))
        })
    }
}

/// In words, for the steward: one line for each column and each choice of rows.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PlannedColumn { name, steps } in &self.columns {
            let words: Vec<_> = steps.iter().map(Step::to_string).collect();
            let words =
                if words.is_empty() { "as it is".to_owned() } else { words.join("; then ") };
            writeln!(f, "column {name:?}: {words}")?;
        }
        for name in self.also() {
            writeln!(f, "column {name:?}: read for the choice of rows, not shown")?;
        }
        write!(f, "{}", self.rows)?;
        self.anonymity.iter().try_for_each(|anonymity| write!(f, "{anonymity}"))
    }
}
