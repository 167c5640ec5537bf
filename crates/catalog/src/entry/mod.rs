//! What a site wrote down of a registered table: what was found in it, what a steward said of it, and
//! how it changed. It holds no value of a row but the ranges of columns that lead to no person.

mod card;
mod column;

use std::sync::Arc;

use ripieno_study::Digest;
use serde::{Deserialize, Serialize};

use crate::classify::{Class, SemanticType, Suggestion};
use crate::dataset::DataSet;
pub use card::{Card, CardColumn, Discover, Size};
pub use column::{ColumnEntry, Confirmed, Suggested};

/// The most changes that an entry remembers; the oldest are forgotten first. The audit log has all.
pub const MAX_CHANGES: usize = 64;

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// The name as the person gave it.
    pub by: String,
    /// In seconds since 1970-01-01 UTC.
    pub at: u64,
}

/// A data set as the site knows it. Made by [`Entry::new`], from what a scan found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The data set's name.
    pub name: String,
    /// Where it comes from, as it was registered.
    pub source: String,
    /// Who registered it, and when.
    pub added: Stamp,
    /// Who read it last, and when.
    pub scanned: Stamp,
    /// Number of rows.
    pub rows: u64,
    /// Digest of the content.
    pub fingerprint: Digest,
    /// The columns, in the order of the table.
    pub columns: Vec<ColumnEntry>,
    /// What researchers may learn of it.
    #[serde(default)]
    pub discover: Discover,
    /// The changes of its content, oldest first.
    #[serde(default)]
    pub changes: Vec<Change>,
}

/// A change of the content of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Who had it read again, and when.
    pub seen: Stamp,
    /// Digest of the content before.
    pub before: Digest,
    /// And after.
    pub after: Digest,
    /// Number of rows before.
    pub rows_before: u64,
    /// And after.
    pub rows_after: u64,
    /// Columns that must be confirmed again: new ones, and those that look like something else.
    pub unconfirmed: Vec<String>,
}

/// What policies may know of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its name in the table.
    pub name: Arc<str>,
    /// How far it leads to a person: as confirmed, else as suggested.
    pub class: Class,
    /// What its values mean: as confirmed, else as suggested.
    pub kind: SemanticType,
    /// Whether a steward has said so. What is not confirmed must not be used.
    pub confirmed: bool,
}

impl Entry {
    /// The entry of a table that was just scanned, nothing of it confirmed. `suggestions` are those
    /// of its columns, in any order; a column without one is taken for text that names persons.
    #[must_use]
    pub fn new(set: &DataSet, suggestions: &[Suggestion], stamp: Stamp) -> Self {
        Self {
            name: set.name().into(),
            source: set.file().into(),
            added: stamp.clone(),
            scanned: stamp,
            rows: set.rows(),
            fingerprint: set.fingerprint(),
            columns: column::entries(set, suggestions),
            discover: Discover::default(),
            changes: Vec::new(),
        }
    }

    /// Takes over what a new scan found. Where the content is another one, what a steward confirmed
    /// stays for those columns alone that look as they did: same name, same kind of values, same
    /// suggestion.
    ///
    /// Returns the change, or `None` where the content is what it was.
    pub fn rescan(
        &mut self,
        set: &DataSet,
        suggestions: &[Suggestion],
        stamp: Stamp,
    ) -> Option<Change> {
        self.scanned = stamp.clone();
        self.source = set.file().into();
        if set.fingerprint() == self.fingerprint {
            return None;
        }
        let mut columns = column::entries(set, suggestions);
        let mut unconfirmed = Vec::new();
        for column in &mut columns {
            let before = self.columns.iter().find(|before| before.looks_like(column));
            column.confirmed = before.and_then(|before| before.confirmed.clone());
            if column.confirmed.is_none() {
                unconfirmed.push(column.name.clone());
            }
        }
        let change = Change {
            seen: stamp,
            before: self.fingerprint,
            after: set.fingerprint(),
            rows_before: self.rows,
            rows_after: set.rows(),
            unconfirmed,
        };
        (self.rows, self.fingerprint, self.columns) = (set.rows(), set.fingerprint(), columns);
        self.changes.push(change.clone());
        let excess = self.changes.len().saturating_sub(MAX_CHANGES);
        self.changes.drain(..excess);
        Some(change)
    }

    /// A column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnEntry> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A column by its name, to be confirmed.
    pub fn column_mut(&mut self, name: &str) -> Option<&mut ColumnEntry> {
        self.columns.iter_mut().find(|column| column.name == name)
    }

    /// What policies may know of the columns, in the order of the table.
    pub fn facts(&self) -> impl Iterator<Item = ColumnFacts> {
        self.columns.iter().map(ColumnEntry::facts)
    }
}
