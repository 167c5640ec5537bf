//! How many bytes all uploads together may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes in use, of those that may be. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    most: u64,
    used: Arc<AtomicU64>,
}

/// Bytes in use by an upload that is not complete; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    quota: Quota,
    bytes: u64,
}

impl Quota {
    /// At most so many bytes, some of which are in use already.
    pub(crate) fn new(most: u64, used: u64) -> Self {
        Self { most, used: Arc::new(AtomicU64::new(used)) }
    }

    /// A claim of no bytes yet.
    pub(crate) fn claim(&self) -> Claim {
        Claim { quota: self.clone(), bytes: 0 }
    }

    /// Gives back bytes that no claim holds.
    pub(crate) fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // It always answers `Some`, so this is never refused.
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Claim {
    /// Takes more bytes, if so many are left; says otherwise how many there may be in all.
    pub(crate) fn add(&mut self, bytes: u64) -> Result<(), u64> {
        let Quota { most, used } = &self.quota;
        let more = |used: u64| used.checked_add(bytes).filter(|used| used <= most);
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(|_| *most)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes stay in use until somebody gives them back.
    pub(crate) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.quota.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_bounded_and_comes_back() {
        let quota = Quota::new(10, 4);
        let mut claim = quota.claim();
        assert_eq!(claim.add(7), Err(10));
        assert_eq!(claim.add(5), Ok(()));
        assert_eq!(quota.claim().add(2), Err(10), "claims count together");
        assert_eq!(claim.add(u64::MAX), Err(10));
        drop(claim);
        assert_eq!(quota.used(), 4);
        let mut kept = quota.claim();
        assert_eq!(kept.add(6), Ok(()));
        kept.keep();
        assert_eq!(quota.used(), 10);
        quota.give_back(6);
        assert_eq!(quota.used(), 4);
    }
}
