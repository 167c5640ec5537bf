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
use ripieno_wire::{FromSite, Hello, ToSite};

use crate::coordinator::Desk;
use crate::epochs::Epochs;
use crate::event::{Event, VoidedSlot};
use crate::limits::Limits;
use crate::phases::{Offering, Phase};
use crate::sums::Sums;

/// A study that runs.
pub(crate) struct Run {
    pub(crate) study: Study,
    pub(crate) submission: Submission,
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
    /// Why the study ends once the slot under way is void.
    pub(crate) doomed: Option<String>,
    /// Certificates of this study's slots, for sites that were away.
    pub(crate) certificates: BTreeMap<SlotId, VoidCertificate>,
    pub(crate) certified: BTreeMap<SlotId, Certificate>,
    /// Verdicts on the last sum.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) sums: Sums,
}

impl Run {
    /// Offers the study to every site that is there.
    pub(crate) fn new(
        study: Study,
        submission: Submission,
        desk: &mut Desk,
    ) -> Result<Self, AnalysisError> {
        let analysis = for_study(study.manifest())?;
        let run = Self {
            study,
            submission,
            state: analysis.initial(),
            analysis,
            round: 1,
            phase: Phase::Offering(Offering::new(desk.present.clone(), desk.now())),
            willing: SiteSet::default(),
            undecided: SiteSet::default(),
            refusers: BTreeMap::new(),
            strikes: BTreeMap::new(),
            fixed: None,
            opened: false,
            renew: false,
            renewals: 0,
            preferred: None,
            readmissions: 0,
            voided: Vec::new(),
            doomed: None,
            certificates: BTreeMap::new(),
            certified: BTreeMap::new(),
            verdicts: Vec::new(),
            sums: Sums::default(),
        };
        desk.send(desk.present.clone(), run.offer());
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
                match phase {
                    Phase::Offering(offering) => offering.receive(site, verdict),
                    _ => self.answered_late(site, &verdict),
                }
                Ok(())
            }
            (_, FromSite::State { ctx, .. }) => {
                self.sums.acknowledge(site, &ctx, &self.willing);
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
        desk.blame(site, result);
    }

    /// Sends a site that has come back what it may have missed.
    pub(crate) fn remind(&mut self, site: SiteIndex, hello: &Hello, desk: &mut Desk) {
        let to = || SiteSet::from(site);
        self.remind_offer(site, desk);
        for id in &hello.unresolved {
            if let Some(certificate) = self.certificates.get(id) {
                desk.send(to(), ToSite::Voided(certificate.clone()));
            } else if let Some(certificate) = self.certified.get(id) {
                let certificate = certificate.clone();
                desk.send(to(), ToSite::Open { certificate, proposal: None });
            }
        }
        let next = hello.rounds.get(&self.study.digest()).copied();
        if let Some(next) = next {
            // Its verdict may have been lost: the same sum again gets the same one.
            let again =
                matches!(&self.phase, Phase::Settling(p) if !p.has(site)).then_some(self.round);
            let from = next.min(again.unwrap_or(u32::MAX));
            if let Err(error) = self.sums.send_from(from, site, desk) {
                self.give_up(error.to_string(), desk);
            }
            if matches!(self.phase, Phase::Done) {
                desk.send(to(), self.settled());
            }
        }
        let (epoch, message) = match &self.phase {
            Phase::Collecting(phase) => {
                (&phase.context.epoch, ToSite::Contract(phase.step.signed().clone()))
            }
            Phase::Deciding(phase) => {
                (&phase.context.epoch, ToSite::Propose(phase.step.proposal().clone()))
            }
            Phase::Opening(phase) => {
                (&phase.context.epoch, crate::phases::opening::request(&phase.step))
            }
            Phase::Voiding(phase) => (&phase.context.epoch, ToSite::VoidRequest(phase.step.id())),
            _ => return,
        };
        if epoch.joined().contains(site) {
            desk.send(to(), message);
        }
    }

    /// Offers the study to a site that was away when it was offered, or whose answer was lost,
    /// while nothing is opened.
    fn remind_offer(&mut self, site: SiteIndex, desk: &mut Desk) {
        match &mut self.phase {
            Phase::Offering(phase) => phase.ask(site),
            Phase::Done | Phase::Failed => return,
            _ if self.opened
                || self.willing.contains(site)
                || self.refusers.contains_key(&site) =>
            {
                return;
            }
            _ => self.undecided.insert(site),
        }
        desk.send(site.into(), self.offer());
    }

    /// Ends a phase whose time is up.
    pub(crate) fn expire(&mut self, desk: &mut Desk) {
        let deadline = self.phase.deadline(&desk.limits);
        if deadline.is_none_or(|deadline| deadline > desk.now()) {
            return;
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Offering(phase) => self.expire_offering(phase, desk),
            Phase::Waiting(phase) => self.expire_waiting(&phase, desk),
            Phase::Collecting(phase) => self.end_collecting(phase, desk),
            Phase::Deciding(phase) => self.expire_deciding(phase, desk),
            Phase::Opening(phase) => self.expire_opening(phase, desk),
            Phase::Settling(phase) => self.expire_settling(phase, desk),
            Phase::Voiding(phase) => self.expire_voiding(phase, desk),
            ended @ (Phase::Done | Phase::Failed) => ended,
        };
    }

    /// Moves on where the phase is complete.
    pub(crate) fn advance(&mut self, epochs: &mut Epochs, desk: &mut Desk) -> bool {
        let phase = std::mem::replace(&mut self.phase, Phase::Failed);
        let (phase, moved) = match phase {
            Phase::Offering(phase) if phase.is_complete() || self.stewards_are_enough(&phase) => {
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

    /// Ends the study without a result.
    pub(crate) fn failed(&self, reason: String, desk: &mut Desk) -> Phase {
        desk.tell(Event::StudyFailed { study: self.study.digest(), reason });
        Phase::Failed
    }
}
