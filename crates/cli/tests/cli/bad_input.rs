//! Bad input gives an error that says where, never what, and what to do next; nothing starts.

use crate::support::{Files, STUDY, complaint, ripieno};

/// Runs on three tables of which `b` is bad, and checks what is said.
fn refused(table: &[u8], code: i32, says: &[&str]) {
    let files = Files::new(&["a", "b", "c"]);
    files.write_table("b", table);
    let out = files.path("out");
    let text = complaint(files.simulate(&["--quiet", "--out"]).arg(&out), code);
    for part in says.iter().chain(&["b.csv", "next:"]) {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert!(!text.contains("Meier"), "a value is shown: {text}");
    assert!(!out.exists(), "nothing is written");
}

#[test]
fn a_table_names_file_line_and_column_and_no_value() {
    refused(b"y,z\n0,1\n1,2\n", 4, &["no column \"x\"", "\"y\", \"z\""]);
    refused(b"y,x\n0,1\n1,Meier\n", 4, &["line 3, column \"x\"", "not a finite number"]);
    refused(b"y,x\n", 4, &["no rows"]);
    refused(b"", 4, &["empty"]);
    refused(b"y,x,x\n0,1,2\n", 4, &["line 1", "columns 2 and 3 are both named \"x\""]);
    refused(b"y,x\n0,1\n1,2,Meier\n", 4, &["line 3", "3 fields, but the header has 2"]);
    refused(b"y,x\n0,1\n1,\xff\n", 4, &["line 3, column \"x\"", "not UTF-8"]);
    refused(b"y;x\n0;1\n", 4, &["semicolons"]);
    refused(b"y,x\n0,1\n1,\n", 4, &["line 3, column \"x\"", "missing"]);
    refused(b"y,x\n0,1\n2,3\n", 4, &["line 3, column \"y\"", "must be 0 or 1"]);
}

#[test]
fn a_study_names_line_and_column() {
    let files = Files::new(&["a", "b", "c"]);
    files.write_study(&STUDY.replace("dataset = ", "datasett = "));
    for arguments in [vec!["study", "check"], vec!["study", "check", "--json"]] {
        let mut command = ripieno();
        let output = command.args(&arguments).arg(files.path("study.toml")).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("study.toml, line 5, column 1: unknown key \"datasett\""), "{text}");
        assert!(text.contains("allowed: \"dataset\""), "{text}");
    }
    let text = complaint(&mut files.simulate(&[]), 3);
    assert!(text.contains("line 5, column 1"), "{text}");
    files.write_study(&STUDY.replace("\"glm\"", "\"glmm\""));
    let text = complaint(&mut files.simulate(&[]), 3);
    assert!(text.contains("line 10, column 8: analysis.kind is \"glmm\""), "{text}");
    let text = complaint(ripieno().args(["study", "check", "no-such.toml"]), 3);
    assert!(text.contains("no-such.toml") && text.contains("because:"), "{text}");
}

#[test]
fn folders_that_hold_no_sites_are_bad_data() {
    let files = Files::new(&[]);
    let text = complaint(&mut files.simulate(&[]), 4);
    assert!(text.contains("no .csv file") && text.contains("next:"), "{text}");
    std::fs::remove_dir(files.tables()).unwrap();
    let text = complaint(&mut files.simulate(&[]), 4);
    assert!(text.contains("tables"), "{text}");
}

#[test]
fn too_few_sites_are_refused() {
    let two = Files::new(&["a", "b"]);
    let text = complaint(&mut two.simulate(&["-q"]), 5);
    assert!(text.contains("2 sites: a federation has 3 to 128"), "{text}");
    let four = Files::new(&["a", "b", "c", "d"]);
    four.write_study(&format!("{STUDY}\n[aggregation]\nminimum_sites = 5\n"));
    let text = complaint(&mut four.simulate(&["-q"]), 5);
    assert!(text.contains("no sum of fewer than 5"), "{text}");
}

#[test]
fn a_study_that_never_gets_its_sites_is_given_up() {
    let files = Files::new(&["a", "b", "c"]);
    let text = complaint(&mut files.simulate(&["-q", "--drop", "0.99", "--seed", "1"]), 5);
    assert!(text.contains("voided") && text.contains("--drop"), "{text}");
}

#[test]
fn the_command_line_itself_is_checked() {
    let files = Files::new(&["a", "b", "c"]);
    for arguments in [
        &["--drop", "1.5"][..],
        &["--drop", "1"],
        &["--drop", "-0.1"],
        &["--drop", "NaN"],
        &["--seed", "-1"],
        &["--force"],
        &["--progress", "loud"],
        &["--unknown"],
    ] {
        let text = complaint(&mut files.simulate(arguments), 2);
        assert!(text.contains("error:"), "{text}");
    }
    complaint(&mut ripieno(), 2);
}
