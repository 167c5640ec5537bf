//! The study waits for the sites that the next round needs, and for an epoch with a slot.

use std::time::Duration;

use ripieno_study::SiteSet;

use crate::limits::Limits;

/// What the study waits for.
pub(crate) struct Waiting {
    pub(crate) since: Duration,
    /// Sites that were lost in the round before: they get a moment to come back.
    pub(crate) lost: SiteSet,
}

impl Waiting {
    /// When something is to be done about it.
    pub(crate) fn deadline(&self, limits: &Limits) -> Duration {
        self.since + if self.lost.is_empty() { limits.wait } else { limits.rejoin }
    }
}
