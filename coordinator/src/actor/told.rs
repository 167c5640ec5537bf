//! What was told of a study that runs, and where it stands for whoever follows the log.

use std::collections::BTreeMap;
use std::time::Instant;

use ripieno_coordinator_engine::StudyStatus;
use ripieno_study::{Digest, SiteIndex};
use tracing::{Span, info, info_span};

use crate::metrics::Metrics;

/// What was told of a study that runs: its phase and round, and sites of which the presence has
/// changed since.
#[derive(Debug)]
pub(super) struct Told {
    phase: &'static str,
    round: u32,
    since: Instant,
    pub(super) presence: Vec<(SiteIndex, bool)>,
    /// What was told of sites, by kind: in which round, and how often.
    counts: BTreeMap<(SiteIndex, Of), (u32, u32)>,
    /// The span of the study, and in it that of the round.
    study: Span,
    pub(super) span: Span,
}

/// What a site can make happen again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Presence,
    Answer,
    Refusal,
}

impl Of {
    /// How often it is told of one site in one round of one study; what is stored of a study is
    /// bounded so.
    fn most(self) -> u32 {
        match self {
            Self::Presence => 256,
            Self::Answer => 16,
            Self::Refusal => 4,
        }
    }
}

impl Told {
    pub(super) fn of(status: &StudyStatus) -> (Digest, Self) {
        // Its first phase is told as any other.
        let phase = if status.phase == "offering" { "" } else { status.phase };
        (status.study, Self::begin(&status.study, phase, status.round))
    }

    fn begin(study: &Digest, phase: &'static str, round: u32) -> Self {
        let study = info_span!(parent: None, "study", study = study.short());
        Self {
            phase,
            round,
            since: Instant::now(),
            presence: Vec::new(),
            counts: BTreeMap::new(),
            span: info_span!(parent: &study, "round", round),
            study,
        }
    }

    /// Whether that is told once more.
    pub(super) fn admits(&mut self, site: SiteIndex, of: Of) -> bool {
        let (round, count) = self.counts.entry((site, of)).or_default();
        if *round != self.round {
            (*round, *count) = (self.round, 0);
        }
        *count = count.saturating_add(1);
        *count <= of.most()
    }

    /// Whether that is where it stands, as far as was told.
    pub(super) fn is_in(&self, phase: &str, round: u32) -> bool {
        (self.phase, self.round) == (phase, round)
    }

    /// A phase begins, and with it may a round.
    pub(super) fn enter(&mut self, phase: &'static str, round: u32, metrics: &Metrics) {
        self.leave(metrics);
        if self.round != round {
            self.span = info_span!(parent: &self.study, "round", round);
        }
        (self.phase, self.round, self.since) = (phase, round, Instant::now());
        info!(parent: &self.span, phase, "phase");
    }

    /// The phase is over.
    pub(super) fn leave(&self, metrics: &Metrics) {
        if !self.phase.is_empty() {
            metrics.phase(self.phase, self.since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_does_again_and_again_is_told_so_often_in_a_round() {
        let study = Digest::from_bytes([1; 32]);
        let (mut told, site) = (Told::begin(&study, "", 0), SiteIndex::new(1).unwrap());
        let (other, metrics) = (SiteIndex::new(2).unwrap(), Metrics::new(None));
        for round in 1..3 {
            told.enter("collecting", round, &metrics);
            for _ in 0..Of::Refusal.most() {
                assert!(told.admits(site, Of::Refusal));
            }
            assert!(!told.admits(site, Of::Refusal));
            assert!(told.admits(site, Of::Answer) && told.admits(other, Of::Refusal));
        }
    }

    #[test]
    fn each_phase_is_timed_once() {
        let metrics = Metrics::new(None);
        let mut told = Told::begin(&Digest::from_bytes([1; 32]), "", 1);
        for phase in ["offering", "waiting", "offering"] {
            told.enter(phase, 1, &metrics);
        }
        told.leave(&metrics);
        let text = metrics.text();
        for (phase, times) in [("offering", 2), ("waiting", 1), ("settling", 0)] {
            let line = format!("ripieno_phase_seconds_count{{phase=\"{phase}\"}} {times}\n");
            assert!(text.contains(&line), "{text}");
        }
    }
}
