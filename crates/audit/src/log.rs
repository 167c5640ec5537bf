//! A log, as its owner writes it.

use std::io::Write;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use ripieno_identity::SigningKey;
use thiserror::Error;

use crate::event::{self, BadEvent, Event, Kind};
use crate::head::{Head, SignedHead};
use crate::record::Entry;
use crate::storage::{Storage, StorageError};
use crate::verify::{Checker, Fault, Wrong};

/// How many records are read at a time.
const BATCH: u64 = 256;

/// Why a log could not be opened, written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The storage failed; after a failed append the log takes no more entries.
    #[error("the audit log could not be kept; mend the cause, then start again: {0}")]
    Storage(#[from] StorageError),
    /// What is stored is not what this key's owner wrote.
    #[error("{0}. Keep a copy of the log, then restore it from the backup")]
    Damaged(#[from] Fault),
    /// An event that cannot be logged.
    #[error(transparent)]
    Event(#[from] BadEvent),
    /// An export could not be written.
    #[error("the audit log could not be exported: {0}")]
    Export(std::io::Error),
}

/// A log over a storage. An entry is durable when [`AuditLog::append`] returns.
#[derive(Debug)]
pub struct AuditLog<S> {
    storage: S,
    key: Arc<SigningKey>,
    every: NonZeroU64,
    head: Head,
    signed: Option<SignedHead>,
    failed: Option<StorageError>,
}

impl<S: Storage> AuditLog<S> {
    /// Opens the log that a storage holds, which may be empty, and verifies all of it. The first
    /// entry is signed, and each whose number is a multiple of `every`.
    ///
    /// # Errors
    /// [`AuditError::Damaged`] at the first entry that this key's owner did not write there.
    pub fn open(storage: S, key: Arc<SigningKey>, every: NonZeroU64) -> Result<Self, AuditError> {
        let mut checker = Checker::new(key.public());
        let count = storage.count();
        while checker.head.count < count {
            let at = checker.head.count;
            let records = storage.read(at..at.saturating_add(BATCH).min(count))?;
            if records.is_empty() {
                return Err(StorageError::new(format!("record {} is missing", at + 1)).into());
            }
            for record in records {
                checker.take(&record)?;
            }
        }
        let Checker { head, last_signed: signed, .. } = checker;
        Ok(Self { storage, key, every, head, signed, failed: None })
    }

    /// Logs an event, and returns the head with it.
    ///
    /// # Errors
    /// [`AuditError::Event`], and nothing has changed; [`AuditError::Storage`], and the log takes
    /// no more entries until it has been opened again.
    pub fn append(&mut self, event: Event) -> Result<Head, AuditError> {
        let number = self.head.count.saturating_add(1);
        let signed = number == 1 || number.is_multiple_of(self.every.get());
        self.write(event, signed)
    }

    /// The head with the owner's signature. Where the last entry has none, one that does is
    /// appended, made at `time` (seconds since 1970-01-01 UTC).
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn seal(&mut self, time: u64) -> Result<SignedHead, AuditError> {
        if let Some(signed) = self.signed.filter(|signed| signed.head == self.head) {
            return Ok(signed);
        }
        let head = self.write(Event::new(Kind::Seal, time), true)?;
        // The same signature as the entry's: Ed25519 draws nothing.
        Ok(SignedHead::sign(head, &self.key))
    }

    /// Count and digest of the entries so far.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Why the log takes no more entries: what the storage said when it failed.
    #[must_use]
    pub fn failed(&self) -> Option<&StorageError> {
        self.failed.as_ref()
    }

    /// The last head that was signed.
    #[must_use]
    pub fn signed_head(&self) -> Option<SignedHead> {
        self.signed
    }

    /// The entries with these numbers, counted from 1, as far as there are any. At most 72 KiB
    /// each: read long logs in parts.
    ///
    /// # Errors
    /// Where the storage fails, or gives what was not stored.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Entry>, AuditError> {
        let first = range.start.max(1);
        let records = self.storage.read(first - 1..range.end.saturating_sub(1))?;
        let numbered = (first..).zip(&records);
        let entries = numbered.map(|(record, bytes)| {
            Entry::decode(bytes).map_err(|e| Fault { record, wrong: Wrong::Unreadable(e) })
        });
        Ok(entries.collect::<Result<_, _>>()?)
    }

    /// Writes all entries as lines of JSON, for [`crate::verify`] elsewhere.
    ///
    /// # Errors
    /// Where the storage cannot be read or `out` not be written.
    pub fn export(&self, out: &mut impl Write) -> Result<(), AuditError> {
        let mut at = 0;
        while at < self.head.count {
            let records = self.storage.read(at..at.saturating_add(BATCH).min(self.head.count))?;
            if records.is_empty() {
                return Err(StorageError::new(format!("record {} is missing", at + 1)).into());
            }
            for record in records {
                let line = [record.as_slice(), b"\n"].concat();
                out.write_all(&line).map_err(AuditError::Export)?;
                at += 1;
            }
        }
        out.flush().map_err(AuditError::Export)
    }

    fn write(&mut self, event: Event, signed: bool) -> Result<Head, AuditError> {
        event::check(&event.fields)?;
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        let mut entry = Entry::following(self.head, event, signed);
        let signed = signed.then(|| SignedHead::sign(entry.head(), &self.key));
        entry.signature = signed.map(|signed| signed.signature);
        let bytes = entry.encode().map_err(|e| StorageError::new(e.to_string()))?;
        self.storage.append(&bytes).inspect_err(|error| self.failed = Some(error.clone()))?;
        self.head = entry.head();
        self.signed = signed.or(self.signed);
        Ok(self.head)
    }
}
