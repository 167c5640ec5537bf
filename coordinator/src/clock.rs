//! The time, in the forms in which it is needed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ripieno_coordinator_engine::Clock;

/// Seconds since 1970-01-01 UTC. A clock that is set before that reads 0.
#[must_use]
pub(crate) fn unix_now() -> u64 {
    unix(SystemTime::now())
}

/// Milliseconds since 1970-01-01 UTC.
#[must_use]
pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A point in time in seconds since 1970-01-01 UTC.
#[must_use]
pub(crate) fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The point in time so many seconds after 1970-01-01 UTC.
#[must_use]
pub(crate) fn system(unix: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(unix)).unwrap_or(UNIX_EPOCH)
}

/// The time since this process began to coordinate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Instant);

impl Watch {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// As the engine wants it.
    pub(crate) fn read(self) -> Clock {
        Clock { since_start: self.0.elapsed(), unix: unix_now() }
    }

    /// How long it runs.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The instant so long after the start.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        // Far beyond any deadline where the sum does not fit.
        self.0.checked_add(since_start).unwrap_or(self.0 + Duration::from_hours(24 * 365))
    }
}
