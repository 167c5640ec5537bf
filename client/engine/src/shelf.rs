//! Where a site keeps what it must not forget of its studies.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ripieno_study::Digest;
use thiserror::Error;

/// The name of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The highest epoch that the site advertised for, and the public adverts of the last ones.
    LastEpoch,
    /// A study that was decided about: how far it has come, or why it does not run.
    Study(Digest),
    /// A study that waits for the steward.
    Pending(Digest),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::LastEpoch => f.write_str("the last epoch"),
            Key::Study(study) => write!(f, "study {study}"),
            Key::Pending(study) => write!(f, "pending study {study}"),
        }
    }
}

/// A record could not be kept or removed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ShelfError(String);

impl ShelfError {
    /// With what the system said, and about which file.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Small records by name, each replaced as a whole. Nothing in them is secret.
pub trait Shelf {
    /// Puts a record in the place of the one of this name, if there is one. When this returns
    /// `Ok`, the new one survives a crash of the machine; before, either the old or the new one
    /// does.
    ///
    /// # Errors
    /// Where that cannot be promised; the site then takes no further step.
    fn put(&mut self, key: &Key, record: &[u8]) -> Result<(), ShelfError>;

    /// Removes the record of this name, durably; nothing where there is none.
    ///
    /// # Errors
    /// As for [`Self::put`].
    fn remove(&mut self, key: &Key) -> Result<(), ShelfError>;
}

/// Keeps records in memory: for tests, and for simulations whose sites live and die with one
/// process. Clones are handles to the same records.
#[derive(Clone, Debug, Default)]
pub struct MemoryShelf(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    kept: BTreeMap<Key, Vec<u8>>,
    /// Writes that still succeed; all of them where there is none.
    room: Option<usize>,
}

impl MemoryShelf {
    /// All records.
    #[must_use]
    pub fn saved(&self) -> Vec<(Key, Vec<u8>)> {
        self.with(|records| records.kept.iter().map(|(key, kept)| (*key, kept.clone())).collect())
    }

    /// Every write fails after the next `writes` ones.
    pub fn fail_after(&self, writes: usize) {
        self.with(|records| records.room = Some(writes));
    }

    fn with<T>(&self, use_records: impl FnOnce(&mut Records) -> T) -> T {
        // A test that panicked elsewhere has left the records whole.
        use_records(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Records {
    fn take_room(&mut self) -> Result<(), ShelfError> {
        match &mut self.room {
            Some(0) => Err(ShelfError::new("the shelf is full")),
            Some(room) => {
                *room -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Shelf for MemoryShelf {
    fn put(&mut self, key: &Key, record: &[u8]) -> Result<(), ShelfError> {
        self.with(|records| {
            records.take_room()?;
            records.kept.insert(*key, record.to_vec());
            Ok(())
        })
    }

    fn remove(&mut self, key: &Key) -> Result<(), ShelfError> {
        self.with(|records| {
            records.take_room()?;
            records.kept.remove(key);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_share_records_until_there_is_no_room() {
        let shelf = MemoryShelf::default();
        let mut handle = shelf.clone();
        handle.put(&Key::LastEpoch, b"one").unwrap();
        handle.put(&Key::LastEpoch, b"two").unwrap();
        assert_eq!(shelf.saved(), [(Key::LastEpoch, b"two".to_vec())]);
        shelf.fail_after(1);
        handle.remove(&Key::LastEpoch).unwrap();
        assert!(handle.put(&Key::LastEpoch, b"three").is_err());
        assert!(handle.remove(&Key::LastEpoch).is_err());
        assert_eq!(shelf.saved(), []);
    }
}
