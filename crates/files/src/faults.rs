//! Disks that fail, for tests: the calls of [`crate`] that make something durable are counted below
//! a folder, and fail from one of them on.
//!
//! Only with the feature `faults`, which no program is built with.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

/// What was asked of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// To write bytes.
    Write,
    /// To make them, or names, durable.
    Flush,
    /// To make, rename or remove a file, or to cut one off.
    Name,
}

/// How a disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is full: a first part of what is written gets there, and then nothing more; what needs no
    /// room goes on.
    Full,
    /// It was mounted anew to be read alone, as systems do when a disk fails: nothing goes on.
    ReadOnly,
    /// This one call fails, and those behind it are said to succeed: as after a failed flush, when
    /// the system has dropped the pages.
    Once,
}

/// A folder whose calls are counted, until this is dropped.
#[derive(Debug)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    folder: PathBuf,
    calls: Vec<(Call, PathBuf)>,
    planned: Option<(usize, Fault)>,
    failed: Vec<(Call, PathBuf)>,
}

static DISKS: Mutex<Vec<Arc<Mutex<State>>>> = Mutex::new(Vec::new());

impl Disk {
    /// Counts the calls for files in this folder and those below.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        let (folder, calls, failed) = (folder.to_owned(), Vec::new(), Vec::new());
        let state = Arc::new(Mutex::new(State { folder, calls, planned: None, failed }));
        locked(&DISKS).push(state.clone());
        Self(state)
    }

    /// The calls so far, each with its file.
    #[must_use]
    pub fn calls(&self) -> Vec<(Call, PathBuf)> {
        locked(&self.0).calls.clone()
    }

    /// The call with this number, counted from 0, fails; what becomes of those behind it, the fault
    /// says.
    pub fn fail(&self, number: usize, fault: Fault) {
        locked(&self.0).planned = Some((number, fault));
    }

    /// The calls that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<(Call, PathBuf)> {
        locked(&self.0).failed.clone()
    }

    /// Everything succeeds again.
    pub fn mend(&self) {
        locked(&self.0).planned = None;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        locked(&DISKS).retain(|other| !Arc::ptr_eq(other, &self.0));
    }
}

impl State {
    fn take(&mut self, call: Call, path: &Path) -> Option<Errno> {
        let number = self.calls.len();
        self.calls.push((call, path.to_owned()));
        let (first, fault) = self.planned.filter(|(first, _)| number >= *first)?;
        let errno = match fault {
            Fault::Full => (call == Call::Write).then_some(Errno::NOSPC),
            Fault::ReadOnly => Some(Errno::ROFS),
            Fault::Once => (number == first).then_some(Errno::IO),
        };
        if errno.is_some() {
            self.failed.push((call, path.to_owned()));
        }
        errno
    }
}

/// Counts a call; the error with which it fails.
pub(crate) fn admit(call: Call, path: &Path) -> Result<()> {
    let disks = locked(&DISKS).clone();
    let mut below = disks.iter().map(|disk| locked(disk));
    let disk = below.find(|disk| path.starts_with(&disk.folder));
    let errno = disk.and_then(|mut disk| disk.take(call, path));
    errno.map_or(Ok(()), |errno| Err(Error::from(errno)))
}

/// The same of a call that writes: where the disk is full, half of the bytes are written.
pub(crate) fn admit_write(
    path: &Path,
    bytes: &[u8],
    write: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<()> {
    let Err(error) = admit(Call::Write, path) else { return Ok(()) };
    if error.kind() == std::io::ErrorKind::StorageFull {
        let (half, _) = bytes.split_at(bytes.len() / 2);
        write(half)?;
    }
    Err(error)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed elsewhere has left the list whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
