//! The sums are those of the sites, all of them, once each.

use ripieno_analysis::State;
use ripieno_analysis::vector::VectorState;
use ripieno_compute::local_vector;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::manifest::VectorSpec;
use ripieno_study::{SiteIndex, Study};
use ripieno_tests::{Kind, made};
use serde_json::Value;

use crate::support::{all, assert_close, assert_sites_agree, complete, numbers, setup};

/// Mean and norm of the sum over these sites, from their own vectors.
pub(crate) fn expected(text: &str, round: u32, sites: impl IntoIterator<Item = u32>) -> [f64; 2] {
    let study = Study::parse(text).unwrap();
    let AnalysisSpec::Vector(spec) = &study.manifest().analysis else { panic!("no vector") };
    let total = total(spec, round, sites);
    let mean = total.iter().sum::<f64>() / total.len() as f64;
    [mean, total.iter().map(|value| value * value).sum::<f64>().sqrt()]
}

fn total(spec: &VectorSpec, round: u32, sites: impl IntoIterator<Item = u32>) -> Vec<f64> {
    let state = State::Vector(VectorState { round, clipped: 0 });
    let mut total = vec![0.0; usize::try_from(spec.length).unwrap()];
    for site in sites {
        let site = SiteIndex::new(u16::try_from(site).unwrap()).unwrap();
        let values = local_vector(spec, &state, site).unwrap().remove(0).values;
        total.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    total
}

/// What a result says of its sum.
pub(crate) fn figures(result: &Value) -> [f64; 2] {
    ["mean", "norm"].map(|key| result[key].as_f64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_of_a_vector_is_the_sum_of_the_sites() {
    let federation = setup(Kind::Processes, 5).found().await;
    let wide = made::vector("wide", 3000, 2, made::WIDE);
    let packed = made::vector("packed", 200_000, 1, "");
    for (text, round, tolerance) in [(&wide, 2, 1e-9), (&packed, 1, 1e-2)] {
        let (study, watch, result) = complete(&federation, text).await;
        let wanted = expected(text, round, 1..=5);
        assert_close("mean and norm", &figures(&result), &wanted, tolerance);
        assert_eq!((&result["summands"], &result["clipped"]), (&5.into(), &0.into()), "{watch}");
        assert_sites_agree(&federation, &study, &all(&federation), &result).await;
    }
}

/// Every column is 1 at one site, so each coefficient is made of the rows of one site alone.
#[tokio::test(flavor = "multi_thread")]
async fn one_hot_sums() {
    const SITES: usize = 4;
    let federation = setup(Kind::Processes, SITES).found().await;
    let (_, _, result) = complete(&federation, &made::one_hot(SITES)).await;
    let mean = |site| (0..40).map(|row| made::level(site, row)).sum::<usize>() as f64 / 40.0;
    let mut wanted = vec![mean(0)];
    wanted.extend((1..SITES).map(|site| mean(site) - mean(0)));
    assert_eq!(result["n"], 40 * SITES);
    assert_close("levels", &numbers(&result["coefficients"]), &wanted, 1e-9);
}
