//! The table of docs/protocol-checks.md is true: every check has a row, the code that it names
//! names the check, and the test that it names exists.

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
            Some(text) if !has_test(&text, name) => {
                complain(format!("{file}.rs has no test {name}"));
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
    lines.iter().enumerate().filter(|(_, line)| line.starts_with(&function)).any(|(at, _)| {
        let above = lines[..at].iter().rev();
        above.take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]")
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A table that is good, and files that fit it.
fn good_table() -> String {
    let rows = Check::ALL.map(|id| {
        format!(
            "| {id} | somewhere | it is bad | `code.rs` | `bad.rs::bad_{id}`, `bad.rs::m::twice` |"
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
            let test = |name: String| format!("    #[test]\n    fn {name}() {{}}\n");
            let tests = Check::ALL.map(|id| test(format!("bad_{id}"))).concat();
            Some(tests + &test("twice".into()) + "    fn helper() {}\n")
        }
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
        ("`bad.rs::bad_S1`, `bad.rs::m::twice`", "later", "names no code or no test"),
        ("`code.rs` | `bad.rs::bad_S1`", "`bad.rs` | `bad.rs::bad_S1`", "mention Check::S1"),
        ("it is bad | `code.rs` | `bad.rs::bad_S1`", "it is bad", "3 cells instead of 5"),
    ];
    for (truth, lie, complaint) in lies {
        let found = complaints(&good_table().replacen(truth, lie, 1), &files);
        assert!(found.iter().any(|text| text.contains(complaint)), "{lie}: {found:?}");
    }
}
