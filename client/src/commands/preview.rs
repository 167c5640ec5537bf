//! `data preview`: what a study would compute on, in counts and types.

use std::path::PathBuf;

use ripieno_access::{Gate, Preview, PreviewError};
use ripieno_study::Study;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::{Value, json};

use super::data::kind;
use super::local::no_site;
use super::whom::AsWhom;
use super::{ShowArgs, read_text};
use crate::config::Config;
use crate::gate;

/// The largest manifest, in bytes: 1 MiB.
const MAX_STUDY: u64 = 1 << 20;

/// For which study.
#[derive(Debug, clap::Args)]
pub struct PreviewArgs {
    /// The study's file
    #[arg(long = "as", value_name = "STUDY")]
    study: PathBuf,
    #[command(flatten)]
    as_whom: AsWhom,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(args: &PreviewArgs) -> Result<Exit, Failure> {
    let config = Config::load(&args.show.dir).map_err(|error| no_site(&args.show.dir, error))?;
    let text = read_text(Some(&args.study), MAX_STUDY)?;
    let study = Study::parse(&text).map_err(|error| {
        let error = anyhow::Error::new(error).context(args.study.display().to_string());
        Failure::new(Exit::Data, error)
    })?;
    let (gate, problems) = gate::open(&config)?;
    let preview = gate.preview(&args.as_whom.request(&study)).map_err(|error| {
        let detail = match &error {
            PreviewError::Denied(denial) => denial.detail.as_ref().map(ToString::to_string),
            _ => None,
        };
        let problems = problems.iter().cloned().chain(detail).collect::<Vec<_>>().join("; ");
        let error = anyhow::Error::new(error);
        Failure::new(Exit::Data, if problems.is_empty() { error } else { error.context(problems) })
    })?;
    match (preview, args.show.json) {
        (None, true) => json_to_stdout(&json!({ "study": study.digest().to_string() }))?,
        (None, false) => line_to_stdout("The study reads no data here.")?,
        (Some(preview), true) => {
            json_to_stdout(&as_json(&study, &preview, &gate))?;
        }
        (Some(preview), false) => line_to_stdout(&as_text(&preview))?,
    }
    Ok(Exit::Done)
}

fn as_text(Preview { plan, counts }: &Preview) -> String {
    let mut text = format!(
        "{plan}\n{} rows are in the table: {} are taken out by the choice of rows, {} lack a value, {} \
         would be computed on.",
        counts.read, counts.filtered, counts.incomplete, counts.rows
    );
    if let Some(found) = &counts.anonymous {
        let out = found.suppressed.iter().filter(|out| **out).count();
        text.push_str(&format!(
            "\n{out} rows are taken out because they would stand alone; {} combinations are left.\n\
             Levels: {:?}. Lost: {:.1} % of entropy, {:.1} % of precision; discernibility {}.",
            found.classes,
            found.levels,
            found.loss.entropy * 100.0,
            found.loss.precision * 100.0,
            found.loss.discernibility
        ));
    }
    text.push_str("\nNo value of a row was shown, and nothing was sent.");
    text
}

fn as_json(study: &Study, Preview { plan, counts }: &Preview, gate: &Gate) -> Value {
    let set = gate.catalog().data_set(&plan.dataset).ok();
    let columns = plan.columns.iter().map(|planned| {
        let column = set.and_then(|set| set.column(&planned.name).ok());
        let steps: Vec<_> = planned.steps.iter().map(ToString::to_string).collect();
        json!({
            "name": planned.name,
            "holds": column.map(|column| kind(column.kind())),
            "missing": column.map(|column| column.missing),
            "steps": steps,
        })
    });
    let anonymous = counts.anonymous.as_ref().map(|found| {
        json!({
            "levels": found.levels,
            "suppressed": found.suppressed.iter().filter(|out| **out).count(),
            "combinations": found.classes,
            "loss": {
                "entropy": found.loss.entropy,
                "precision": found.loss.precision,
                "discernibility": found.loss.discernibility,
            },
        })
    });
    json!({
        "study": study.digest().to_string(),
        "plan": plan.digest().to_string(),
        "data_set": plan.dataset,
        "columns": columns.collect::<Vec<_>>(),
        "read_for_the_choice_of_rows": plan.also(),
        "rows": {
            "table": counts.read,
            "filtered": counts.filtered,
            "incomplete": counts.incomplete,
            "shown": counts.rows,
        },
        "anonymity": anonymous,
    })
}
