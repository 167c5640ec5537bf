//! What goes wrong with a file, and what to do next.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file could not be read, written or trusted. Every variant names the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system said no.
    #[error("cannot {doing} {}: {error}{}", path.display(), advice(error.kind()))]
    System {
        /// What was tried: a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: Error,
    },
    /// There is no such file.
    #[error(
        "{} is missing; restore it from the backup: a new one would forget what was promised",
        .0.display()
    )]
    Missing(PathBuf),
    /// A file that must not be replaced is there already.
    #[error("{} exists already; it is not replaced. Move it away if you mean to", .0.display())]
    Exists(PathBuf),
    /// Another process has it open.
    #[error("{} is in use by {}; stop that one first", path.display(), holder(*pid))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process, where the system tells.
        pid: Option<u32>,
    },
    /// Others than its owner may reach it.
    #[error(
        "{} may be reached by other users (mode {mode:03o}); type: chmod {} {}",
        path.display(),
        if *folder { "700" } else { "600" },
        path.display()
    )]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Whether it is a folder.
        folder: bool,
    },
    /// It is not a file (or folder) of the kind that was asked for.
    #[error("{} is not {wanted}; keep a copy of it, then restore it from the backup", path.display())]
    Unfit {
        /// The file or folder.
        path: PathBuf,
        /// What was expected there.
        wanted: &'static str,
    },
    /// A record that had been acknowledged is not what was written.
    #[error(
        "{} is damaged at record {record}, offset {offset}: {reason}. Keep a copy of the file, \
         then restore it from the backup",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 1.
        record: u64,
        /// Where the record begins, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A limit would be, or is, exceeded.
    #[error("{}: {bytes} bytes in {what}, at most {limit} are allowed", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// How many there are or would be.
        bytes: u64,
        /// How many there may be.
        limit: u64,
    },
    /// An append failed before: whether its record is on the disk is unknown, so nothing may come
    /// after it.
    #[error("{} takes no more records until it has been opened again: {cause}", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
        /// The error of the append that failed.
        cause: String,
    },
    /// A name that could lead out of a folder.
    #[error(
        "{name:?} cannot name a file in {}: use 1 to 128 letters, digits, '.', '-' and '_', the \
         first of them not '.'",
        folder.display()
    )]
    BadName {
        /// The name.
        name: String,
        /// The folder.
        folder: PathBuf,
    },
}

impl FileError {
    /// For `map_err`: what was tried with which file.
    pub(crate) fn system<E: Into<Error>>(doing: &'static str, path: &Path) -> impl Fn(E) -> Self {
        move |error| Self::System { doing, path: path.to_owned(), error: error.into() }
    }
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => "; run this as the user who owns it",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space there, then start again"
        }
        ErrorKind::ReadOnlyFilesystem => "; mount that file system writable, then start again",
        ErrorKind::FileTooLarge => {
            "; raise the limit on the size of a file (ulimit -f, LimitFSIZE=), then start again"
        }
        _ => "",
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
