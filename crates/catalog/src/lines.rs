//! The lines of a file, with its digest: bounded, counted, read once.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use ripieno_study::{Digest, Hasher, Tag};
use zeroize::Zeroizing;

use crate::error::CatalogError;
use crate::limits::{MAX_FILE_BYTES, MAX_ROW_BYTES};
use crate::origin::{Origin, failed};

/// The digest of a file is `H(content, blocks…)` over blocks of so many bytes.
const BLOCK: usize = 64 * 1024;

/// Reads a file line by line and hashes what it reads.
pub(crate) struct Lines {
    file: Arc<str>,
    source: File,
    hasher: Hasher,
    block: Zeroizing<Vec<u8>>,
    at: usize,
    bytes: u64,
    line: u64,
}

impl Lines {
    /// Opens a regular file that is not too large. `file` is its name in errors.
    pub(crate) fn open(origin: &Origin, file: Arc<str>) -> Result<Self, CatalogError> {
        let source = origin.open(&file)?;
        let hasher = Hasher::new(Tag::Content);
        let block = Zeroizing::default();
        let mut lines = Self { file, source, hasher, block, at: 0, bytes: 0, line: 0 };
        lines.skip_mark()?;
        Ok(lines)
    }

    /// The file's name in errors.
    pub(crate) fn file(&self) -> Arc<str> {
        self.file.clone()
    }

    /// Number of the line that was read last, from 1; 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.line
    }

    /// Appends the next line to `text`, ending with one `\n` whatever it ended with in the file.
    /// Returns false at the end of the file. `row` is the first line of the row that `text` holds
    /// so far; together they may have [`MAX_ROW_BYTES`].
    pub(crate) fn next_onto(&mut self, text: &mut Vec<u8>, row: u64) -> Result<bool, CatalogError> {
        if self.rest().is_empty() && !self.fill()? {
            return Ok(false);
        }
        self.line += 1;
        loop {
            let rest = self.block.get(self.at..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n');
            let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if text.len() + piece.len() >= MAX_ROW_BYTES {
                return Err(CatalogError::RowTooLong { file: self.file(), line: row });
            }
            text.extend_from_slice(piece);
            self.at += piece.len() + usize::from(end.is_some());
            if end.is_some() || !self.fill()? {
                break;
            }
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        text.push(b'\n');
        Ok(true)
    }

    /// Reads whatever is left and returns the digest of the whole file.
    pub(crate) fn finish(mut self) -> Result<Digest, CatalogError> {
        while self.fill()? {}
        Ok(self.hasher.finish())
    }

    fn rest(&self) -> &[u8] {
        self.block.get(self.at..).unwrap_or_default()
    }

    /// Replaces the block by the next one; false at the end.
    fn fill(&mut self) -> Result<bool, CatalogError> {
        self.block.clear();
        self.at = 0;
        let mut limited = self.source.by_ref().take(BLOCK as u64);
        limited.read_to_end(&mut self.block).map_err(|source| failed(&self.file, source))?;
        self.bytes += self.block.len() as u64;
        // The file may have grown since its size was looked at.
        if self.bytes > MAX_FILE_BYTES {
            return Err(CatalogError::FileTooLarge { file: self.file() });
        }
        if self.block.is_empty() {
            return Ok(false);
        }
        self.hasher = self.hasher.clone().part(&self.block);
        Ok(true)
    }

    /// Skips the byte-order mark of UTF-8; refuses those of UTF-16.
    fn skip_mark(&mut self) -> Result<(), CatalogError> {
        self.fill()?;
        if self.block.starts_with(b"\xff\xfe") || self.block.starts_with(b"\xfe\xff") {
            return Err(CatalogError::Utf16 { file: self.file() });
        }
        self.at = if self.block.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Ok(())
    }
}
