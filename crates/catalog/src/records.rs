//! The rows of a CSV file as fields, each with the line on which it begins.
//!
//! `csv-core` takes the text apart; lines are fed to it one by one, so that line numbers are exact
//! (blank lines and quoted line breaks included) and no buffer outgrows [`MAX_ROW_BYTES`].

use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader};
use ripieno_study::Digest;
use zeroize::Zeroizing;

use crate::error::CatalogError;
use crate::limits::MAX_COLUMNS;
use crate::lines::Lines;
use crate::origin::Origin;

/// Reads a file row by row. Blank lines are skipped.
pub(crate) struct Records {
    lines: Lines,
    parser: Reader,
    text: Zeroizing<Vec<u8>>,
    fields: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

/// One row.
pub(crate) struct Record<'a> {
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    fields: &'a [u8],
    ends: &'a [usize],
}

impl Records {
    /// Opens a file; `file` is its name in errors.
    pub(crate) fn open(origin: &Origin, file: Arc<str>) -> Result<Self, CatalogError> {
        let lines = Lines::open(origin, file)?;
        // One more than allowed, so that a row with too many is seen as such.
        let ends = vec![0; MAX_COLUMNS + 2];
        let (text, fields) = (Zeroizing::default(), Zeroizing::default());
        Ok(Self { lines, parser: Reader::new(), text, fields, ends })
    }

    /// The next row, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>, CatalogError> {
        self.text.clear();
        while self.is_blank() {
            self.text.clear();
            let line = self.lines.number() + 1;
            if !self.lines.next_onto(&mut self.text, line)? {
                return Ok(None);
            }
        }
        let line = self.lines.number();
        let (fields, ends) = self.split(line)?;
        let fields = self.fields.get(..fields).unwrap_or_default();
        Ok(Some(Record { line, fields, ends: self.ends.get(..ends).unwrap_or_default() }))
    }

    /// Reads whatever is left and returns the digest of the whole file.
    pub(crate) fn finish(self) -> Result<Digest, CatalogError> {
        self.lines.finish()
    }

    fn is_blank(&self) -> bool {
        self.text.iter().all(|byte| matches!(byte, b'\n' | b'\r'))
    }

    /// Splits the row that begins with `text`; returns how much of `fields` and `ends` it fills.
    fn split(&mut self, line: u64) -> Result<(usize, usize), CatalogError> {
        let (mut fed, mut fields, mut ends) = (0, 0, 0);
        loop {
            // The parser writes no more bytes than it reads.
            self.fields.resize(self.text.len() + 1, 0);
            let input = self.text.get(fed..).unwrap_or_default();
            let output = self.fields.get_mut(fields..).unwrap_or_default();
            let into = self.ends.get_mut(ends..).unwrap_or_default();
            let (result, read, wrote, ended) = self.parser.read_record(input, output, into);
            (fed, fields, ends) = (fed + read, fields + wrote, ends + ended);
            match result {
                ReadRecordResult::Record if ends > MAX_COLUMNS => break,
                ReadRecordResult::Record if fed < self.text.len() => {
                    return Err(CatalogError::CarriageReturn { file: self.lines.file(), line });
                }
                ReadRecordResult::Record => return Ok((fields, ends)),
                ReadRecordResult::OutputEndsFull => break,
                // A quoted field goes on in the next line.
                _ if self.lines.next_onto(&mut self.text, line)? => {}
                _ => return Err(CatalogError::OpenQuote { file: self.lines.file(), line }),
            }
        }
        Err(CatalogError::TooManyColumns { file: self.lines.file(), line })
    }
}

impl<'a> Record<'a> {
    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field, or `None` beyond the last.
    pub(crate) fn get(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start =
            index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.fields.get(start..end)
    }

    /// All fields.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map_while(|index| self.get(index))
    }
}
