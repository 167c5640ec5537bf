//! What goes on over a connection: an idle one may be closed, one that is stuck is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The calls under way on one connection. Clones speak of the same one.
#[derive(Clone, Debug)]
pub struct Usage(Arc<Mutex<State>>);

/// A call that is under way until this is dropped.
#[derive(Debug)]
pub struct Call {
    of: Usage,
    number: u64,
}

#[derive(Debug)]
struct State {
    next: u64,
    /// When each should have ended, where that matters.
    calls: BTreeMap<u64, Option<Instant>>,
    idle_since: Instant,
}

impl Usage {
    pub(super) fn new() -> Self {
        let idle_since = Instant::now();
        Self(Arc::new(Mutex::new(State { next: 0, calls: BTreeMap::new(), idle_since })))
    }

    /// Begins a call; it should have ended within `limit`.
    #[must_use = "the call ends when this is dropped"]
    pub fn begin(&self, limit: Option<Duration>) -> Call {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.calls.insert(number, limit.map(|limit| Instant::now() + limit));
        Call { of: self.clone(), number }
    }

    /// Since when no call has been under way; `None` while one is.
    #[must_use]
    pub fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        state.calls.is_empty().then_some(state.idle_since)
    }

    /// When the first of its calls should have ended; `None` where none has to.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.state().calls.values().flatten().min().copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves the state half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.of.state();
        state.calls.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_between_calls_and_late_with_the_first_that_is_due() {
        let usage = Usage::new();
        let began = usage.idle_since().unwrap();
        let endless = usage.begin(None);
        assert_eq!((usage.idle_since(), usage.due()), (None, None));
        let late = usage.begin(Some(Duration::from_secs(9)));
        let early = usage.begin(Some(Duration::from_secs(5)));
        assert!(usage.due().unwrap() < began + Duration::from_secs(8));
        drop(early);
        assert!(usage.due().unwrap() > began + Duration::from_secs(8));
        drop((late, endless));
        assert!(usage.idle_since().unwrap() >= began && usage.due().is_none());
    }
}
