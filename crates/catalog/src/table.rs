//! What a sieve kept of the permitted columns of a table.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::error::CatalogError;
use crate::field::{Field, Fields};
use crate::place::Place;
use crate::records::{Record, Records};
use crate::sieve::{Sieve, Unfit, Why};

/// The rows that a sieve kept, as it made them. Overwritten when it is dropped.
pub struct Table {
    file: Arc<str>,
    columns: Vec<Arc<str>>,
    width: usize,
    cells: Vec<f64>,
    lines: Vec<u64>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// The values that the sieve made: finite, or NaN where one is missing.
    pub values: &'a [f64],
}

impl Table {
    /// An empty table of rows with so many values, with room for so many rows: memory that is
    /// taken once leaves no copy of a value behind.
    pub(crate) fn new(file: Arc<str>, columns: Vec<Arc<str>>, width: usize, rows: usize) -> Self {
        let cells = Vec::with_capacity(rows.saturating_mul(width));
        Self { file, columns, width, cells, lines: Vec::with_capacity(rows) }
    }

    /// Reads at most `rows` rows below the header, and counts them in `read`; of each row the
    /// fields at `positions` only.
    pub(crate) fn fill(
        &mut self,
        records: &mut Records,
        positions: &[usize],
        rows: u64,
        sieve: &mut dyn Sieve,
        read: &mut u64,
    ) -> Result<(), CatalogError> {
        records.next()?;
        while *read < rows {
            let Some(record) = records.next()? else { return Ok(()) };
            *read += 1;
            let row = Picked { record: &record, positions };
            self.take(record.line, &row, sieve)?;
        }
        Ok(())
    }

    /// Keeps what a sieve makes of a row that begins on this line.
    pub(crate) fn take(
        &mut self,
        line: u64,
        row: &dyn Fields,
        sieve: &mut dyn Sieve,
    ) -> Result<(), CatalogError> {
        match sieve.sift(row, &mut self.cells) {
            Ok(true) => self.lines.push(line),
            Ok(false) => {}
            Err(unfit) => return Err(self.unfit(line, unfit)),
        }
        // A sieve of the wrong width would shift every later row.
        self.cells.resize(self.lines.len() * self.width, f64::NAN);
        Ok(())
    }

    fn unfit(&self, line: u64, unfit: Unfit) -> CatalogError {
        let column = self.columns.get(unfit.column).cloned().unwrap_or_default();
        let place = Place { file: self.file.clone(), line, column };
        match unfit.why {
            Why::NotANumber => CatalogError::NotANumber(place),
            Why::Not(what) => CatalogError::Unfit { place, what },
        }
    }

    /// The file's name in errors.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The columns that were read: the outcome, the features, and those for the choice of rows.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// Number of rows that were kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The rows in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> + Clone {
        let rows = self.lines.iter().zip(self.cells.chunks_exact(self.width.max(1)));
        rows.map(|(line, values)| Row { line: *line, values })
    }

    /// Where a value of a row stands; `column` counts from 0 in [`Table::columns`].
    #[must_use]
    pub fn place(&self, row: Row<'_>, column: usize) -> Place {
        let name = self.columns.get(column).cloned().unwrap_or_default();
        Place { file: self.file.clone(), line: row.line, column: name }
    }
}

/// The fields of a record at some positions.
struct Picked<'a> {
    record: &'a Record<'a>,
    positions: &'a [usize],
}

impl Fields for Picked<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        let bytes = self.positions.get(column).and_then(|position| self.record.get(*position));
        bytes.map_or(Field::Missing, Field::read)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.cells.zeroize();
    }
}

/// Shows the shape, never a value.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Table");
        shown.field("file", &self.file).field("columns", &self.columns);
        shown.field("rows", &self.lines.len()).finish_non_exhaustive()
    }
}
