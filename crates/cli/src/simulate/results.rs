//! The result of a simulation.

use ripieno_simulation::{Outcome, RoundRecord};
use ripieno_study::{SiteIndex, SiteSet, Study};

use crate::output::{Protection, Results, Round, SiteTraffic, Voided};

/// The result with names of sites.
pub(crate) fn of(study: &Study, outcome: &Outcome) -> Results {
    let name = |site: &SiteIndex| name_of(outcome, *site).to_owned();
    let last = outcome.rounds.last();
    let numbers = outcome.numbers;
    let traffic = outcome.traffic.iter().map(|(site, traffic)| SiteTraffic {
        site: name(site),
        sent: traffic.sent,
        received: traffic.received,
    });
    let refusal = |(site, refusal): &(SiteIndex, String)| format!("{}: {refusal}", name(site));
    Results {
        report: outcome.report.clone(),
        name: study.manifest().name.clone(),
        study: study.digest(),
        sites: last.map(|last| names(outcome, &last.summary.survivors)).unwrap_or_default(),
        rounds: outcome.rounds.iter().map(|record| round(outcome, record)).collect(),
        protection: Protection::new(
            study,
            [numbers.sites, numbers.corrupt, numbers.threshold, numbers.minimum],
            "laboratory policy, every site allows every study",
        ),
        verified: Some(outcome.verified.iter().map(name).collect()),
        refusals: outcome.refusals.iter().map(refusal).collect(),
        traffic: Some(traffic.collect()),
        seed: Some(outcome.seed),
        seconds: outcome.elapsed.as_secs_f64(),
        federation: outcome.names.values().cloned().collect(),
    }
}

/// The name of a site; every index in an outcome has one.
pub(crate) fn name_of(outcome: &Outcome, site: SiteIndex) -> &str {
    outcome.names.get(&site).map_or("?", String::as_str)
}

fn round(outcome: &Outcome, record: &RoundRecord) -> Round {
    let summary = &record.summary;
    let voided = summary.voided.iter().map(|voided| Voided {
        epoch: voided.epoch,
        slot: u32::from(voided.slot),
        missing: names(outcome, &voided.missing),
    });
    Round {
        round: summary.round,
        step: summary.step.to_owned(),
        epoch: summary.epoch,
        slot: u32::from(summary.slot),
        minimum: summary.minimum,
        survivors: names(outcome, &summary.survivors),
        missing: names(outcome, &summary.missing),
        voided: voided.collect(),
        seconds: record.elapsed.as_secs_f64(),
    }
}

fn names(outcome: &Outcome, sites: &SiteSet) -> Vec<String> {
    sites.iter().map(|site| name_of(outcome, site).to_owned()).collect()
}
