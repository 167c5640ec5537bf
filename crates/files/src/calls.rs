//! The calls to the system by which something becomes durable, each in one place: under the feature
//! `faults` a test can let any of them fail.

use std::fs::File;
use std::io::{Result, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

#[cfg(feature = "faults")]
use crate::faults::{Call, admit, admit_write};

/// Writes all bytes at a place of the file at `path`.
pub(crate) fn write_at(file: &File, path: &Path, bytes: &[u8], offset: u64) -> Result<()> {
    #[cfg(feature = "faults")]
    admit_write(path, bytes, |half| file.write_all_at(half, offset))?;
    let _ = path;
    file.write_all_at(bytes, offset)
}

/// Writes all bytes to what will be the file at `path`.
pub(crate) fn write(file: &mut impl Write, path: &Path, bytes: &[u8]) -> Result<()> {
    #[cfg(feature = "faults")]
    admit_write(path, bytes, |half| file.write_all(half))?;
    let _ = path;
    file.write_all(bytes)
}

/// Makes the bytes of a file durable.
pub(crate) fn flush_data(file: &File, path: &Path) -> Result<()> {
    #[cfg(feature = "faults")]
    admit(Call::Flush, path)?;
    let _ = path;
    file.sync_data()
}

/// Makes a file, or the names in a folder, durable.
pub(crate) fn flush(file: &File, path: &Path) -> Result<()> {
    #[cfg(feature = "faults")]
    admit(Call::Flush, path)?;
    let _ = path;
    file.sync_all()
}

/// Gives a file a name, takes one away, or cuts a file off.
pub(crate) fn name<T, E: From<std::io::Error>>(
    path: &Path,
    change: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    #[cfg(feature = "faults")]
    admit(Call::Name, path)?;
    let _ = path;
    change()
}
