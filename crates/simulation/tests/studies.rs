//! Whole studies in one process: every pattern of losses leads to the same figures, or to none.

mod common;

use std::collections::BTreeMap;

use common::{run, study, write_tables};
use ripieno_analysis::Report;
use ripieno_simulation::{Losses, Options, Outcome, SimulationError};
use ripieno_study::SiteIndex;

const GLM: &str = "kind = \"glm\"\nfamily = \"binomial\"";

fn coefficients(outcome: &Outcome) -> Vec<f64> {
    match &outcome.report {
        Report::Glm(report) => report.coefficients.clone(),
        other => panic!("{other:?}"),
    }
}

fn options(losses: Losses) -> Options {
    Options { losses, seed: Some(7) }
}

#[test]
fn every_site_recomputes_the_result() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 5);
    let outcome = run(&study(GLM, ""), folder.path(), &options(Losses::None)).unwrap();
    assert_eq!(outcome.verified.len(), 5);
    assert_eq!(outcome.refusals, []);
    assert_eq!(outcome.receipts.len(), outcome.rounds.len());
    assert!(outcome.rounds.iter().all(|round| round.summary.missing.is_empty()));
    assert!(outcome.traffic.values().all(|traffic| traffic.sent > 0 && traffic.received > 0));
}

#[test]
fn fixed_membership_voids_and_repeats_until_all_are_there() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 5);
    let whole = run(&study(GLM, ""), folder.path(), &options(Losses::None)).unwrap();
    let lossy = run(&study(GLM, ""), folder.path(), &options(Losses::Rate(0.3))).unwrap();
    assert_eq!(coefficients(&whole), coefficients(&lossy), "the same sums, to the last bit");
    let voided: usize = lossy.rounds.iter().map(|round| round.summary.voided.len()).sum();
    assert!(voided > 0, "a rate of 0.3 loses sites");
    assert!(lossy.rounds.iter().all(|round| round.summary.survivors.len() == 5));
    assert_eq!(lossy.verified.len(), 5);
}

#[test]
fn changing_membership_recovers_lost_sites() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 6);
    let study = study(GLM, "membership = \"may-change\"\ncorrupt = 0");
    let outcome = run(&study, folder.path(), &options(Losses::Rate(0.15))).unwrap();
    let lost: usize = outcome.rounds.iter().map(|round| round.summary.missing.len()).sum();
    assert!(lost > 0, "a rate of 0.15 loses sites");
    assert!(!outcome.verified.is_empty());
}

#[test]
fn a_site_lost_in_one_round_is_back_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 4);
    let study = study(GLM, "membership = \"may-change\"\ncorrupt = 0");
    let whole = run(&study, folder.path(), &options(Losses::None)).unwrap();
    let lost = SiteIndex::new(2).unwrap();
    let script = BTreeMap::from([(2, [lost].into_iter().collect())]);
    let outcome = run(&study, folder.path(), &options(Losses::Script(script))).unwrap();
    let missing: Vec<_> =
        outcome.rounds.iter().filter(|r| r.summary.missing.contains(lost)).collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].summary.round, 2);
    let last = outcome.rounds.last().unwrap();
    assert_eq!(last.summary.survivors.len(), 4, "the last round has all sites again");
    assert_eq!(outcome.verified.len(), 4, "the lost site caught up");
    let pairs = coefficients(&whole).into_iter().zip(coefficients(&outcome));
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 4);
    let study = study(
        "kind = \"fedavg\"\nfamily = \"binomial\"\nrounds = 3\nlocal_steps = 2\n\
         learning_rate = 0.1\nstandardise = \"site\"",
        "encoding = \"packed\"\nrange = 4.0",
    );
    let receipts = |seed| {
        let options = Options { losses: Losses::Rate(0.1), seed: Some(seed) };
        let outcome = run(&study, folder.path(), &options).unwrap();
        let sums: Vec<_> =
            outcome.receipts.iter().map(|r| (r.receipt.sum, r.contract.contract.ctx())).collect();
        (outcome.report, sums)
    };
    assert_eq!(receipts(1), receipts(1));
    assert_ne!(receipts(1).1, receipts(2).1);
}

#[test]
fn more_rounds_than_an_epoch_has_slots() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 3);
    let study = study(
        "kind = \"fedavg\"\nfamily = \"binomial\"\nrounds = 100\nlocal_steps = 1\n\
         learning_rate = 0.05\nstandardise = \"site\"",
        "",
    );
    let outcome = run(&study, folder.path(), &options(Losses::None)).unwrap();
    let epochs: Vec<_> = outcome.rounds.iter().map(|round| round.summary.epoch).collect();
    assert_eq!(epochs.first(), Some(&1));
    assert_eq!(epochs.last(), Some(&2));
    assert_eq!(outcome.verified.len(), 3);
}

#[test]
fn a_large_vector_is_verified_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 4);
    let study = study("kind = \"vector\"\nlength = 300000\nrounds = 2", "");
    let outcome = run(&study, folder.path(), &options(Losses::None)).unwrap();
    assert_eq!(outcome.verified.len(), 4);
    let second = &outcome.receipts[1].contract;
    assert_eq!(second.verdicts.len(), 4, "the second contract carries everyone's verdicts");
    assert!(second.verdicts.iter().all(|verdict| verdict.holds));
}

#[test]
fn a_study_that_can_never_be_whole_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 4);
    let refused = run(&study(GLM, ""), folder.path(), &options(Losses::Rate(0.999)));
    let error = refused.unwrap_err();
    assert!(
        matches!(&error, SimulationError::GivenUp { reason, .. } if reason.contains("voided")),
        "{error}"
    );
}

#[test]
fn a_site_whose_outcome_does_not_fit_refuses_before_the_first_round() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 3);
    std::fs::write(folder.path().join("site-02.csv"), "x1,x2,y\n1,2,0\n1,3,77777\n").unwrap();
    let error = run(&study(GLM, ""), folder.path(), &options(Losses::None)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("site-02") && text.contains("line 3") && text.contains("\"y\""),
        "{text}"
    );
    assert!(!text.contains("77777"), "the value is not shown: {text}");
}

#[test]
fn too_few_sites_are_refused_with_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path(), 2);
    let error = run(&study(GLM, ""), folder.path(), &options(Losses::None)).unwrap_err();
    assert!(matches!(error, SimulationError::Sites(_)), "{error}");
    write_tables(folder.path(), 3);
    let error = run(&study(GLM, "corrupt = 1"), folder.path(), &options(Losses::None)).unwrap_err();
    assert!(error.to_string().contains("corrupt"), "{error}");
}
