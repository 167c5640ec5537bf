//! The shape of the results, and what progress goes where.

use serde_json::Value;

use crate::support::{Files, STUDY, json, may_change, numbers, ripieno, texts};

const SITES: [&str; 4] = ["a", "b", "c", "d"];

#[test]
fn the_result_of_a_regression_has_the_documented_shape() {
    let files = Files::new(&SITES);
    let result = json(&mut files.simulate(&["--json", "--seed", "7"]), 0);
    assert_eq!(result["analysis"], "glm");
    assert_eq!(result["n"], 160);
    assert_eq!(texts(&result["sites"]), SITES);
    assert_eq!(texts(&result["terms"]), ["(Intercept)", "x"]);
    for list in ["coefficients", "standard_errors", "statistics", "p_values"] {
        assert_eq!(numbers(&result[list]).len(), 2, "{list}");
    }
    assert_eq!(numbers(&result["confidence_intervals"][1]).len(), 2);
    for figure in ["deviance", "null_deviance", "dispersion", "confidence", "seconds"] {
        assert!(result[figure].is_f64(), "{figure}");
    }
    for count in ["iterations", "df_residual", "df_null", "seed"] {
        assert!(result[count].is_u64(), "{count}");
    }
    assert_eq!((&result["status"], &result["converged"]), (&"converged".into(), &true.into()));
    assert_eq!((&result["family"], &result["statistic"]), (&"binomial".into(), &"z".into()));
    let rounds = result["rounds"].as_array().unwrap();
    for (at, round) in rounds.iter().enumerate() {
        assert_eq!(round["round"], at + 1);
        assert_eq!(round["step"], "newton");
        assert!(round["slot"].is_u64() && round["seconds"].is_f64());
        assert_eq!(texts(&round["survivors"]), SITES);
        assert_eq!(
            (&round["missing"], &round["voided"]),
            (&Value::Array(vec![]), &Value::Array(vec![]))
        );
    }
    let protection = &result["protection"];
    let numbers = ["sites", "corrupt", "threshold", "minimum"].map(|key| protection[key].as_u64());
    assert_eq!(numbers, [Some(4), Some(1), Some(3), Some(4)]);
    assert_eq!(protection["membership"], "fixed");
    assert_eq!(texts(&result["verified"]), SITES);
    assert!(result["refusals"].is_array() && result["traffic"][3]["sent"].is_u64());
}

#[test]
fn averaging_and_vectors_have_their_own_shapes() {
    let files = Files::new(&SITES);
    files.write_study(
        &STUDY.replace("\"glm\"", "\"fedavg\"\nrounds = 3\nlocal_steps = 2\nlearning_rate = 0.1"),
    );
    let result = json(&mut files.simulate(&["--json", "-q"]), 0);
    assert_eq!((&result["analysis"], &result["training_rounds"]), (&"fedavg".into(), &3.into()));
    assert_eq!(numbers(&result["parameters"]).len(), 2);
    assert!(result["metrics"]["loss"].is_f64() && result["metrics"]["accuracy"].is_f64());
    assert_eq!(result["rounds"].as_array().unwrap().len(), 4);
    files.write_study(
        "name = \"v\"\npurpose = \"bench\"\n[analysis]\nkind = \"vector\"\nlength = 1000\nrounds = 2\n",
    );
    let result = json(&mut files.simulate(&["--json", "-q"]), 0);
    assert_eq!((&result["analysis"], &result["summands"]), (&"vector".into(), &4.into()));
    assert_eq!(result["sum_digest"].as_str().unwrap().len(), 64);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let files = Files::new(&SITES);
    let run = || {
        let mut result =
            json(&mut files.simulate(&["--json", "-q", "--seed", "3", "--drop", "0.3"]), 0);
        result["seconds"] = Value::Null;
        result["rounds"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|r| r["seconds"] = Value::Null);
        result
    };
    let first = run();
    assert_eq!(first, run());
    let voided = |r: &Value| !r["voided"].as_array().unwrap().is_empty();
    assert!(first["rounds"].as_array().unwrap().iter().any(voided), "seed 3 loses nobody");
}

#[test]
fn progress_goes_to_stderr_in_the_asked_form() {
    let files = Files::new(&SITES);
    let shown = |arguments: &[&str]| {
        let output = files.simulate(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let lines = shown(&["--json"]);
    assert!(lines.lines().any(|line| line == "round 1 newton: sum of 4 sites opened"), "{lines}");
    assert_eq!(shown(&["--json", "--quiet"]), "");
    assert_eq!(shown(&["--progress", "none"]), "");
    let events = shown(&["--progress", "json"]);
    let events: Vec<Value> = events.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(events.iter().filter(|e| e["event"] == "upload" && e["round"] == 1).count(), 4);
    assert_eq!(events.last().unwrap()["event"], "done");
}

#[test]
fn people_read_tables_without_colours_in_a_pipe() {
    let files = Files::new(&SITES);
    files.write_study(&may_change(STUDY));
    let output = files.simulate(&["-q"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["std. error", "95 % from", "deviance", "DIFFERENCING IS NOT PREVENTED", "laboratory"]
    {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn an_analysis_without_an_estimate_is_printed_and_told_by_the_exit_code() {
    let files = Files::new(&["a", "b", "c"]);
    let tables = [("y,x\n0,1\n0,2\n1,3\n1,4\n", "separated"), ("y,x\n0,1\n1,1\n", "collinear")];
    for (table, status) in tables {
        ["a", "b", "c"].iter().for_each(|site| files.write_table(site, table));
        let out = files.path(status);
        let result = json(files.simulate(&["--json", "-q", "--out"]).arg(&out), 6);
        assert_eq!((&result["status"], &result["converged"]), (&status.into(), &false.into()));
        assert!(result["message"].as_str().unwrap().contains('x'));
        assert!(out.join("result.json").exists() && !out.join("model.safetensors").exists());
        let output = files.simulate(&["-q"]).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains("NO ESTIMATE"));
    }
}

#[test]
fn a_check_says_what_a_study_would_do() {
    let files = Files::new(&[]);
    let path = files.path("study.toml");
    let facts = json(ripieno().args(["study", "check", "--json"]).arg(&path), 0);
    assert_eq!(facts["ok"], true);
    assert!(facts["rounds_at_most"].as_u64().unwrap() > 25, "at least the Newton steps");
    assert_eq!(texts(&facts["columns"]), ["y", "x"]);
    // Two coefficients, three entries of the information, four statistics: nine wide values.
    assert_eq!(facts["uploads"][0]["bytes"], 9 * 16);
    let of = |sites: u64| {
        let federations = facts["federations"].as_array().unwrap();
        federations.iter().find(|row| row["sites"] == sites).unwrap().clone()
    };
    assert_eq!((&of(100)["threshold"], &of(100)["corrupt"]), (&51.into(), &1.into()));
    let output = ripieno().args(["study", "check"]).arg(&path).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("The study is good."));
}
