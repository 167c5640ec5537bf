//! Help, completions, manual pages, and readers that go away.

use std::process::{Command, Stdio};

use crate::support::{listing, ripieno};

#[test]
fn help_is_as_documented() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd").run();
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ripieno().args(["completions", shell]).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains("simulate"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let output = ripieno().arg("man").output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains(".TH ripieno 1") && page.contains("Exit codes"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    ripieno().args(["man", "--out"]).arg(folder.path()).assert().success();
    let pages = listing(folder.path());
    for page in ["ripieno.1", "ripieno-simulate.1", "ripieno-study-check.1", "ripieno-demo.1"] {
        assert!(pages.contains(&page.to_owned()), "{pages:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ripieno"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn logging_is_off_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let run = |log: Option<&str>| {
        let mut command = ripieno();
        if let Some(level) = log {
            command.env("RIPIENO_LOG", level);
        }
        let files = crate::support::Files::new(&["a", "b", "c"]);
        let study = files.path("study.toml");
        command.arg("simulate").arg(&study).arg("--data").arg(files.tables()).arg("-q");
        String::from_utf8(command.current_dir(&folder).output().unwrap().stderr).unwrap()
    };
    assert_eq!(run(None), "");
    assert!(run(Some("info")).contains("simulate"));
    assert!(run(Some("debug")).contains("\"event\":\"opened\""));
}
