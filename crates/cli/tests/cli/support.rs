//! Studies and tables for the tests.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The binary.
pub(crate) fn ripieno() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripieno"));
    command.env_remove("RIPIENO_LOG");
    command
}

/// A study and a folder of tables.
pub(crate) struct Files {
    folder: TempDir,
}

impl Files {
    /// A regression of y on x, and tables of these sites.
    pub(crate) fn new(sites: &[&str]) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(files.tables()).unwrap();
        files.write_study(STUDY);
        for (number, site) in sites.iter().enumerate() {
            files.write_table(site, table(number));
        }
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn tables(&self) -> PathBuf {
        self.path("tables")
    }

    pub(crate) fn write_study(&self, text: &str) {
        fs::write(self.path("study.toml"), text).unwrap();
    }

    pub(crate) fn write_table(&self, site: &str, text: impl AsRef<[u8]>) {
        fs::write(self.tables().join(format!("{site}.csv")), text).unwrap();
    }

    /// `simulate` of the study on the tables.
    pub(crate) fn simulate(&self, arguments: &[&str]) -> Command {
        let mut command = ripieno();
        command.arg("simulate").arg(self.path("study.toml"));
        command.arg("--data").arg(self.tables()).args(arguments);
        command
    }
}

/// A study of made-up rows.
pub(crate) const STUDY: &str = r#"name = "made up"
purpose = "research"

[data]
dataset = "made-up"
outcome = "y"
features = ["x"]

[analysis]
kind = "glm"
family = "binomial"
"#;

/// The same, with sites that may be missing.
pub(crate) fn may_change(study: &str) -> String {
    format!("{study}\n[aggregation]\nmembership = \"may-change\"\ncorrupt = 0\n")
}

/// Forty rows that do not separate.
pub(crate) fn table(number: usize) -> String {
    let mut text = String::from("y,x\n");
    for row in 0..40 {
        let x = (row * 7 + number * 3) % 23;
        let y = usize::from((row * 5 + number * 11 + x) % 17 > 7);
        writeln!(text, "{y},{x}.5").unwrap();
    }
    text
}

/// The one JSON object on stdout of a command that ends with `code`.
pub(crate) fn json(command: &mut Command, code: i32) -> Value {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that fails with `code` says on stderr; nothing is on stdout.
pub(crate) fn complaint(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// A list of numbers.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// A list of texts.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Asserts that lists agree within `tolerance`.
pub(crate) fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let difference = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference <= tolerance, "{what}: off by {difference:e}\n{got:?}\n{expected:?}");
}

/// Names of the files in a folder, sorted.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
