//! `data classify`: what the columns of a file probably are.

use std::path::PathBuf;

use clap::Args;
use ripieno_catalog::Suggestion;
use ripieno_terminal::{Exit, Failure, clean, json_to_stdout, line_to_stdout, table, wrap};
use serde_json::{Value, json};

use super::{StewardArgs, confirm};

/// Characters of a column's name that a person is shown.
const SHOWN_NAME: usize = 40;

/// Which file, and how it is shown.
#[derive(Debug, Args)]
#[command(after_help = "Example: ripieno site data classify patients.csv --json\n\n\
    No site is needed. The classes are suggestions: docs/classification.md\n\n\
    A steward confirms them for a registered table:\n\
    ripieno site data classify heart --set age=sensitive:age --confirm")]
pub struct ClassifyArgs {
    /// The file: CSV in UTF-8, with commas and a header; to confirm, the data set's name
    #[arg(value_name = "FILE.csv|NAME")]
    file: PathBuf,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a steward says of the columns of a registered table.
#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {
    /// Confirms what is suggested of these columns; without a name, of all that nobody has confirmed
    #[arg(long, value_name = "COLUMN", num_args = 0..)]
    pub(super) confirm: Option<Vec<String>>,
    /// Confirms a column as this; can be given more than once
    #[arg(long, value_name = "COLUMN=CLASS[:TYPE]")]
    pub(super) set: Vec<String>,
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
    #[command(flatten)]
    pub(super) steward: StewardArgs,
}

pub(super) fn run(args: &ClassifyArgs) -> Result<Exit, Failure> {
    if args.confirm.confirm.is_some() || !args.confirm.set.is_empty() {
        let name = args.file.to_string_lossy();
        return confirm::run(&name, &args.confirm, args.json);
    }
    let suggestions = ripieno_catalog::classify(&args.file).map_err(|error| {
        Failure::new(Exit::Data, error).next("mend the file, then classify it again")
    })?;
    if args.json {
        let columns: Vec<Value> = suggestions.iter().map(as_json).collect();
        json_to_stdout(&json!({ "columns": columns }))?;
        return Ok(Exit::Done);
    }
    let rows = suggestions.iter().map(|suggestion| {
        [
            clean(&suggestion.column, SHOWN_NAME),
            suggestion.class.to_string(),
            suggestion.kind.name().into(),
            format!("{:.2}", suggestion.confidence),
        ]
    });
    line_to_stdout(&table(&["column", "class", "type", "confidence"], rows))?;
    line_to_stdout("\nWhy:")?;
    for suggestion in &suggestions {
        let why = format!("{}: {}", clean(&suggestion.column, SHOWN_NAME), suggestion.reason);
        line_to_stdout(&wrap(&why, 2))?;
    }
    line_to_stdout(
        "\nThese are suggestions from names and a sample of the values: look at each column yourself.",
    )?;
    Ok(Exit::Done)
}

fn as_json(suggestion: &Suggestion) -> Value {
    json!({
        "name": *suggestion.column,
        "class": suggestion.class.name(),
        "type": suggestion.kind.name(),
        "confidence": suggestion.confidence,
        "reason": suggestion.reason,
    })
}
