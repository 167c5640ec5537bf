//! A line of the report, and the file that keeps the last of each.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::contest::{Contest, Goal};
use crate::measure::Samples;
use crate::stats;

/// How far from 1 the reference may be from itself.
const NOISE: std::ops::RangeInclusive<f64> = 0.98..=1.02;

/// One figure. A figure without a reference has neither `ratio` nor `aa`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured, and which way the ratio goes.
    pub name: String,
    /// Median of the rounds' ratios.
    pub ratio: Option<f64>,
    /// The subject's smallest cost, in `unit`.
    pub minimum: f64,
    /// The median of the subject's costs, in `unit`.
    pub median: f64,
    /// Of minimum and median.
    pub unit: String,
    /// Median of the rounds' ratios of the reference with itself: void outside of 0.98–1.02.
    pub aa: Option<f64>,
    /// Distance between the quartiles of the ratios; of the costs where there is no ratio.
    #[serde(default)]
    pub spread: f64,
    #[serde(skip, default = "no_goal")]
    pub(crate) goal: Goal,
}

fn no_goal() -> Goal {
    Goal::None
}

impl Row {
    /// From the rounds of a contest; costs as [`crate::measure`] gives them.
    #[must_use]
    pub fn compared(contest: &Contest, samples: &Samples) -> Self {
        let both = samples.reference.iter().zip(&samples.again);
        let limits = both.clone().map(|(once, again)| (once + again) / 2.0);
        let ratios: Vec<_> =
            samples.subject.iter().zip(limits).map(|(s, r)| contest.ratio(*s, r)).collect();
        let noise: Vec<_> = both.map(|(once, again)| again / once).collect();
        let costs: Vec<_> = samples.subject.iter().map(|cost| cost / contest.work.0).collect();
        Self {
            name: contest.name.clone(),
            ratio: Some(stats::median(&ratios)),
            minimum: stats::minimum(&costs),
            median: stats::median(&costs),
            unit: contest.unit.clone(),
            aa: Some(stats::median(&noise)),
            spread: stats::spread(&ratios),
            goal: contest.goal,
        }
    }

    /// A figure that stands by itself: a size, an exponent, a time that nothing limits.
    #[must_use]
    pub fn figure(name: impl Into<String>, unit: impl Into<String>, values: &[f64]) -> Self {
        Self {
            name: name.into(),
            ratio: None,
            minimum: stats::minimum(values),
            median: stats::median(values),
            unit: unit.into(),
            aa: None,
            spread: stats::spread(values),
            goal: Goal::None,
        }
    }

    /// With a goal: for the ratio, or for the median where there is none.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// Whether the machine was too noisy for the ratio to mean anything.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.aa.is_some_and(|aa| !NOISE.contains(&aa))
    }

    /// The line for the terminal.
    #[must_use]
    pub fn line(&self) -> String {
        let shown = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.3}"));
        let word = match (self.is_void(), self.goal.reached(self.ratio.unwrap_or(self.median))) {
            (true, _) => "VOID: noise",
            (false, Some(true)) => "reached",
            (false, Some(false)) => "MISSED",
            (false, None) => "",
        };
        format!(
            "{:<74} {:>8} {:>7} {:>7} {:>12} {:>12} {:<9} {:>7} {word}",
            self.name,
            shown(self.ratio),
            format!("{:.3}", self.spread),
            shown(self.aa),
            short(self.minimum),
            short(self.median),
            self.unit,
            self.goal.to_string(),
        )
    }

    /// The line above all others.
    #[must_use]
    pub fn header() -> String {
        format!(
            "{:<74} {:>8} {:>7} {:>7} {:>12} {:>12} {:<9} {:>7}",
            "", "ratio", "spread", "A/A", "minimum", "median", "unit", "goal"
        )
    }
}

/// Puts `rows` into the list in `file` in place of those of the same names; the others stay.
///
/// # Errors
/// Where the file cannot be read or written, or holds something else.
pub fn merge(file: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let mut all: Vec<Row> = match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no list of figures: remove it", file.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    };
    for row in rows {
        match all.iter_mut().find(|known| known.name == row.name) {
            Some(known) => known.clone_from(row),
            None => all.push(row.clone()),
        }
    }
    let folder = file.parent().context("a file stands in a folder")?;
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut new, &all)?;
    new.write_all(b"\n")?;
    new.persist(file).with_context(|| file.display().to_string())?;
    Ok(())
}

/// Four digits of a number of any size.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        1000.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(again: f64) -> Samples {
        Samples { subject: vec![20.0, 30.0, 40.0], reference: vec![10.0; 3], again: vec![again; 3] }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds() {
        let contest = Contest::multiple("a", Goal::AtMost(3.5)).work(10.0, 10.0);
        let row = Row::compared(&contest, &samples(10.0));
        assert_eq!((row.ratio, row.minimum, row.median, row.aa), (Some(3.0), 2.0, 3.0, Some(1.0)));
        assert!(!row.is_void() && row.line().ends_with("reached"));
        let tight = row.goal(Goal::AtMost(2.9));
        assert!(tight.line().ends_with("MISSED"));
    }

    #[test]
    fn a_noisy_row_is_void() {
        let contest = Contest::multiple("a", Goal::AtMost(9.0));
        let row = Row::compared(&contest, &samples(10.3));
        assert!(row.is_void() && row.line().ends_with("VOID: noise"));
        assert!(!Row::figure("size", "MB", &[3.0]).is_void());
    }

    #[test]
    fn rows_replace_those_of_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/bench.json");
        let read =
            || -> Vec<Row> { serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap() };
        merge(&file, &[Row::figure("a", "ns", &[1.0]), Row::figure("b", "ns", &[2.0])]).unwrap();
        merge(&file, &[Row::figure("b", "ns", &[3.0]), Row::figure("c", "ns", &[4.0])]).unwrap();
        let found: Vec<_> = read().into_iter().map(|row| (row.name, row.median)).collect();
        assert_eq!(found, [("a".into(), 1.0), ("b".into(), 3.0), ("c".into(), 4.0)]);
        std::fs::write(&file, "{").unwrap();
        assert!(merge(&file, &[]).unwrap_err().to_string().contains("remove it"));
    }
}
