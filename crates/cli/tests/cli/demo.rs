//! The demo tells what happened in its own run.

use crate::support::{complaint, json, ripieno};

#[test]
fn the_demo_runs_and_its_folder_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("demo");
    let output = ripieno().args(["demo", "--seed", "1", "--dir"]).arg(&place).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    for part in [
        "■■□■",
        "hospital-c is gone",
        "4 of 4 hospitals recomputed every sum",
        "-35.0739265",
        "receipt of round 1 signs: yes",
        "over 569 rows",
    ] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    // What it says to type next works.
    let study = place.join("study.toml");
    ripieno().args(["study", "check"]).arg(&study).assert().success();
    let mut next = ripieno();
    next.arg("simulate").arg(&study).arg("--data").arg(place.join("tables"));
    let result = json(next.args(["--json", "-q"]), 0);
    assert_eq!(result["n"], 569);
    let text = complaint(ripieno().args(["demo", "--dir"]).arg(&place), 7);
    assert!(text.contains("not empty"), "{text}");
}
