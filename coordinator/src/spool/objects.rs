//! Whole files under a name.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ripieno_files::{FileError, Folder};
use thiserror::Error;

/// How names begin of files that are still being written; the state folder removes them when it is
/// opened.
pub(crate) const TEMPORARY: &str = ".ripieno-tmp-";

/// How what is said of a failed flush begins.
pub(super) const FLUSH: &str = "make durable";

/// Storage for whole files, each written once and read at any place. It may be shared by several
/// threads.
pub trait Objects: fmt::Debug + Send + Sync {
    /// Takes over the file at `path` under `name`, in place of one that had the name. When this
    /// returns `Ok`, it survives a crash of the machine; when not, the file may be gone.
    ///
    /// # Errors
    /// Where the storage fails.
    fn put(&self, name: &str, path: &Path) -> Result<(), ObjectError>;

    /// Opens an object for reading. It can be read to the end even when it is deleted meanwhile.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], or where the storage fails.
    fn open(&self, name: &str) -> Result<Box<dyn Object>, ObjectError>;

    /// Deletes an object; one that is not there is no error.
    ///
    /// # Errors
    /// Where the storage fails.
    fn delete(&self, name: &str) -> Result<(), ObjectError>;

    /// The objects whose names begin with `prefix`, in no order.
    ///
    /// # Errors
    /// Where the storage fails.
    fn list(&self, prefix: &str) -> Result<Vec<Stored>, ObjectError>;
}

/// An object that is open for reading.
pub trait Object: Send + Sync {
    /// Bytes that it has.
    fn bytes(&self) -> u64;

    /// Fills the buffer with the bytes from `offset` on.
    ///
    /// # Errors
    /// Where there are not so many, or the storage fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError>;
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Bytes that it has.
    pub bytes: u64,
}

/// Why an object cannot be stored or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The file system said no; the error names the file.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such object.
    #[error("{name} is missing from {place}; restore it from the backup")]
    Missing {
        /// Its name.
        name: String,
        /// Where it should be.
        place: String,
    },
}

/// Objects as files of one folder, each with mode 0600. The files that are put must be on the same
/// file system.
#[derive(Clone, Debug)]
pub struct LocalObjects {
    folder: Folder,
}

impl LocalObjects {
    /// The objects in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`FileError::Exposed`] where others may reach the folder.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, FileError> {
        Ok(Self { folder: Folder::open(folder)? })
    }

    fn sync(&self) -> Result<(), FileError> {
        let folder = self.folder.path();
        let synced = File::open(folder).and_then(|file| file.sync_all());
        synced.map_err(system("make durable the folder", folder))
    }
}

impl Objects for LocalObjects {
    fn put(&self, name: &str, path: &Path) -> Result<(), ObjectError> {
        let target = self.folder.file(name)?;
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(system(FLUSH, path))?;
        std::fs::rename(path, &target).map_err(system("create", &target))?;
        Ok(self.sync()?)
    }

    fn open(&self, name: &str) -> Result<Box<dyn Object>, ObjectError> {
        let path = self.folder.file(name)?;
        let file = File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ObjectError::Missing {
                name: name.to_owned(),
                place: self.folder.path().display().to_string(),
            },
            _ => system("open", &path)(error).into(),
        })?;
        let bytes = file.metadata().map_err(system("look at", &path))?.len();
        Ok(Box::new(LocalObject { file, path, bytes }))
    }

    fn delete(&self, name: &str) -> Result<(), ObjectError> {
        let path = self.folder.file(name)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(system("remove", &path)(error).into())
            }
            _ => Ok(()),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Stored>, ObjectError> {
        let folder = self.folder.path();
        let failed = system("list", folder);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            // Names that are not Unicode are none that this gave.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(prefix) {
                let bytes = entry.metadata().map_err(&failed)?.len();
                found.push(Stored { name, bytes });
            }
        }
        Ok(found)
    }
}

struct LocalObject {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Object for LocalObject {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        let read = self.file.read_exact_at(buffer, offset);
        Ok(read.map_err(system("read", &self.path))?)
    }
}

/// For `map_err`: what was tried with which file.
pub(crate) fn system(
    doing: &'static str,
    path: &Path,
) -> impl Fn(std::io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |error| FileError::System { doing, path: path.clone(), error }
}
