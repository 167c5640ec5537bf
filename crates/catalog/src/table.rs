//! The permitted columns of a table, as read.

use std::fmt;
use std::sync::Arc;

use crate::cell::Cell;
use crate::error::CatalogError;
use crate::place::Place;
use crate::records::Records;

/// Rows of the permitted columns, in the order of the permit: the outcome, then the features.
pub struct Table {
    file: Arc<str>,
    columns: Vec<Arc<str>>,
    cells: Vec<f64>,
    lines: Vec<u64>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// One value per permitted column: finite, or NaN where it is missing.
    pub values: &'a [f64],
}

impl Table {
    /// An empty table with room for so many rows.
    pub(crate) fn with_room(file: Arc<str>, columns: Vec<Arc<str>>, rows: usize) -> Self {
        let cells = Vec::with_capacity(rows.saturating_mul(columns.len()));
        Self { file, columns, cells, lines: Vec::with_capacity(rows) }
    }

    /// Reads at most `rows` rows below the header; of each row the fields at `positions` only.
    pub(crate) fn fill(
        &mut self,
        records: &mut Records,
        positions: &[usize],
        rows: u64,
    ) -> Result<(), CatalogError> {
        records.next()?;
        while (self.lines.len() as u64) < rows {
            let Some(record) = records.next()? else { return Ok(()) };
            self.lines.push(record.line);
            for (position, column) in positions.iter().zip(&self.columns) {
                let value = match Cell::read(record.get(*position).unwrap_or_default()) {
                    Cell::Number(number) => number,
                    Cell::Missing => f64::NAN,
                    Cell::Text => {
                        let (file, column) = (self.file.clone(), column.clone());
                        let place = Place { file, line: record.line, column };
                        return Err(CatalogError::NotANumber(place));
                    }
                };
                self.cells.push(value);
            }
        }
        Ok(())
    }

    /// The file's name in errors.
    #[must_use]
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The permitted columns: the outcome, then the features.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// Number of rows.
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
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let width = self.columns.len().max(1);
        let rows = self.lines.iter().zip(self.cells.chunks_exact(width));
        rows.map(|(line, values)| Row { line: *line, values })
    }

    /// Where a value of a row stands; `column` counts from 0 in [`Table::columns`].
    #[must_use]
    pub fn place(&self, row: Row<'_>, column: usize) -> Place {
        let name = self.columns.get(column).cloned().unwrap_or_default();
        Place { file: self.file.clone(), line: row.line, column: name }
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
