//! `ripieno simulate`: a study over the tables of a folder.

mod cohorts;
mod cohorts_text;
mod events;
pub(crate) mod failure;
mod progress;
mod receipts;
mod results;
mod write;

pub(crate) use results::{name_of, of as results_of};

use std::path::Path;

use anyhow::{Context, anyhow};
use ripieno_simulation::{Losses, Options, simulate, tables_in};
use ripieno_study::{ManifestError, Study};

use crate::args::SimulateArgs;
use crate::output::{OutFolder, exit_of, text};
use ripieno_terminal::{Exit, Failure};

use progress::Watcher;

/// Reads everything, runs, prints, writes.
pub(crate) fn run(args: &SimulateArgs) -> Result<Exit, Failure> {
    let study = read_study(&args.study)?;
    let data = match (&args.data, args.sites) {
        (_, Some(sites)) => return cohorts::run(args, &study, sites),
        (Some(data), None) => data,
        (None, None) => {
            let error = anyhow!("there are no sites");
            return Err(Failure::new(Exit::Data, error).next("give --data DIR, or --sites N"));
        }
    };
    let tables = tables_in(data).map_err(|error| {
        Failure::new(Exit::Data, error).next("give --data a folder whose .csv files are the sites")
    })?;
    tracing::info!(study = %study.digest(), sites = tables.len(), drop = args.drop, "simulate");
    let out = args.out.as_deref().map(|path| OutFolder::check(path, args.force)).transpose()?;
    let losses = if args.drop > 0.0 { Losses::Rate(args.drop) } else { Losses::None };
    let options = Options { losses, seed: args.seed };
    let mut watcher = Watcher::new(args, &study);
    let outcome = simulate(&study, &tables, &options, &mut |event| watcher.see(event));
    watcher.finish();
    let outcome = outcome.map_err(failure::failure)?;
    let results = results_of(&study, &outcome);
    let written = out.map(|out| write::all(&out, &study, &outcome, &results)).transpose()?;
    if args.json {
        ripieno_terminal::json_to_stdout(&results)?;
    } else {
        ripieno_terminal::line_to_stdout(&text(&study, &results))?;
    }
    if let Some(written) = written {
        // Stdout has the one object and nothing else.
        if args.json {
            ripieno_terminal::to_stderr(&written);
        } else {
            ripieno_terminal::line_to_stdout(&written)?;
        }
    }
    Ok(exit_of(&results.report))
}

/// Reads a study from a file.
pub(crate) fn read_study(path: &Path) -> Result<Study, Failure> {
    Study::parse(&read_text(path)?).map_err(|error| wrong_study(path, &error))
}

/// The text of a study.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .with_context(|| format!("{}: the study cannot be read", path.display()))
        .map_err(|error| Failure::new(Exit::Study, error))
        .map_err(|failure| failure.next("check the path; a study is a text file in UTF-8"))
}

/// What is wrong with a study, and where.
pub(crate) fn wrong_study(path: &Path, error: &ManifestError) -> Failure {
    let error = anyhow!("{}, {error}", path.display());
    Failure::new(Exit::Study, error).next("correct the study; docs/study.md lists every key")
}
