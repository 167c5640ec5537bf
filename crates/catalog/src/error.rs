//! Why a file cannot be registered or opened: file, line and column, never a value.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::{MAX_CELLS, MAX_COLUMN_NAME, MAX_COLUMNS, MAX_FILE_BYTES, MAX_ROW_BYTES};
use crate::place::Place;

/// Why a data set cannot be registered or opened. Lines count from 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A data set's name is empty or registered twice.
    #[error("the data set {name:?} is registered twice, or its name is empty: give each one name")]
    Name {
        /// The name.
        name: String,
    },
    /// No data set has this name.
    #[error("no data set is registered as {name:?}; registered: {}", Names(.known))]
    UnknownDataSet {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<Arc<str>>,
    },
    /// Nothing lies at the path.
    #[error("{file}: there is no such file; check the path that is registered")]
    NotFound {
        /// The path.
        file: Arc<str>,
    },
    /// The path is a directory, a pipe or a device.
    #[error("{file} is {found}; register the path of one CSV file")]
    NotAFile {
        /// The path.
        file: Arc<str>,
        /// What it is.
        found: &'static str,
    },
    /// The path leaves the folders that tables may lie in.
    #[error(
        "{file} is in none of the folders of `roots`, or leaves it by \"..\"; move the table there"
    )]
    Outside {
        /// The path.
        file: Arc<str>,
    },
    /// A symbolic link stands in the path.
    #[error(
        "{file}: a part of the path is a symbolic link or no folder; register the table itself"
    )]
    Link {
        /// The path.
        file: Arc<str>,
    },
    /// A file that is no table of the kind that its name says.
    #[error("{file} cannot be read as Parquet: {what}")]
    NotParquet {
        /// The file.
        file: Arc<str>,
        /// What is wrong.
        what: &'static str,
    },
    /// A column of a type that has no place in a table.
    #[error(
        "{file}: column {column:?} holds lists, structures or bytes; write the table without it"
    )]
    ColumnType {
        /// The file.
        file: Arc<str>,
        /// The column.
        column: Arc<str>,
    },
    /// The operating system will not let it be read.
    #[error("{file} cannot be read; check its owner and its permissions")]
    Unreadable {
        /// The file.
        file: Arc<str>,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// No line that is not blank.
    #[error("{file} is empty; its first line must name the columns")]
    Empty {
        /// The file.
        file: Arc<str>,
    },
    /// A header and nothing below it.
    #[error("{file} has a header and no rows")]
    NoRows {
        /// The file.
        file: Arc<str>,
    },
    /// Bytes that are not UTF-8.
    #[error("{file}, line {line}, column {column}: not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The file.
        file: Arc<str>,
        /// The line.
        line: u64,
        /// The column's name in quotation marks, or its number in the header line.
        column: String,
    },
    /// A byte-order mark of UTF-16, or NUL bytes in the header.
    #[error("{file} is in UTF-16; save the file as UTF-8")]
    Utf16 {
        /// The file.
        file: Arc<str>,
    },
    /// Lines that end with a carriage return alone.
    #[error("{file}, line {line}: a carriage return inside a line; end lines with LF or CRLF")]
    CarriageReturn {
        /// The file.
        file: Arc<str>,
        /// The line.
        line: u64,
    },
    /// A quotation mark that is never closed.
    #[error("{file}, line {line}: a quoted field that begins in this row is never closed")]
    OpenQuote {
        /// The file.
        file: Arc<str>,
        /// The first line of the row.
        line: u64,
    },
    /// A header field without a name.
    #[error("{file}, line {line}: column {number} of the header has no name")]
    HeaderEmpty {
        /// The file.
        file: Arc<str>,
        /// The header's line.
        line: u64,
        /// Number of the column, from 1.
        number: usize,
    },
    /// A number where a name should be: the header is probably missing.
    #[error(
        "{file}, line {line}: column {number} of the header is a number; \
         does the file lack the line that names its columns?"
    )]
    HeaderNumber {
        /// The file.
        file: Arc<str>,
        /// The header's line.
        line: u64,
        /// Number of the column, from 1.
        number: usize,
    },
    /// A date or an e-mail address where a name should be: the header is probably missing.
    #[error(
        "{file}, line {line}: column {number} of the header is a date or an e-mail address; \
         does the file lack the line that names its columns?"
    )]
    HeaderValue {
        /// The file.
        file: Arc<str>,
        /// The header's line.
        line: u64,
        /// Number of the column, from 1.
        number: usize,
    },
    /// A header of one name that holds another separator.
    #[error("{file}, line {line}: one column only{hint}")]
    Separator {
        /// The file.
        file: Arc<str>,
        /// The header's line.
        line: u64,
        /// The separator.
        hint: Hint,
    },
    /// Two columns with one name.
    #[error("{file}, line {line}: columns {first} and {second} are both named {name:?}")]
    HeaderTwice {
        /// The file.
        file: Arc<str>,
        /// The header's line.
        line: u64,
        /// The name.
        name: Arc<str>,
        /// Number of the first, from 1.
        first: usize,
        /// Number of the second.
        second: usize,
    },
    /// A row with more or fewer fields than the header.
    #[error("{file}, line {line}: {found} fields, but the header has {expected}{hint}")]
    Ragged {
        /// The file.
        file: Arc<str>,
        /// The first line of the row.
        line: u64,
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
        /// A guess at another separator.
        hint: Hint,
    },
    /// The table has no such column.
    #[error("{file} has no column {column:?}; its columns: {}{hint}", Names(.known))]
    MissingColumn {
        /// The file.
        file: Arc<str>,
        /// The column that was asked for.
        column: String,
        /// The columns that exist.
        known: Vec<Arc<str>>,
        /// A guess at another separator.
        hint: Hint,
    },
    /// A value that is neither a finite number nor missing.
    #[error(
        "{0}: not a finite number; \
         write numbers with a decimal point, and a missing value as nothing or NA"
    )]
    NotANumber(Place),
    /// A value that a transformation or a filter of the site's policy has no use for.
    #[error("{place}: not {what}; correct the value, or what the policy does with its column")]
    Unfit {
        /// Where it stands.
        place: Place,
        /// What it is not.
        what: &'static str,
    },
    /// The file is too large.
    #[error(
        "{file} has more than {MAX_FILE_BYTES} bytes; register a table with fewer rows or columns"
    )]
    FileTooLarge {
        /// The file.
        file: Arc<str>,
    },
    /// A row is too long.
    #[error("{file}, line {line}: the row has more than {MAX_ROW_BYTES} bytes")]
    RowTooLong {
        /// The file.
        file: Arc<str>,
        /// The first line of the row.
        line: u64,
    },
    /// Too many columns.
    #[error("{file}, line {line}: more than {MAX_COLUMNS} columns")]
    TooManyColumns {
        /// The file.
        file: Arc<str>,
        /// The line.
        line: u64,
    },
    /// A column's name is too long.
    #[error("{file}, line {line}: the name of column {number} exceeds {MAX_COLUMN_NAME} bytes")]
    NameTooLong {
        /// The file.
        file: Arc<str>,
        /// The header's line.
        line: u64,
        /// Number of the column, from 1.
        number: usize,
    },
    /// One opening would read too much.
    #[error("{file}: {cells} cells in the permitted columns; at most {MAX_CELLS} are opened")]
    TooManyCells {
        /// The file.
        file: Arc<str>,
        /// Rows times permitted columns.
        cells: u64,
    },
    /// The permit does not open this.
    #[error(transparent)]
    Permit(#[from] PermitError),
}

/// Why a permit does not open a table.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermitError {
    /// Authority or permit belong to another catalogue.
    #[error("the permit was issued for another catalogue; ask for a new decision")]
    OtherCatalog,
    /// The permit's time is over.
    #[error("the permit for {dataset:?} expired at {expires} (seconds since 1970); ask again")]
    Expired {
        /// The data set.
        dataset: String,
        /// When it expired, in seconds since 1970 UTC.
        expires: u64,
    },
    /// The file is not the one that the decision was about.
    #[error("{file} has changed since it was registered; register it again and ask again")]
    Changed {
        /// The file.
        file: Arc<str>,
    },
}

/// A guess why a table has one column, appended to an error; empty where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint(Option<&'static str>);

impl Hint {
    /// Looks for another separator in a header of one column.
    pub(crate) fn of(header: &[Arc<str>]) -> Self {
        let [only] = header else { return Self(None) };
        let separators = [(';', "semicolons"), ('\t', "tabs")];
        Self(separators.iter().find(|(sign, _)| only.contains(*sign)).map(|(_, name)| *name))
    }
}

impl Hint {
    /// Whether there is a guess.
    pub(crate) const fn is_some(self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = self.0 else { return Ok(()) };
        write!(f, "; the file seems to be separated by {name}: save it with commas")
    }
}

/// Names in an error: quoted, the first forty.
struct Names<'a>(&'a [Arc<str>]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 40;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (i, name) in self.0.iter().take(MOST).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name:?}")?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
