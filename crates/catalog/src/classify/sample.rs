//! A bounded sample of a file's rows, spread over the whole file.

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::{date, patterns};
#[cfg(feature = "parquet")]
use crate::columnar;
use crate::error::{CatalogError, Hint};
use crate::origin::Origin;
use crate::records::{Record, Records};
use crate::scan::{check_row, header_names};

/// The most rows that a sample keeps.
pub const MAX_SAMPLE_ROWS: usize = 1024;
/// The most bytes that it keeps.
pub const MAX_SAMPLE_BYTES: usize = 32 << 20;
/// The most bytes of one field; what is longer is cut.
pub const MAX_SAMPLE_FIELD: usize = 512;

/// The names of a file's columns, and every k-th row; k grows until they fit.
pub(super) struct Sample {
    pub(super) names: Vec<Arc<str>>,
    /// Of the header.
    line: u64,
    rows: Vec<Vec<Zeroizing<String>>>,
    bytes: usize,
    every: u64,
}

impl Sample {
    /// Reads the whole file, and checks the form of all of its rows.
    pub(super) fn read(origin: &Origin, file: &Arc<str>) -> Result<Self, CatalogError> {
        #[cfg(feature = "parquet")]
        if columnar::is_parquet(origin) {
            return Self::of_columns(&mut columnar::Parquet::open(origin, file, None)?);
        }
        let mut records = Records::open(origin, file.clone())?;
        let header = records.next()?.ok_or_else(|| CatalogError::Empty { file: file.clone() })?;
        let line = header.line;
        let names = header_names(&header, file)?;
        let mut sample = Self { names, line, rows: Vec::new(), bytes: 0, every: 1 };
        let mut number = 0;
        while let Some(record) = records.next()? {
            check_row(&record, &sample.names, file)?;
            sample.offer(&record, number);
            number += 1;
        }
        if number == 0 {
            return Err(CatalogError::NoRows { file: file.clone() });
        }
        Ok(sample)
    }

    /// Refuses a header of one name that holds a separator, and one that holds values: the first row
    /// of a file without a header must not be printed as names.
    pub(super) fn check_header(&self, file: &Arc<str>) -> Result<(), CatalogError> {
        let (names, line) = (&self.names, self.line);
        let hint = Hint::of(names);
        if hint.is_some() {
            return Err(CatalogError::Separator { file: file.clone(), line, hint });
        }
        let value = |name: &Arc<str>| date::read(name).is_some() || patterns::is_email(name);
        match names.iter().position(value) {
            Some(index) => {
                Err(CatalogError::HeaderValue { file: file.clone(), line, number: index + 1 })
            }
            None => Ok(()),
        }
    }

    /// The fields of a column, in the order of the file.
    pub(super) fn column(&self, index: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(index)).map(|field| field.as_str())
    }

    #[cfg(feature = "parquet")]
    fn of_columns(table: &mut columnar::Parquet) -> Result<Self, CatalogError> {
        let names = table.names().to_vec();
        let mut sample = Self { names, line: 1, rows: Vec::new(), bytes: 0, every: 1 };
        let mut number = 0;
        while let Some(batch) = table.next()? {
            for row in 0..batch.rows() {
                sample.keep(number, || batch.row(row).map(|value| kept(value.text().as_bytes())));
                number += 1;
            }
        }
        Ok(sample)
    }

    fn offer(&mut self, record: &Record<'_>, number: u64) {
        self.keep(number, || record.iter().map(kept));
    }

    fn keep<I: Iterator<Item = Zeroizing<String>>>(&mut self, number: u64, row: impl Fn() -> I) {
        if !number.is_multiple_of(self.every) {
            return;
        }
        let row: Vec<_> = row().collect();
        self.bytes += row.iter().map(|field| field.len()).sum::<usize>();
        self.rows.push(row);
        while self.rows.len() > 1
            && (self.rows.len() > MAX_SAMPLE_ROWS || self.bytes > MAX_SAMPLE_BYTES)
        {
            self.thin();
        }
    }

    /// Lets every second row go.
    fn thin(&mut self) {
        let mut index = 0;
        self.rows.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        self.every = self.every.saturating_mul(2);
        self.bytes = self.rows.iter().flatten().map(|field| field.len()).sum();
    }
}

/// A field as the sample keeps it. `check_row` saw that it is UTF-8.
fn kept(field: &[u8]) -> Zeroizing<String> {
    let mut whole = String::from_utf8_lossy(field).into_owned();
    let start = whole.trim();
    let end =
        (0..=start.len().min(MAX_SAMPLE_FIELD)).rev().find(|end| start.is_char_boundary(*end));
    let short = Zeroizing::new(start.get(..end.unwrap_or(0)).unwrap_or_default().to_owned());
    whole.zeroize();
    short
}
