//! Published tables against references computed on the pooled rows, through real processes. They
//! need the folder that the environment variable RIPIENO_DATA names.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ripieno_tests::{Federation, Kind};
use serde_json::Value;

use crate::support::{all, assert_close, assert_sites_agree, complete, numbers, setup, texts};

/// The data set of all cases.
const DATA_SET: &str = "case";

struct Case {
    folder: PathBuf,
    facts: Value,
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
        Some(Self { folder, facts: serde_json::from_str(&text).unwrap() })
    }

    fn study(&self, features: &str, analysis: &str) -> String {
        format!(
            "name = {}\npurpose = \"research\"\n[data]\ndataset = \"{DATA_SET}\"\noutcome = \
             {}\nfeatures = {}\n[analysis]\n{analysis}\n",
            self.facts["case"], self.facts["outcome"], self.facts[features]
        )
    }

    fn glm(&self) -> String {
        self.study("covariates", &format!("kind = \"glm\"\nfamily = {}", self.facts["family"]))
    }

    /// A site for each table whose name ends so, as processes.
    async fn found(&self, ending: &str) -> Federation {
        let mut tables = Vec::new();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if let Some(name) = name.strip_suffix(ending) {
                tables.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
        tables.sort();
        setup(Kind::Processes, 0).tables(DATA_SET, tables).found().await
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

async fn glm(name: &str) {
    let Some(case) = Case::open(name) else { return };
    let federation = case.found(".csv").await;
    let (study, watch, result) = complete(&federation, &case.glm()).await;
    case.check(&result);
    assert!(watch.voided().is_empty() && watch.refused().is_empty(), "{watch}");
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heart_disease_in_four_hospitals() {
    glm("dev_heart_glm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_sites_binomial() {
    glm("dev_pda_cola_binomial").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_studies_gaussian() {
    glm("dev_datashield_gaussian").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn diabetes_gaussian() {
    glm("dev_diabetes_gaussian").await;
}

/// A hospital is killed in the middle of the study and comes back: the same figures, to the bit.
#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_that_is_lost_and_comes_back_changes_no_figure() {
    let Some(case) = Case::open("dev_heart_glm") else { return };
    let mut federation = case.found(".csv").await;
    let (_, _, undisturbed) = complete(&federation, &case.glm()).await;
    let again = case.glm().replace("name = \"", "name = \"again: ");
    let study = federation.researcher.submit(&again).await;
    let watch = federation.researcher.watch(study);
    watch.phase(Duration::from_secs(30), "collecting", 2).await;
    federation.sites[2].restart().await;
    watch.done(Duration::from_secs(60)).await;
    let result = federation.researcher.result(&study).await;
    case.check(&result);
    assert_eq!(result["coefficients"], undisturbed["coefficients"]);
    let everyone: Vec<_> = watch.finished().into_iter().map(|round| round.survivors).collect();
    assert!(everyone.iter().all(|survivors| *survivors == [1, 2, 3, 4]), "{watch}");
}

#[tokio::test(flavor = "multi_thread")]
async fn federated_averaging_equals_the_reference() {
    let Some(case) = Case::open("dev_heart_fedavg_fedprox_fullbatch") else { return };
    let federation = case.found("_train.csv").await;
    let analysis = "kind = \"fedavg\"\nfamily = \"binomial\"\nrounds = 50\nlocal_steps = 10\n\
                    learning_rate = 0.1\nstandardise = true";
    let wide = case.study("features", analysis);
    let packed = format!("{wide}[aggregation]\nencoding = \"packed\"\n");
    let mut expected = numbers(&case.facts["expected"]["FedAvg"]["parameters"]);
    // The reference has its intercept last.
    expected.rotate_right(1);
    for (study, tolerance) in [(&wide, 1e-8), (&packed, 1e-4)] {
        let (_, _, result) = complete(&federation, study).await;
        assert_eq!((&result["n"], &result["clipped"]), (&486.into(), &0.into()));
        assert_close("parameters", &numbers(&result["parameters"]), &expected, tolerance);
    }
}

/// A wrong reference is noticed: the comparison can fail.
#[test]
#[should_panic(expected = "off by")]
fn a_comparison_can_fail() {
    assert_close("x", &[1.0], &[1.1], 1e-6);
}
