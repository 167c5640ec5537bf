//! One process at a time: exclusive locks that the kernel gives up when their holder dies.

use std::fs::File;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock, major, minor};
use rustix::io::Errno;

use crate::error::FileError;

/// A file that this process has locked. It is free when dropped, also where a process that is just
/// being started still has a copy of the descriptor.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Locked {
    /// Takes a file that [`lock`] has locked.
    pub(crate) fn of(file: File) -> Self {
        Self(file)
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Where this fails, closing the file frees it a moment later.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Locks an open file, or says who has it.
pub(crate) fn lock(file: &File, path: &Path) -> Result<(), FileError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => {
            Err(FileError::InUse { path: path.to_owned(), pid: holder(file) })
        }
        Err(error) => Err(FileError::system("lock", path)(error)),
    }
}

/// Who holds the lock, as far as the kernel's list tells: it may be out of sight in a container.
fn holder(file: &File) -> Option<u32> {
    let meta = file.metadata().ok()?;
    let (device, inode) = (meta.dev(), meta.ino());
    let name = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    find(&std::fs::read_to_string("/proc/locks").ok()?, &name)
}

/// Lines look like `1: FLOCK  ADVISORY  WRITE 4711 fe:00:10453255 0 EOF`; one that waits has an
/// arrow behind its number.
fn find(locks: &str, name: &str) -> Option<u32> {
    locks.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [_, "FLOCK", _, _, pid, at, ..] if at == name => pid.parse().ok().filter(|pid| *pid != 0),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_read_from_the_list_of_locks() {
        let locks = "1: FLOCK  ADVISORY  WRITE 24724 fe:00:10011238 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 9 fe:00:77 0 EOF\n\
                     3: POSIX  ADVISORY  WRITE 8 fe:00:77 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 0 fe:00:78 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE 31 fe:00:77 0 EOF\n";
        assert_eq!(find(locks, "fe:00:10011238"), Some(24724));
        assert_eq!(find(locks, "fe:00:77"), Some(31));
        assert_eq!(find(locks, "fe:00:78"), None, "a process outside this container");
        assert_eq!(find(locks, "fe:00:1"), None);
    }
}
