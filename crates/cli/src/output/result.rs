//! The result as one JSON object (docs/study.md, "Results").

use ripieno_analysis::Report;
use ripieno_simulation::{Outcome, RoundRecord};
use ripieno_study::{Digest, SiteIndex, SiteSet, Study};
use serde::Serialize;

/// The result of a simulated study.
#[derive(Debug, Serialize)]
pub(crate) struct Results<'a> {
    #[serde(flatten)]
    report: &'a Report,
    name: &'a str,
    study: Digest,
    sites: Vec<&'a str>,
    rounds: Vec<RoundOut<'a>>,
    protection: Protection,
    verified: Vec<&'a str>,
    refusals: Vec<String>,
    traffic: Vec<SiteTraffic<'a>>,
    seed: u64,
    seconds: f64,
}

/// An opened round.
#[derive(Debug, Serialize)]
pub(crate) struct RoundOut<'a> {
    pub(crate) round: u32,
    pub(crate) step: &'static str,
    epoch: u64,
    pub(crate) slot: u16,
    minimum: u16,
    pub(crate) survivors: Vec<&'a str>,
    pub(crate) missing: Vec<&'a str>,
    pub(crate) voided: Vec<Voided<'a>>,
    pub(crate) seconds: f64,
}

/// A slot that was killed before the round's sum was opened in another.
#[derive(Debug, Serialize)]
pub(crate) struct Voided<'a> {
    epoch: u64,
    slot: u16,
    pub(crate) missing: Vec<&'a str>,
}

/// What protects a sum, and what is assumed.
#[derive(Debug, Serialize)]
struct Protection {
    membership: &'static str,
    sites: u16,
    corrupt: u16,
    threshold: u16,
    minimum: u16,
    policy: &'static str,
    noise: &'static str,
}

#[derive(Debug, Serialize)]
struct SiteTraffic<'a> {
    site: &'a str,
    sent: u64,
    received: u64,
}

impl<'a> Results<'a> {
    pub(crate) fn new(study: &'a Study, outcome: &'a Outcome) -> Self {
        let name = |site: &SiteIndex| name_of(outcome, *site);
        let last = outcome.rounds.last();
        let numbers = outcome.numbers;
        let traffic = outcome.traffic.iter().map(|(site, traffic)| SiteTraffic {
            site: name(site),
            sent: traffic.sent,
            received: traffic.received,
        });
        Self {
            report: &outcome.report,
            name: &study.manifest().name,
            study: study.digest(),
            sites: last.map(|last| names(outcome, &last.summary.survivors)).unwrap_or_default(),
            rounds: rounds(outcome),
            protection: Protection {
                membership: study.manifest().aggregation.membership.name(),
                sites: numbers.sites,
                corrupt: numbers.corrupt,
                threshold: numbers.threshold,
                minimum: numbers.minimum,
                policy: "laboratory: every site allows every study",
                noise: "none",
            },
            verified: outcome.verified.iter().map(name).collect(),
            refusals: refusals(outcome),
            traffic: traffic.collect(),
            seed: outcome.seed,
            seconds: outcome.elapsed.as_secs_f64(),
        }
    }

    pub(crate) fn sites(&self) -> &[&'a str] {
        &self.sites
    }
}

/// The rounds with names of sites.
pub(crate) fn rounds(outcome: &Outcome) -> Vec<RoundOut<'_>> {
    outcome.rounds.iter().map(|record| round(outcome, record)).collect()
}

/// Refusals on the way, one line each.
pub(crate) fn refusals(outcome: &Outcome) -> Vec<String> {
    let line =
        |(site, refusal): &(SiteIndex, String)| format!("{}: {refusal}", name_of(outcome, *site));
    outcome.refusals.iter().map(line).collect()
}

fn round<'a>(outcome: &'a Outcome, record: &'a RoundRecord) -> RoundOut<'a> {
    let summary = &record.summary;
    let voided = summary.voided.iter().map(|voided| Voided {
        epoch: voided.epoch,
        slot: voided.slot,
        missing: names(outcome, &voided.missing),
    });
    RoundOut {
        round: summary.round,
        step: summary.step,
        epoch: summary.epoch,
        slot: summary.slot,
        minimum: summary.minimum,
        survivors: names(outcome, &summary.survivors),
        missing: names(outcome, &summary.missing),
        voided: voided.collect(),
        seconds: record.elapsed.as_secs_f64(),
    }
}

fn names<'a>(outcome: &'a Outcome, sites: &SiteSet) -> Vec<&'a str> {
    sites.iter().map(|site| name_of(outcome, site)).collect()
}

/// The name of a site; every index in an outcome has one.
pub(crate) fn name_of(outcome: &Outcome, site: SiteIndex) -> &str {
    outcome.names.get(&site).map_or("?", String::as_str)
}
