//! R1 and R2: the contract is out, uploads come in.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::Collecting as Step;
use ripieno_secagg::coordinator::collect::CollectError;
use ripieno_secagg::round::upload::Trailer;
use ripieno_study::{Check, Culprit, Refusal, SiteIndex, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::desk::Desk;
use crate::event::Event;
use crate::phases::deciding::Ballots;
use crate::phases::{Deciding, Phase, SlotContext};
use crate::run::Run;

/// Slots in a row, without an upload between them, that a site may refuse for a reason that passes,
/// before it is out of the study.
const MAX_STRIKES: u32 = 2;

/// The uploads of a slot.
pub(crate) struct Collecting {
    pub(crate) since: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Participants that said no: they are not waited for.
    refused: SiteSet,
    /// The trailers of the complete uploads, as they are stored.
    stored: BTreeMap<SiteIndex, Bytes>,
}

impl Collecting {
    pub(crate) fn new(context: SlotContext, step: Step, since: Duration) -> Self {
        Self::restore(context, step, SiteSet::default(), since)
    }

    /// After a restart, with the uploads that were complete.
    pub(crate) fn restore(
        context: SlotContext,
        step: Step,
        refused: SiteSet,
        since: Duration,
    ) -> Self {
        let id = step.id();
        let stored = |trailer: &Trailer| {
            let trailer = trailer.clone();
            (trailer.from, FromSite::Trailer { id, trailer }.encode())
        };
        let stored = step.trailers().map(stored).collect();
        Self { since, context, step, refused, stored }
    }

    pub(crate) fn stored(&self) -> impl Iterator<Item = &Bytes> {
        self.stored.values()
    }

    pub(crate) fn refused(&self) -> &SiteSet {
        &self.refused
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
                let spool = self.context.uploads.spool_mut();
                self.step.tile(site, number as usize, lanes, spool)?;
                Ok(false)
            }
            FromSite::Trailer { trailer, .. } => {
                let known = self.step.complete().contains(site);
                self.step.trailer(self.context.epoch.roster(), trailer.clone())?;
                if known {
                    return Ok(false);
                }
                // Holders would refuse the whole outcome for one head that contradicts another.
                if let Err(refusal) = desk.seen.trailer(site, trailer.ledger) {
                    self.step.discard(site);
                    self.context.uploads.spool_mut().discard(site);
                    self.refuse(site);
                    return Err(refusal.into());
                }
                if let Err(error) = self.context.uploads.spool_mut().complete(site) {
                    self.step.discard(site);
                    return Err(error.into());
                }
                let id = self.step.id();
                self.stored.insert(site, FromSite::Trailer { id, trailer }.encode());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A site was revoked: an upload that is complete stays, another is not waited for.
    pub(crate) fn expel(&mut self, site: SiteIndex) {
        if self.participants().contains(site) {
            self.refuse(site);
        }
    }

    /// A site says no; whether it does so for the first time.
    fn refuse(&mut self, site: SiteIndex) -> bool {
        let is_new = !self.refused.contains(site);
        self.refused.insert(site);
        is_new
    }

    /// Whether nobody is left to wait for.
    pub(crate) fn is_complete(&self) -> bool {
        let complete = self.step.complete();
        self.participants().iter().all(|s| complete.contains(s) || self.refused.contains(s))
    }

    pub(crate) fn missing(&self) -> SiteSet {
        self.participants().difference(&self.step.complete())
    }
}

/// Whether the next slot may be another matter: the site is not in this epoch, or cannot write at
/// the moment, such as for a full disk.
fn passes(refusal: &Refusal) -> bool {
    match refusal.check {
        Check::S4 => true,
        Check::S8 => refusal.culprit == Culprit::Own,
        _ => false,
    }
}

impl Run {
    /// A part of an upload.
    pub(crate) fn receive_upload(&mut self, site: SiteIndex, message: FromSite, desk: &mut Desk) {
        let Phase::Collecting(phase) = &mut self.phase else { return };
        match phase.receive(site, message, desk) {
            Ok(true) => {
                self.strikes.remove(&site);
                let (study, round) = (self.study.digest(), self.round);
                desk.tell(Event::Uploaded { study, round, site });
            }
            Ok(false) => {}
            Err(CollectError::Refused(refusal)) => {
                // Its own steward must look at its ledger before it can take part again.
                if refusal.check == Check::L1 {
                    self.dismiss(site, &refusal);
                }
                desk.blame(Some(self.study.digest()), site, Err(refusal));
            }
            Err(error) => self.give_up(format!("an upload could not be kept: {error}"), desk),
        }
    }

    /// A site says no to a slot. One that is not in the epoch can be in the next, and one whose disk
    /// is full may have room again; any other no is for the whole study.
    pub(crate) fn refused(
        &mut self,
        site: SiteIndex,
        id: Option<SlotId>,
        refusal: &Refusal,
        desk: &mut Desk,
    ) {
        let study = Some(self.study.digest());
        desk.tell(Event::Refused { study, site, refusal: refusal.clone(), found_here: false });
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
                if phase.refuse(site) {
                    self.strike(site, refusal);
                } else if !passes(refusal) {
                    self.dismiss(site, refusal);
                }
            }
            Phase::Voiding(phase) => phase.refuse(site, refusal),
            _ => {}
        }
    }

    fn strike(&mut self, site: SiteIndex, refusal: &Refusal) {
        let strikes = self.strikes.entry(site).or_insert(0);
        *strikes += 1;
        if passes(refusal) && *strikes <= MAX_STRIKES {
            self.renew |= refusal.check == Check::S4;
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
        let Collecting { mut context, step, refused, .. } = phase;
        match step.propose() {
            Ok(step) => {
                let message = ToSite::Propose(step.proposal().clone());
                context.message = message.encode();
                desk.send(context.epoch.joined(), message);
                let step = Ballots::Whole(Box::new(step));
                Phase::Deciding(Deciding::new(context, step, desk.now()))
            }
            // Every holder has left the epoch: nobody has sent a part of this slot, and nobody is
            // left to sign VOID.
            Err(_) if self.renew && context.epoch.joined().is_subset(&refused) => {
                self.drop_unopened_set();
                self.wait(SiteSet::default(), desk)
            }
            Err(step) => {
                let step = step.give_up(context.epoch.transcript());
                self.begin_voiding(context, step, missing, desk)
            }
        }
    }
}
