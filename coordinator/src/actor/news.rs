//! What is told of what happened: to whoever watches a study, and to the audit log.

use std::time::Instant;

use bytes::Bytes;
use prost::Message as _;
use ripieno_audit::{Event as Entry, Kind};
use ripieno_coordinator_engine::{Drained, Event};
use ripieno_identity::RatifiedCharter;
use ripieno_rpc::StudyEvent;
use ripieno_rpc::study_event::{
    Event as Body, PhaseBegan, RoundFinished, SiteAnswered, SitePresenceChanged, SiteRefused,
    SiteUploaded, SlotVoided, StudyEnded,
};
use ripieno_study::{Culprit, Digest, Refusal, SiteIndex, SiteSet};
use ripieno_wire::{StudyVerdict, ToSite};
use tracing::{info, warn};

use super::Actor;
use super::told::Of;
use crate::clock::unix_millis;
use crate::log::{LogError, Pace, event};
use crate::store::NewEvent;

impl Actor {
    /// Notes that a site has come or gone, for every study that runs.
    pub(super) fn presence_changed(&mut self, site: SiteIndex, present: bool) {
        for told in self.told.values_mut() {
            if told.admits(site, Of::Presence) {
                told.presence.push((site, present));
            }
        }
    }

    /// The events of studies that followed from the last commands, in order.
    pub(super) fn news(&mut self, drained: &Drained) -> Vec<NewEvent> {
        let mut news = News::default();
        for (study, told) in &mut self.told {
            for (site, present) in told.presence.drain(..) {
                let site = site.get().into();
                news.add(*study, Body::Presence(SitePresenceChanged { site, present }));
            }
        }
        for event in &drained.events {
            self.shared.metrics.count(event);
            self.add(&mut news, event);
        }
        let idle = drained.changes.is_empty() && drained.outgoing.is_empty();
        if !idle || !drained.events.is_empty() {
            self.add_phases(&mut news);
        }
        news.events
    }

    fn add(&mut self, news: &mut News, event: &Event) {
        match event {
            Event::StudyAnswered { study, site, verdict } => {
                let told = self.told.get_mut(study);
                if told.is_none_or(|told| told.admits(*site, Of::Answer)) {
                    news.add(*study, Body::Answered(answered(*site, verdict)));
                }
            }
            Event::RoundStarted { study, round, step, participants } => {
                let (phase, participants) = ("collecting", numbers(participants));
                let began = PhaseBegan {
                    phase: phase.to_owned(),
                    round: *round,
                    step: (*step).to_owned(),
                    participants,
                };
                if let Some(told) = self.told.get_mut(study) {
                    told.enter(phase, *round, &self.shared.metrics);
                }
                news.add(*study, Body::Phase(began));
            }
            Event::Uploaded { study, round, site } => {
                let bytes = self.session_of(*site).map_or(0, |session| session.uploaded);
                let (site, round) = (site.get().into(), *round);
                news.add(*study, Body::Uploaded(SiteUploaded { site, round, bytes }));
            }
            Event::SlotVoided { study, round, voided } => {
                if let Some(told) = self.told.get(study) {
                    info!(parent: &told.span, missing = %voided.missing, "the slot is void");
                }
                let voided = SlotVoided {
                    round: *round,
                    epoch: voided.epoch,
                    slot: voided.slot.into(),
                    missing: numbers(&voided.missing),
                };
                news.add(*study, Body::Voided(voided));
            }
            Event::RoundFinished { study, summary } => {
                if let Some(told) = self.told.get(study) {
                    info!(parent: &told.span, survivors = %summary.survivors, "the sum is opened");
                }
                let finished = RoundFinished {
                    round: summary.round,
                    step: summary.step.to_owned(),
                    epoch: summary.epoch,
                    slot: summary.slot.into(),
                    survivors: numbers(&summary.survivors),
                    missing: numbers(&summary.missing),
                };
                news.add(*study, Body::Round(finished));
            }
            Event::Refused { study, site, refusal, .. } => {
                self.add_refusal(news, *study, *site, refusal);
            }
            Event::EpochReady { epoch, holders, .. } => {
                self.epoch = Some((*epoch, holders.clone()));
                self.ledgers_are_good(holders);
            }
            Event::StudyDone { study, .. } => self.end(news, *study, "done", ""),
            Event::StudyFailed { study, reason } => self.end(news, *study, "failed", reason),
            Event::StudyCancelled { study, reason } => self.end(news, *study, "cancelled", reason),
            _ => {}
        }
    }

    /// For the study to which it belongs. What belongs to none is told of every study in which the
    /// site has a part, without its text: that may be about another researcher's.
    fn add_refusal(
        &mut self,
        news: &mut News,
        of: Option<Digest>,
        site: SiteIndex,
        refusal: &Refusal,
    ) {
        let Some(engine) = &self.engine else { return };
        let refused = SiteRefused {
            site: site.get().into(),
            check: refusal.check.to_string(),
            culprit: culprit(self.charters.last(), refusal),
            reason: of.map(|_| refusal.reason.clone()).unwrap_or_default(),
        };
        let concerns = |study: &Digest| match of {
            Some(of) => *study == of,
            None => engine.status(study).is_some_and(|status| {
                status.willing.contains(site) || status.participants.contains(site)
            }),
        };
        for (study, told) in &mut self.told {
            if concerns(study) && told.admits(site, Of::Refusal) {
                news.add(*study, Body::Refused(refused.clone()));
            }
        }
    }

    fn end(&mut self, news: &mut News, study: Digest, how: &str, reason: &str) {
        if let Some(told) = self.told.remove(&study) {
            told.leave(&self.shared.metrics);
        }
        let ended = StudyEnded { how: how.to_owned(), reason: reason.to_owned() };
        news.add(study, Body::Ended(ended));
        info!(study = study.short(), how, "a study has ended");
    }

    /// Tells of the phases that have begun, as far as no event did.
    fn add_phases(&mut self, news: &mut News) {
        let Some(engine) = &self.engine else { return };
        for (study, told) in &mut self.told {
            let Some(status) = engine.status(study) else { continue };
            if told.is_in(status.phase, status.round) || status.ended.is_some() {
                continue;
            }
            told.enter(status.phase, status.round, &self.shared.metrics);
            let began = PhaseBegan {
                phase: status.phase.to_owned(),
                round: status.round,
                step: status.step.to_owned(),
                participants: numbers(&status.participants),
            };
            news.add(*study, Body::Phase(began));
        }
    }

    /// Puts into the audit log what belongs there.
    pub(super) fn log_events(&mut self, drained: &Drained) -> Result<(), LogError> {
        let mut too_much = Vec::new();
        for event in &drained.events {
            match event {
                Event::Refused { site, .. } | Event::StudyAnswered { site, .. } => {
                    if self.log_of_site(*site, event)? == Pace::TooMuch {
                        too_much.push(*site);
                    }
                    if let Event::Refused { refusal, found_here, .. } = event {
                        self.note_ledger((!found_here).then_some(*site), refusal)?;
                    }
                }
                _ => {
                    if let Some(entry) = self.entry(event, drained) {
                        self.log.add(entry)?;
                    }
                }
            }
        }
        for site in too_much {
            if let Some(name) = self.session_of(site).map(|session| session.id.site.clone()) {
                self.goes_on(&name);
            }
        }
        Ok(())
    }

    /// What sites make happen: an entry while there are not too many.
    fn log_of_site(&mut self, site: SiteIndex, happened: &Event) -> Result<Pace, LogError> {
        let charter = self.charters.last();
        let name = name_of(charter, site);
        let now = Instant::now();
        match happened {
            Event::StudyAnswered { study, verdict, .. } => {
                let fill = |entry: Entry| {
                    entry.with("study", study).with("site", &name).with("verdict", verdict)
                };
                self.log.add_of_peer(&name, (Kind::Decision, "study"), fill, now)
            }
            Event::Refused { refusal, .. } => {
                let culprit = culprit(charter, refusal);
                let fill = |entry: Entry| {
                    warn!(site = name, %refusal, "refused");
                    let entry = entry.with("site", &name).with("check", refusal.check);
                    entry.with("culprit", culprit).with("reason", &refusal.reason)
                };
                self.log.add_of_peer(&name, (Kind::Refusal, "site"), fill, now)
            }
            _ => Ok(Pace::Fine),
        }
    }

    /// The coordinator ends in order.
    pub(super) fn log_stop(&mut self) -> Result<(), LogError> {
        self.log.add(event(Kind::Stop, "stopped"))?;
        self.log.seal()
    }

    fn entry(&self, happened: &Event, drained: &Drained) -> Option<Entry> {
        Some(match happened {
            Event::RoundStarted { study, round, step, participants } => {
                let entry = event(Kind::Round, "started").with("study", study);
                entry.with("round", round).with("step", step).with("participants", participants)
            }
            Event::SlotVoided { study, round, voided } => {
                let entry = event(Kind::Round, "voided").with("study", study).with("round", round);
                let entry = entry.with("epoch", voided.epoch).with("slot", voided.slot);
                entry.with("missing", &voided.missing)
            }
            Event::RoundFinished { study, summary } => {
                let entry = event(Kind::Round, "finished").with("study", study);
                let entry = entry.with("round", summary.round).with("step", summary.step);
                let entry = entry.with("epoch", summary.epoch).with("slot", summary.slot);
                let entry = entry.with("survivors", &summary.survivors);
                let entry = entry.with("missing", &summary.missing);
                match self.receipt(drained, study, summary.round) {
                    Some(receipt) => entry.with("receipt", receipt),
                    None => entry,
                }
            }
            Event::EpochReady { epoch, holders, threshold } => {
                let entry = event(Kind::Round, "epoch").with("epoch", epoch);
                entry.with("holders", holders).with("threshold", threshold)
            }
            Event::EpochFailed { epoch, refusal } => {
                let entry = event(Kind::Refusal, "epoch").with("epoch", epoch);
                entry.with("check", refusal.check).with("reason", &refusal.reason)
            }
            Event::StudyDone { study, .. } => ended(study, "done", ""),
            Event::StudyFailed { study, reason } => ended(study, "failed", reason),
            Event::StudyCancelled { study, reason } => ended(study, "cancelled", reason),
            _ => return None,
        })
    }

    /// The digest of a receipt that is on its way to the sites.
    fn receipt(&self, drained: &Drained, study: &Digest, round: u32) -> Option<Digest> {
        let charter = self.charters.last()?.digest();
        drained.outgoing.iter().find_map(|outgoing| match &outgoing.message {
            ToSite::Published(published) => {
                let contract = &published.contract.contract;
                let fits = contract.study == *study && contract.round == round;
                fits.then(|| published.receipt.digest(&charter))
            }
            _ => None,
        })
    }
}

fn culprit(charter: Option<&RatifiedCharter>, refusal: &Refusal) -> String {
    match refusal.culprit {
        Culprit::Coordinator => "coordinator".to_owned(),
        Culprit::Own => "own".to_owned(),
        Culprit::Site(site) => name_of(charter, site),
    }
}

/// A site's name in the charter, or its number.
pub(super) fn name_of(charter: Option<&RatifiedCharter>, site: SiteIndex) -> String {
    let known = charter.and_then(|charter| charter.charter().site(site));
    known.map_or_else(|| site.to_string(), |site| site.name.clone())
}

/// Events to be stored, all of one moment.
#[derive(Default)]
struct News {
    events: Vec<NewEvent>,
}

impl News {
    fn add(&mut self, study: Digest, body: Body) {
        let at_ms = unix_millis();
        let event = StudyEvent { number: 0, at: at_ms, event: Some(body) };
        self.events.push(NewEvent { study, at_ms, record: event.encode_to_vec().into() });
    }
}

/// A stored event as it is shown; `None` where it cannot be read.
pub(crate) fn shown(number: u64, record: Bytes) -> Option<StudyEvent> {
    let event = StudyEvent::decode(record).ok()?;
    Some(StudyEvent { number, ..event })
}

fn answered(site: SiteIndex, verdict: &StudyVerdict) -> SiteAnswered {
    let (verdict, rule, reason) = match verdict {
        StudyVerdict::Approved => ("approved", "", ""),
        StudyVerdict::Pending { reason } => ("pending", "", reason.as_str()),
        StudyVerdict::Refused { rule, reason } => ("refused", rule.as_str(), reason.as_str()),
    };
    SiteAnswered {
        site: site.get().into(),
        verdict: verdict.to_owned(),
        rule: rule.to_owned(),
        reason: reason.to_owned(),
    }
}

fn ended(study: &Digest, how: &str, reason: &str) -> Entry {
    let entry = event(Kind::Round, "study-ended").with("study", study).with("how", how);
    entry.with("reason", reason)
}

fn numbers(sites: &SiteSet) -> Vec<u32> {
    sites.iter().map(|site| site.get().into()).collect()
}
