//! What goes wrong with the coordinator's database, and what to do next.

use std::path::{Path, PathBuf};

use ripieno_files::FileError;
use thiserror::Error;

use crate::spool::ObjectError;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>), as far as they say what an
/// operator can do.
mod code {
    pub(super) const READ_ONLY: u8 = 8;
    pub(super) const CORRUPT: u8 = 11;
    pub(super) const FULL: u8 = 13;
    pub(super) const NOT_A_DATABASE: u8 = 26;
}

/// Why the database cannot be used, or did not take something. Every variant names the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system said no, or another process has the database.
    #[error(transparent)]
    File(#[from] FileError),
    /// An object beside the database cannot be written or read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// SQLite said no. Nothing of the transaction is there, unless it failed at its very end: then
    /// opening the database again tells.
    #[error("{}, {table}: {error}{}", path.display(), advice(error))]
    Database {
        /// The database.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// What it said.
        error: sqlx::Error,
    },
    /// What is stored is not what was written.
    #[error(
        "{} is damaged: {what}. Keep a copy of it and of the files beside it, then restore it from \
         the backup",
        path.display()
    )]
    Damaged {
        /// The database, or an object beside it.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A newer program has written it.
    #[error(
        "{} has tables of version {found}, this program knows {known}; install the program that \
         wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Version of its tables.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A number that a database cannot hold.
    #[error("{}, {table}: {value} is too large for the database", path.display())]
    TooLarge {
        /// The database.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The number.
        value: u64,
    },
    /// A site that the database does not know.
    #[error("{}, sites: there is no site {name:?}", path.display())]
    NoSite {
        /// The database.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

impl StoreError {
    /// For `map_err`: what SQLite said about a table.
    pub(crate) fn database(
        path: &Path,
        table: &'static str,
    ) -> impl Fn(sqlx::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| match primary(&error) {
            Some(code::CORRUPT | code::NOT_A_DATABASE) => {
                Self::Damaged { path: path.clone(), what: format!("{table}: {}", plain(&error)) }
            }
            _ => Self::Database { path: path.clone(), table, error },
        }
    }
}

/// The last eight bits of an extended result code are the primary one.
fn primary(error: &sqlx::Error) -> Option<u8> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    u8::try_from(code & 0xff).ok()
}

fn plain(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |e| e.message().to_owned())
}

fn advice(error: &sqlx::Error) -> &'static str {
    match primary(error) {
        Some(code::FULL) => "; free some space there, then start again",
        Some(code::READ_ONLY) => "; make it writable for the user who runs this, then start again",
        _ => "",
    }
}
