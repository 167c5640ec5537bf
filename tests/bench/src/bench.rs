//! One bench program: its rows, printed as they come and kept at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::contest::Contest;
use crate::machine;
use crate::measure::{self, Samples};
use crate::row::{Row, merge};

/// What a row of slices may take, unless it is void.
const BUDGET: Duration = Duration::from_millis(1500);
/// How often a row is measured before it is left void.
const TRIES: usize = 4;

/// The rows of a bench program.
#[derive(Debug)]
pub struct Bench {
    only: Option<String>,
    rows: Vec<Row>,
}

impl Bench {
    /// Begins. The first argument of the process that is no option chooses rows: those with it in
    /// their names (`cargo bench -p ripieno-bench --bench kernel -- VAES`).
    #[must_use]
    pub fn start(title: &str) -> Self {
        let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
        println!("{title}, on {}", machine::describe());
        println!("{}", Row::header());
        Self { only, rows: Vec::new() }
    }

    /// Whether a row of this name was asked for: to spare what would only be prepared for it.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }

    /// Compares two kernels in slices of about a millisecond.
    pub fn slices(
        &mut self,
        contest: &Contest,
        mut subject: impl FnMut(),
        mut reference: impl FnMut(),
    ) {
        self.measured(contest, || measure::slices(BUDGET, &mut subject, &mut reference));
    }

    /// Compares two longer jobs, each of which says what it cost: nanoseconds, or what the
    /// contest's unit says.
    pub fn pairs(
        &mut self,
        contest: &Contest,
        rounds: usize,
        mut subject: impl FnMut() -> f64,
        mut reference: impl FnMut() -> f64,
    ) {
        self.measured(contest, || measure::turns(rounds, &mut subject, &mut reference));
    }

    /// Adds a row that came about otherwise.
    pub fn add(&mut self, row: Row) {
        if self.wants(&row.name) {
            println!("{}", row.line());
            self.rows.push(row);
        }
    }

    /// Merges the rows into `target/bench.json`.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn finish(self) -> anyhow::Result<()> {
        merge(&file(), &self.rows)
    }

    fn measured(&mut self, contest: &Contest, mut run: impl FnMut() -> Samples) {
        if !self.wants(&contest.name) {
            return;
        }
        let mut row = Row::compared(contest, &run());
        for _ in 1..TRIES {
            if !row.is_void() {
                break;
            }
            row = Row::compared(contest, &run());
        }
        self.add(row);
    }
}

/// In the folder of this workspace, wherever things are built.
fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench.json")
}
