//! What a site or a coordinator decided, in order: a log that shows when somebody changed it.
//!
//! Every entry carries a digest over all entries up to itself (tag [`ripieno_study::Tag::Audit`]),
//! and some carry the owner's signature over it: the first, every N-th, and those made by
//! [`AuditLog::seal`]. [`verify`] finds every entry that was altered, removed, inserted or moved
//! before the last signature. Behind it, whoever can write the file can still rewrite what is not
//! signed, and can cut the log's end off: a [`Head`] that was seen before (printed, or sent to
//! other sites) shows that, through [`Report::is_extension_of`].
//!
//! It does not keep the owner of the key from writing a false log; heads that others have seen
//! keep the owner from writing a second one.
//!
//! A log is verified with one key. After a change of keys its owner begins a new log, whose first
//! entry names the last head of the old one.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod event;
mod head;
mod log;
mod record;
mod storage;
mod verify;

pub use event::{BadEvent, Event, FIELDS, Kind, NAME_BYTES, VALUE_BYTES};
pub use head::{Head, SignedHead};
pub use log::{AuditError, AuditLog};
pub use record::{Entry, RECORD_BYTES};
pub use storage::{MemoryStorage, Storage, StorageError};
pub use verify::{Fault, Report, Wrong, verify};
