//! Whole studies without the protocol: sites compute and encode, lanes are added as they are.

mod cases;
mod made;

use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_analysis::{
    Analysis, FedAvgReport, GlmReport, Members, Report, State, Step, Sums, for_study,
};
use ripieno_encoding::{decode, encode, plan_for};
use ripieno_study::manifest::{
    Aggregation, AnalysisSpec, DataSpec, Family, GlmSpec, Missing, UpdateEncoding,
};
use ripieno_study::{Encoding, Manifest, Membership, Plan};

use crate::{Rows, on_rows};

/// A site's table: rows × features, and the outcome.
type Site = (Array2<f64>, Array1<f64>);

fn manifest(features: &[&str], analysis: AnalysisSpec, encoding: UpdateEncoding) -> Manifest {
    Manifest {
        name: "test".into(),
        purpose: "research".into(),
        data: Some(DataSpec {
            dataset: "table".into(),
            outcome: "y".into(),
            features: features.iter().map(|name| (*name).to_owned()).collect(),
            missing: Missing::Error,
        }),
        analysis,
        aggregation: Aggregation {
            minimum_sites: 3,
            corrupt: None,
            membership: Membership::MayChange,
            encoding,
        },
    }
}

fn glm_spec(family: Family) -> GlmSpec {
    GlmSpec { family, max_iterations: 25, tolerance: 1e-12, confidence: 0.95 }
}

/// A round that was summed.
struct Summed {
    survivors: Vec<usize>,
    /// What the state before it wished for.
    members: Members,
}

/// Runs a study over `sites`, of which `present` says who is summed in a round (from 0).
fn run_with(
    manifest: &Manifest,
    sites: &[Site],
    present: impl Fn(usize, &[Summed], Members) -> Vec<usize>,
) -> (Report, Vec<Summed>) {
    let analysis = for_study(manifest).unwrap();
    let mut state = analysis.initial();
    let mut rounds: Vec<Summed> = Vec::new();
    let mut members = Members::Any;
    loop {
        assert!(rounds.len() < 500, "the analysis does not end");
        let survivors = present(rounds.len(), &rounds, members);
        let sums = summed(manifest, analysis.as_ref(), &state, sites, &survivors);
        let step = analysis.combine(&state, &sums, survivors.len()).unwrap();
        rounds.push(Summed { survivors, members });
        match step {
            Step::Continue { state: next, members: wish } => (state, members) = (next, wish),
            Step::Done(report) => return (report, rounds),
        }
    }
}

fn run(manifest: &Manifest, sites: &[Site]) -> (Report, usize) {
    let all: Vec<usize> = (0..sites.len()).collect();
    let (report, rounds) = run_with(manifest, sites, |_, _, _| all.clone());
    (report, rounds.len())
}

fn run_glm(spec: GlmSpec, features: &[&str], sites: &[Site]) -> GlmReport {
    let manifest = manifest(features, AnalysisSpec::Glm(spec), UpdateEncoding::Wide);
    glm_report(run(&manifest, sites).0)
}

fn glm_report(report: Report) -> GlmReport {
    match report {
        Report::Glm(report) => *report,
        other => panic!("{other:?}"),
    }
}

fn fedavg_report(report: Report) -> FedAvgReport {
    match report {
        Report::FedAvg(report) => report,
        other => panic!("{other:?}"),
    }
}

fn summed(
    manifest: &Manifest,
    analysis: &dyn Analysis,
    state: &State,
    sites: &[Site],
    survivors: &[usize],
) -> Sums {
    let plan = plan_for(&analysis.inputs(state).unwrap(), 512);
    let mut sum = vec![0; plan.lanes() as usize];
    for site in survivors {
        let (features, outcome) = &sites[*site];
        let rows = Rows { features: features.view(), outcome: outcome.view() };
        let vectors = on_rows(manifest, state, rows).unwrap();
        let mut rounding = ChaCha20Rng::seed_from_u64(*site as u64);
        let encoded = encode(&plan, &vectors, sites.len(), &mut rounding).unwrap();
        add(&plan, &mut sum, &encoded.lanes);
    }
    Sums::new(decode(&plan, &sum, survivors.len(), sites.len()).unwrap())
}

fn add(plan: &Plan, sum: &mut [u64], lanes: &[u64]) {
    let mut at = 0;
    for input in &plan.inputs {
        let end = at + input.lanes() as usize;
        let wide = input.encoding == Encoding::Wide;
        let step = if wide { 2 } else { 1 };
        for (sum, lanes) in sum[at..end].chunks_mut(step).zip(lanes[at..end].chunks(step)) {
            let read = |lanes: &[u64]| {
                lanes.iter().rev().fold(0_u128, |value, lane| value << 64 | u128::from(*lane))
            };
            let total = read(sum).wrapping_add(read(lanes));
            sum.iter_mut().enumerate().for_each(|(k, lane)| *lane = (total >> (64 * k)) as u64);
        }
        at = end;
    }
}

fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let off = got.iter().zip(expected).map(|(got, expected)| (got - expected).abs());
    let worst = off.fold(0.0, f64::max);
    println!("{what}: off by {worst:e}");
    assert!(worst <= tolerance, "{what}: {got:?}, expected {expected:?}");
}
