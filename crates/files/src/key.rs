//! Seeds of signing keys: 32 bytes each, in a file that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::atomic::create_atomically;
use crate::error::FileError;

const WANTED: &str = "a key file: 32 bytes, not all zero";

/// A file with the seed of an Ed25519 key (RFC 8032 §5.1.5): its 32 bytes and nothing else.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key file at `path`, whether it exists or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a new key file with mode 0600, durable when this returns.
    ///
    /// # Errors
    /// [`FileError::Exists`]: a key is never replaced. Otherwise what the system said.
    pub fn create(&self, seed: &Zeroizing<[u8; 32]>) -> Result<(), FileError> {
        create_atomically(&self.path, seed.as_slice(), 0o600)
    }

    /// Reads the seed; the only copy in memory is the one that is returned.
    ///
    /// # Errors
    /// [`FileError::Exposed`] where others than the owner have any right to the file,
    /// [`FileError::Unfit`] where it does not hold a seed (32 zero bytes are what a crash of a
    /// disk leaves, never a key that was drawn).
    pub fn read(&self) -> Result<Zeroizing<[u8; 32]>, FileError> {
        let mut file = open_private(&self.path, OpenOptions::new().read(true))?;
        let failed = FileError::system("read", &self.path);
        let unfit = || FileError::Unfit { path: self.path.clone(), wanted: WANTED };
        if file.metadata().map_err(&failed)?.len() != 32 {
            return Err(unfit());
        }
        let mut seed = Zeroizing::new([0; 32]);
        file.read_exact(seed.as_mut_slice()).map_err(&failed)?;
        // Without an early end: how long it takes says nothing of the seed.
        if bool::from(seed.as_slice().ct_eq(&[0; 32])) {
            return Err(unfit());
        }
        Ok(seed)
    }
}

/// Opens an existing regular file that nobody but its owner may reach; links are not followed.
pub(crate) fn open_private(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    // Not to wait for the other end where somebody put a pipe.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file =
        options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| match error
            .kind()
        {
            ErrorKind::NotFound => FileError::Missing(path.to_owned()),
            _ => FileError::system("open", path)(error),
        })?;
    let meta = file.metadata().map_err(FileError::system("look at", path))?;
    if !meta.is_file() {
        return Err(FileError::Unfit { path: path.to_owned(), wanted: "a regular file" });
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode, folder: false });
    }
    Ok(file)
}
