//! What is known of a registered table without its rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ripieno_study::Digest;

use crate::error::{CatalogError, Hint};

/// A registered table: everything but its rows.
#[derive(Clone, Debug)]
pub struct DataSet {
    pub(crate) name: Arc<str>,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<str>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    pub(crate) fingerprint: Digest,
    pub(crate) lineage: Digest,
}

/// A column, by its name and by what its fields hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in the header, without blanks around it.
    pub name: Arc<str>,
    /// How many fields are finite numbers.
    pub numeric: u64,
    /// How many are missing: nothing, or `NA`.
    pub missing: u64,
    /// How many are anything else.
    pub text: u64,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers, and perhaps missing values.
    Numeric,
    /// At least one field that is neither a number nor missing.
    Text,
    /// Missing values only.
    Empty,
}

impl Column {
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

    pub(crate) fn path(&self) -> &Path {
        &self.path
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
