//! How a study ends: with a result, given up, or cancelled; and who is told.

use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::desk::Desk;
use crate::event::Event;
use crate::phases::Phase;
use crate::run::Run;
use crate::status::Ended;

impl Run {
    /// How the study ended, where it has.
    pub(crate) fn ended(&self) -> Option<&Ended> {
        match &self.phase {
            Phase::Over(ended) => Some(ended),
            _ => None,
        }
    }

    /// The result as JSON.
    pub(crate) fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// Ends the study without a result: it cannot go on.
    pub(crate) fn failed(&mut self, reason: String, desk: &mut Desk) -> Phase {
        self.stop(Ended::Failed(reason), desk)
    }

    /// Ends the study without a result.
    pub(crate) fn stop(&mut self, ended: Ended, desk: &mut Desk) -> Phase {
        let study = self.study.digest();
        let (reason, event) = match &ended {
            Ended::Done => return Phase::Over(ended),
            Ended::Failed(reason) => (reason, Event::StudyFailed { study, reason: reason.clone() }),
            Ended::Cancelled(reason) => {
                (reason, Event::StudyCancelled { study, reason: reason.clone() })
            }
        };
        desk.tell(event);
        let concerned: SiteSet = self.willing.iter().chain(self.undecided.iter()).collect();
        desk.send(concerned, ToSite::Ended { study, reason: reason.clone() });
        Phase::Over(ended)
    }

    /// The study cannot go on. A slot that is under way gets its outcome first, so that no site is
    /// left with one that may have been opened.
    pub(crate) fn give_up(&mut self, reason: String, desk: &mut Desk) {
        self.doom(Ended::Failed(reason), desk);
    }

    /// Somebody wants the study to end, likewise.
    pub(crate) fn cancel(&mut self, reason: String, desk: &mut Desk) {
        self.doom(Ended::Cancelled(reason), desk);
    }

    fn doom(&mut self, ended: Ended, desk: &mut Desk) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::Collecting(phase) => {
                let missing = phase.missing();
                let step = phase.step.give_up(phase.context.epoch.transcript());
                self.doomed = Some(ended);
                self.begin_voiding(phase.context, step, missing, desk)
            }
            phase @ (Phase::Deciding(_) | Phase::Opening(_) | Phase::Voiding(_)) => {
                self.doomed = Some(ended);
                phase
            }
            Phase::Offering(phase) => {
                (self.willing, self.undecided) = (phase.willing(), phase.undecided());
                self.stop(ended, desk)
            }
            Phase::Over(before) => Phase::Over(before),
            Phase::Waiting(_) | Phase::Settling(_) | Phase::Between => self.stop(ended, desk),
        };
    }

    /// A site was revoked: it is out of the study, whatever it has said, and nobody waits for it.
    pub(crate) fn expel(&mut self, site: SiteIndex) {
        let refusal = Refusal::site(Check::H1, site, "it was revoked");
        match &mut self.phase {
            Phase::Over(_) => return,
            Phase::Offering(phase) => {
                phase.refuse(site, &refusal);
                self.declined.insert(site, (refusal.check.to_string(), refusal.reason));
                return;
            }
            Phase::Collecting(phase) => phase.expel(site),
            Phase::Deciding(phase) => phase.refuse(site),
            Phase::Voiding(phase) => phase.expel(site),
            _ => {}
        }
        self.undecided.remove(site);
        self.dismiss(site, &refusal);
    }
}
