//! The course of a study: what its events come to.

use std::collections::BTreeSet;

use super::event::{Event, Told};
use crate::output::{Round, Voided};

/// Where a study stands, and how it came there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    pub(crate) phase: String,
    pub(crate) round: u32,
    pub(crate) step: String,
    pub(crate) participants: Vec<String>,
    /// Sites whose upload of the round under way is complete.
    pub(crate) uploaded: BTreeSet<String>,
    /// Phases that have ended, in order.
    pub(crate) spans: Vec<Span>,
    /// Opened rounds, without the minimum of survivors, which no event tells.
    pub(crate) rounds: Vec<Round>,
    pub(crate) refusals: Vec<String>,
    /// How it ended, and why.
    pub(crate) ended: Option<(String, String)>,
    voided: Vec<Voided>,
    /// Milliseconds since 1970-01-01 UTC.
    began: Option<u64>,
    phase_since: u64,
    opened_at: u64,
    last: u64,
}

/// A phase that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) phase: String,
    pub(crate) round: u32,
    pub(crate) seconds: f64,
}

impl Course {
    /// Goes on by an event.
    pub(crate) fn note(&mut self, told: &Told) {
        let at = told.at;
        self.last = self.last.max(at);
        if self.began.is_none() {
            (self.began, self.phase_since, self.opened_at) = (Some(at), at, at);
        }
        match &told.event {
            Event::Phase { phase, round, step, participants } => {
                self.end_phase(at);
                if phase == "collecting" {
                    self.uploaded.clear();
                }
                (self.phase, self.round, self.step) = (phase.clone(), *round, step.clone());
                self.participants.clone_from(participants);
            }
            Event::Upload { site, round, .. } if *round == self.round => {
                self.uploaded.insert(site.clone());
            }
            Event::Voided { epoch, slot, missing, .. } => {
                self.voided.push(Voided { epoch: *epoch, slot: *slot, missing: missing.clone() });
            }
            Event::Opened { .. } => self.open(&told.event, at),
            Event::Answer { site, verdict, rule, reason } if verdict == "refused" => {
                let because = super::event::because(rule, reason);
                self.refusals.push(format!("{site}: refused{because}"));
            }
            Event::Refusal { .. } => self.refusals.extend(told.event.line()),
            Event::Ended { how, reason } => {
                self.end_phase(at);
                self.ended = Some((how.clone(), reason.clone()));
            }
            Event::Answer { .. } | Event::Upload { .. } | Event::Presence { .. } => {}
        }
    }

    /// Seconds from the first event to the last.
    pub(crate) fn seconds(&self) -> f64 {
        seconds(self.began.unwrap_or(self.last), self.last)
    }

    fn end_phase(&mut self, at: u64) {
        if !self.phase.is_empty() {
            let phase = std::mem::take(&mut self.phase);
            let seconds = seconds(self.phase_since, at);
            self.spans.push(Span { phase, round: self.round, seconds });
        }
        self.phase_since = at;
    }

    fn open(&mut self, event: &Event, at: u64) {
        if let Event::Opened { round, step, epoch, slot, survivors, missing } = event {
            self.rounds.push(Round {
                round: *round,
                step: step.clone(),
                epoch: *epoch,
                slot: *slot,
                minimum: 0,
                survivors: survivors.clone(),
                missing: missing.clone(),
                voided: std::mem::take(&mut self.voided),
                seconds: seconds(self.opened_at, at),
            });
            self.opened_at = at;
        }
    }
}

fn seconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e3
}
