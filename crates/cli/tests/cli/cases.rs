//! Published tables against references computed on the pooled rows. They need the folder that the
//! environment variable RIPIENO_DATA names.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::pooled;
use crate::support::{assert_close, may_change, numbers, ripieno, texts};

struct Case {
    folder: PathBuf,
    facts: Value,
    study: TempDir,
}

impl Case {
    /// `None`, said aloud, where the data is not there.
    fn open(name: &str) -> Option<Self> {
        let Some(data) = std::env::var_os("RIPIENO_DATA") else {
            println!("skipped: RIPIENO_DATA names no folder");
            return None;
        };
        let folder = PathBuf::from(data).join("cases").join(name);
        let text = fs::read_to_string(folder.join("case.json")).unwrap();
        let facts = serde_json::from_str(&text).unwrap();
        Some(Self { folder, facts, study: tempfile::tempdir().unwrap() })
    }

    fn study(&self, features: &str, analysis: &str) -> String {
        format!(
            "name = {}\npurpose = \"research\"\n[data]\ndataset = \"case\"\noutcome = {}\nfeatures = \
             {}\n[analysis]\n{analysis}\n",
            self.facts["case"], self.facts["outcome"], self.facts[features]
        )
    }

    fn glm(&self) -> String {
        self.study("covariates", &format!("kind = \"glm\"\nfamily = {}", self.facts["family"]))
    }

    fn simulate(&self, study: &str, data: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
        let path = self.study.path().join("study.toml");
        fs::write(&path, study).unwrap();
        let mut command = ripieno();
        command.arg("simulate").arg(&path).arg("--data").arg(data).args(["--json", "-q"]);
        let output = command.args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let result = serde_json::from_slice(&output.stdout);
        (result.unwrap_or_else(|error| panic!("{error}: {errors}")), output.status.code())
    }

    fn check(&self, result: &Value) {
        let expected = &self.facts["expected"];
        assert_eq!(result["n"], expected["n"]);
        assert_eq!(texts(&result["terms"]), texts(&expected["terms"]));
        let (got, wanted) = (numbers(&result["coefficients"]), numbers(&expected["coef"]));
        assert_close("coefficients", &got, &wanted, 1e-6);
        let (got, wanted) = (numbers(&result["standard_errors"]), numbers(&expected["se"]));
        assert_close("standard errors", &got, &wanted, 1e-5);
        for figure in ["deviance", "null_deviance"] {
            let ratio = result[figure].as_f64().unwrap() / expected[figure].as_f64().unwrap();
            assert_close(figure, &[ratio], &[1.0], 1e-6);
        }
    }
}

fn any(result: &Value, key: &str) -> bool {
    let rounds = result["rounds"].as_array().unwrap();
    rounds.iter().any(|round| !round[key].as_array().unwrap().is_empty())
}

/// Without losses, and with losses under fixed membership: the same figures.
fn glm(name: &str) {
    let Some(case) = Case::open(name) else { return };
    let (result, code) = case.simulate(&case.glm(), &case.folder, &[]);
    assert_eq!(code, Some(0));
    case.check(&result);
    assert!(!any(&result, "voided"));
    let mut voided = false;
    for seed in ["1", "2", "3"] {
        let arguments = ["--drop", "0.15", "--seed", seed];
        let (lossy, code) = case.simulate(&case.glm(), &case.folder, &arguments);
        assert_eq!(code, Some(0), "{}", lossy["message"]);
        case.check(&lossy);
        assert_eq!(lossy["coefficients"], result["coefficients"], "to the same bits");
        assert!(!any(&lossy, "missing"), "fixed membership opens no sum without a site");
        voided |= any(&lossy, "voided");
    }
    assert!(voided, "three runs without a lost site");
}

#[test]
fn heart_disease_in_four_hospitals() {
    glm("dev_heart_glm");
}

#[test]
fn three_sites_binomial() {
    glm("dev_pda_cola_binomial");
}

#[test]
fn three_studies_gaussian() {
    glm("dev_datashield_gaussian");
}

#[test]
fn diabetes_gaussian() {
    glm("dev_diabetes_gaussian");
}

/// With sites that drop out and are recovered, the figures are those of the sites that are named.
#[test]
fn recovered_sites_leave_the_figures_of_the_sites_named() {
    let Some(case) = Case::open("dev_heart_glm") else { return };
    let features = texts(&case.facts["covariates"]);
    let outcome = case.facts["outcome"].as_str().unwrap();
    let study = may_change(&case.glm());
    let mut compared = 0;
    for seed in 1..=12 {
        let arguments = ["--drop", "0.12", "--seed", &seed.to_string()];
        let (result, code) = case.simulate(&study, &case.folder, &arguments);
        if code != Some(0) || !any(&result, "missing") {
            // The sites changed too often for the steps that are allowed, or not at all.
            continue;
        }
        let files = texts(&result["sites"])
            .iter()
            .map(|s| case.folder.join(format!("{s}.csv")))
            .collect::<Vec<_>>();
        let rows = pooled::rows(files.iter().map(PathBuf::as_path), &features, outcome);
        assert_eq!(result["n"], rows.len());
        let (coefficients, errors) = pooled::logistic(&rows);
        assert_close("coefficients", &numbers(&result["coefficients"]), &coefficients, 1e-6);
        assert_close("errors", &numbers(&result["standard_errors"]), &errors, 1e-5);
        compared += 1;
        if compared == 3 {
            return;
        }
    }
    panic!("only {compared} runs with a lost site converged");
}

#[test]
fn federated_averaging_equals_the_reference() {
    let Some(case) = Case::open("dev_heart_fedavg_fedprox_fullbatch") else { return };
    let tables = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&case.folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with("_train.csv") {
            fs::copy(&path, tables.path().join(name)).unwrap();
        }
    }
    let analysis = "kind = \"fedavg\"\nfamily = \"binomial\"\nrounds = 50\nlocal_steps = 10\n\
                    learning_rate = 0.1\nstandardise = true";
    let wide = case.study("features", analysis);
    let packed = format!("{wide}[aggregation]\nencoding = \"packed\"\n");
    let mut expected = numbers(&case.facts["expected"]["FedAvg"]["parameters"]);
    // The reference has its intercept last.
    expected.rotate_right(1);
    for (study, tolerance) in [(&wide, 1e-8), (&packed, 1e-4)] {
        for arguments in [&[][..], &["--drop", "0.05", "--seed", "4"]] {
            let (result, code) = case.simulate(study, tables.path(), arguments);
            assert_eq!(code, Some(0));
            assert_eq!((&result["n"], &result["clipped"]), (&486.into(), &0.into()));
            let parameters = numbers(&result["parameters"]);
            assert_close("parameters", &parameters, &expected, tolerance);
        }
    }
}

/// A wrong reference is noticed: the comparison can fail.
#[test]
#[should_panic(expected = "off by")]
fn a_comparison_can_fail() {
    assert_close("x", &[1.0], &[1.1], 1e-6);
}
