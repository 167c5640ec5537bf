//! How long each phase may take, and how often a round is repeated.

use std::time::Duration;

/// Deadlines of the phases. A phase ends earlier when everyone has answered.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sites decide about a study.
    pub offer: Duration,
    /// Each step of an epoch's set-up.
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
    /// A study waits so long for the sites that it needs.
    pub wait: Duration,
    /// How often one round is repeated after VOID before the study is given up.
    pub attempts: u32,
    /// Slots in an epoch.
    pub slots: u16,
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
            wait: Duration::from_secs(7 * 24 * 3600),
            attempts: 200,
            slots: ripieno_secagg::params::MAX_SLOTS,
        }
    }
}
