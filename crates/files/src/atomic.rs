//! Small files that are replaced as a whole: a reader sees the old bytes or the new ones.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::calls;
use crate::error::FileError;

/// How names of files begin that a killed process may have left half written.
pub(crate) const TEMPORARY: &str = ".ripieno-tmp-";

/// Replaces the file at `path` by one with these bytes and permission bits (such as 0o600),
/// whatever the umask. When this returns `Ok`, the new file survives a crash of the machine; when
/// it fails before that, the old one is still there.
///
/// # Errors
/// [`FileError::System`], naming the file.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    replace(written(path, bytes, mode)?, path)
}

/// As [`write_atomically`], for what is made to be handed on: whoever the umask lets read new files
/// may read it.
///
/// # Errors
/// [`FileError::System`], naming the file.
pub fn write_output(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut builder = tempfile::Builder::new();
    // Less the umask, when the system makes the file.
    builder.permissions(Permissions::from_mode(0o666));
    replace(filled(create(&mut builder, path)?, path, bytes)?, path)
}

/// Removes a file, durably; nothing where there is none.
///
/// # Errors
/// [`FileError::System`], naming the file.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match calls::name(path, || std::fs::remove_file(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::system("remove", path)(error))
        }
        _ => sync_folder(path),
    }
}

/// As [`write_atomically`], but where there is a file already, it is left as it is.
pub(crate) fn create_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    place(written(path, bytes, mode)?, path).map(drop)
}

/// A file beside `path` that holds these bytes, on the disk. It goes away when dropped.
pub(crate) fn written(path: &Path, bytes: &[u8], mode: u32) -> Result<NamedTempFile, FileError> {
    let temporary = create(&mut tempfile::Builder::new(), path)?;
    let permitted = temporary.as_file().set_permissions(Permissions::from_mode(mode & 0o777));
    permitted.map_err(FileError::system("write", path))?;
    filled(temporary, path, bytes)
}

fn create(
    builder: &mut tempfile::Builder<'_, '_>,
    path: &Path,
) -> Result<NamedTempFile, FileError> {
    let created = calls::name(path, || builder.prefix(TEMPORARY).tempfile_in(folder_of(path)));
    created.map_err(FileError::system("create a file beside", path))
}

fn filled(
    mut temporary: NamedTempFile,
    path: &Path,
    bytes: &[u8],
) -> Result<NamedTempFile, FileError> {
    let failed = FileError::system("write", path);
    calls::write(temporary.as_file_mut(), path, bytes).map_err(&failed)?;
    calls::flush(temporary.as_file(), path).map_err(&failed)?;
    Ok(temporary)
}

fn replace(temporary: NamedTempFile, path: &Path) -> Result<(), FileError> {
    let replaced = calls::name(path, || temporary.persist(path).map_err(|e| e.error));
    replaced.map_err(FileError::system("replace", path))?;
    sync_folder(path)
}

/// Gives a written file its name, unless that is taken.
pub(crate) fn place(temporary: NamedTempFile, path: &Path) -> Result<File, FileError> {
    let placed = calls::name(path, || temporary.persist_noclobber(path).map_err(|e| e.error));
    let file = placed.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
        _ => FileError::system("create", path)(error),
    })?;
    sync_folder(path)?;
    Ok(file)
}

/// Makes the name of a file durable, which syncing the file does not.
pub(crate) fn sync_folder(path: &Path) -> Result<(), FileError> {
    flush_folder(folder_of(path))
}

/// Makes the names in a folder durable: what another process left there before it was killed may be
/// seen, and not be on the disk yet.
///
/// # Errors
/// [`FileError::System`] where it is not there, or the system fails.
pub fn flush_folder(folder: &Path) -> Result<(), FileError> {
    let synced = File::open(folder).and_then(|file| calls::flush(&file, folder));
    synced.map_err(FileError::system("make durable the folder", folder))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
