//! R5, second half: sites verify their tiles of a large sum before the next round.

use std::time::Duration;

use ripieno_analysis::Step;
use ripieno_secagg::Roster;
use ripieno_secagg::round::publish::{SumRecord, Verdict};
use ripieno_study::{SiteIndex, SiteSet};

/// The verdicts on a sum.
pub(crate) struct Settling {
    pub(crate) since: Duration,
    pub(crate) record: SumRecord,
    pub(crate) verdicts: Vec<Verdict>,
    /// What follows once the sum is found right.
    pub(crate) next: Step,
    /// Sites that were lost in the round.
    pub(crate) lost: SiteSet,
}

impl Settling {
    pub(crate) fn receive(&mut self, site: SiteIndex, verdict: Verdict) {
        let known = self.verdicts.iter().any(|known| known.from == verdict.from);
        if verdict.from == site && !known {
            self.verdicts.push(verdict);
        }
    }

    /// Whether enough sites found every tile right.
    pub(crate) fn is_complete(&self, roster: &Roster) -> bool {
        self.record.check_verdicts(roster, &self.verdicts).is_ok()
    }
}
