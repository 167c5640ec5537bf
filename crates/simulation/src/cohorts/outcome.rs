//! What a simulation of cohorts found.

use std::sync::Mutex;
use std::time::Duration;

use ripieno_analysis::Report;
use ripieno_study::{Digest, SiteIndex};

use crate::cohorts::cast::Cast;
use crate::cohorts::setup::Cohort;
use crate::network::Traffic;
use crate::outcome::Seen;

/// The result, and how it came about.
#[derive(Debug)]
pub struct CohortsOutcome {
    /// The result.
    pub report: Report,
    /// Number of sites.
    pub sites: usize,
    /// c.
    pub corrupt: u16,
    /// Number of cohorts.
    pub count: usize,
    /// Seed of the draw, which names it.
    pub draw: Digest,
    /// The seed: with it the run can be repeated.
    pub seed: u64,
    /// Every cohort in every round, in the order in which they were done.
    pub cohorts: Vec<CohortRecord>,
    /// Every round.
    pub rounds: Vec<RoundTotal>,
    /// Bytes that a site sent.
    pub sent: Spread,
    /// Bytes that a site received.
    pub received: Spread,
    /// Bytes of all sites: what the coordinator received and sent.
    pub coordinator: Traffic,
    /// Where the time went.
    pub times: Times,
}

/// A round in one cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct CohortRecord {
    /// Number of the round.
    pub round: u32,
    /// Number of the cohort.
    pub number: u32,
    /// |P|.
    pub participants: usize,
    /// |U|.
    pub survivors: usize,
    /// m.
    pub minimum: u16,
    /// Slots that were voided before.
    pub voided: u32,
    /// Time for E1 to E4.
    pub set_up: Duration,
    /// Time for R1 and R2.
    pub upload: Duration,
    /// Time for R3 and R4.
    pub open: Duration,
    /// Time for R5 and W5.
    pub verify: Duration,
}

/// A round over all cohorts.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundTotal {
    /// Number of the round.
    pub round: u32,
    /// Sites in the sum.
    pub survivors: usize,
    /// Sites that might have been.
    pub participants: usize,
    /// The first values of the total, at most [`RoundTotal::SHOWN`].
    pub total: Vec<f64>,
    /// The same of the survivors' values, added without any protocol.
    pub direct: Vec<f64>,
    /// The largest difference between the two, over all values.
    pub difference: f64,
    /// Bytes of the message with the sums of all cohorts.
    pub bytes: u64,
    /// How many sites checked that message.
    pub checked_by: usize,
    /// What the coordinator saw of one site's upload.
    pub seen: Option<(SiteIndex, Seen)>,
    /// Time to add and to check.
    pub elapsed: Duration,
}

impl RoundTotal {
    /// How many values are kept.
    pub const SHOWN: usize = 3;
}

/// How a number spreads over the sites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// The least.
    pub least: u64,
    /// The median.
    pub median: u64,
    /// The most.
    pub most: u64,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Keys, and a charter that all sites have signed.
    pub charter: Duration,
    /// W1 to W4.
    pub draw: Duration,
    /// E1 to R5 and W5 in all cohorts, side by side.
    pub cohorts: Duration,
    /// W6.
    pub total: Duration,
    /// The whole run.
    pub all: Duration,
}

/// What happened so far.
#[derive(Default)]
pub(super) struct Course {
    pub(super) cohorts: Vec<CohortRecord>,
    pub(super) rounds: Vec<RoundTotal>,
}

impl CohortsOutcome {
    pub(super) fn new(
        cast: &Cast,
        draw: Digest,
        report: Report,
        course: Course,
        cells: Vec<Mutex<Cohort>>,
        times: Times,
    ) -> Self {
        let count = cells.len();
        let cohorts = cells.into_iter().filter_map(|cell| cell.into_inner().ok());
        let traffic: Vec<Traffic> =
            cohorts.flat_map(|cohort| cohort.members.into_values()).map(|m| m.traffic).collect();
        Self {
            report,
            sites: cast.keys.len(),
            corrupt: cast.charter.corrupt(),
            count,
            draw,
            seed: cast.seed,
            cohorts: course.cohorts,
            rounds: course.rounds,
            sent: spread(traffic.iter().map(|traffic| traffic.sent)),
            received: spread(traffic.iter().map(|traffic| traffic.received)),
            coordinator: Traffic {
                sent: traffic.iter().map(|traffic| traffic.received).sum(),
                received: traffic.iter().map(|traffic| traffic.sent).sum(),
            },
            times,
        }
    }
}

fn spread(values: impl Iterator<Item = u64>) -> Spread {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    let at = |place: usize| values.get(place).copied().unwrap_or(0);
    let last = values.len().saturating_sub(1);
    Spread { least: at(0), median: at(last / 2), most: at(last) }
}
