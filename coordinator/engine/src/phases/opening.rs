//! R4: holders release shares; disputed ones are proved; the sum is opened.

use std::time::Duration;

use ripieno_secagg::coordinator::{Disputed, Opening as Step, Reconstruction};
use ripieno_study::{Check, Culprit, Digest, Membership, Refusal, SiteSet};
use ripieno_wire::ToSite;

use crate::desk::Desk;
use crate::event::Event;
use crate::phases::{Phase, SlotContext};
use crate::run::Run;

/// The releases of a slot.
pub(crate) struct Opening {
    pub(crate) since: Duration,
    began: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Something came since the last reconstruction.
    pub(crate) fresh: bool,
}

impl Opening {
    pub(crate) fn new(context: SlotContext, step: Step, now: Duration) -> Self {
        Self { since: now, began: now, context, step, fresh: false }
    }
}

/// What holders are asked for.
pub(crate) fn request(step: &Step) -> ToSite {
    let certificate = step.certificate().clone();
    ToSite::Open { certificate, proposal: Some(step.proposal().clone()) }
}

impl Run {
    /// Tries to open the sum with the shares that are here.
    pub(crate) fn reconstruct(&mut self, phase: Opening, desk: &mut Desk) -> Phase {
        let Opening { since, began, context, mut step, .. } = phase;
        let transcript = context.epoch.transcript();
        match step.reconstruct(transcript) {
            Reconstruction::Complete(secrets) => {
                blame_misfits(self.study.digest(), &step.misfits(transcript), desk);
                match step.unmask(transcript, secrets, context.spool()) {
                    Ok(opened) => self.publish(context, opened, desk),
                    Err(error) => self.failed(error.to_string(), desk),
                }
            }
            Reconstruction::MoreReleases | Reconstruction::Proofs(_) => {
                let id = step.certificate().outcome.id;
                for Disputed { holder, dealer, kind } in step.proofs_wanted() {
                    let to = holder.into();
                    desk.send(to, ToSite::Prove { id, dealer, kind });
                }
                Phase::Opening(Opening { since, began, context, step, fresh: false })
            }
            Reconstruction::Lost(refusal) => self.lose(&refusal, desk),
        }
    }

    /// Asks those who have not released again.
    pub(crate) fn expire_opening(&mut self, phase: Opening, desk: &mut Desk) -> Phase {
        if phase.began + desk.limits.wait > desk.now() {
            let holders = phase.context.epoch.joined();
            desk.send(holders.difference(&phase.step.holders()), request(&phase.step));
            return Phase::Opening(Opening { since: desk.now(), ..phase });
        }
        let reason = format!(
            "round {}: {} of {} holders released shares for a certified sum; the slot is lost",
            self.round,
            phase.step.holders().len(),
            phase.context.epoch.joined().len()
        );
        self.failed(reason, desk)
    }

    /// A dealer's shares lie on no polynomial: the slot is lost. The round is repeated without the
    /// dealer, where the set of sites may change.
    fn lose(&mut self, refusal: &Refusal, desk: &mut Desk) -> Phase {
        let fixed = self.study.manifest().aggregation.membership == Membership::Fixed;
        let Culprit::Site(dealer) = refusal.culprit else {
            return self.failed(refusal.to_string(), desk);
        };
        let study = Some(self.study.digest());
        let refused = refusal.clone();
        desk.tell(Event::Refused { study, site: dealer, refusal: refused, found_here: true });
        self.dismiss(dealer, refusal);
        if fixed {
            let reason = format!(
                "the slot of round {} is lost ({refusal}), and membership is fixed",
                self.round
            );
            return self.failed(reason, desk);
        }
        self.wait(SiteSet::default(), desk)
    }
}

/// Holders that could not prove what they released: what they sent was wrong.
fn blame_misfits(study: Digest, holders: &SiteSet, desk: &mut Desk) {
    for site in holders.iter() {
        let reason = "it did not prove the share that it released";
        let refusal = Refusal::site(Check::R2, site, reason);
        desk.tell(Event::Refused { study: Some(study), site, refusal, found_here: true });
    }
}
