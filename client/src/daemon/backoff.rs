//! How long to wait before the next attempt.

use std::time::Duration;

use rand::RngExt as _;

use crate::config::Retry;

/// Doubling waits with a random part, so that sites that lost a coordinator together do not come
/// back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    retry: Retry,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(retry: Retry) -> Self {
        Self { retry, failures: 0 }
    }

    /// A session was good: the next wait is a first one again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: between a half and the whole of first · 2^failures, at most the longest.
    pub(crate) fn next(&mut self) -> Duration {
        let whole =
            self.retry.first().as_secs_f64() * 2_f64.powi(self.failures.min(30).cast_signed());
        self.failures = self.failures.saturating_add(1);
        let whole = whole.min(self.retry.longest().as_secs_f64());
        Duration::from_secs_f64(whole * rand::rng().random_range(0.5..1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::new(Retry { first_seconds: 0.5, longest_seconds: 60.0 });
        for expected in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let wait = backoff.next().as_secs_f64();
            assert!((0.5 * expected..expected).contains(&wait), "{wait} of {expected}");
        }
        (0..100).for_each(|_| assert!(backoff.next().as_secs_f64() < 60.0));
        backoff.reset();
        assert!(backoff.next().as_secs_f64() < 0.5);
    }

    #[test]
    fn two_sites_do_not_wait_equally_long() {
        let waits: Vec<_> = (0..20).map(|_| Backoff::new(Retry::default()).next()).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
