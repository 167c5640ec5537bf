//! The study waits for the sites that the next round needs, and for an epoch with a slot; then the
//! contract goes out (R1).

use std::sync::Arc;
use std::time::Duration;

use ripieno_analysis::{AnalysisError, plan};
use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::{self as protocol, sign_contract};
use ripieno_study::{Contract, Membership, Privacy, SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::desk::Desk;
use crate::epochs::Epochs;
use crate::event::Event;
use crate::limits::Limits;
use crate::phases::{Collecting, Phase, SlotContext};
use crate::run::Run;
use crate::status::Ended;

/// Times that a nearly finished analysis takes a returned site in again.
const MAX_READMISSIONS: u32 = 2;
/// Sites whose reasons are given for the end of a study.
const MOST_NAMED: usize = 8;
/// Times in a row that a study asks for another epoch because its sites are not all in this one.
const MAX_RENEWALS: u32 = 3;

/// What the study waits for.
pub(crate) struct Waiting {
    pub(crate) since: Duration,
    /// Sites that were lost in the round before: they get a moment to come back.
    pub(crate) lost: SiteSet,
    /// They all may be lost, with the coordinator: then the moment is longer.
    restarted: bool,
    /// Sites that the next round needs, and that are not there, or in no epoch.
    lacking: SiteSet,
}

impl Waiting {
    /// When something is to be done about it.
    pub(crate) fn deadline(&self, limits: &Limits) -> Duration {
        self.since
            + match (self.lost.is_empty(), self.restarted) {
                (true, _) => limits.wait,
                (false, false) => limits.rejoin,
                (false, true) => limits.restart,
            }
    }
}

impl Run {
    /// Waits for the next round; for a moment also for the sites that were `lost`.
    pub(crate) fn wait(&self, lost: SiteSet, desk: &Desk) -> Phase {
        let lacking = SiteSet::default();
        Phase::Waiting(Waiting { since: desk.now(), lost, restarted: false, lacking })
    }

    /// After a restart, and under another charter, every site that takes part is waited for.
    pub(crate) fn wait_for_all(&self, desk: &Desk) -> Phase {
        let (lost, lacking) = (self.willing.clone(), SiteSet::default());
        Phase::Waiting(Waiting { since: desk.now(), lost, restarted: true, lacking })
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
        let doomed = self.doomed.take();
        if let Some(ended) = doomed.or_else(|| self.is_impossible(desk).map(Ended::Failed)) {
            return (self.stop(ended, desk), true);
        }
        if desk.held {
            return (Phase::Waiting(phase), false);
        }
        self.drop_unopened_set();
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

    /// With nothing opened, another set may begin without the sites that said no, or that ask their
    /// stewards. A site that is merely away is waited for.
    pub(crate) fn drop_unopened_set(&mut self) {
        let no = |site| self.refusers.contains_key(&site) || self.undecided.contains(site);
        let said_no = |set: &SiteSet| set.iter().any(no);
        if !self.opened && self.fixed.as_ref().is_some_and(said_no) {
            self.fixed = None;
        }
    }

    /// A member of a set that was opened takes no further part, or too few are left that have not
    /// said no: no round can follow.
    fn is_impossible(&self, desk: &Desk) -> Option<String> {
        let set = self.fixed.as_ref().filter(|_| self.opened);
        let gone = |set: &SiteSet| self.refusers.iter().find(|(site, _)| set.contains(**site));
        if let Some((site, refusal)) = set.and_then(gone) {
            return Some(format!(
                "{site} takes no further part ({refusal}), and membership is fixed"
            ));
        }
        let said_no: SiteSet = self.refusers.keys().chain(self.declined.keys()).copied().collect();
        let (left, needed) = (desk.left_without(&said_no), self.needed_sites(desk));
        (left < needed).then(|| {
            let refused = self.refusers.iter().map(|(site, refusal)| format!("{site}: {refusal}"));
            let rule = |(site, (rule, _)): (&SiteIndex, &(String, String))| {
                format!("{site}: refused by rule {rule}")
            };
            let all = refused.chain(self.declined.iter().map(rule));
            let why: Vec<_> = all.take(MOST_NAMED).collect();
            format!(
                "{left} of {needed} needed sites have not said no ({}); ask the stewards, then submit it again with a change in its text",
                why.join("; ")
            )
        })
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
        // Before there is a charter without the sites that were revoked, nobody knows who may come.
        let all_there = desk.expelled.is_empty() && desk.members().is_subset(&desk.present);
        if there.len() < usize::from(minimum) && all_there && self.undecided.is_empty() {
            let reason = format!(
                "{} of {minimum} needed sites take part, where {} may be corrupt",
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
        // No site has heard of the slot yet: there is nothing to void.
        let uploads = match desk.open_uploads(SlotId::of(&contract)) {
            Ok(uploads) => uploads,
            Err(error) => return self.failed(error.to_string(), desk),
        };
        desk.tell(Event::RoundStarted {
            study: self.study.digest(),
            round: self.round,
            step: self.state.step_name(),
            participants: contract.participants.clone(),
        });
        let signed =
            sign_contract(&desk.roster.charter, &desk.key, contract, self.verdicts.clone());
        let step = protocol::Collecting::new(signed.clone());
        let participants = signed.contract.participants.clone();
        let message = ToSite::Contract(signed);
        let context = SlotContext { epoch, uploads, participants, message: message.encode() };
        desk.send(context.epoch.joined(), message);
        Phase::Collecting(Collecting::new(context, step, desk.now()))
    }
}
