//! R1 and R2: the contract is out, uploads come in.

use std::time::Duration;

use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::Collecting as Step;
use ripieno_secagg::coordinator::collect::CollectError;
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::coordinator::{Desk, refusal_of};
use crate::event::Event;
use crate::phases::{Deciding, Phase, SlotContext};
use crate::run::Run;

/// Slots in which a site may say that it is not in the epoch, before it is out of the study.
const MAX_STRIKES: u32 = 2;

/// The uploads of a slot.
pub(crate) struct Collecting {
    pub(crate) since: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Participants that said no: they are not waited for.
    refused: SiteSet,
}

impl Collecting {
    pub(crate) fn new(context: SlotContext, step: Step, since: Duration) -> Self {
        Self { since, context, step, refused: SiteSet::default() }
    }

    pub(crate) fn participants(&self) -> &SiteSet {
        &self.step.signed().contract.participants
    }

    /// Takes a tile or trailer; whether it completed an upload.
    fn receive(
        &mut self,
        site: SiteIndex,
        message: FromSite,
        desk: &mut Desk,
    ) -> Result<bool, CollectError> {
        match message {
            FromSite::Tile { number, lanes, .. } => {
                self.step.tile(site, number as usize, lanes, &mut self.context.spool)?;
                Ok(false)
            }
            FromSite::Trailer { trailer, .. } => {
                let head = trailer.ledger;
                self.step.trailer(self.context.epoch.roster(), trailer)?;
                // Holders would refuse the whole outcome for one head that contradicts another.
                if let Err(refusal) = refusal_of(desk.witness.trailer(site, head)) {
                    self.step.discard(site);
                    self.refuse(site);
                    return Err(refusal.into());
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn refuse(&mut self, site: SiteIndex) {
        self.refused.insert(site);
    }

    /// Whether nobody is left to wait for.
    pub(crate) fn is_complete(&self) -> bool {
        let complete = self.step.complete();
        self.participants().iter().all(|s| complete.contains(s) || self.refused.contains(s))
    }

    fn missing(&self) -> SiteSet {
        self.participants().difference(&self.step.complete())
    }
}

impl Run {
    /// A part of an upload.
    pub(crate) fn receive_upload(&mut self, site: SiteIndex, message: FromSite, desk: &mut Desk) {
        let Phase::Collecting(phase) = &mut self.phase else { return };
        match phase.receive(site, message, desk) {
            Ok(true) => {
                let (study, round) = (self.study.digest(), self.round);
                desk.tell(Event::Uploaded { study, round, site });
            }
            Ok(false) => {}
            Err(CollectError::Refused(refusal)) => {
                // Its own steward must look at its ledger before it can take part again.
                if refusal.check == Check::L1 {
                    self.dismiss(site, &refusal);
                }
                desk.blame(site, Err(refusal));
            }
            Err(error) => self.give_up(format!("an upload could not be kept: {error}"), desk),
        }
    }

    /// A site says no to a slot. One that is not in the epoch can be in the next; any other no is
    /// for the whole study.
    pub(crate) fn refused(
        &mut self,
        site: SiteIndex,
        id: Option<SlotId>,
        refusal: &Refusal,
        desk: &mut Desk,
    ) {
        desk.tell(Event::Refused { site, refusal: refusal.clone() });
        if let Phase::Offering(phase) = &mut self.phase {
            phase.refuse(site, refusal);
            return;
        }
        if id.is_none() {
            self.undecided.remove(site);
        }
        if id != self.slot() {
            // Of a slot that is over: it says nothing of this round.
            return;
        }
        match &mut self.phase {
            Phase::Deciding(phase) => phase.refuse(site),
            Phase::Collecting(phase) if phase.participants().contains(site) => {
                phase.refuse(site);
                self.strike(site, refusal);
            }
            _ => {}
        }
    }

    fn strike(&mut self, site: SiteIndex, refusal: &Refusal) {
        let strikes = self.strikes.entry(site).or_insert(0);
        *strikes += 1;
        if refusal.check == Check::S4 && *strikes <= MAX_STRIKES {
            self.renew = true;
            return;
        }
        self.dismiss(site, refusal);
    }

    /// A site takes no further part in the study.
    pub(crate) fn dismiss(&mut self, site: SiteIndex, refusal: &Refusal) {
        self.refusers.insert(site, refusal.clone());
        self.willing.remove(site);
    }

    /// R3 with whoever is complete, or VOID.
    pub(crate) fn end_collecting(&mut self, phase: Collecting, desk: &mut Desk) -> Phase {
        let missing = phase.missing();
        let Collecting { context, step, .. } = phase;
        match step.propose() {
            Ok(step) => {
                desk.send(context.epoch.joined(), ToSite::Propose(step.proposal().clone()));
                Phase::Deciding(Deciding::new(context, step, desk.now()))
            }
            Err(step) => {
                let step = step.give_up(context.epoch.transcript());
                self.begin_voiding(context, step, missing, desk)
            }
        }
    }

    /// The study cannot go on. A slot that is under way gets its outcome first, so that no site is
    /// left with one that may have been opened.
    pub(crate) fn give_up(&mut self, reason: String, desk: &mut Desk) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Collecting(phase) => {
                let missing = phase.missing();
                let step = phase.step.give_up(phase.context.epoch.transcript());
                self.doomed = Some(reason);
                self.begin_voiding(phase.context, step, missing, desk)
            }
            phase @ (Phase::Deciding(_) | Phase::Opening(_) | Phase::Voiding(_)) => {
                self.doomed = Some(reason);
                phase
            }
            _ => self.failed(reason, desk),
        };
    }
}
