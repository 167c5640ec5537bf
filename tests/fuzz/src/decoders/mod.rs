//! Whatever reads the bytes of a peer or of a file.

pub(crate) mod append;
pub(crate) mod cohorts;
pub(crate) mod connection;
pub(crate) mod identity;
pub(crate) mod journals;
pub(crate) mod lanes;
pub(crate) mod large_sum;
pub(crate) mod sums;
pub(crate) mod table;
pub(crate) mod texts;
pub(crate) mod wire;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

/// How much memory a decoder may take for so many bytes: whatever they say, and however they are
/// cut.
pub(crate) fn fair(bytes: usize) -> usize {
    (2 << 20) + 64 * bytes
}

/// A folder for this process, in memory where the system has such a one.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
        let memory = tempfile::tempdir_in("/dev/shm");
        memory.or_else(|_| tempfile::tempdir()).expect("a folder")
    });
    FOLDER.path()
}

/// Writes a file as its owner alone may read it.
pub(crate) fn write_private(path: &Path, data: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, data).expect("the folder can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
}
