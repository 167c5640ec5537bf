//! A file of which some ranges can be read, and nothing else.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A file with the ranges that may be read. What lies beyond them is an error, whoever asks.
pub(super) struct Windows {
    file: Arc<File>,
    length: u64,
    open: Vec<Range<u64>>,
}

/// One range, read from some place on.
pub(super) struct Window {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Windows {
    pub(super) fn new(file: Arc<File>, length: u64, open: Vec<Range<u64>>) -> Self {
        Self { file, length, open }
    }

    fn at(&self, start: u64) -> Result<Window> {
        let found = self.open.iter().find(|range| range.contains(&start));
        let end = found.ok_or_else(closed)?.end;
        Ok(Window { file: self.file.clone(), at: start, end })
    }
}

impl Length for Windows {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Windows {
    type T = Window;

    fn get_read(&self, start: u64) -> Result<Window> {
        self.at(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut window = self.at(start)?;
        if window.end - start < length as u64 {
            return Err(closed());
        }
        let mut bytes = vec![0; length];
        window.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read_at(into.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn closed() -> ParquetError {
    ParquetError::General("outside of the columns that were asked for".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_beyond_a_window() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = Arc::new(File::open(path).unwrap());
        let windows = Windows::new(file, 10, vec![2..5, 8..9]);
        let mut text = String::new();
        windows.get_read(3).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "34");
        assert_eq!(windows.get_bytes(2, 3).unwrap().as_ref(), b"234");
        assert_eq!(windows.get_bytes(8, 1).unwrap().as_ref(), b"8");
        for (start, length) in [(0, 1), (5, 1), (2, 4), (8, 2), (9, 1), (u64::MAX, 1)] {
            assert!(windows.get_bytes(start, length).is_err(), "{start}, {length}");
        }
        assert!(windows.get_read(1).is_err());
    }
}
