//! The doors of other crates to a disk, opened by [`AppendFile`](crate::AppendFile).

#[cfg(feature = "audit")]
mod audit {
    use std::ops::Range;

    use ripieno_audit::{Storage, StorageError};

    use crate::append::AppendFile;

    impl Storage for AppendFile {
        fn count(&self) -> u64 {
            Self::count(self)
        }

        fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
            Self::append(self, record).map_err(|e| StorageError::new(e.to_string()))
        }

        fn read(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StorageError> {
            self.records(range).map_err(|e| StorageError::new(e.to_string()))
        }
    }
}

#[cfg(feature = "journal")]
mod journal {
    use ripieno_secagg::journal::{Journal, JournalError};

    use crate::append::AppendFile;

    impl Journal for AppendFile {
        fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
            Self::append(self, record).map_err(|e| JournalError::new(e.to_string()))
        }

        fn append_all(&mut self, records: &[Vec<u8>]) -> Result<(), JournalError> {
            Self::append_all(self, records).map_err(|e| JournalError::new(e.to_string()))
        }
    }
}
