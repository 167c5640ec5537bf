//! Each row of the first table of docs/threat-model.md names what shows it, and that exists: a file,
//! a test in it, or an attack of tests/tests/attacks.

use std::path::{Path, PathBuf};

/// The column that names tests, from 0.
const SHOWN_BY: usize = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of all attacks.
fn attacks() -> String {
    let folder = root().join("tests/tests/attacks/acts");
    let files = std::fs::read_dir(folder).expect("the attacks").flatten();
    files.map(|file| std::fs::read_to_string(file.path()).expect("a text")).collect()
}

/// What is wrong with one name in back quotes.
fn complaint(name: &str, attacks: &str) -> Option<String> {
    if let Some(attack) = name.strip_prefix("attack ") {
        return (!attacks.contains(attack)).then(|| format!("there is no attack {attack}"));
    }
    let (file, test) = match name.split_once(".rs::") {
        Some((file, test)) => (format!("{file}.rs"), Some(test)),
        None => (name.to_owned(), None),
    };
    let Ok(text) = std::fs::read_to_string(root().join(&file)) else {
        return Some(format!("there is no file {file}"));
    };
    let missing = test.filter(|test| !text.contains(&format!("fn {test}(")));
    missing.map(|test| format!("{file} has no {test}"))
}

#[test]
fn every_threat_names_what_shows_it() {
    let table = std::fs::read_to_string(root().join("docs/threat-model.md")).expect("it exists");
    let attacks = attacks();
    let (mut rows, mut wrong) = (0, Vec::new());
    let first = table.lines().skip_while(|line| !line.starts_with('|'));
    for line in first.take_while(|line| line.starts_with('|')).skip(2) {
        rows += 1;
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let shown = cells.get(SHOWN_BY).copied().unwrap_or_default();
        let names: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        if cells.len() != SHOWN_BY + 2 || names.is_empty() {
            wrong.push(format!("{line}: {} cells, {} tests", cells.len(), names.len()));
        }
        wrong.extend(names.iter().filter_map(|name| complaint(name, &attacks)));
    }
    assert!(rows > 30, "{rows} rows");
    assert!(wrong.is_empty(), "docs/threat-model.md:\n{}", wrong.join("\n"));
}

#[test]
fn what_does_not_exist_is_found() {
    let attacks = attacks();
    assert_eq!(
        complaint("tests/tests/threat_model.rs::what_does_not_exist_is_found", &attacks),
        None
    );
    assert_eq!(complaint("attack \"an altered sum\"", &attacks), None);
    for name in ["attack \"a good sum\"", "tests/none.rs", "tests/tests/words.rs::nothing"] {
        assert!(complaint(name, &attacks).is_some(), "{name}");
    }
}
