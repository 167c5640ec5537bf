//! Durable files of a site and of a coordinator: the only code that puts their records on a disk.
//!
//! - [`append`]: files of records that are only ever added ([`AppendFile`]).
//! - [`atomic`]: small files that are replaced as a whole ([`write_atomically`],
//!   [`write_output`]).
//! - [`key`]: seeds of signing keys ([`KeyFile`]).
//! - [`state`]: the folder that one process owns ([`StateDir`], [`LockFile`]).
//!
//! The doors through which other crates ask for durable records are traits of theirs:
//! `ripieno_secagg::journal::Journal` and `ripieno_audit::Storage`. [`AppendFile`] implements both
//! here, so neither the protocol nor the audit log knows a file system: the one with the feature
//! `journal`, the other with the feature `audit`. Without them nothing of ours is needed.
//!
//! For Linux. What is promised after a power failure is promised on file systems that write data
//! before the size of a file (ext4 in its default mode, XFS, Btrfs, ZFS), on disks that keep what
//! they were told to flush.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod append;
pub mod atomic;
mod calls;
mod doors;
pub mod error;
#[cfg(feature = "faults")]
pub mod faults;
pub mod key;
mod lock;
mod record;
pub mod state;

pub use append::{AppendFile, Contents, Follower, Limits, Opened, Tip, read_records};
pub use atomic::{flush_folder, remove, write_atomically, write_output};
pub use error::FileError;
pub use key::KeyFile;
pub use record::Torn;
pub use state::{Folder, LockFile, StateDir};
