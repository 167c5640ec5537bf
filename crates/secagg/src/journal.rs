//! Where durable records go: the one door from the protocol to a disk.

use thiserror::Error;

/// A record could not be made durable.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct JournalError(String);

impl JournalError {
    /// With what the system said, and about which file.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// An append-only file, or a stand-in for one.
pub trait Journal {
    /// Appends a record. When this returns `Ok`, the record survives a crash of the machine.
    ///
    /// # Errors
    /// Where that cannot be promised; the caller then takes no further step.
    fn append(&mut self, record: &[u8]) -> Result<(), JournalError>;

    /// Appends records in order. When this returns `Ok`, all of them survive a crash of the machine;
    /// after an error, or a crash, the first ones may be there and the others not.
    ///
    /// # Errors
    /// As [`Self::append`].
    fn append_all(&mut self, records: &[Vec<u8>]) -> Result<(), JournalError> {
        records.iter().try_for_each(|record| self.append(record))
    }
}

/// Keeps records in memory: for tests, and for simulations whose sites live and die with one
/// process.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    records: Vec<Vec<u8>>,
}

impl MemoryJournal {
    /// The records so far.
    #[must_use]
    pub fn records(&self) -> &[Vec<u8>] {
        &self.records
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        self.records.push(record.to_vec());
        Ok(())
    }
}
