//! The folder with all that one process must not forget.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::atomic::{TEMPORARY, sync_folder};
use crate::error::FileError;
use crate::key::open_private;
use crate::lock::{Locked, lock};

const LOCK: &str = "lock";
const NAME_BYTES: usize = 128;

/// A folder that only its owner may reach and that one process at a time has open. It is free
/// again when the value is dropped or the process ends, in whatever way.
#[derive(Debug)]
pub struct StateDir {
    root: Folder,
    /// Keeps the folder to this process.
    _lock: Locked,
}

/// A folder in a state directory. Names given to it cannot lead out of it.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// A file that stands for something that one process at a time may use, such as a database beside
/// it. Free again when the value is dropped or the process ends, in whatever way.
#[derive(Debug)]
pub struct LockFile {
    _file: Locked,
}

impl LockFile {
    /// Locks the file, creating it with mode 0600 where it is missing. It is never removed.
    ///
    /// # Errors
    /// [`FileError::InUse`] where another process has it.
    pub fn hold(path: &Path) -> Result<Self, FileError> {
        lock_file(path).map(|file| Self { _file: file })
    }
}

impl StateDir {
    /// Opens the folder, creating it (and folders above it) with mode 0700 where it is missing,
    /// locks it, and removes what an interrupted [`crate::write_atomically`] left behind.
    ///
    /// # Errors
    /// [`FileError::InUse`] where another process has it, [`FileError::Exposed`] where others may
    /// reach it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let root = Folder::ensure(path.into())?;
        let file = lock_file(&root.0.join(LOCK))?;
        sweep(&root.0)?;
        Ok(Self { root, _lock: file })
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Folder {
        &self.root
    }
}

impl Folder {
    /// Opens a folder that belongs to a state directory, creating it (and folders above it) with
    /// mode 0700 where it is missing.
    ///
    /// # Errors
    /// [`FileError::Exposed`] where others may reach it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        Self::ensure(path.into())
    }

    /// The same, where it must be there.
    ///
    /// # Errors
    /// [`FileError::Missing`] where it is not, [`FileError::Exposed`] where others may reach it.
    pub fn existing(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let path = path.into();
        match path.try_exists() {
            Ok(true) => Self::ensure(path),
            Ok(false) => Err(FileError::Missing(path)),
            Err(error) => Err(FileError::system("look at", &path)(error)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, whether it exists or not.
    ///
    /// # Errors
    /// [`FileError::BadName`] unless the name has 1 to 128 ASCII letters, digits, `.`, `-`, `_`,
    /// the first of them not `.`.
    pub fn file(&self, name: &str) -> Result<PathBuf, FileError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let good = !name.starts_with('.') && name.chars().all(allowed);
        if name.is_empty() || name.len() > NAME_BYTES || !good {
            return Err(FileError::BadName { name: name.to_owned(), folder: self.0.clone() });
        }
        Ok(self.0.join(name))
    }

    /// A folder in it, created with mode 0700 where it is missing.
    ///
    /// # Errors
    /// As [`Self::file`], and [`FileError::Exposed`] where others may reach it.
    pub fn folder(&self, name: &str) -> Result<Self, FileError> {
        Self::ensure(self.file(name)?)
    }

    fn ensure(path: PathBuf) -> Result<Self, FileError> {
        let missing: Vec<_> = path.ancestors().take_while(|above| !exists(above)).collect();
        for folder in missing.into_iter().rev() {
            let created = DirBuilder::new().mode(0o700).create(folder);
            created.map_err(FileError::system("create", folder))?;
            sync_folder(folder)?;
        }
        let meta = path.metadata().map_err(FileError::system("look at", &path))?;
        if !meta.is_dir() {
            return Err(FileError::Unfit { path, wanted: "a folder" });
        }
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(FileError::Exposed { path, mode, folder: true });
        }
        Ok(Self(path))
    }
}

/// The empty path is what stands above a relative one: the working directory.
fn exists(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.exists()
}

fn lock_file(path: &Path) -> Result<Locked, FileError> {
    let mut options = OpenOptions::new();
    let file = open_private(path, options.write(true).create(true).truncate(false).mode(0o600))?;
    lock(&file, path)?;
    Ok(Locked::of(file))
}

/// Removes half-written files in this folder and those below. Only with the lock held: nobody is
/// writing them.
fn sweep(folder: &Path) -> Result<(), FileError> {
    let failed = FileError::system("list", folder);
    for entry in std::fs::read_dir(folder).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(&failed)?);
        if kind.is_dir() {
            sweep(&path)?;
        } else if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            std::fs::remove_file(&path).map_err(FileError::system("remove", &path))?;
        }
    }
    Ok(())
}
