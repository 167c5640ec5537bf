//! Where a table lies, and the folders that it must lie in.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use crate::error::CatalogError;
use crate::limits::MAX_FILE_BYTES;

/// The folders in which tables may lie. A path that leaves them by `..` or by a symbolic link, at
/// whatever place, is refused each time that the table is opened.
///
/// The folders themselves are taken as they are named, with links in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots(Arc<[PathBuf]>);

impl Roots {
    /// These folders, by absolute paths.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(folders.into_iter().collect())
    }
}

/// A table's path, with the folders that it may lie in; anywhere where there are none.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
    pub(crate) roots: Option<Roots>,
}

impl Origin {
    /// Somewhere.
    pub(crate) fn anywhere(path: &Path) -> Self {
        Self { path: path.to_owned(), roots: None }
    }

    /// Opens a regular file that is not too large. `file` is its name in errors.
    pub(crate) fn open(&self, file: &Arc<str>) -> Result<File, CatalogError> {
        let opened = match &self.roots {
            Some(roots) => beneath(roots, &self.path, file)?,
            None => {
                // Looked at before it is opened: to open a pipe would wait for its other end.
                let metadata = fs::metadata(&self.path).map_err(|error| failed(file, error))?;
                check(metadata.file_type().into(), metadata.len(), file)?;
                File::open(&self.path).map_err(|error| failed(file, error))?
            }
        };
        // What was opened is what was looked at.
        let metadata = opened.metadata().map_err(|error| failed(file, error))?;
        check(metadata.file_type().into(), metadata.len(), file)?;
        Ok(opened)
    }
}

/// What a path leads to.
#[derive(Clone, Copy)]
enum Found {
    File,
    Folder,
    Other,
}

impl From<fs::FileType> for Found {
    fn from(found: fs::FileType) -> Self {
        match (found.is_file(), found.is_dir()) {
            (true, _) => Self::File,
            (_, true) => Self::Folder,
            _ => Self::Other,
        }
    }
}

fn check(found: Found, bytes: u64, file: &Arc<str>) -> Result<(), CatalogError> {
    let found = match found {
        Found::File if bytes > MAX_FILE_BYTES => {
            return Err(CatalogError::FileTooLarge { file: file.clone() });
        }
        Found::File => return Ok(()),
        Found::Folder => "a directory",
        Found::Other => "a pipe or a device",
    };
    Err(CatalogError::NotAFile { file: file.clone(), found })
}

/// Opens a file below one of the folders, step by step, and follows no link on the way.
fn beneath(roots: &Roots, path: &Path, file: &Arc<str>) -> Result<File, CatalogError> {
    let outside = || CatalogError::Outside { file: file.clone() };
    let inside = roots.0.iter().find_map(|root| Some((root, path.strip_prefix(root).ok()?)));
    let (root, inside) = inside.ok_or_else(outside)?;
    let mut names = Vec::new();
    for component in inside.components() {
        match component {
            Component::Normal(name) => names.push(name),
            _ => return Err(outside()),
        }
    }
    let Some((last, folders)) = names.split_last() else {
        return Err(CatalogError::NotAFile { file: file.clone(), found: "a directory" });
    };
    let wrong = |error: Errno| match error {
        Errno::LOOP | Errno::NOTDIR => CatalogError::Link { file: file.clone() },
        error => failed(file, error.into()),
    };
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, root, folder, Mode::empty()).map_err(wrong)?;
    for name in folders {
        at = openat(&at, *name, folder | OFlags::NOFOLLOW, Mode::empty()).map_err(wrong)?;
    }
    // Looked at before it is opened, as above.
    let found = statat(&at, *last, AtFlags::SYMLINK_NOFOLLOW).map_err(wrong)?;
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Found::File,
        FileType::Directory => Found::Folder,
        FileType::Symlink => return Err(CatalogError::Link { file: file.clone() }),
        _ => Found::Other,
    };
    check(kind, 0, file)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(openat(&at, *last, flags, Mode::empty()).map_err(wrong)?.into())
}

/// What the system said of a file.
pub(crate) fn failed(file: &Arc<str>, source: io::Error) -> CatalogError {
    let file = file.clone();
    match source.kind() {
        io::ErrorKind::NotFound => CatalogError::NotFound { file },
        _ => CatalogError::Unreadable { file, source },
    }
}
