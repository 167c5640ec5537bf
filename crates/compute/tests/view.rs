//! From a governed view to vectors, and what an error says about a row.

use std::fs;

use ripieno_access::{Decision, Gate, Policy, Request, Requester, View};
use ripieno_analysis::NamedVector;
use ripieno_analysis::for_study;
use ripieno_catalog::{Catalog, Source};
use ripieno_compute::{ComputeError, local};
use ripieno_study::{Manifest, Study};

const NOW: u64 = 1_700_000_000;

fn study(family: &str) -> Study {
    let text = format!(
        "name = \"n\"\npurpose = \"research\"\n[data]\ndataset = \"heart\"\noutcome = \"y\"\n\
         features = [\"chol\", \"age\"]\n[analysis]\nkind = \"glm\"\nfamily = \"{family}\"\n\
         [aggregation]\nminimum_sites = 3\n"
    );
    Study::parse(&text).unwrap()
}

fn view(study: &Study, table: &str) -> View {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, table).unwrap();
    let source = Source { name: "heart".into(), path };
    let (catalog, authority) = Catalog::new("va", [source]).unwrap();
    let gate = Gate::new(catalog, authority, Policy::laboratory());
    let requester =
        Requester { name: "Ada".into(), role: "researcher".into(), ..Requester::default() };
    match gate.decide(&Request::new(study, requester, NOW)) {
        Ok(Decision::Approved(permit)) => gate.open(&permit, NOW).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn first_round(manifest: &Manifest, view: &View) -> Result<Vec<NamedVector>, ComputeError> {
    let state = for_study(manifest).unwrap().initial();
    local(manifest, &state, view)
}

#[test]
fn terms_stand_in_the_order_of_the_study() {
    let study = study("gaussian");
    let view = view(&study, "age,y,chol\n1,3,10\n2,5,20\n");
    let vectors = first_round(study.manifest(), &view).unwrap();
    let expected = [
        NamedVector::new("gradient", vec![8.0, 130.0, 13.0]),
        NamedVector::new("information", vec![2.0, 30.0, 3.0, 500.0, 50.0, 5.0]),
        NamedVector::new("statistics", vec![2.0, 0.0, 8.0, 34.0]),
    ];
    assert_eq!(vectors, expected);
}

#[test]
fn an_error_names_file_line_and_column_but_not_the_value() {
    let study = study("binomial");
    let view = view(&study, "age,y,chol\n1,0,10\n2,0.625,20\n");
    let message = first_round(study.manifest(), &view).unwrap_err().to_string();
    assert!(message.contains("va.csv, line 3, column \"y\": "), "{message}");
    assert!(!message.contains("625"), "{message}");
}

#[test]
fn a_view_of_another_study_is_refused() {
    let study = study("gaussian");
    let view = view(&study, "age,y,chol\n1,3,10\n2,5,20\n");
    let mut other = study.manifest().clone();
    other.data.as_mut().unwrap().features.pop();
    assert_eq!(first_round(&other, &view), Err(ComputeError::Shape));
}
