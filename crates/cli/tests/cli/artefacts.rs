//! What `--out` writes.

use std::fs;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde_json::Value;

use crate::support::{Files, complaint, json, listing, may_change, numbers, texts};

const SITES: [&str; 4] = ["a", "b", "c", "d"];

fn read(path: &std::path::Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn result_model_and_receipts_agree() {
    let files = Files::new(&SITES);
    let out = files.path("out");
    let result = json(files.simulate(&["--json", "-q", "--out"]).arg(&out), 0);
    assert_eq!(listing(&out), ["charter.json", "model.safetensors", "receipts", "result.json"]);
    assert_eq!(read(&out.join("result.json")), result);

    let bytes = fs::read(out.join("model.safetensors")).unwrap();
    let model = SafeTensors::deserialize(&bytes).unwrap();
    for name in ["coefficients", "standard_errors"] {
        let tensor = model.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F64, &[2][..]));
        let values = tensor.data().chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));
        assert_eq!(values.collect::<Vec<_>>(), numbers(&result[name]), "{name}");
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    assert_eq!((metadata["analysis"].as_str(), metadata["family"].as_str()), ("glm", "binomial"));
    assert_eq!(metadata["terms"], r#"["(Intercept)","x"]"#);
    assert_eq!(metadata["sites"], r#"["a","b","c","d"]"#);
    assert_eq!(metadata["study"], result["study"].as_str().unwrap());

    let rounds = result["rounds"].as_array().unwrap();
    assert_eq!(listing(&out.join("receipts")).len(), rounds.len());
    for (at, round) in rounds.iter().enumerate() {
        let receipt = read(&out.join(format!("receipts/round-{:03}.json", at + 1)));
        assert_eq!((&receipt["study"], &receipt["slot"]), (&result["study"], &round["slot"]));
        assert_eq!(receipt["trailers"].as_array().unwrap().len(), 4);
        assert_eq!(receipt["revealed_self_secrets"].as_array().unwrap().len(), 4);
        assert_eq!(receipt["revealed_root_secrets"].as_array().unwrap().len(), 0);
        assert!(receipt["outcome_signatures"].as_array().unwrap().len() >= 3);
        assert_eq!(receipt["coordinator_signature"].as_str().unwrap().len(), 128);
        for digest in ["ctx", "transcript", "sum", "next_state", "state", "charter"] {
            assert_eq!(receipt[digest].as_str().unwrap().len(), 64, "{digest}");
        }
        let states = (receipt["next_state"].clone(), at + 2);
        if let Ok(text) =
            fs::read_to_string(out.join(format!("receipts/round-{:03}.json", states.1)))
        {
            let next: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(next["state"], states.0, "a round starts where the last one ended");
        }
    }
    let charter = read(&out.join("charter.json"));
    assert_eq!(charter["sites"].as_array().unwrap().len(), 4);
    let first = read(&out.join("receipts/round-001.json"));
    assert_eq!(charter["digest"], first["charter"]);
}

#[test]
fn a_lost_site_s_root_is_in_the_receipt() {
    let files = Files::new(&SITES);
    files.write_study(&may_change(crate::support::STUDY));
    let out = files.path("out");
    // Enough of a loss that some round has one, whatever the generator gives.
    let arguments = ["--json", "-q", "--drop", "0.4", "--seed", "5", "--out"];
    let output = files.simulate(&arguments).arg(&out).output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lost = |round: &&Value| !texts(&round["missing"]).is_empty();
    let round = result["rounds"].as_array().unwrap().iter().find(lost).expect("a lost site");
    let number = round["round"].as_u64().unwrap();
    let receipt = read(&out.join(format!("receipts/round-{number:03}.json")));
    let names = |key: &str| -> Vec<String> {
        receipt[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names("missing"), texts(&round["missing"]));
    assert_eq!(names("survivors"), texts(&round["survivors"]));
    let roots = receipt["revealed_root_secrets"].as_array().unwrap();
    assert_eq!(roots.len(), names("missing").len());
    assert_eq!(roots[0]["scalar"].as_str().unwrap().len(), 64);
}

#[test]
fn a_folder_in_use_is_refused_before_the_run() {
    let files = Files::new(&SITES);
    let out = files.path("out");
    files.simulate(&["-q", "--out"]).arg(&out).assert().success();
    let before = fs::read(out.join("result.json")).unwrap();
    let text = complaint(files.simulate(&["-q", "--out"]).arg(&out), 7);
    assert!(text.contains("is not empty") && text.contains("--force"), "{text}");
    assert_eq!(fs::read(out.join("result.json")).unwrap(), before);
    files.write_study(
        "name = \"v\"\npurpose = \"bench\"\n[analysis]\nkind = \"vector\"\nlength = 5\n",
    );
    files.simulate(&["-q", "--force", "--out"]).arg(&out).assert().success();
    assert_eq!(listing(&out), ["charter.json", "receipts", "result.json"], "a sum has no model");
    assert_eq!(listing(&out.join("receipts")), ["round-001.json"], "old receipts are gone");
    fs::write(out.join("notes.txt"), "mine").unwrap();
    let text = complaint(files.simulate(&["-q", "--force", "--out"]).arg(&out), 7);
    assert!(text.contains("notes.txt"), "{text}");
    let text = complaint(files.simulate(&["-q", "--out"]).arg(files.path("study.toml")), 7);
    assert!(text.contains("study.toml cannot be used for output"), "{text}");
}

#[test]
fn a_run_that_fails_writes_nothing() {
    let files = Files::new(&["a", "b"]);
    let out = files.path("out");
    complaint(files.simulate(&["-q", "--out"]).arg(&out), 5);
    assert!(!out.exists());
}
