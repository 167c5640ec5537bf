//! Published tables against references that were computed on the pooled rows, by R's `glm` and by
//! numpy. They need the folder that the environment variable RIPIENO_DATA names.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use ripieno_study::Packing;
use ripieno_study::manifest::{AnalysisSpec, Family, FedAvgSpec, Standardise, UpdateEncoding};
use ripieno_study::plan::Clip;
use serde_json::Value;

use super::{Site, assert_close, fedavg_report, glm_report, glm_spec, manifest, run};

struct Case {
    features: Vec<String>,
    sites: Vec<Site>,
    expected: Value,
}

/// `None`, said aloud, where the data is not there.
fn case(name: &str, features: &str, only: &str) -> Option<Case> {
    let Some(folder) = std::env::var_os("RIPIENO_DATA") else {
        println!("skipped: RIPIENO_DATA names no folder");
        return None;
    };
    let folder = PathBuf::from(folder).join("cases").join(name);
    let text = std::fs::read_to_string(folder.join("case.json")).unwrap();
    let case: Value = serde_json::from_str(&text).unwrap();
    let names =
        |key: &str| -> Vec<String> { case[key].as_array().unwrap().iter().map(text_of).collect() };
    let (features, outcome) = (names(features), text_of(&case["outcome"]));
    let files = case["sites"].as_object().unwrap().keys().filter(|file| file.ends_with(only));
    let sites = files.map(|file| read(&folder.join(file), &features, &outcome)).collect();
    Some(Case { features, sites, expected: case["expected"].clone() })
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn read(file: &Path, features: &[String], outcome: &str) -> Site {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|other| other == name).unwrap();
    let places: Vec<usize> = features.iter().map(|name| column(name)).collect();
    let y = column(outcome);
    let rows: Vec<Vec<f64>> = reader
        .records()
        .map(|record| record.unwrap().iter().map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let entry = |(row, feature): (usize, usize)| rows[row][places[feature]];
    let features = Array2::from_shape_fn((rows.len(), features.len()), entry);
    (features, Array1::from_iter(rows.iter().map(|row| row[y])))
}

fn glm_case(name: &str, family: Family) {
    let Some(case) = case(name, "covariates", ".csv") else { return };
    let features: Vec<&str> = case.features.iter().map(String::as_str).collect();
    let analysis = AnalysisSpec::Glm(glm_spec(family));
    let (report, _) = run(&manifest(&features, analysis, UpdateEncoding::Wide), &case.sites);
    let report = glm_report(report);
    assert!(report.converged, "{}", report.message);
    println!("{}", report.message);
    let number = |key: &str| case.expected[key].as_f64().unwrap();
    assert_eq!(report.n, case.expected["n"].as_u64().unwrap());
    assert_close("coefficients", &report.coefficients, &numbers(&case.expected["coef"]), 1e-8);
    assert_close("errors", &report.standard_errors, &numbers(&case.expected["se"]), 1e-8);
    for (key, got) in [("deviance", report.deviance), ("null_deviance", report.null_deviance)] {
        assert_close(key, &[got / number(key)], &[1.0], 1e-9);
    }
}

#[test]
fn heart_disease_in_four_hospitals() {
    glm_case("dev_heart_glm", Family::Binomial);
}

#[test]
fn three_sites_binomial() {
    glm_case("dev_pda_cola_binomial", Family::Binomial);
}

#[test]
fn three_studies_gaussian() {
    glm_case("dev_datashield_gaussian", Family::Gaussian);
}

#[test]
fn diabetes_gaussian() {
    glm_case("dev_diabetes_gaussian", Family::Gaussian);
}

fn averaged(encoding: UpdateEncoding, max_rows: Option<u64>) -> Option<(Vec<f64>, Vec<f64>)> {
    let case = case("dev_heart_fedavg_fedprox_fullbatch", "features", "_train.csv")?;
    let spec = FedAvgSpec {
        family: Family::Binomial,
        rounds: 50,
        local_steps: 10,
        batch_size: None,
        learning_rate: 0.1,
        shuffle: true,
        standardise: Standardise::Site,
        seed: 0,
        max_rows,
    };
    let features: Vec<&str> = case.features.iter().map(String::as_str).collect();
    let manifest = manifest(&features, AnalysisSpec::FedAvg(spec), encoding);
    let (report, rounds) = run(&manifest, &case.sites);
    let report = fedavg_report(report);
    let counting = encoding != UpdateEncoding::Wide && max_rows.is_none();
    assert_eq!(rounds, 51 + usize::from(counting));
    assert_eq!((report.n, report.clipped), (486, 0));
    assert!(report.metrics["accuracy"] > 0.75 && report.metrics["loss"] < 0.5);
    // The reference has its intercept last.
    let mut expected = numbers(&case.expected["FedAvg"]["parameters"]);
    expected.rotate_right(1);
    Some((report.parameters, expected))
}

#[test]
fn averaging_with_wide_updates_is_exact() {
    if let Some((got, expected)) = averaged(UpdateEncoding::Wide, None) {
        assert_close("parameters", &got, &expected, 1e-9);
    }
}

#[test]
fn averaging_with_packed_updates_is_near() {
    for (packing, max_rows) in [(Packing::Two, Some(199)), (Packing::Three, None)] {
        let encoding = UpdateEncoding::Packed { packing, range: 1.0, clip: Clip::Coordinate };
        if let Some((got, expected)) = averaged(encoding, max_rows) {
            assert_close(&format!("{packing:?}"), &got, &expected, 1e-4);
        }
    }
}
