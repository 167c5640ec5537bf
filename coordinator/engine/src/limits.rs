//! How long each phase may take, how often a round is repeated, how much stays in memory.

use std::time::Duration;

/// Deadlines of the phases, and bounds. A phase ends earlier when everyone has answered.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sites decide about a study.
    pub offer: Duration,
    /// Each step of an epoch's set-up; after one that failed, the wait for the next, twice as long
    /// each time, up to ten minutes.
    pub setup: Duration,
    /// Sites compute and upload.
    pub collect: Duration,
    /// Holders sign an outcome.
    pub decide: Duration,
    /// Holders release shares, or prove them.
    pub open: Duration,
    /// Holders are asked again to sign VOID after so long.
    pub void: Duration,
    /// Sites verify their tiles of a large sum.
    pub settle: Duration,
    /// The next round waits so long for sites that were lost in the one before.
    pub rejoin: Duration,
    /// After a restart of the coordinator, or a change of the charter, sites have so long to come back
    /// before a round begins without them.
    pub restart: Duration,
    /// A study waits so long for the sites that it needs.
    pub wait: Duration,
    /// How often one round is repeated after VOID before the study is given up.
    pub attempts: u32,
    /// Slots in an epoch.
    pub slots: u16,
    /// Studies that have ended and stay in memory, with the sums that sites may still need; older
    /// ones are in the driver's store alone.
    pub ended: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            offer: Duration::from_secs(60),
            setup: Duration::from_secs(30),
            collect: Duration::from_secs(600),
            decide: Duration::from_secs(60),
            open: Duration::from_secs(60),
            void: Duration::from_secs(60),
            settle: Duration::from_secs(600),
            rejoin: Duration::from_secs(5),
            restart: Duration::from_secs(30),
            wait: Duration::from_secs(7 * 24 * 3600),
            attempts: 200,
            slots: ripieno_secagg::params::MAX_SLOTS,
            ended: 64,
        }
    }
}
