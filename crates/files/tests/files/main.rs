//! Files on a real disk: cut short, altered, full, shared, exposed.

mod append;
mod child;
mod doors;
mod faults;
mod small;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ripieno_files::Limits;
use rustix::process::{Uid, geteuid};

const LIMITS: Limits = Limits { record: 4096, file: 1 << 20 };

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs something as a user to whom permissions apply: root may do anything. Only the thread
/// changes its user, so other tests do not notice.
fn as_ordinary_user<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let nobody = Uid::from_raw(65534);
    let root = geteuid().is_root();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            if root {
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            run()
        });
        thread.join().unwrap()
    })
}

/// A folder that belongs to the user of [`as_ordinary_user`].
fn ordinary_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if geteuid().is_root() {
        std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).unwrap();
    }
    folder
}
