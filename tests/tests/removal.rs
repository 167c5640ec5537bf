//! The tool that takes every check away once (`just remove-checks`) fits the present sources: it
//! finds places of each check, those of its last result are there, and so are the tests that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use ripieno_study::Check;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One line of the tool: the checks of a place, the place, and what the last column says.
fn columns(line: &str) -> Option<(Vec<&str>, &str, &str)> {
    let mut cells = line.split('\t');
    let (ids, place) = (cells.next()?.split(',').collect(), cells.next()?);
    Some((ids, place, cells.next().unwrap_or_default()))
}

fn result() -> String {
    let path = root().join("tests/removal/result.tsv");
    std::fs::read_to_string(path).expect("the last result")
}

#[test]
fn the_tool_still_finds_places_of_every_check() {
    let python = Command::new("python3")
        .args(["-B", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])
        .status();
    if !python.is_ok_and(|status| status.success()) {
        println!("skipped: there is no Python 3.11 or newer");
        return;
    }
    let listed = Command::new("python3")
        .arg("-B")
        .arg(root().join("tests/removal/remove.py"))
        .arg("--list")
        .output()
        .expect("python3 runs");
    let fault = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "tests/removal/remove.py --list: {fault}");
    let text = String::from_utf8(listed.stdout).expect("text");
    let mut places = BTreeMap::<&str, usize>::new();
    for (ids, ..) in text.lines().filter_map(columns) {
        ids.into_iter().for_each(|id| *places.entry(id).or_default() += 1);
    }
    let without = Check::ALL.map(|check| check.to_string());
    let without: Vec<_> = without.iter().filter(|id| !places.contains_key(id.as_str())).collect();
    assert!(without.is_empty(), "the tool finds no place of {without:?}");
    let (last, said) = (result(), reasons());
    let (found, known) = (places_of(&text), places_of(&last));
    let stale: Vec<_> = known.union(&places_of(&said)).copied().collect();
    let stale: Vec<_> = stale.into_iter().filter(|place| !found.contains(place)).collect();
    assert!(stale.is_empty(), "these places are gone; `just remove-checks` anew: {stale:#?}");
    let open: Vec<_> = found.difference(&known).collect();
    assert!(open.len() <= most_open(), "{} were never taken away: {open:#?}", open.len());
}

/// The places of a file or a list of the tool.
fn places_of(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(columns).map(|(_, place, _)| place).collect()
}

/// How many places may never have been taken away: docs/verification.md says so.
fn most_open() -> usize {
    let path = root().join("docs/verification.md");
    let text = std::fs::read_to_string(path).expect("docs/verification.md");
    let (_, rest) = text.split_once("At most ").expect("it says how many");
    let (number, rest) = rest.split_once(' ').expect("a number");
    assert!(rest.starts_with("places may be so"), "{rest:.40}");
    number.parse().expect("a number")
}

#[test]
fn every_check_is_red_without_each_of_its_places_and_the_tests_exist() {
    let (text, reasons) = (result(), reasons());
    let mut red = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for (ids, place, test) in text.lines().filter(|line| !line.starts_with('#')).filter_map(columns)
    {
        if test == "-" {
            if !reasons.lines().any(|line| columns(line).is_some_and(|c| c.1 == place)) {
                wrong.push(format!("no test notices that this is gone: {place}"));
            }
            continue;
        }
        if let Some(complaint) = complaint(test) {
            wrong.push(format!("{place}: {complaint}"));
        }
        ids.into_iter().for_each(|id| *red.entry(id).or_default() += 1);
    }
    for check in Check::ALL.map(|check| check.to_string()) {
        if !red.contains_key(check.as_str()) {
            wrong.push(format!("no test is red without check {check}"));
        }
    }
    assert!(wrong.is_empty(), "tests/removal/result.tsv:\n{}", wrong.join("\n"));
}

fn reasons() -> String {
    std::fs::read_to_string(root().join("tests/removal/reasons.tsv")).expect("the reasons")
}

/// What is wrong with the name of a test: `folder::module::function`, or `folder: "attack"`.
fn complaint(test: &str) -> Option<String> {
    let (folder, wanted) = match test.split_once(": \"") {
        Some((folder, attack)) => (folder, format!("\"{attack}")),
        None => {
            let folder = test.split("::").next().unwrap_or_default();
            (folder, format!("fn {}(", test.rsplit("::").next().unwrap_or_default()))
        }
    };
    let folder = match root().join(format!("{folder}.rs")) {
        file if file.is_file() => file,
        _ => root().join(folder),
    };
    (!holds(&folder, &wanted)).then(|| format!("there is no {wanted} in {}", folder.display()))
}

/// Whether a Rust file of the folder, or the file itself, holds the text.
fn holds(path: &Path, wanted: &str) -> bool {
    if path.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else { return false };
        return entries.flatten().any(|entry| holds(&entry.path(), wanted));
    }
    path.extension().is_some_and(|extension| extension == "rs")
        && std::fs::read_to_string(path).is_ok_and(|text| text.contains(wanted))
}
