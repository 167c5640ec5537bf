//! More sites than one cohort holds: the total is that of the survivors, in whatever cohorts.

#[allow(dead_code)] // It is shared with the other tests.
mod common;

use ripieno_analysis::Report;
use ripieno_simulation::{CohortOptions, CohortsOutcome, SimulationError, Stage, simulate_cohorts};
use ripieno_study::Study;

fn study(analysis: &str, aggregation: &str) -> Study {
    let text = format!(
        "name = \"made up\"\npurpose = \"test\"\n[analysis]\n{analysis}\n[aggregation]\n{aggregation}\n"
    );
    Study::parse(&text).unwrap()
}

fn run(study: &Study, sites: u16, drop: f64) -> Result<CohortsOutcome, SimulationError> {
    let options = CohortOptions { sites, drop, seed: Some(7) };
    simulate_cohorts(study, &options, &mut |_| {})
}

const WIDE: &str = "encoding = \"wide\"";

#[test]
fn two_hundred_sites_in_three_cohorts_with_dropouts() {
    let text = "kind = \"vector\"\nlength = 40\nrounds = 1";
    let study = study(text, &format!("membership = \"may-change\"\n{WIDE}"));
    let mut stages = Vec::new();
    let options = CohortOptions { sites: 200, drop: 0.05, seed: Some(7) };
    let outcome = simulate_cohorts(&study, &options, &mut |stage| {
        stages.push(match stage {
            Stage::Chartered { .. } => "chartered",
            Stage::Drawn { cohorts: 3, least: 66, most: 67 } => "drawn",
            Stage::Drawn { .. } => "drawn otherwise",
            Stage::Opened { .. } => "opened",
            Stage::Added { .. } => "added",
        });
    })
    .unwrap();
    assert_eq!(stages, ["chartered", "drawn", "opened", "opened", "opened", "added"]);
    assert_eq!((outcome.sites, outcome.count, outcome.corrupt), (200, 3, 1));
    let [round] = &outcome.rounds[..] else { panic!("one round was asked for") };
    let lost = round.participants - round.survivors;
    assert!(round.participants == 200 && (1..=30).contains(&lost), "{lost} are lost");
    assert!(round.difference < 1e-9, "{}", round.difference);
    assert_eq!(round.checked_by, 200);
    let Report::Vector(report) = &outcome.report else { panic!("a vector was asked for") };
    assert_eq!(report.summands, round.survivors as u64);
    assert!(outcome.cohorts.iter().all(|cohort| cohort.voided == 0));
    let survivors: usize = outcome.cohorts.iter().map(|cohort| cohort.survivors).sum();
    assert_eq!(survivors, round.survivors);
    assert!(outcome.sent.least > 1000 && outcome.sent.least <= outcome.sent.median);
    let (_, seen) = round.seen.as_ref().unwrap();
    assert_eq!(seen.lanes.len(), 64, "the first masked lanes of one site");
}

/// Under the fixed rule a cohort that lacks a site voids its slot and opens the next one with all.
#[test]
fn under_the_fixed_rule_every_site_is_in_every_sum() {
    let study = study("kind = \"vector\"\nlength = 5\nrounds = 2", "membership = \"fixed\"");
    let outcome = run(&study, 130, 0.02).unwrap();
    assert_eq!(outcome.rounds.len(), 2);
    assert!(outcome.rounds.iter().all(|round| round.survivors == 130));
    assert!(outcome.cohorts.iter().any(|cohort| cohort.voided == 1), "{:?}", outcome.cohorts);
    // Packed values are rounded: each site's by less than a level of 2/2^14.
    assert!(outcome.rounds.iter().all(|round| round.difference < 130.0 * 2.0 / 16384.0));
}

/// Uploads of a cohort above 1 MiB: every tile is verified by c + 1 sites.
#[test]
fn large_sums_are_vouched_for_by_verdicts_on_their_tiles() {
    let text = "kind = \"vector\"\nlength = 1100\nrounds = 1";
    let study = study(text, &format!("membership = \"may-change\"\n{WIDE}"));
    let outcome = run(&study, 129, 0.0).unwrap();
    assert_eq!(outcome.rounds[0].survivors, 129);
    assert!(outcome.rounds[0].difference < 1e-9);
}

#[test]
fn what_cannot_be_run_is_told_at_once() {
    let text = "kind = \"vector\"\nlength = 3\nrounds = 1";
    let few = run(&study(text, ""), 128, 0.0).unwrap_err().to_string();
    assert!(few.starts_with("128 sites: cohorts are for more than 128"), "{few}");
    let other = common::study("kind = \"glm\"\nfamily = \"binomial\"", "");
    let refused = run(&other, 200, 0.0).unwrap_err().to_string();
    assert!(refused.contains("must be of kind \"vector\""), "{refused}");
    let large = run(&study(text, "minimum_sites = 100"), 200, 0.0).unwrap_err().to_string();
    assert!(large.contains("100"), "{large}");
}
