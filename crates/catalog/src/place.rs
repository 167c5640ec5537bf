//! Where a value stands in a file.

use std::fmt;
use std::sync::Arc;

/// A cell by file, line and column: what an error may say about a value that it must not show.
///
/// Displays as `heart/va.csv, line 12, column "y"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was registered.
    pub file: Arc<str>,
    /// Line of the file, from 1; for a row over several lines, its first.
    pub line: u64,
    /// The column's name.
    pub column: Arc<str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}, column {:?}", self.file, self.line, self.column)
    }
}
