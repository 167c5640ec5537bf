//! Coordinator and sites in one process, over encoded messages and a scripted network.
//!
//! [`simulate`] runs a study on the CSV files of a folder, each a site. It drives the same state
//! machines as the daemons, hands every message on as bytes, and lets sites drop out of rounds on
//! demand. The clock is virtual: a deadline passes when nothing else can happen, so nothing waits.
//!
//! [`simulate_cohorts`] runs made-up sites, more than one cohort holds.

mod cohorts;
mod error;
mod federation;
mod losses;
mod network;
mod outcome;
mod tables;

pub use cohorts::{
    CohortOptions, CohortRecord, CohortsOutcome, RoundTotal, Spread, Stage, Times, simulate_cohorts,
};
pub use error::SimulationError;
pub use federation::{Numbers, default_corrupt};
pub use losses::Losses;
pub use network::Traffic;
pub use outcome::{Outcome, RoundRecord, Seen, SumReceipt};
pub use tables::{SiteTable, tables_in};

use std::time::Instant;

use ripieno_coordinator_engine::Event;
use ripieno_study::Study;

use federation::Federation;

/// How a simulation runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which sites drop out, and when.
    pub losses: Losses,
    /// Seed of every key, share, mask, rounding and drop; `None` draws one. The same seed gives
    /// the same run to the last bit: only a simulation may do that.
    pub seed: Option<u64>,
}

/// An event with the names of the sites in it.
pub struct Watched<'a> {
    /// What happened.
    pub event: &'a Event,
    /// Name of a site.
    pub name: &'a dyn Fn(ripieno_study::SiteIndex) -> &'a str,
    /// The numbers of the federation.
    pub numbers: Numbers,
}

/// Runs a study with one site for each table. `watch` sees every event as it happens.
///
/// # Errors
/// [`SimulationError`]: a table that cannot be used (file, line, column), too few sites for what
/// the study asks, a site that refused, or a study that was given up. Nothing starts before every
/// table was checked.
pub fn simulate(
    study: &Study,
    tables: &[SiteTable],
    options: &Options,
    watch: &mut dyn FnMut(&Watched<'_>),
) -> Result<Outcome, SimulationError> {
    let started = Instant::now();
    let seed = options.seed.unwrap_or_else(rand::random);
    let federation = Federation::new(study, tables, seed)?;
    network::run(federation, study, options, watch, started)
}
