//! `ripieno study check`: what a study would do, or what is wrong with it.

mod facts;
mod text;

use std::path::Path;

use anyhow::anyhow;
use ripieno_rpc::CheckResponse;
use ripieno_study::Study;
use ripieno_terminal::{Exit, Failure, clean};
use serde::Serialize;
use serde_json::json;

use crate::researcher::args::Folder;
use crate::researcher::{Home, Remote};
use crate::simulate::{read_text, wrong_study};

use facts::Facts;

/// The longest sentence of the coordinator that is shown, in characters.
const MOST: usize = 1024;

/// What the coordinator says to a study.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    federation: String,
    coordinator: String,
    problems: Vec<String>,
    warnings: Vec<String>,
}

/// The facts, and what the coordinator says where it was asked.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation: Option<&'a Answer>,
}

/// Reads the study and tells; asks the coordinator where a federation was joined.
pub(crate) async fn run(
    path: &Path,
    offline: bool,
    as_json: bool,
    folder: &Folder,
) -> Result<Exit, Failure> {
    let study_text = read_text(path)?;
    let study = match Study::parse(&study_text) {
        Ok(study) => study,
        Err(error) => {
            if as_json {
                ripieno_terminal::json_to_stdout(&json!({
                    "ok": false, "file": path, "line": error.line, "column": error.column,
                    "reason": error.reason,
                }))?;
            }
            return Err(wrong_study(path, &error));
        }
    };
    let facts = Facts::of(&study)?;
    let answer = if offline { None } else { ask(&study, folder).await? };
    if as_json {
        let federation = answer.as_ref();
        ripieno_terminal::json_to_stdout(&Checked { facts: &facts, federation })?;
    } else {
        ripieno_terminal::line_to_stdout(&text::of(&study, &facts, answer.as_ref()))?;
    }
    match answer {
        Some(answer) if !answer.problems.is_empty() => {
            let error = anyhow!("the study cannot run in the federation {}", answer.federation);
            Err(Failure::new(Exit::Refused, error)
                .details(answer.problems)
                .next("change the study, or ask the sites"))
        }
        _ => Ok(Exit::Done),
    }
}

/// What the coordinator says; `None` where no federation was joined.
async fn ask(study: &Study, folder: &Folder) -> Result<Option<Answer>, Failure> {
    let home = match Home::at(folder.dir.as_deref()) {
        Ok(home) if home.has_joined() => home,
        // A folder that was named is meant.
        Ok(home) if folder.dir.is_some() => return home.joined().map(|_| None),
        _ => return Ok(None),
    };
    let (mut remote, charter) = Remote::open(&home).await?;
    let CheckResponse { problems, warnings } = remote.check(study).await?;
    let cleaned = |texts: Vec<String>| texts.iter().map(|text| clean(text, MOST)).collect();
    Ok(Some(Answer {
        federation: charter.federation().to_owned(),
        coordinator: remote.target().to_string(),
        problems: cleaned(problems),
        warnings: cleaned(warnings),
    }))
}
