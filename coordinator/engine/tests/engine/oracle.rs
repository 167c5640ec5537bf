//! What must hold however a run went.

use ripieno_analysis::vector::VectorState;
use ripieno_analysis::{Report, State};
use ripieno_compute::local_vector;
use ripieno_coordinator_engine::{Event, RoundSummary};
use ripieno_encoding::decode;
use ripieno_study::manifest::{AnalysisSpec, VectorSpec};
use ripieno_study::{Check, Culprit, Digest, SiteIndex, SiteSet, Study};
use ripieno_wire::Published;

use crate::common::federation::{Federation, Settings};
use crate::common::site;

/// The result of a study; panics with the reason where it was given up.
#[track_caller]
pub(crate) fn report<'a>(federation: &'a Federation, study: &Digest) -> &'a Report {
    match federation.result(study) {
        Some(Ok(report)) => report,
        other => panic!("no result: {other:?}"),
    }
}

/// Why a study was given up.
#[track_caller]
pub(crate) fn failure<'a>(federation: &'a Federation, study: &Digest) -> &'a str {
    match federation.result(study) {
        Some(Err(reason)) => reason,
        other => panic!("the study was not given up: {other:?}"),
    }
}

/// Digest of the result of a study without any disturbance.
pub(crate) fn undisturbed(settings: &Settings, text: &str) -> Digest {
    let mut federation = Federation::new(settings);
    let study = federation.begin(text);
    federation.run(&[study]);
    report(&federation, &study).digest()
}

/// The opened rounds of a study.
pub(crate) fn rounds<'a>(federation: &'a Federation, study: &Digest) -> Vec<&'a RoundSummary> {
    let of = |event: &'a Event| match event {
        Event::RoundFinished { study: of, summary } if of == study => Some(summary),
        _ => None,
    };
    federation.network.events.iter().filter_map(of).collect()
}

/// How many slots were voided.
pub(crate) fn voided(federation: &Federation) -> usize {
    let voided = |event: &&Event| matches!(event, Event::SlotVoided { .. });
    federation.network.events.iter().filter(voided).count()
}

/// Asserts that a site was refused by `check`, and named itself.
#[track_caller]
pub(crate) fn assert_blamed(federation: &Federation, blamed: SiteIndex, check: Check) {
    let refusals: Vec<_> = blames(federation).collect();
    let found = refusals.iter().any(|(site, refusal)| {
        *site == blamed && refusal.check == check && refusal.culprit == Culprit::Site(blamed)
    });
    assert!(found, "{check} names {blamed}: {refusals:?}");
}

/// Asserts that nobody but `blamed` was ever named.
#[track_caller]
pub(crate) fn assert_no_other_blamed(federation: &Federation, blamed: &[u16]) {
    let named = |culprit| blamed.iter().any(|index| culprit == Culprit::Site(site(*index)));
    let others: Vec<_> = blames(federation).filter(|(_, r)| !named(r.culprit)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// Asserts that no site has a slot that may have been opened without its knowing.
#[track_caller]
pub(crate) fn assert_all_resolved(federation: &Federation) {
    for (index, site) in &federation.sites {
        assert_eq!(site.hello().unresolved, [], "{index}");
    }
}

/// Everything that was refused.
pub(crate) fn blames(
    federation: &Federation,
) -> impl Iterator<Item = (SiteIndex, &ripieno_study::Refusal)> {
    federation.network.events.iter().filter_map(|event| match event {
        Event::Refused { site, refusal, .. } => Some((*site, refusal)),
        _ => None,
    })
}

/// Asserts that every published sum of a `vector` study is the one over its survivors.
#[track_caller]
pub(crate) fn assert_sums(federation: &Federation, text: &str) {
    let study = Study::parse(text).expect("a study");
    let AnalysisSpec::Vector(spec) = &study.manifest().analysis else { panic!("a vector study") };
    let of_study = |p: &&Published| p.contract.contract.study == study.digest();
    for published in federation.network.published.iter().filter(of_study) {
        let contract = &published.contract.contract;
        let survivors = published.receipt.survivors();
        let opened =
            decode(&contract.plan, &published.sum, survivors.len(), contract.participants.len());
        let opened = opened.expect("a sum").remove(0).values;
        let expected = expected_sum(spec, contract.round, survivors);
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(
            opened.iter().zip(&expected).all(close),
            "round {} over {survivors}: {opened:?}, not {expected:?}",
            contract.round
        );
    }
}

fn expected_sum(spec: &VectorSpec, round: u32, survivors: &SiteSet) -> Vec<f64> {
    let state = State::Vector(VectorState { round, clipped: 0 });
    let mut total = vec![0.0; spec.length as usize];
    for site in survivors.iter() {
        let vectors = local_vector(spec, &state, site).expect("a vector");
        total.iter_mut().zip(&vectors[0].values).for_each(|(sum, value)| *sum += value);
    }
    total
}
