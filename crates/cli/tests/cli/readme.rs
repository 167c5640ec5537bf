//! The README's commands and figures are those of the program.

use std::path::Path;

use crate::support::{Files, ripieno};

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    std::fs::read_to_string(path).unwrap()
}

/// The fenced blocks that begin with these words.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let blocks = text.split("\n```").skip(1).step_by(2);
    let matching = blocks.filter_map(|block| block.strip_prefix(language));
    matching.filter_map(|block| block.strip_prefix('\n')).map(str::to_owned).collect()
}

#[test]
fn the_demo_s_output_is_the_demo_s() {
    let output = ripieno().arg("demo").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let shown = blocks("text").into_iter().find(|block| block.contains("What happened")).unwrap();
    // Without digits: times, masks and the folder differ from run to run.
    let words = |line: &str| {
        let unit = |word: &str| ["ms", "s"].contains(&word);
        let word = |word: &str| {
            !unit(word) && word.chars().all(|c| c.is_alphabetic() || "-,.■□()".contains(c))
        };
        line.split_whitespace().filter(|w| word(w)).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<_> = printed.lines().map(words).collect();
    let changing =
        |line: &&str| line.contains('█') || line.contains(char::is_numeric) && line.len() > 60;
    for line in shown.lines().filter(|line| *line != "  …" && !changing(line)) {
        assert!(lines.contains(&words(line)), "the demo does not say: {line}");
    }
    for line in shown.lines().filter(|line| line.contains("mean ") && line.contains("1e-")) {
        let estimate = line.split_whitespace().find(|w| w.parse::<f64>().is_ok()).unwrap();
        assert!(printed.contains(estimate), "the demo's figures differ: {line}");
    }
}

#[test]
fn the_study_is_good_and_every_command_is_one() {
    let files = Files::new(&["a"]);
    let studies = blocks("toml");
    assert!(!studies.is_empty());
    for study in studies {
        files.write_study(&study);
        ripieno().args(["study", "check"]).arg(files.path("study.toml")).assert().success();
    }
    for block in blocks("sh") {
        for line in block.lines().filter(|line| line.starts_with("ripieno ")) {
            let words = line.split_whitespace().skip(1);
            let first: Vec<_> = words.take_while(|w| w.chars().all(char::is_lowercase)).collect();
            let help = ripieno().args(&first).arg("--help").output().unwrap();
            let help = String::from_utf8(help.stdout).unwrap();
            for option in line.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.contains(option), "{line}: no {option}");
            }
        }
    }
}
