//! What a coordinator must not forget, in one SQLite file and in objects beside it.
//!
//! Every method that changes something is one transaction: when it returns `Ok`, all of it survives
//! a crash of the machine; after a crash before that, all of it is there or nothing. Records are
//! opaque bytes: what they mean is for the engine and the services to say.
//!
//! - `changes`: what the engine must not forget, and the events of studies ([`NewEvent`]);
//! - `large`: records that would not do well in a database;
//! - `sealed`, `checks`: digests of records and of tables, so that damage is an error and never
//!   another value; `wal`: the same of the log beside the database;
//! - `commits`: how many transactions there were (`Commits`);
//! - `sites`: who is in the federation ([`SiteRow`]);
//! - `invitations`: how a site comes in ([`NewInvitation`], [`Enrolment`]);
//! - `issued`: its certificates ([`NewCertificate`], [`LiveCertificate`]);
//! - `revocation`: how it goes out;
//! - `charters`: the charters in force, and the one that is proposed ([`Proposal`]).

mod changes;
mod charters;
mod checks;
mod commits;
mod error;
mod invitations;
mod issued;
mod large;
mod load;
mod revocation;
mod row;
mod schema;
mod sealed;
mod sites;
#[cfg(test)]
mod tests;
mod wal;

use std::fmt;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ripieno_files::{FileError, LockFile};
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use crate::spool::{LocalObjects, Objects};

pub use changes::{NewEvent, StoredEvent};
pub use charters::{Proposal, RatifyError};
pub(crate) use commits::Commits;
pub use error::StoreError;
pub use invitations::{Enrolment, InviteError, NewInvitation, RedeemError};
pub use issued::{LiveCertificate, NewCertificate};
pub use revocation::WithdrawnCertificate;
pub use sites::{Heard, SiteRow, Standing};

/// How long another program that looks into the file may make this one wait.
const BUSY: Duration = Duration::from_secs(10);
/// The write-ahead log is cut to this many bytes when it was longer.
const LOG_BYTES: &str = "67108864";

/// The database of one coordinator. Another one on the same file is refused while this is open.
///
/// After an error of a method that changes something, whether it is there is known only when the
/// file has been opened again.
pub struct Store {
    connection: Mutex<SqliteConnection>,
    path: PathBuf,
    objects: Arc<dyn Objects>,
    commits: Commits,
    _lock: LockFile,
}

impl Store {
    /// Makes a new, empty database with mode 0600; its large records go to the folder `objects`
    /// beside it.
    ///
    /// # Errors
    /// [`FileError::Exists`]: a database is never replaced. Otherwise as [`Self::open`].
    pub async fn create(path: &Path) -> Result<Self, StoreError> {
        let lock = LockFile::hold(&lock_path(path))?;
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        new.and_then(|file| file.sync_all()).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
            _ => FileError::System { doing: "create", path: path.to_owned(), error },
        })?;
        let objects = local_objects(path)?;
        Self::connect(path, objects, lock, true).await
    }

    /// Opens a database, checks it, and brings its tables to the newest version. Its large records
    /// are in the folder `objects` beside it.
    ///
    /// # Errors
    /// [`FileError::Missing`]: a new one would forget what was promised. [`FileError::InUse`],
    /// [`FileError::Exposed`], [`StoreError::Newer`], [`StoreError::Damaged`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let objects = local_objects(path)?;
        Self::open_with(path, objects).await
    }

    /// As [`Self::open`], with large records elsewhere.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(path: &Path, objects: Arc<dyn Objects>) -> Result<Self, StoreError> {
        check_file(path)?;
        let lock = LockFile::hold(&lock_path(path))?;
        wal::check(path)?;
        let store = Self::connect(path, objects, lock, false).await?;
        store.check_events().await?;
        Ok(store)
    }

    /// Closes it in an orderly way: the file then holds everything without a log beside it. A store
    /// that is only dropped loses nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close(self) -> Result<(), StoreError> {
        let failed = StoreError::database(&self.path, "all tables");
        self.connection.into_inner().close().await.map_err(failed)
    }

    /// Brings everything into the file itself: what is left of the log beside it is empty, and a
    /// copy of the file alone is whole.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn settle(&self) -> Result<(), StoreError> {
        let settled = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *self.connection().await)
            .await;
        settled.map(drop).map_err(StoreError::database(&self.path, "all tables"))
    }

    async fn connect(
        path: &Path,
        objects: Arc<dyn Objects>,
        lock: LockFile,
        is_new: bool,
    ) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // Each commit is flushed, not only each checkpoint.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("journal_size_limit", LOG_BYTES)
            .pragma("cell_size_check", "ON")
            .pragma("trusted_schema", "OFF")
            // What is noted of a transaction is no file.
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let failed = StoreError::database(path, "all tables");
        let mut connection = options.connect().await.map_err(failed)?;
        schema::prepare(&mut connection, path, is_new).await?;
        let connection = Mutex::new(connection);
        let (path, commits) = (path.to_owned(), Commits::default());
        let store = Self { connection, path, objects, commits, _lock: lock };
        // SQLite goes on behind the last commit in the log; what a crash left there would stay.
        store.settle().await?;
        store.read_commits().await?;
        store.remove_orphans().await?;
        Ok(store)
    }

    async fn connection(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().await
    }

    /// For `map_err`: what SQLite said about a table.
    fn failed(&self, table: &'static str) -> impl Fn(sqlx::Error) -> StoreError + use<> {
        StoreError::database(&self.path, table)
    }

    /// Begins a transaction that writes; it is undone when dropped.
    async fn begin<'a>(
        &self,
        connection: &'a mut SqliteConnection,
    ) -> Result<Transaction<'a, Sqlite>, StoreError> {
        let begun = connection.begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(self.failed("the begin of a transaction"))
    }

    /// Every change ends with this: what it touched is digested within its transaction.
    async fn finish(&self, mut transaction: Transaction<'_, Sqlite>) -> Result<(), StoreError> {
        let commits = self.count_commit(&mut transaction).await?;
        checks::renew(&mut transaction, &self.path).await?;
        transaction.commit().await.map_err(self.failed("the end of a transaction"))?;
        self.commits.are(commits);
        Ok(())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn local_objects(path: &Path) -> Result<Arc<dyn Objects>, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("")).join("objects");
    Ok(Arc::new(LocalObjects::open(folder)?))
}

/// The file is there and not empty, and only its owner may reach it.
fn check_file(path: &Path) -> Result<(), StoreError> {
    let meta = path.metadata().map_err(|error| match error.kind() {
        ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::System { doing: "look at", path: path.to_owned(), error },
    })?;
    let mode = meta.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode, folder: false }.into());
    }
    if meta.len() == 0 {
        // SQLite would take it for a new one.
        let what = "it is empty: what it held is lost".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), what });
    }
    Ok(())
}
