//! One charter follows another: rounds are held, revoked sites are gone at once, and the studies go
//! on under the new charter as far as they can.

use std::sync::Arc;

use ripieno_identity::RatifiedCharter;
use ripieno_secagg::Roster;
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::{SiteIndex, SiteSet};

use crate::coordinator::{Clock, Coordinator};
use crate::desk::Desk;
use crate::error::SuccessionError;
use crate::phases::Phase;
use crate::run::Run;

impl Coordinator {
    /// Begins no slot and no set-up any more, until a charter succeeds, or
    /// [`release`](Coordinator::release). A restarted coordinator is not held.
    pub fn hold(&mut self) {
        self.desk.held = true;
    }

    /// Goes on after all.
    pub fn release(&mut self, clock: Clock) {
        self.desk.clock = clock;
        self.desk.held = false;
        self.settle();
    }

    /// Whether no slot is without its outcome, and no sum without its verdicts.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.runs.values().all(Run::is_quiet)
    }

    /// A site was revoked: from now on it counts as gone, nothing is sent to it or taken from it,
    /// and no phase waits for it. An upload of it that is complete stays in its slot.
    pub fn expel(&mut self, site: SiteIndex, clock: Clock) {
        self.desk.clock = clock;
        self.cut_off(&site.into());
        self.settle();
    }

    /// These sites count as gone; nothing moves on yet.
    pub(crate) fn cut_off(&mut self, sites: &SiteSet) {
        for site in sites.iter() {
            self.desk.expelled.insert(site);
            self.desk.present.remove(site);
            self.epochs.expel(site);
            for run in self.runs.values_mut() {
                run.expel(site);
            }
        }
    }

    /// Goes on under the charter that follows the one in force, once nothing is under way and all
    /// that there was to be made durable was handed out by [`Coordinator::drain`]. Epochs
    /// are of the old charter, and are dropped; sums are kept for sites that were in their epochs,
    /// until the coordinator restarts. A study whose fixed set was opened
    /// with a site that has left is over, and so is one on offer whose researcher's home has left.
    /// The driver stores the charter itself, before or with the changes that follow.
    ///
    /// # Errors
    /// [`SuccessionError`]; nothing was changed.
    pub fn succeed(
        &mut self,
        charter: RatifiedCharter,
        clock: Clock,
    ) -> Result<(), SuccessionError> {
        let fields = charter.charter().fields();
        if fields.previous != Some(self.charter.digest())
            || charter.federation() != self.charter.federation()
        {
            return Err(SuccessionError::Charter("it names another one as the one before"));
        }
        if charter.coordinator() != self.desk.key.public() {
            let reason = "it names another key for the coordinator; start it with that key";
            return Err(SuccessionError::Charter(reason));
        }
        // An outcome that is not durable would be lost with the charter that it is under.
        self.collect_changes();
        if !self.is_quiet() || self.desk.has_changes() {
            return Err(SuccessionError::UnderWay);
        }
        self.desk.clock = clock;
        self.desk.minimum_sites = fields.policy.minimum_sites;
        self.desk.roster = Arc::new(Roster::from(&charter));
        let expelled = std::mem::take(&mut self.desk.expelled);
        let members = self.desk.members();
        self.desk.present =
            self.desk.present.iter().filter(|site| members.contains(*site)).collect();
        self.desk.held = false;
        self.charter = charter;
        self.epochs.reset();
        for run in self.runs.values_mut() {
            run.come_under_charter(&mut self.desk);
            // Sites come one after the other, once each has taken the charter over.
            match &mut run.phase {
                Phase::Waiting(_) => run.phase = run.wait_for_all(&self.desk),
                Phase::Offering(phase) => phase.sites_return(),
                _ => {}
            }
        }
        // Sites that were revoked after this charter was proposed are in it.
        self.cut_off(&expelled.iter().filter(|site| members.contains(*site)).collect());
        self.settle();
        Ok(())
    }
}

impl Run {
    fn is_quiet(&self) -> bool {
        self.slot().is_none() && !matches!(self.phase, Phase::Settling(_))
    }

    /// Whoever is not of the charter takes no part. (Under the charter of before, that is nobody.)
    pub(crate) fn come_under_charter(&mut self, desk: &mut Desk) {
        let members = desk.members();
        if self.ended().is_some() {
            // Sites under the new charter know no other sites. Those of the old one have settled.
            let is_here = |verdict: &Verdict| members.contains(verdict.from);
            if !self.verdicts.iter().all(is_here) {
                self.set_verdicts(self.verdicts.iter().filter(|v| is_here(v)).cloned().collect());
                let last = self.sums.of(self.round.saturating_sub(1));
                self.unsettled =
                    last.is_none_or(|sum| !sum.record.uncovered(&self.verdicts).is_empty());
            }
            return;
        }
        if let Some(reason) = self.cannot_go_on(&members) {
            self.give_up(reason, desk);
            return;
        }
        let asked = match &self.phase {
            Phase::Offering(phase) => phase.asked().clone(),
            _ => self.willing.iter().chain(self.undecided.iter()).collect(),
        };
        for site in asked.difference(&members).iter() {
            self.expel(site);
        }
        let has_left = |set: &SiteSet| !set.is_subset(&members);
        if !self.opened && self.fixed.as_ref().is_some_and(has_left) {
            self.fixed = None;
        }
        if self.preferred.as_ref().is_some_and(has_left) {
            self.preferred = None;
        }
        let (mine, others): (Vec<_>, Vec<_>) =
            self.verdicts.iter().cloned().partition(|verdict| members.contains(verdict.from));
        if others.is_empty() {
            return;
        }
        self.set_verdicts(mine);
        let last = self.sums.of(self.round.saturating_sub(1));
        if last.is_none_or(|sum| !sum.record.uncovered(&self.verdicts).is_empty()) {
            let reason = "sites that have left verified the last sum, and the others do not \
                          suffice; submit the study again with a change in its text";
            self.give_up(reason.into(), desk);
        }
    }

    /// Why a study is over for the sites that have left.
    fn cannot_go_on(&self, members: &SiteSet) -> Option<String> {
        let home = self.submission.credential.fields.home;
        if matches!(self.phase, Phase::Offering(_)) && !members.contains(home) {
            return Some(format!(
                "{home}, which vouches for the researcher, has left the federation"
            ));
        }
        let set = self.fixed.as_ref().filter(|_| self.opened)?;
        let site = set.difference(members).iter().next();
        if let Some(site) = site {
            return Some(format!("{site} has left the federation, and membership is fixed"));
        }
        None
    }
}
