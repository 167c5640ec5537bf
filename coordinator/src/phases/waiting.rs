//! The study waits for the sites that the next round needs, and for an epoch with a slot.

use std::time::Duration;

/// Since when it waits.
pub(crate) struct Waiting {
    pub(crate) since: Duration,
}
