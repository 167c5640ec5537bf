//! A slot without a sum is killed by a certificate before the round is repeated.

use std::time::Duration;

use ripieno_secagg::coordinator::Voiding as Step;
use ripieno_study::{Check, Membership, Refusal, SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::changes::Change;
use crate::desk::Desk;
use crate::event::{Event, VoidedSlot};
use crate::phases::{Phase, SlotContext};
use crate::records::{self, OutcomeRecord};
use crate::run::Run;

/// The ballots for VOID.
pub(crate) struct Voiding {
    pub(crate) since: Duration,
    began: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Participants whose upload was not complete.
    pub(crate) missing: SiteSet,
    /// Holders that cannot sign VOID: they have left the epoch, or have signed survivors.
    refused: SiteSet,
}

impl Voiding {
    /// A holder says no to VOID, where it is that.
    pub(crate) fn refuse(&mut self, site: SiteIndex, refusal: &Refusal) {
        if matches!(refusal.check, Check::C3 | Check::S4) {
            self.expel(site);
        }
    }

    /// A holder is not waited for.
    pub(crate) fn expel(&mut self, site: SiteIndex) {
        let is_holder = self.context.epoch.joined().contains(site);
        if is_holder && !self.step.signers().contains(site) {
            self.refused.insert(site);
        }
    }

    /// Holders that have not answered.
    fn waiting(&self) -> SiteSet {
        let holders = self.context.epoch.joined();
        holders.difference(&self.step.signers()).difference(&self.refused)
    }

    /// Why VOID can have no certificate, where it cannot.
    fn is_impossible(&self) -> Option<String> {
        let needed = usize::from(self.context.epoch.transcript().params().void_quorum());
        let possible = self.waiting().len() + self.step.signers().len();
        (possible < needed).then(|| {
            format!(
                "{} can be neither opened nor voided: {} of its holders cannot sign VOID, since \
                 they have left its epoch or signed its survivors, and {possible} of the {needed} \
                 that are needed are left; the stewards of its participants {} must decide \
                 whether it may have been opened",
                self.step.id(),
                self.refused,
                self.context.participants
            )
        })
    }
}

impl Run {
    pub(crate) fn begin_voiding(
        &self,
        mut context: SlotContext,
        step: Step,
        missing: SiteSet,
        desk: &mut Desk,
    ) -> Phase {
        let message = ToSite::VoidRequest(step.id());
        context.message = message.encode();
        desk.send(context.epoch.joined(), message);
        let (since, began) = (desk.now(), desk.now());
        let mut phase =
            Voiding { since, began, context, step, missing, refused: SiteSet::default() };
        desk.expelled.iter().for_each(|site| phase.expel(site));
        Phase::Voiding(phase)
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
        // Not before: whoever was asked before it had heard of the epoch says no, and then signs.
        if let Some(reason) = phase.is_impossible() {
            return self.failed(reason, desk);
        }
        let unsigned = phase.context.epoch.joined().difference(&phase.step.signers());
        desk.send(unsigned, ToSite::VoidRequest(phase.step.id()));
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
        let record = records::seal(&OutcomeRecord::void(&certificate));
        desk.save(Change::Outcome { study, slot: certificate.id, record });
        self.certificates.insert(certificate.id, certificate);
        self.voided.push(voided);
        if let Some(ended) = self.doomed.take() {
            return (self.stop(ended, desk), true);
        }
        if self.voided.len() >= desk.limits.attempts as usize {
            let reason = format!(
                "round {round} was voided {} times, the last one without {lost}: {}",
                self.voided.len(),
                self.advice()
            );
            return (self.failed(reason, desk), true);
        }
        self.drop_unopened_set();
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
