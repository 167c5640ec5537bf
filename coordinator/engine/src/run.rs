//! One study from offer to result: which phase follows which. What happens in a phase is in
//! `phases`.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_analysis::{Analysis, AnalysisError, State, for_study};
use ripieno_identity::Submission;
use ripieno_secagg::SlotId;
use ripieno_secagg::round::outcome::{Certificate, VoidCertificate, Vote};
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::{Digest, Refusal, SiteIndex, SiteSet, Study};
use ripieno_wire::{FromSite, StudyVerdict};

use crate::desk::Desk;
use crate::epochs::Epochs;
use crate::event::{Event, VoidedSlot};
use crate::limits::Limits;
use crate::phases::{Offering, Phase};
use crate::save::Stored;
use crate::status::Ended;
use crate::sums::Sums;

/// A study that runs.
pub(crate) struct Run {
    pub(crate) study: Study,
    pub(crate) submission: Submission,
    /// When it was submitted, in seconds since 1970.
    pub(crate) submitted: u64,
    pub(crate) analysis: Box<dyn Analysis>,
    pub(crate) state: State,
    pub(crate) round: u32,
    pub(crate) phase: Phase,
    /// Sites that take part.
    pub(crate) willing: SiteSet,
    /// Sites that were asked and have not decided yet, or whose stewards have not.
    pub(crate) undecided: SiteSet,
    /// Sites that said no in a round: for good.
    pub(crate) refusers: BTreeMap<SiteIndex, Refusal>,
    /// Sites that said no to the offer, by which rule, and why.
    pub(crate) declined: BTreeMap<SiteIndex, (String, String)>,
    /// How often a site said no to a slot.
    pub(crate) strikes: BTreeMap<SiteIndex, u32>,
    /// P of every round, under fixed membership.
    pub(crate) fixed: Option<SiteSet>,
    /// Whether a set of sites was certified.
    pub(crate) opened: bool,
    /// A site is not in the epoch in use: the next round waits for another.
    pub(crate) renew: bool,
    /// How often that was asked for in a row.
    pub(crate) renewals: u32,
    /// The sites that the analysis would like to see again.
    pub(crate) preferred: Option<SiteSet>,
    /// How often `preferred` was passed over for a site that had come back.
    pub(crate) readmissions: u32,
    /// Slots of this round that were voided.
    pub(crate) voided: Vec<VoidedSlot>,
    /// How the study ends once the slot under way has its outcome.
    pub(crate) doomed: Option<Ended>,
    /// The result as JSON.
    pub(crate) report: Option<String>,
    /// Certificates of this study's slots, for sites that were away.
    pub(crate) certificates: BTreeMap<SlotId, VoidCertificate>,
    pub(crate) certified: BTreeMap<SlotId, Certificate>,
    /// Verdicts on the last sum.
    pub(crate) verdicts: Vec<Verdict>,
    /// They no longer suffice: some are of sites that have left.
    pub(crate) unsettled: bool,
    pub(crate) sums: Sums,
    pub(crate) stored: Stored,
    /// The place of its end among those of other studies, once that is durable.
    pub(crate) order: Option<u64>,
}

impl Run {
    /// Offers the study to every site that is there.
    pub(crate) fn new(
        study: Study,
        submission: Submission,
        desk: &mut Desk,
    ) -> Result<Self, AnalysisError> {
        let phase = Phase::Offering(Offering::new(desk.present.clone(), desk.now()));
        let mut run = Self::bare(study, submission, phase)?;
        run.set_state(run.state.clone());
        run.submitted = desk.clock.unix;
        desk.send(desk.present.clone(), run.offer());
        Ok(run)
    }

    /// A study of which nothing is known but what was asked.
    pub(crate) fn bare(
        study: Study,
        submission: Submission,
        phase: Phase,
    ) -> Result<Self, AnalysisError> {
        let analysis = for_study(study.manifest())?;
        let mut run = Self {
            study,
            submission,
            submitted: 0,
            state: analysis.initial(),
            analysis,
            round: 1,
            phase,
            willing: SiteSet::default(),
            undecided: SiteSet::default(),
            refusers: BTreeMap::new(),
            declined: BTreeMap::new(),
            strikes: BTreeMap::new(),
            fixed: None,
            opened: false,
            renew: false,
            renewals: 0,
            preferred: None,
            readmissions: 0,
            voided: Vec::new(),
            doomed: None,
            report: None,
            certificates: BTreeMap::new(),
            certified: BTreeMap::new(),
            verdicts: Vec::new(),
            unsettled: false,
            sums: Sums::default(),
            stored: Stored::default(),
            order: None,
        };
        run.stored.offer = run.offer().encode();
        run.set_verdicts(Vec::new());
        Ok(run)
    }

    /// The slot that is under way.
    pub(crate) fn slot(&self) -> Option<SlotId> {
        match &self.phase {
            Phase::Collecting(phase) => Some(phase.step.id()),
            Phase::Deciding(phase) => {
                let contract = &phase.step.proposal().contract.contract;
                Some(SlotId::of(contract))
            }
            Phase::Opening(phase) => Some(phase.step.certificate().outcome.id),
            Phase::Voiding(phase) => Some(phase.step.id()),
            _ => None,
        }
    }

    /// The slots whose uploads are needed.
    pub(crate) fn slots(&self) -> Vec<SlotId> {
        self.slot().into_iter().chain(self.sums.slots()).collect()
    }

    /// Whether a message is for this study.
    pub(crate) fn concerns(&self, message: &FromSite) -> bool {
        let of_slot = |id: &SlotId| self.slot() == Some(*id);
        match message {
            FromSite::StudyAnswer(answer) => answer.study == self.study.digest(),
            FromSite::Refused { study: Some(study), .. } => *study == self.study.digest(),
            FromSite::Refused { id, .. } => id.as_ref().is_some_and(of_slot),
            FromSite::Tile { id, .. } | FromSite::Trailer { id, .. } => of_slot(id),
            FromSite::Ballot(ballot) => of_slot(&ballot.id),
            FromSite::Release(release) => of_slot(&release.id),
            FromSite::Proof(proof) => of_slot(&proof.id),
            FromSite::Verdict(verdict) => self.is_settling(&verdict.ctx, &verdict.sum),
            FromSite::State { ctx, .. } => self.sums.contains(ctx),
            FromSite::Hello(_)
            | FromSite::Advert(_)
            | FromSite::Bundles(_)
            | FromSite::Acceptance(_) => false,
        }
    }

    fn is_settling(&self, ctx: &Digest, sum: &Digest) -> bool {
        matches!(&self.phase, Phase::Settling(phase) if phase.record.is_of(ctx, sum))
    }

    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        self.phase.deadline(limits)
    }

    /// Takes a message of a site.
    pub(crate) fn receive(&mut self, site: SiteIndex, message: FromSite, desk: &mut Desk) {
        let roster = desk.roster.clone();
        let result = match (&mut self.phase, message) {
            (phase, FromSite::StudyAnswer(answer)) => {
                let (study, verdict) = (self.study.digest(), answer.verdict);
                desk.tell(Event::StudyAnswered { study, site, verdict: verdict.clone() });
                self.declined.remove(&site);
                if let StudyVerdict::Refused { rule, reason } = &verdict {
                    self.declined.insert(site, (rule.clone(), reason.clone()));
                }
                match phase {
                    Phase::Offering(offering) => offering.receive(site, verdict),
                    _ => self.answered_late(site, &verdict),
                }
                Ok(())
            }
            (_, FromSite::State { ctx, .. }) => {
                let about = (self.study.digest(), &ctx);
                self.sums.acknowledge(about, site, &self.willing, desk);
                Ok(())
            }
            (_, FromSite::Refused { id, refusal, .. }) => {
                self.refused(site, id, &refusal, desk);
                Ok(())
            }
            (Phase::Collecting(_), message) => {
                self.receive_upload(site, message, desk);
                Ok(())
            }
            (Phase::Deciding(phase), FromSite::Ballot(ballot)) => {
                phase.step.ballot(&roster, phase.context.epoch.transcript(), &ballot)
            }
            (Phase::Voiding(phase), FromSite::Ballot(ballot)) if ballot.vote == Vote::Void => {
                phase.step.ballot(&roster, phase.context.epoch.transcript(), &ballot)
            }
            (Phase::Opening(phase), FromSite::Release(release)) => {
                phase.fresh = true;
                phase.step.release(&roster, phase.context.epoch.transcript(), release)
            }
            (Phase::Opening(phase), FromSite::Proof(proof)) => {
                phase.fresh = true;
                phase.step.proof(&roster, phase.context.epoch.transcript(), &proof)
            }
            (Phase::Settling(phase), FromSite::Verdict(verdict)) => phase.receive(&roster, verdict),
            // Late, or doubled.
            _ => Ok(()),
        };
        desk.blame(Some(self.study.digest()), site, result);
    }

    /// Ends a phase whose time is up.
    pub(crate) fn expire(&mut self, desk: &mut Desk) {
        let deadline = self.phase.deadline(&desk.limits);
        if deadline.is_none_or(|deadline| deadline > desk.now()) {
            return;
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::Offering(phase) => self.expire_offering(phase, desk),
            Phase::Waiting(phase) => self.expire_waiting(&phase, desk),
            Phase::Collecting(phase) => self.end_collecting(phase, desk),
            Phase::Deciding(phase) => self.expire_deciding(phase, desk),
            Phase::Opening(phase) => self.expire_opening(phase, desk),
            Phase::Settling(phase) => self.expire_settling(phase, desk),
            Phase::Voiding(phase) => self.expire_voiding(phase, desk),
            ended @ (Phase::Over(_) | Phase::Between) => ended,
        };
    }

    /// Moves on where the phase is complete.
    pub(crate) fn advance(&mut self, epochs: &mut Epochs, desk: &mut Desk) -> bool {
        let phase = std::mem::replace(&mut self.phase, Phase::Between);
        let (phase, moved) = match phase {
            Phase::Offering(phase) if self.is_answered(&phase, desk) => {
                (self.end_offering(&phase, desk), true)
            }
            Phase::Waiting(phase) => self.start(phase, epochs, desk),
            Phase::Collecting(phase) if phase.is_complete() => {
                (self.end_collecting(phase, desk), true)
            }
            Phase::Deciding(phase) if phase.is_complete() => (self.end_deciding(phase, desk), true),
            Phase::Opening(phase) if phase.fresh => (self.reconstruct(phase, desk), true),
            Phase::Settling(phase) if phase.is_complete() => (self.end_settling(phase, desk), true),
            Phase::Voiding(phase) => self.end_voiding(phase, desk),
            other => (other, false),
        };
        self.phase = phase;
        moved
    }
}
