//! `study`: what asks for this site's data, and what its steward says.

use std::path::Path;

use clap::Subcommand;
use ripieno_rpc::{
    DecideStudyRequest, ShowStudyRequest, ShowStudyResponse, StewardStudiesRequest, StewardStudy,
};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table};
use serde_json::json;

use super::local::{daemon, said};
use super::{ShowArgs, StewardArgs, wait_for};
use crate::program;

/// What can be done with studies.
#[derive(Debug, Subcommand)]
pub enum StudyCommand {
    /// Lists the studies that this site knows
    List(ShowArgs),
    /// Shows a study in full
    Show {
        /// The first digits of the study's digest
        study: String,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Approves a study that waits
    Approve(DecideArgs),
    /// Refuses a study that waits, for good
    Refuse(DecideArgs),
    /// Takes the approval of a running study back, for good
    Withdraw(DecideArgs),
}

/// A decision.
#[derive(Debug, clap::Args)]
pub struct DecideArgs {
    /// All 64 digits of the study's digest, as `study show` prints them
    study: String,
    /// Why, for the researcher as well
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    steward: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(command: &StudyCommand) -> Result<Exit, Failure> {
    match command {
        StudyCommand::List(show) => list(show),
        StudyCommand::Show { study, show: args } => show(study, args),
        StudyCommand::Approve(args) => decide("approve", args),
        StudyCommand::Refuse(args) => decide("refuse", args),
        StudyCommand::Withdraw(args) => decide("withdraw", args),
    }
}

fn list(show: &ShowArgs) -> Result<Exit, Failure> {
    let studies = wait_for(async {
        let mut daemon = daemon(&show.dir).await?;
        let studies = daemon.studies(StewardStudiesRequest {}).await;
        studies.map(|response| response.into_inner().studies).map_err(|status| said(&status))
    })?;
    if show.json {
        let studies: Vec<_> = studies.iter().map(as_json).collect();
        json_to_stdout(&json!({ "studies": studies }))?;
        return Ok(Exit::Done);
    }
    if studies.is_empty() {
        line_to_stdout("No study has asked for this site's data.")?;
        return Ok(Exit::Done);
    }
    let rows = studies.iter().map(|study| {
        let state = match study.status.as_str() {
            "running" => format!("running, round {}", study.round),
            other => other.to_owned(),
        };
        [
            digest(study).chars().take(8).collect(),
            study.name.clone(),
            state,
            study.opened.to_string(),
        ]
    });
    line_to_stdout(&table(&["study", "name", "state", "sums opened"], rows))?;
    let waiting = studies.iter().filter(|study| study.status == "pending");
    for (place, study) in waiting.enumerate() {
        let gap = if place == 0 { "\n" } else { "" };
        let next =
            format!("{} study show {} --dir {}", program(), digest(study), show.dir.display());
        line_to_stdout(&format!("{gap}next: {next}    (then approve or refuse it)"))?;
    }
    Ok(Exit::Done)
}

fn show(study: &str, args: &ShowArgs) -> Result<Exit, Failure> {
    let shown = wait_for(async {
        let mut daemon = daemon(&args.dir).await?;
        let shown = daemon.show_study(ShowStudyRequest { study: study.to_owned() }).await;
        shown.map(tonic::Response::into_inner).map_err(|status| said(&status))
    })?;
    if args.json {
        let report = shown.report.as_deref().map(serde_json::from_slice::<serde_json::Value>);
        let report = report.transpose().map_err(|error| Failure::new(Exit::Internal, error))?;
        let mut object = as_json(&shown.study.clone().unwrap_or_default());
        if let Some(object) = object.as_object_mut() {
            object.insert("text".into(), shown.text.into());
            object.insert("problem".into(), shown.problem.into());
            object.insert("report".into(), report.unwrap_or_default());
        }
        json_to_stdout(&object)?;
    } else {
        line_to_stdout(&text(&shown, &args.dir))?;
    }
    Ok(Exit::Done)
}

fn decide(decision: &str, args: &DecideArgs) -> Result<Exit, Failure> {
    let request = DecideStudyRequest {
        study: args.study.clone(),
        decision: decision.to_owned(),
        steward: args.steward.name(),
        reason: args.reason.clone(),
    };
    let decided = wait_for(async {
        let mut daemon = daemon(&args.show.dir).await?;
        let decided = daemon.decide_study(request).await;
        decided.map(tonic::Response::into_inner).map_err(|status| said(&status))
    })?;
    let study = decided.study.unwrap_or_default();
    if args.show.json {
        json_to_stdout(&as_json(&study))?;
    } else {
        line_to_stdout(&describe(&study))?;
    }
    // A yes that the policy or the table does not follow is a no.
    let heeded = decision != "approve" || study.status != "refused";
    Ok(if heeded { Exit::Done } else { Exit::Refused })
}

fn text(shown: &ShowStudyResponse, dir: &Path) -> String {
    let study = shown.study.clone().unwrap_or_default();
    let mut text = describe(&study);
    if !shown.problem.is_empty() {
        text.push_str(&format!("\n  problem: {}", shown.problem));
    }
    text.push_str(&format!("\n\n{}", shown.text.trim_end()));
    if let Some(report) = &shown.report {
        text.push_str(&format!("\n\nResult:\n{}", String::from_utf8_lossy(report)));
    }
    if study.status == "pending" {
        let (full, dir) = (digest(&study), dir.display());
        let next = format!("{} study approve {full} --dir {dir}", program());
        text.push_str(&format!("\n\nnext: {next}    (or refuse)"));
    }
    text
}

fn describe(study: &StewardStudy) -> String {
    let mut text = format!("{} ({}): {}", study.name, digest(study), study.status);
    for (name, value) in [
        ("rule", &study.rule),
        ("reason", &study.reason),
        ("researcher", &study.researcher),
        ("of site", &study.home),
        ("purpose", &study.purpose),
    ] {
        if !value.is_empty() {
            text.push_str(&format!("\n  {name}: {value}"));
        }
    }
    text.push_str(&format!("\n  sums of this site's data that were opened: {}", study.opened));
    text
}

fn digest(study: &StewardStudy) -> String {
    study.study.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_json(study: &StewardStudy) -> serde_json::Value {
    json!({
        "study": digest(study),
        "name": study.name,
        "status": study.status,
        "rule": study.rule,
        "reason": study.reason,
        "round": study.round,
        "opened": study.opened,
        "researcher": study.researcher,
        "home": study.home,
        "purpose": study.purpose,
    })
}
