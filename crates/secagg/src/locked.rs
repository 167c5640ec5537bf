//! Memory for epoch secrets: locked against swapping, left out of core dumps, zeroised when given
//! back (docs/protocol.md §4). The only unsafe code of this crate.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags};
use zeroize::Zeroize;

/// 32 bytes: a scalar, or a key.
pub type Secret = [u8; 32];

/// A fixed number of 32-byte secrets in pages of their own.
///
/// Where the system forbids locking (a small `RLIMIT_MEMLOCK`), the pages are used unlocked and
/// [`Vault::is_locked`] says so, for the operator to see.
pub struct Vault {
    start: NonNull<Secret>,
    secrets: usize,
    bytes: usize,
    locked: bool,
}

// SAFETY: the pages belong to this value alone and are plain bytes; nothing about them is bound to
// the thread that mapped them.
unsafe impl Send for Vault {}
// SAFETY: shared references only read.
unsafe impl Sync for Vault {}

impl Vault {
    /// Room for `secrets` secrets, all zero.
    ///
    /// # Errors
    /// Where the system has no memory left.
    pub fn new(secrets: usize) -> std::io::Result<Self> {
        let page = rustix::param::page_size();
        let wanted = secrets.max(1).saturating_mul(size_of::<Secret>());
        let bytes = wanted.checked_next_multiple_of(page).ok_or(std::io::ErrorKind::OutOfMemory)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new private anonymous mapping at an address that the kernel chooses aliases
        // nothing.
        let start = unsafe {
            rustix::mm::mmap_anonymous(std::ptr::null_mut(), bytes, access, MapFlags::PRIVATE)
        }?;
        let start = NonNull::new(start).ok_or(std::io::ErrorKind::OutOfMemory)?;
        let locked = lock(start, bytes);
        Ok(Self { start: start.cast(), secrets, bytes, locked })
    }

    /// Whether the pages are locked in memory and left out of core dumps.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// All secrets.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        // SAFETY: `start` points to `bytes` ≥ 32 · `secrets` mapped, readable, initialised (zero
        // pages) bytes that live as long as `self`; `Secret` has alignment 1.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.secrets) }
    }

    /// All secrets, to write.
    pub fn secrets_mut(&mut self) -> &mut [Secret] {
        // SAFETY: as in `secrets`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.secrets) }
    }
}

fn lock(start: NonNull<c_void>, bytes: usize) -> bool {
    // SAFETY: both calls get exactly the pages that `Vault::new` has just mapped; they change how
    // the kernel treats them, not their content.
    unsafe {
        rustix::mm::mlock(start.as_ptr(), bytes).is_ok()
            && rustix::mm::madvise(start.as_ptr(), bytes, Advice::LinuxDontDump).is_ok()
            && rustix::mm::madvise(start.as_ptr(), bytes, Advice::LinuxDontFork).is_ok()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.secrets_mut().iter_mut().for_each(Zeroize::zeroize);
        // SAFETY: the mapping is `self`'s own and nothing refers to it any more.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok(), "unmapping one's own pages cannot fail");
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} secrets, <redacted>)", self.secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_apart_and_never_printed() {
        let mut vault = Vault::new(300).unwrap();
        assert!(vault.secrets().iter().all(|secret| *secret == [0; 32]));
        for (i, secret) in vault.secrets_mut().iter_mut().enumerate() {
            *secret = [i as u8; 32];
        }
        assert_eq!(vault.secrets()[299], [43; 32]);
        assert_eq!(format!("{vault:?}"), "Vault(300 secrets, <redacted>)");
    }

    #[test]
    fn pages_are_locked_where_the_limit_allows_it() {
        let vault = Vault::new(1).unwrap();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
        let page = rustix::param::page_size() as u64;
        // Other tests of this process lock pages too, hence the room.
        if limit.is_none_or(|bytes| bytes >= 256 * page) {
            assert!(vault.is_locked());
        } else {
            println!("skipped: RLIMIT_MEMLOCK is {limit:?}");
        }
    }
}
