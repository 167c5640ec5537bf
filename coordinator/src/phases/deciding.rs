//! R3: holders sign the survivors.

use std::time::Duration;

use ripieno_secagg::coordinator::Deciding as Step;
use ripieno_study::{SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::coordinator::Desk;
use crate::phases::{Opening, Phase, SlotContext};
use crate::run::Run;

/// The ballots of a slot.
pub(crate) struct Deciding {
    pub(crate) since: Duration,
    pub(crate) began: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Holders that said no.
    refused: SiteSet,
}

impl Deciding {
    pub(crate) fn new(context: SlotContext, step: Step, now: Duration) -> Self {
        Self { since: now, began: now, context, step, refused: SiteSet::default() }
    }

    /// Whether t holders have signed.
    pub(crate) fn is_complete(&self) -> bool {
        self.step.signers().len() >= self.threshold()
    }

    /// Whether t holders may still sign: then VOID is not asked for, since whoever has signed
    /// survivors, perhaps without being heard, refuses it, and neither certificate could be had.
    pub(crate) fn can_be_certified(&self) -> bool {
        let possible = self.context.epoch.joined().difference(&self.refused);
        possible.len() >= self.threshold()
    }

    pub(crate) fn refuse(&mut self, site: SiteIndex) {
        if !self.step.signers().contains(site) {
            self.refused.insert(site);
        }
    }

    fn threshold(&self) -> usize {
        usize::from(self.context.epoch.transcript().params().threshold())
    }
}

impl Run {
    /// R4, where t holders have signed.
    pub(crate) fn end_deciding(&mut self, phase: Deciding, desk: &mut Desk) -> Phase {
        let Deciding { since, began, context, step, refused } = phase;
        match step.certify(context.epoch.transcript()) {
            Ok(step) => {
                let certificate = step.certificate();
                self.opened = true;
                self.certified.insert(certificate.outcome.id, certificate.clone());
                desk.send(context.epoch.joined(), super::opening::request(&step));
                Phase::Opening(Opening::new(context, step, desk.now()))
            }
            Err(step) => Phase::Deciding(Deciding { since, began, context, step, refused }),
        }
    }

    /// Asks again while a certificate can be had, and for VOID when none can.
    pub(crate) fn expire_deciding(&mut self, phase: Deciding, desk: &mut Desk) -> Phase {
        let holders = phase.context.epoch.joined();
        if phase.can_be_certified() && phase.began + desk.limits.wait > desk.now() {
            let waiting = holders.difference(&phase.step.signers());
            desk.send(waiting, ToSite::Propose(phase.step.proposal().clone()));
            return Phase::Deciding(Deciding { since: desk.now(), ..phase });
        }
        let Deciding { context, step, .. } = phase;
        let proposal = step.proposal();
        let missing = proposal.contract.contract.participants.difference(&proposal.survivors);
        let step = step.give_up(context.epoch.transcript());
        self.begin_voiding(context, step, missing, desk)
    }
}
