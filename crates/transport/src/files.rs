//! Files of keys and certificates: read with a bound, replaced as a whole.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ripieno_files::write_atomically;
use thiserror::Error;
use zeroize::Zeroizing;

/// The largest file that is read, in bytes: a list of some tens of thousands of revocations.
const MAX_FILE: usize = 4 << 20;

/// What is wrong with a file of a key, a certificate or a revocation list.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system did not let us read it.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be written; the error names it.
    #[error(transparent)]
    Write(#[from] ripieno_files::FileError),
    /// Others on this machine can read or change a private key.
    #[error(
        "{}: holds a private key and everybody on this machine may open it (mode {mode:o}): chmod 600 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is larger than any such file.
    #[error("{}: larger than {MAX_FILE} bytes: this is not the file that was meant", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or holds something else.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
}

impl FileError {
    /// A file whose content is not what it should be.
    pub(crate) fn content(path: &Path, reason: &dyn Display) -> Self {
        Self::Content { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Who may read a file.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// Its owner alone (0600).
    Owner,
    /// Everybody; the owner may write (0644).
    Everybody,
}

/// Replaces a file as a whole: after a crash there is the old one or the new one, and when this
/// returns the new one is on the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let mode = match access {
        Access::Owner => 0o600,
        Access::Everybody => 0o644,
    };
    Ok(write_atomically(path, bytes, mode)?)
}

/// Reads a file that anybody may see.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    read_open(path, open(path)?)
}

/// Reads a file with a private key, unless others may read it too.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open(path)?;
    let mode = file.metadata().map_err(cannot_read(path))?.permissions().mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode });
    }
    read_open(path, file)
}

fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(cannot_read(path))
}

fn read_open(path: &Path, file: File) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let length = file.metadata().map_err(cannot_read(path))?.len();
    let too_large = || FileError::TooLarge { path: path.to_owned() };
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_FILE);
    // One buffer that never has to grow: what a vector leaves behind when it grows is not erased.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.ok_or_else(too_large)? + 64));
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(cannot_read(path))?;
    if bytes.len() > MAX_FILE { Err(too_large()) } else { Ok(bytes) }
}

fn cannot_read(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    |source| FileError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_private_file_is_0600_and_replaced_by_a_rename() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let before = File::open(&path).unwrap();

        replace(&path, b"new", Access::Owner).unwrap();

        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, fs::read(&path).unwrap().as_slice()), (0o600, b"new".as_slice()));
        // Whoever had the old file open still reads the old one: it was never written into.
        assert_ne!(before.metadata().unwrap().ino(), fs::metadata(&path).unwrap().ino());
        assert_eq!(io::read_to_string(before).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        replace(&path, b"key", Access::Everybody).unwrap();
        let error = read_private(&path).unwrap_err();
        assert!(matches!(error, FileError::Exposed { mode: 0o644, .. }), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
        replace(&path, b"key", Access::Owner).unwrap();
        assert_eq!(read_private(&path).unwrap().as_slice(), b"key");
    }

    #[test]
    fn what_cannot_be_read_or_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/such.pem");
        assert!(read(&path).unwrap_err().to_string().contains("no/such.pem"));
        let error = replace(&path, b"x", Access::Owner).unwrap_err();
        assert!(error.to_string().contains("no/such.pem"));
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge");
        File::create(&path).unwrap().set_len(MAX_FILE as u64 + 1).unwrap();
        assert!(matches!(read(&path), Err(FileError::TooLarge { .. })));
    }
}
