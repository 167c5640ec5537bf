//! What is known of a registered table without its rows.

use std::fmt;
use std::sync::Arc;

use ripieno_study::Digest;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::entry::{ColumnFacts, Entry};
use crate::error::{CatalogError, Hint};
use crate::origin::Origin;

/// A registered table: everything but its rows.
#[derive(Clone, Debug)]
pub struct DataSet {
    pub(crate) name: Arc<str>,
    pub(crate) origin: Origin,
    pub(crate) file: Arc<str>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    pub(crate) fingerprint: Digest,
    /// Digest of each column, where the content is read by columns.
    pub(crate) parts: Vec<Digest>,
    pub(crate) lineage: Digest,
    pub(crate) entry: Option<Arc<Entry>>,
}

/// A column, by its name and by what its fields hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name in the header, without blanks around it.
    pub name: Arc<str>,
    /// How many fields are finite numbers.
    pub numeric: u64,
    /// How many are missing: nothing, or `NA`.
    pub missing: u64,
    /// How many are anything else.
    pub text: u64,
    /// The least and the largest number; `None` where there is none.
    pub range: Option<Range>,
}

/// The least and the largest number of a column. Both are values of rows: they are shown to a steward
/// and to nobody else, and never by `Debug`.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Range([f64; 2]);

impl Range {
    /// The least and the largest.
    #[must_use]
    pub const fn ends(self) -> [f64; 2] {
        self.0
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Numbers, and perhaps missing values.
    #[serde(rename = "numbers")]
    Numeric,
    /// At least one field that is neither a number nor missing.
    Text,
    /// Missing values only.
    #[serde(rename = "nothing")]
    Empty,
}

impl Column {
    /// A column of which nothing was read yet.
    pub(crate) fn nothing_of(name: Arc<str>) -> Self {
        Self { name, numeric: 0, missing: 0, text: 0, range: None }
    }

    /// Counts one field.
    pub(crate) fn count(&mut self, cell: Cell) {
        match cell {
            Cell::Number(number) => {
                self.numeric += 1;
                let Range([least, largest]) = self.range.unwrap_or(Range([number; 2]));
                self.range = Some(Range([least.min(number), largest.max(number)]));
            }
            Cell::Missing => self.missing += 1,
            Cell::Text => self.text += 1,
        }
    }

    /// The type, from the counts.
    #[must_use]
    pub const fn kind(&self) -> ColumnKind {
        match (self.text, self.numeric) {
            (0, 0) => ColumnKind::Empty,
            (0, _) => ColumnKind::Numeric,
            _ => ColumnKind::Text,
        }
    }
}

impl DataSet {
    /// The name under which it is registered.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's name in errors: its path as registered.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The columns in the order of the header.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// A column by its name.
    ///
    /// # Errors
    /// [`CatalogError::MissingColumn`], with the names that exist.
    pub fn column(&self, name: &str) -> Result<&Column, CatalogError> {
        self.position(name)
            .and_then(|index| self.columns.get(index).ok_or_else(|| self.missing_column(name)))
    }

    /// Number of rows when it was registered.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Digest of the file's bytes when it was registered.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// Digest of the site's label and the data set's name: the same whatever rows the file holds,
    /// so that what was opened of yesterday's rows counts for today's.
    #[must_use]
    pub fn lineage(&self) -> Digest {
        self.lineage
    }

    /// What the site wrote down of it; `None` where that is nothing, or of other content.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        self.entry.as_deref()
    }

    /// What policies may know of a column; `None` where nothing is written down of it, which means
    /// that nobody has confirmed what it is.
    #[must_use]
    pub fn facts(&self, column: &str) -> Option<ColumnFacts> {
        self.entry()?.column(column).map(crate::entry::ColumnEntry::facts)
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn position(&self, name: &str) -> Result<usize, CatalogError> {
        let found = self.columns.iter().position(|column| *column.name == *name);
        found.ok_or_else(|| self.missing_column(name))
    }

    fn missing_column(&self, name: &str) -> CatalogError {
        let known: Vec<_> = self.columns.iter().map(|column| column.name.clone()).collect();
        let hint = Hint::of(&known);
        CatalogError::MissingColumn { file: self.file.clone(), column: name.into(), known, hint }
    }
}
