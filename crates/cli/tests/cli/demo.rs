//! The demo runs real processes, tells what happened in its own run, and leaves nothing behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{complaint, ripieno};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes that were started with this folder among their arguments and that still run. They are
/// closed to other processes of their user, and have another parent when theirs is gone; what they
/// were started with stands there all the same.
fn started_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let started = processes.filter(|process| {
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        holds(&arguments, folder)
    });
    started.map(|process| process.file_name().to_string_lossy().into_owned()).collect()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_demo_comes_to_the_pooled_result_and_no_name_leaves_a_hospital() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("demo");
    let child = Command::new(env!("CARGO_BIN_EXE_ripieno"))
        .args(["demo", "--dir"])
        .arg(&place)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}{errors}");
    assert_eq!(started_in(folder.path()), [""; 0]);
    // The two paths are as long as they are: what it says to type must be typed as it stands.
    let shown = text.replace(env!("CARGO_BIN_EXE_ripieno"), "ripieno");
    let shown = shown.replace(&place.display().to_string(), "DIR");
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{text}");
    for part in [
        "■■□■",
        "hospital-c  killed in mid-round",
        "hospital-c  is back",
        "4 of 4 hospitals recomputed every sum",
        "-35.0739265",
        "to the last bit: yes",
        "over 569 rows",
        "hospital-d  refuses by its rule policy.columns",
    ] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    let difference = text.split("largest difference of a coefficient: ").nth(1).unwrap();
    let difference: f64 = difference.lines().next().unwrap().parse().unwrap();
    assert!(difference < 1e-9, "{difference}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    nothing_leaked(&place, &[text, errors]);
    // What it says to type next works.
    ripieno()
        .args(["study", "check", "--offline"])
        .arg(place.join("study.toml"))
        .assert()
        .success();
    let audit = ["coordinator", "audit", "verify", "--dir"];
    ripieno().args(audit).arg(place.join("coordinator")).assert().success();
    let text = complaint(ripieno().args(["demo", "--dir"]).arg(&place), 7);
    assert!(text.contains("not empty"), "{text}");
}

/// Names and record numbers of every row, searched for wherever they must not be: the refused
/// study's own text names the columns, nothing names a person.
fn nothing_leaked(place: &Path, printed: &[String]) {
    let tables = place.join("tables");
    let rows: Vec<String> = files(&tables)
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(rows.len(), 569);
    let people: Vec<&str> = rows.iter().flat_map(|row| row.split(',').take(2)).collect();
    let searched = files(place).into_iter().filter(|path| !path.starts_with(&tables));
    let mut texts: Vec<(String, Vec<u8>)> =
        searched.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    texts.extend(printed.iter().map(|text| ("output".to_owned(), text.clone().into_bytes())));
    assert!(texts.iter().any(|(name, _)| name.ends_with("coordinator.db")));
    for (name, bytes) in &texts {
        // Every record number begins so: one search stands for all of them.
        assert!(!holds(bytes, "MRN-"), "a record number is in {name}");
        let last_names =
            people.iter().step_by(2).take(12).filter_map(|name| name.split(' ').nth(1));
        for last in last_names {
            assert!(!holds(bytes, last), "{last} is in {name}");
        }
    }
}

/// A demo in the middle of its federation, with its temporary files in this folder, and whoever
/// reads its output: a demo that nobody reads ends by itself.
fn under_way(folder: &Path) -> (Child, impl Sized) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ripieno"))
        .arg("demo")
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("charter")), "it got so far");
    assert!(started_in(folder).len() >= 5, "a coordinator and four hospitals run");
    (child, lines)
}

/// Waits for the last process of a demo with its files in this folder.
fn wait_for_the_last(folder: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while !started_in(folder).is_empty() {
        assert!(Instant::now() < deadline, "{:?} still run", started_in(folder));
        std::thread::yield_now();
    }
}

#[test]
fn a_demo_that_is_killed_takes_its_processes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, _reader) = under_way(folder.path());
    demo.kill().unwrap();
    demo.wait().unwrap();
    wait_for_the_last(folder.path());
}

#[test]
fn a_demo_that_is_interrupted_leaves_no_process_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, _reader) = under_way(folder.path());
    let pid = demo.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(5));
    wait_for_the_last(folder.path());
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}
