//! Records that would not do well in a database: they are objects, named by their content, and the
//! database names them.
//!
//! They are written before the transaction that names them and removed after the one that does not
//! any more, so a crash leaves at most objects that nothing names. Those are removed at the next
//! opening.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use ripieno_files::FileError;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use crate::spool::{ObjectError, Objects, TEMPORARY};
use crate::store::Store;
use crate::store::error::StoreError;

/// Records of more bytes are objects.
pub(super) const MAX_IN_DATABASE: usize = 1 << 20;
/// How the names of all of these objects begin.
const PREFIX: &str = "sum-";

impl Store {
    /// Makes an object of a record, and says its name.
    pub(super) async fn put_large(&self, record: Bytes) -> Result<String, StoreError> {
        let (folder, objects) = (self.folder(), self.objects.clone());
        self.off_thread(move || {
            let name = name_of(&record);
            let failed =
                |error| FileError::System { doing: "write in", path: folder.clone(), error };
            let mut builder = tempfile::Builder::new();
            let mut file = builder.prefix(TEMPORARY).tempfile_in(&folder).map_err(failed)?;
            file.write_all(&record).map_err(failed)?;
            objects.put(&name, file.path())?;
            // The storage has the file now; there is nothing at its path to be removed.
            let (_, path) = file.into_parts();
            let _ = path.keep();
            Ok(name)
        })
        .await
    }

    /// Reads a record that is an object.
    pub(super) async fn get_large(&self, name: String) -> Result<Bytes, StoreError> {
        let (database, objects) = (self.path.clone(), self.objects.clone());
        self.off_thread(move || {
            let object = objects.open(&name)?;
            let damaged = || StoreError::Damaged {
                path: database.clone(),
                what: format!("sums: the object {name} is not what was written"),
            };
            let length = usize::try_from(object.bytes()).map_err(|_| damaged())?;
            let mut record = vec![0; length];
            object.read_at(0, &mut record)?;
            if name_of(&record) != name {
                return Err(damaged());
            }
            Ok(record.into())
        })
        .await
    }

    /// Removes those of these objects that no row names. Where that fails, they stay until the next
    /// opening: nothing depends on it.
    pub(super) async fn remove_unnamed(
        &self,
        connection: &mut SqliteConnection,
        names: BTreeSet<String>,
    ) {
        for name in names {
            let named = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sums WHERE object = $1)")
                .bind(&name)
                .fetch_one(&mut *connection)
                .await;
            if !named.unwrap_or(true)
                && let Err(error) = self.remove_object(name).await
            {
                tracing::warn!("a record that nobody needs stays: {error}");
            }
        }
    }

    /// Removes the objects that no row names: what a crash has left behind.
    pub(super) async fn remove_orphans(&self) -> Result<(), StoreError> {
        let objects = self.objects.clone();
        let stored = self.off_thread(move || Ok(objects.list(PREFIX)?)).await?;
        let mut connection = self.connection().await;
        let names = stored.into_iter().map(|stored| stored.name).collect();
        self.remove_unnamed(&mut connection, names).await;
        Ok(())
    }

    async fn remove_object(&self, name: String) -> Result<(), StoreError> {
        let objects: Arc<dyn Objects> = self.objects.clone();
        self.off_thread(move || Ok(objects.delete(&name)?)).await
    }

    fn folder(&self) -> PathBuf {
        let folder = self.path.parent().map(ToOwned::to_owned).unwrap_or_default();
        if folder.as_os_str().is_empty() { ".".into() } else { folder }
    }

    /// Runs what waits for a disk where it keeps nobody else waiting.
    async fn off_thread<T: Send + 'static>(
        &self,
        run: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            // It panicked, or the runtime is ending.
            Err(error) => {
                let (path, error) = (self.folder(), std::io::Error::other(error));
                let doing = "finish with the objects beside";
                Err(ObjectError::from(FileError::System { doing, path, error }).into())
            }
        }
    }
}

/// The name says the content, so what is read can be checked against it.
fn name_of(record: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut name = PREFIX.to_owned();
    for byte in Sha256::digest(record) {
        // Writing to a string never fails.
        let _ = write!(name, "{byte:02x}");
    }
    name
}
