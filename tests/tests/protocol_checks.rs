//! The table of docs/protocol-checks.md is true: every check has a row, the code that it names
//! names the check, and the tests that it names exist and speak of the check. A test is named as
//! `file.rs::function`, an attack of tests/tests/attacks as `file.rs::"its name"`.

use std::path::{Path, PathBuf};

use ripieno_study::Check;

#[test]
fn every_check_has_code_and_a_violating_test() {
    let table = std::fs::read_to_string(root().join("docs/protocol-checks.md"))
        .expect("docs/protocol-checks.md exists");
    let complaints = complaints(&table, &|path| std::fs::read_to_string(root().join(path)).ok());
    assert!(complaints.is_empty(), "docs/protocol-checks.md:\n{}", complaints.join("\n"));
}

/// One row of the table, with the number of its line.
struct Row<'a> {
    line: usize,
    id: &'a str,
    code: Vec<&'a str>,
    tests: Vec<&'a str>,
}

/// Everything that is wrong with the table; `read` gives a file of the repository.
fn complaints(table: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let rows = rows(table, &mut wrong);
    for check in Check::ALL {
        if !rows.iter().any(|row| row.id == check.to_string()) {
            wrong.push(format!("check {check} has no row"));
        }
    }
    for row in &rows {
        check_row(row, read, &mut wrong);
    }
    wrong
}

/// The rows whose first cell looks like an id; the header and the rule below it do not.
fn rows<'a>(table: &'a str, wrong: &mut Vec<String>) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (number, text) in table.lines().enumerate().filter(|(_, text)| text.starts_with('|')) {
        let line = number + 1;
        let cells: Vec<_> = text.trim().trim_matches('|').split('|').map(str::trim).collect();
        let id = cells.first().copied().unwrap_or_default().trim_matches(['`', '*']);
        if !id.starts_with(|c: char| c.is_ascii_uppercase())
            || !id.ends_with(|c: char| c.is_ascii_digit())
        {
            continue;
        }
        if let [_, _, _, code, tests] = cells[..] {
            rows.push(Row { line, id, code: quoted(code), tests: quoted(tests) });
        } else {
            wrong.push(format!("line {line}: {} cells instead of 5", cells.len()));
        }
    }
    rows
}

/// What stands in back quotes in a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn check_row(row: &Row, read: &dyn Fn(&str) -> Option<String>, wrong: &mut Vec<String>) {
    let mut complain = |what: String| wrong.push(format!("line {} ({}): {what}", row.line, row.id));
    if !Check::ALL.iter().any(|check| check.to_string() == row.id) {
        complain("no check has this id".into());
    }
    if row.code.is_empty() || row.tests.is_empty() {
        complain("it names no code or no test".into());
    }
    for path in &row.code {
        match read(path) {
            None => complain(format!("there is no file {path}")),
            Some(text) if !names_check(&text, row.id) => {
                complain(format!("{path} does not mention Check::{}", row.id));
            }
            Some(_) => {}
        }
    }
    for test in &row.tests {
        let Some((file, path)) = test.split_once(".rs::") else {
            complain(format!("{test} is not of the form file.rs::test"));
            continue;
        };
        let name = path.rsplit("::").next().unwrap_or(path);
        match read(&format!("{file}.rs")) {
            None => complain(format!("there is no file {file}.rs")),
            Some(text) if name.starts_with('"') => {
                if !text.contains(name) || !names_check(&text, row.id) {
                    complain(format!("{file}.rs has no attack {name} on Check::{}", row.id));
                }
            }
            Some(text) if !has_test(&text, name) => {
                complain(format!("{file}.rs has no test {name}"));
            }
            Some(text) if !speaks_of(&text, name, row.id) => {
                complain(format!("{file}.rs::{name} never speaks of {}", row.id));
            }
            Some(_) => {}
        }
    }
}

/// Whether `Check::<id>` stands there, and not as the beginning of a longer id.
fn names_check(text: &str, id: &str) -> bool {
    let name = format!("Check::{id}");
    text.match_indices(&name).any(|(at, _)| {
        !text[at + name.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Whether there is a function of this name with `#[test]` among the attributes above it.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    let function = format!("fn {name}(");
    let begins = |line: &str| line.strip_prefix("async ").unwrap_or(line).starts_with(&function);
    let is_test = |line: &str| line == "#[test]" || line.starts_with("#[tokio::test");
    lines.iter().enumerate().filter(|(_, line)| begins(line)).any(|(at, _)| {
        let above = lines[..at].iter().rev();
        above.take_while(|line| line.starts_with("#[")).any(|line| is_test(line))
    })
}

/// Whether a function, or one of this file that it calls, speaks of a check: in its text, or in the
/// comment above it.
fn speaks_of(text: &str, function: &str, id: &str) -> bool {
    let functions = functions(text);
    let (mut open, mut seen) = (vec![function], Vec::new());
    while let Some(name) = open.pop() {
        let Some((_, body)) = functions.iter().find(|(known, _)| *known == name) else { continue };
        if has_word(body, id) {
            return true;
        }
        seen.push(name);
        let called = functions.iter().map(|(known, _)| *known);
        open.extend(called.filter(|known| !seen.contains(known) && calls(body, known)));
    }
    false
}

/// The functions of a formatted file, by name, each with the lines above it that belong to it.
fn functions(text: &str) -> Vec<(&str, String)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else { continue };
        if before.trim_start().starts_with("//") || before.contains('"') {
            continue;
        }
        let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        let above = lines[..at].iter().rev();
        let belongs = |line: &&&str| ["///", "#["].iter().any(|s| line.trim_start().starts_with(s));
        let start = at - above.take_while(belongs).count();
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = lines[at..].iter().position(|line| *line == format!("{indent}}}"));
        let end = if line.ends_with('}') { at } else { at + end.unwrap_or(0) };
        found.push((name, lines[start..=end].join("\n")));
    }
    found
}

fn calls(body: &str, function: &str) -> bool {
    has_word(body, function) && body.contains(&format!("{function}("))
}

/// Whether the word stands there, and not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A table that is good, and files that fit it.
fn good_table() -> String {
    let rows = Check::ALL.map(|id| {
        format!(
            "| {id} | somewhere | it is bad | `code.rs` | `bad.rs::bad_{id}`, `evil.rs::\"evil {id}\"` |"
        )
    });
    format!(
        "| id | where | refuse unless | code | test |\n|---|---|---|---|---|\n{}",
        rows.join("\n")
    )
}

fn files(path: &str) -> Option<String> {
    match path {
        "code.rs" => Some(Check::ALL.map(|id| format!("own(Check::{id}, reason)\n")).concat()),
        "bad.rs" => {
            let test = |id: Check| {
                let helper = format!("fn by_{id}() {{\n    refused(Check::{id});\n}}\n");
                format!("{helper}#[test]\nfn bad_{id}() {{\n    by_{id}();\n}}\n")
            };
            let mute = "#[test]\nfn mute() {\n    assert!(bad_S1x());\n}\n";
            Some(Check::ALL.map(test).concat() + mute + "fn helper() {}\n")
        }
        "evil.rs" => Some(Check::ALL.map(|id| format!("(\"evil {id}\", Check::{id})\n")).concat()),
        "mute.rs" => Some("fn check() {}\n".into()),
        _ => None,
    }
}

#[test]
fn a_good_table_passes() {
    assert_eq!(complaints(&good_table(), &files), Vec::<String>::new());
}

#[test]
fn every_lie_in_the_table_is_found() {
    let lies = [
        ("| S1 |", "| s1 |", "check S1 has no row"),
        ("| S1 |", "| Z9 |", "no check has this id"),
        ("`bad.rs::bad_S1`", "`bad.rs::bad_S11`", "bad.rs has no test bad_S11"),
        ("`bad.rs::bad_S1`", "`bad.rs::helper`", "bad.rs has no test helper"),
        ("`bad.rs::bad_S1`", "`gone.rs::bad_S1`", "there is no file gone.rs"),
        ("`bad.rs::bad_S1`", "`bad_S1`", "not of the form"),
        ("`bad.rs::bad_S1`, `evil.rs::\"evil S1\"`", "later", "names no code or no test"),
        ("`bad.rs::bad_S1`", "`bad.rs::mute`", "never speaks of S1"),
        ("`bad.rs::bad_S1`", "`bad.rs::bad_S2`", "never speaks of S1"),
        ("`evil.rs::\"evil S1\"`", "`evil.rs::\"evil\"`", "has no attack"),
        ("`code.rs` | `bad.rs::bad_S1`", "`mute.rs` | `bad.rs::bad_S1`", "mention Check::S1"),
        ("it is bad | `code.rs` | `bad.rs::bad_S1`", "it is bad", "3 cells instead of 5"),
    ];
    for (truth, lie, complaint) in lies {
        let found = complaints(&good_table().replacen(truth, lie, 1), &files);
        assert!(found.iter().any(|text| text.contains(complaint)), "{lie}: {found:?}");
    }
}
