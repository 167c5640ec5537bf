//! A slot without a sum is killed by a certificate before the round is repeated.

use std::time::Duration;

use ripieno_secagg::coordinator::Voiding as Step;
use ripieno_study::{Membership, SiteSet};
use ripieno_wire::ToSite;

use crate::coordinator::Desk;
use crate::event::{Event, VoidedSlot};
use crate::phases::{Phase, SlotContext};
use crate::run::Run;

/// The ballots for VOID.
pub(crate) struct Voiding {
    pub(crate) since: Duration,
    began: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Participants whose upload was not complete.
    missing: SiteSet,
}

impl Run {
    pub(crate) fn begin_voiding(
        &self,
        context: SlotContext,
        step: Step,
        missing: SiteSet,
        desk: &mut Desk,
    ) -> Phase {
        desk.send(context.epoch.joined(), ToSite::VoidRequest(step.id()));
        Phase::Voiding(Voiding { since: desk.now(), began: desk.now(), context, step, missing })
    }

    pub(crate) fn expire_voiding(&mut self, phase: Voiding, desk: &mut Desk) -> Phase {
        if phase.began + desk.limits.wait <= desk.now() {
            let reason = format!(
                "{} can be neither opened nor voided: too few of its holders answer; the \
                 stewards must decide whether it may have been opened",
                phase.step.id()
            );
            return self.failed(reason, desk);
        }
        let holders = phase.context.epoch.joined();
        let waiting = holders.difference(&phase.step.signers());
        desk.send(waiting, ToSite::VoidRequest(phase.step.id()));
        Phase::Voiding(Voiding { since: desk.now(), ..phase })
    }

    /// Repeats the round, once VOID has its certificate.
    pub(crate) fn end_voiding(&mut self, phase: Voiding, desk: &mut Desk) -> (Phase, bool) {
        let Some(certificate) = phase.step.certificate() else {
            return (Phase::Voiding(phase), false);
        };
        let transcript = phase.context.epoch.transcript();
        desk.send(phase.context.epoch.joined(), ToSite::Voided(certificate.clone()));
        let voided = VoidedSlot {
            epoch: transcript.epoch(),
            slot: certificate.id.slot,
            missing: phase.missing,
        };
        let (study, round, lost) = (self.study.digest(), self.round, voided.missing.clone());
        desk.tell(Event::SlotVoided { study, round, voided: voided.clone() });
        self.certificates.insert(certificate.id, certificate);
        self.voided.push(voided);
        if let Some(reason) = self.doomed.take() {
            return (self.failed(reason, desk), true);
        }
        if self.voided.len() >= desk.limits.attempts as usize {
            let reason = format!(
                "round {round} was voided {} times, the last one without {lost}: {}",
                self.voided.len(),
                self.advice()
            );
            return (self.failed(reason, desk), true);
        }
        // With nothing opened, another set may begin without the sites that said no. A site that
        // is merely away is waited for.
        let said_no = |set: &SiteSet| set.iter().any(|site| self.refusers.contains_key(&site));
        if !self.opened && self.fixed.as_ref().is_some_and(said_no) {
            self.fixed = None;
        }
        (self.wait(lost, desk), true)
    }

    fn advice(&self) -> &'static str {
        match self.study.manifest().aggregation.membership {
            Membership::Fixed => {
                "with fixed membership every site must answer; find out which one does not, or \
                 allow membership = \"may-change\""
            }
            Membership::MayChange => "too few sites answer to open a sum",
        }
    }
}
