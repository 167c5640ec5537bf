//! The study waits for the sites that the next round needs, and for an epoch with a slot; then the
//! contract goes out (R1).

use std::sync::Arc;
use std::time::Duration;

use ripieno_analysis::{AnalysisError, plan};
use ripieno_secagg::coordinator::{self as protocol, MemorySpool, sign_contract};
use ripieno_study::{Contract, Membership, Privacy, SiteSet};
use ripieno_wire::ToSite;

use crate::coordinator::Desk;
use crate::epochs::Epochs;
use crate::event::Event;
use crate::limits::Limits;
use crate::phases::{Collecting, Phase, SlotContext};
use crate::run::Run;

/// Times that a nearly finished analysis takes a returned site in again.
const MAX_READMISSIONS: u32 = 2;
/// Times in a row that a study asks for another epoch because its sites are not all in this one.
const MAX_RENEWALS: u32 = 3;

/// What the study waits for.
pub(crate) struct Waiting {
    pub(crate) since: Duration,
    /// Sites that were lost in the round before: they get a moment to come back.
    pub(crate) lost: SiteSet,
    /// Sites that the next round needs, and that are not there, or in no epoch.
    lacking: SiteSet,
}

impl Waiting {
    /// When something is to be done about it.
    pub(crate) fn deadline(&self, limits: &Limits) -> Duration {
        self.since + if self.lost.is_empty() { limits.wait } else { limits.rejoin }
    }
}

impl Run {
    /// Waits for the next round; for a moment also for the sites that were `lost`.
    pub(crate) fn wait(&self, lost: SiteSet, desk: &Desk) -> Phase {
        Phase::Waiting(Waiting { since: desk.now(), lost, lacking: SiteSet::default() })
    }

    /// The moment for lost sites is over, or the study has waited for too long.
    pub(crate) fn expire_waiting(&mut self, phase: &Waiting, desk: &mut Desk) -> Phase {
        if !phase.lost.is_empty() {
            return self.wait(SiteSet::default(), desk);
        }
        let which = match phase.lacking.is_empty() {
            true => String::new(),
            false => format!(" ({} could take no part)", phase.lacking),
        };
        let reason = format!(
            "the sites that the study needs did not come back in time{which}; submit it again when \
             they are there"
        );
        self.failed(reason, desk)
    }

    /// Begins the round, where enough sites are there and an epoch has a slot.
    pub(crate) fn start(
        &mut self,
        mut phase: Waiting,
        epochs: &mut Epochs,
        desk: &mut Desk,
    ) -> (Phase, bool) {
        let there: SiteSet =
            self.willing.iter().filter(|site| desk.present.contains(*site)).collect();
        let absent = |set: &SiteSet| !set.is_subset(&there);
        if let Some(reason) = self.doomed.take().or_else(|| self.is_impossible()) {
            return (self.failed(reason, desk), true);
        }
        let lost = phase.lost.iter().filter(|site| self.willing.contains(*site)).collect();
        phase.lacking = self.fixed.as_ref().map(|set| set.difference(&there)).unwrap_or_default();
        if absent(&lost) || self.fixed.as_ref().is_some_and(absent) {
            return (Phase::Waiting(phase), false);
        }
        if std::mem::take(&mut self.renew) {
            epochs.renew();
        }
        let Some(epoch) = epochs.current() else { return (Phase::Waiting(phase), false) };
        self.readmit(&there);
        let minimum = self.minimum(&epoch, desk);
        let participants = self.choose(&epoch, &there, minimum);
        let lacking = self.fixed.as_ref().is_some_and(|set| *set != participants);
        let too_few = lacking || participants.len() < usize::from(minimum);
        if too_few || self.would_leave_out(&epoch, &there) {
            return self.too_few(phase, epochs, &epoch, &there, desk);
        }
        let Some(slot) = epochs.take_slot() else { return (Phase::Waiting(phase), false) };
        self.renewals = 0;
        if self.study.manifest().aggregation.membership == Membership::Fixed {
            self.fixed = Some(participants.clone());
        }
        match self.contract(&epoch, slot, minimum, participants) {
            Ok(contract) => (self.send_contract(epoch, contract, desk), true),
            Err(error) => (self.failed(error.to_string(), desk), true),
        }
    }

    /// Whether a set would be fixed without sites that are there, and merely came too late for the
    /// epoch in use: the next one has them.
    fn would_leave_out(&self, epoch: &protocol::Epoch, there: &SiteSet) -> bool {
        self.study.manifest().aggregation.membership == Membership::Fixed
            && self.fixed.is_none()
            && self.renewals < MAX_RENEWALS
            && !there.is_subset(&epoch.joined())
    }

    /// A member of a set that was opened takes no further part: no round can follow.
    fn is_impossible(&self) -> Option<String> {
        let set = self.fixed.as_ref().filter(|_| self.opened)?;
        let (site, refusal) = self.refusers.iter().find(|(site, _)| set.contains(**site))?;
        Some(format!("{site} takes no further part ({refusal}), and membership is fixed"))
    }

    /// P: the fixed set, or the one that the analysis prefers, or whoever is there.
    fn choose(&self, epoch: &protocol::Epoch, there: &SiteSet, minimum: u16) -> SiteSet {
        let wanted = self.fixed.as_ref().or(self.preferred.as_ref()).unwrap_or(there);
        let wanted: SiteSet = wanted.iter().filter(|site| there.contains(*site)).collect();
        let chosen = epoch.eligible(&wanted);
        if chosen.len() < usize::from(minimum) && self.fixed.is_none() {
            return epoch.eligible(there);
        }
        chosen
    }

    /// The epoch does not serve the sites that are there, or they are too few.
    fn too_few(
        &mut self,
        mut phase: Waiting,
        epochs: &mut Epochs,
        epoch: &protocol::Epoch,
        there: &SiteSet,
        desk: &mut Desk,
    ) -> (Phase, bool) {
        // Sites are there that came after the epoch was set up, or did not get through it.
        if epoch.eligible(there) != *there && self.renewals < MAX_RENEWALS {
            self.renewals += 1;
            epochs.renew();
            return (Phase::Waiting(phase), true);
        }
        let wanted = self.fixed.as_ref().unwrap_or(there);
        phase.lacking = wanted.difference(&epoch.eligible(there));
        let minimum = self.minimum(epoch, desk);
        let all_there = desk.present.len() == desk.roster.sites.len();
        if there.len() < usize::from(minimum) && all_there && self.undecided.is_empty() {
            let reason = format!(
                "{} sites take part, {minimum} are needed against {} corrupt sites",
                there.len(),
                desk.roster.corrupt
            );
            return (self.failed(reason, desk), true);
        }
        (Phase::Waiting(phase), false)
    }

    /// An analysis that is nearly done would like to see the same sites again. A site that has come
    /// back is taken in all the same, a few times: a result over all sites is worth a few rounds,
    /// a set that changes for ever is not.
    fn readmit(&mut self, there: &SiteSet) {
        let returned = self.preferred.as_ref().is_some_and(|set| !there.is_subset(set));
        if returned && self.readmissions < MAX_READMISSIONS {
            self.readmissions += 1;
            self.preferred = None;
        }
    }

    fn minimum(&self, epoch: &protocol::Epoch, desk: &Desk) -> u16 {
        let wanted = self.study.manifest().aggregation.minimum_sites.max(desk.minimum_sites);
        epoch.transcript().params().minimum(wanted)
    }

    fn contract(
        &self,
        epoch: &protocol::Epoch,
        slot: u16,
        minimum: u16,
        participants: SiteSet,
    ) -> Result<Contract, AnalysisError> {
        Ok(Contract {
            transcript: epoch.transcript().digest(),
            slot,
            cohort: 0,
            study: self.study.digest(),
            round: self.round,
            participants,
            minimum,
            membership: self.study.manifest().aggregation.membership,
            plan: plan(self.analysis.as_ref(), &self.state)?,
            privacy: Privacy::NoNoise,
            state: self.state.digest(),
        })
    }

    fn send_contract(
        &mut self,
        epoch: Arc<protocol::Epoch>,
        contract: Contract,
        desk: &mut Desk,
    ) -> Phase {
        desk.tell(Event::RoundStarted {
            study: self.study.digest(),
            round: self.round,
            step: self.state.step_name(),
            participants: contract.participants.clone(),
        });
        let signed =
            sign_contract(&desk.roster.charter, &desk.key, contract, self.verdicts.clone());
        let step = protocol::Collecting::new(signed.clone());
        desk.send(epoch.joined(), ToSite::Contract(signed));
        let context = SlotContext { epoch, spool: MemorySpool::default() };
        Phase::Collecting(Collecting::new(context, step, desk.now()))
    }
}
