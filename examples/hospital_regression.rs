//! A regression over three hospitals with made-up rows: write a study and a table for each
//! hospital, simulate, print.
//!
//! ```text
//! cargo run -p ripieno-examples --bin hospital_regression
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::fs;

use ripieno_analysis::{GlmReport, Report};
use ripieno_simulation::{Losses, Options, simulate, tables_in};
use ripieno_study::Study;

const STUDY: &str = r#"
name = "length of stay by age and severity"
purpose = "research"

[data]
dataset = "stays"
outcome = "days"
features = ["age", "severity"]

[analysis]
kind = "glm"
family = "gaussian"
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let report = regression()?;
    println!("{} rows at three hospitals: {}", report.n, report.message);
    println!("{:<12} {:>10} {:>10} {:>9}", "term", "estimate", "std. error", report.statistic);
    let figures = report.coefficients.iter().zip(&report.standard_errors).zip(&report.statistics);
    for (term, ((estimate, error), statistic)) in report.terms.iter().zip(figures) {
        println!("{term:<12} {estimate:>10.5} {error:>10.5} {statistic:>9.2}");
    }
    Ok(())
}

/// Runs the study. Every fifth upload is lost on its way, and its round repeated: membership is
/// fixed, so the figures are those of all rows.
fn regression() -> Result<GlmReport, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for (name, rows) in [("bergen", 60), ("gent", 45), ("malmo", 30)] {
        fs::write(folder.path().join(format!("{name}.csv")), table(rows)?)?;
    }
    let study = Study::parse(STUDY)?;
    let options = Options { losses: Losses::Rate(0.2), seed: Some(1) };
    let outcome = simulate(&study, &tables_in(folder.path())?, &options, &mut |_| {})?;
    match outcome.report {
        Report::Glm(report) => Ok(*report),
        other => Err(format!("not a regression: {other:?}").into()),
    }
}

/// Rows with days = 2 + 0.05 · age + 1.5 · severity, give or take half a day.
fn table(rows: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::from("days,age,severity\n");
    for row in 0..rows {
        let (age, severity) = (30 + (row * 17) % 50, row % 4);
        let noise = ((row * 7) % 11) as f64 / 10.0 - 0.5;
        let days = 2.0 + 0.05 * age as f64 + 1.5 * severity as f64 + noise;
        writeln!(text, "{days},{age},{severity}")?;
    }
    Ok(text)
}

#[test]
fn the_slopes_are_those_of_the_made_up_rows() {
    let report = regression().unwrap();
    assert!(report.converged && report.n == 135);
    assert!((report.coefficients[1] - 0.05).abs() < 0.01, "{report:?}");
    assert!((report.coefficients[2] - 1.5).abs() < 0.1, "{report:?}");
}
