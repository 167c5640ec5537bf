//! `ripieno study`: from a question to its result.

pub(crate) mod args;
mod check;
pub(crate) mod course;
pub(crate) mod event;
pub(crate) mod result;
mod select;
mod status;
mod submit;
mod view;
pub(crate) mod watch;

use std::path::Path;

use ripieno_identity::RatifiedCharter;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};

use crate::output::exit_of;
use crate::researcher::args::Folder;
use crate::researcher::{Home, Remote, runtime};

use args::StudyCommand;

/// Runs a command.
pub(crate) fn run(command: StudyCommand) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    runtime.block_on(async {
        match command {
            StudyCommand::Check { study, offline, json, folder } => {
                check::run(&study, offline, json, &folder).await
            }
            StudyCommand::Submit { study, watch, watching, folder } => {
                submit::run(&study, watch.then_some(watching), &folder).await
            }
            StudyCommand::List { json, folder } => list(&folder, json).await,
            StudyCommand::Show { study, json, folder } => {
                let (mut remote, _) = open(&folder).await?;
                let digest = select::digest(&mut remote, &study.study).await?;
                let (status, _) = remote.get(digest).await?;
                if json {
                    json_to_stdout(&status::json(&status))?;
                } else {
                    line_to_stdout(&status::text(&status))?;
                }
                Ok(Exit::Done)
            }
            StudyCommand::Watch { study, watching, folder } => {
                let (mut remote, charter) = open(&folder).await?;
                let digest = select::digest(&mut remote, &study.study).await?;
                submit::watch(&mut remote, &charter, digest, watching).await
            }
            StudyCommand::Cancel { study, reason, folder } => {
                let (mut remote, _) = open(&folder).await?;
                let digest = select::digest(&mut remote, &study.study).await?;
                remote.cancel(digest, reason).await?;
                line_to_stdout(&format!("cancelled: study {}", digest.short()))?;
                Ok(Exit::Done)
            }
            StudyCommand::Result { study, out, force, json, folder } => {
                let out = result::folder(out.as_deref(), force)?;
                let (mut remote, charter) = open(&folder).await?;
                let digest = select::digest(&mut remote, &study.study).await?;
                let fetched = result::fetch(&mut remote, &charter, digest).await?;
                result::show(&fetched, &charter, out.as_ref(), json)?;
                Ok(exit_of(&fetched.results.report))
            }
        }
    })
}

/// The coordinator of the federation that was joined.
async fn open(folder: &Folder) -> Result<(Remote, RatifiedCharter), Failure> {
    Remote::open(&Home::at(folder.dir.as_deref())?).await
}

async fn list(folder: &Folder, as_json: bool) -> Result<Exit, Failure> {
    let (mut remote, _) = open(folder).await?;
    let studies = remote.list().await?;
    if as_json {
        json_to_stdout(&status::list_json(&studies))?;
    } else {
        line_to_stdout(&status::list(&studies))?;
    }
    Ok(Exit::Done)
}

/// Whether a name of a study is a file's.
fn is_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "toml")
}
