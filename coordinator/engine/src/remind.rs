//! What a site that has come back is told again.

use ripieno_study::{SiteIndex, SiteSet};
use ripieno_wire::{Hello, ToSite};

use crate::desk::Desk;
use crate::phases::Phase;
use crate::run::Run;
use crate::status::Ended;

impl Run {
    /// Sends a site that has come back what it may have missed.
    pub(crate) fn remind(&mut self, site: SiteIndex, hello: &Hello, desk: &mut Desk) {
        let to = || SiteSet::from(site);
        self.remind_end(site, hello, desk);
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
        let without_result = matches!(self.ended(), Some(Ended::Failed(_) | Ended::Cancelled(_)));
        if let Some(next) = next.filter(|_| !without_result) {
            // Its verdict may have been lost: the same sum again gets the same one.
            let again =
                matches!(&self.phase, Phase::Settling(p) if !p.has(site)).then_some(self.round);
            let from = next.min(again.unwrap_or(u32::MAX));
            if let Err(error) = self.sums.send_from(from, site, desk) {
                self.give_up(error.to_string(), desk);
            }
            if matches!(self.phase, Phase::Over(_)) && !self.unsettled {
                desk.send(to(), self.settled());
            }
        }
        let (epoch, message) = match &self.phase {
            // Whose upload is here has the contract, and would send it all again.
            Phase::Collecting(phase) if phase.step.complete().contains(site) => return,
            // Whoever said no to it would do so again.
            Phase::Collecting(phase) if phase.refused().contains(site) => return,
            Phase::Collecting(phase) => {
                let contract = phase.step.signed().clone();
                let message = match u32::try_from(phase.step.taken(site)).unwrap_or(u32::MAX) {
                    0 => ToSite::Contract(contract),
                    taken => ToSite::Resume { contract, taken },
                };
                (&phase.context.epoch, message)
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

    /// Tells a site that the study is over, where it does not know it.
    fn remind_end(&mut self, site: SiteIndex, hello: &Hello, desk: &mut Desk) {
        let Some(Ended::Failed(reason) | Ended::Cancelled(reason)) = self.ended() else { return };
        let study = self.study.digest();
        if hello.rounds.contains_key(&study) || self.undecided.contains(site) {
            desk.send(site.into(), ToSite::Ended { study, reason: reason.clone() });
            self.undecided.remove(site);
        }
    }

    /// Offers the study to a site that was away when it was offered, or whose answer was lost,
    /// while nothing is opened.
    fn remind_offer(&mut self, site: SiteIndex, desk: &mut Desk) {
        match &mut self.phase {
            Phase::Offering(phase) => phase.ask(site),
            Phase::Over(_) | Phase::Between => return,
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
}
