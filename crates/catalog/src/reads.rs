//! How often which columns were read, for audit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What was read of one column since the catalogue was made. Registering is not counted: it looks
/// at every field, but no row leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnReads {
    /// The data set.
    pub dataset: Arc<str>,
    /// The column.
    pub column: Arc<str>,
    /// How often it was opened.
    pub opened: u64,
    /// How many of its cells were read, over all openings.
    pub cells: u64,
}

/// By data set and column: openings and cells.
type Counts = BTreeMap<(Arc<str>, Arc<str>), (u64, u64)>;

/// The counters of a catalogue.
#[derive(Debug, Default)]
pub(crate) struct Reads(Mutex<Counts>);

impl Reads {
    /// Counts one opening that read `cells` cells of each column.
    pub(crate) fn add(&self, dataset: &Arc<str>, columns: &[Arc<str>], cells: u64) {
        // A panic elsewhere leaves the counts valid: each is changed in one step.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for column in columns {
            let count = counts.entry((dataset.clone(), column.clone())).or_default();
            *count = (count.0 + 1, count.1 + cells);
        }
    }

    pub(crate) fn all(&self) -> Vec<ColumnReads> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counts.iter().map(|((dataset, column), (opened, cells))| ColumnReads {
            dataset: dataset.clone(),
            column: column.clone(),
            opened: *opened,
            cells: *cells,
        });
        all.collect()
    }
}
