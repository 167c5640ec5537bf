//! `ripieno demo`: four hospitals, one regression, one hospital lost and recovered.

mod hospitals;
mod pooled;
mod seen;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ripieno_analysis::{GlmReport, Report};
use ripieno_simulation::{Losses, Options, Outcome, SiteTable, simulate, tables_in};
use ripieno_study::{SiteIndex, Study};

use crate::args::DemoArgs;
use crate::exit::{Exit, Failure};
use crate::output;

use hospitals::{FEATURES, Hospital, OUTCOME};
use pooled::Fit;
use seen::Picture;

/// The hospital that is lost, and the round in which it is.
const LOST: (&str, u32) = ("hospital-c", 4);
/// The hospital whose first upload is shown.
const SHOWN: &str = "hospital-b";
/// The federated figures are those of the pooled rows up to this.
const LARGEST_DIFFERENCE: f64 = 1e-6;

/// Everything that the story tells.
struct Demo<'a> {
    folder: &'a Path,
    study: &'a Study,
    hospitals: &'a [Hospital],
    outcome: &'a Outcome,
    federated: &'a GlmReport,
    pooled: &'a Fit,
    picture: &'a Picture,
}

impl Demo<'_> {
    /// The largest absolute difference between a federated and a pooled coefficient.
    fn largest_difference(&self) -> f64 {
        let pairs = self.federated.coefficients.iter().zip(&self.pooled.coefficients);
        pairs.fold(0.0, |largest, (a, b)| (a - b).abs().max(largest))
    }
}

/// Deals the rows, runs the federation, compares, tells.
pub(crate) fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    let hospitals = hospitals::hospitals();
    let folder = folder(args.dir.as_deref())?;
    let tables = folder.join("tables");
    let text = study_text();
    hospitals::write(&hospitals, &tables)
        .and_then(|()| fs::write(folder.join("study.toml"), &text))
        .with_context(|| format!("{} cannot be written", folder.display()))
        .map_err(Failure::output)?;
    let study = Study::parse(&text).map_err(|error| Failure::new(Exit::Internal, error))?;
    let tables = tables_in(&tables)?;
    let options = Options { losses: losses(&tables), seed: args.seed };
    let outcome = simulate(&study, &tables, &options, &mut |_| {})?;
    let Report::Glm(federated) = &outcome.report else {
        return Err(internal("the demo's study gave another kind of result"));
    };
    let pooled = pooled::fit(&hospitals);
    let pooled = pooled.ok_or_else(|| internal("the regression on the pooled rows failed"))?;
    let picture = Picture::of(&study, &tables, &outcome, SHOWN)?;
    let demo = Demo {
        folder: &folder,
        study: &study,
        hospitals: &hospitals,
        outcome: &outcome,
        federated,
        pooled: &pooled,
        picture: &picture,
    };
    output::line_to_stdout(&story::text(&demo))?;
    let good = federated.converged && demo.largest_difference() < LARGEST_DIFFERENCE;
    if good && picture.adds_up {
        Ok(Exit::Done)
    } else {
        Err(internal("the federated result is not the pooled one"))
    }
}

fn internal(reason: &'static str) -> Failure {
    Failure::new(Exit::Internal, anyhow!(reason)).next("please report this, with what was printed")
}

/// The folder of the tables: the one asked for, or a temporary one that stays.
fn folder(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(path) = asked else {
        let folder = tempfile::Builder::new().prefix("ripieno-demo-").tempdir();
        let folder =
            folder.context("a temporary folder cannot be made").map_err(Failure::output)?;
        return Ok(folder.keep());
    };
    let empty = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => fs::create_dir_all(path).is_ok(),
    };
    if empty {
        return Ok(path.to_owned());
    }
    let error = anyhow!("{} is not empty, or cannot be made", path.display());
    Err(Failure::output(error).next("name a folder that is empty or does not exist"))
}

fn study_text() -> String {
    let features: Vec<_> = FEATURES.iter().map(|name| format!("{name:?}")).collect();
    format!(
        r#"name = "malignant or benign, four hospitals"
purpose = "research"

[data]
dataset = "tumours"
outcome = "{OUTCOME}"
features = [{}]

[analysis]
kind = "glm"
family = "binomial"

[aggregation]
membership = "may-change"  # a lost hospital is recovered, and the study goes on
corrupt = 0                # with four sites: no hospital works with the coordinator
"#,
        features.join(", ")
    )
}

/// Sites have the indices of their tables, from 1.
fn losses(tables: &[SiteTable]) -> Losses {
    let (name, round) = LOST;
    let at = tables.iter().position(|table| table.name == name);
    let index = at.and_then(|at| u16::try_from(at + 1).ok()).and_then(SiteIndex::new);
    Losses::Script(BTreeMap::from([(round, BTreeSet::from_iter(index))]))
}
