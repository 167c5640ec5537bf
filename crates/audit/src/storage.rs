//! Where a log's records are kept.

use std::ops::Range;

use thiserror::Error;

/// A record could not be kept or read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct StorageError(String);

impl StorageError {
    /// With what the system said, and about which file.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A list of records that only grows.
pub trait Storage {
    /// How many records there are.
    fn count(&self) -> u64;

    /// Appends a record of at most [`crate::RECORD_BYTES`] bytes. When this returns `Ok`, it
    /// survives a crash of the machine.
    ///
    /// # Errors
    /// Where that cannot be promised.
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError>;

    /// The records with these numbers, counted from 0, as far as there are any.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    fn read(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StorageError>;
}

/// Keeps records in memory: for tests and simulations.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    records: Vec<Vec<u8>>,
}

impl From<Vec<Vec<u8>>> for MemoryStorage {
    fn from(records: Vec<Vec<u8>>) -> Self {
        Self { records }
    }
}

impl Storage for MemoryStorage {
    fn count(&self) -> u64 {
        self.records.len() as u64
    }

    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        self.records.push(record.to_vec());
        Ok(())
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StorageError> {
        let numbered = (0..).zip(&self.records).filter(|(number, _)| range.contains(number));
        Ok(numbered.map(|(_, record)| record.clone()).collect())
    }
}
