//! `cancel`.

use anyhow::anyhow;
use bytes::Bytes;
use clap::Args;
use ripieno_rpc::{CancelStudyRequest, OperatorStudiesRequest, OperatorStudy};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::office::{connect, refused};
use super::studies::digest;
use super::{ShowArgs, block_on};

/// The arguments of `cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The study, or how its digest begins
    study: String,
    /// Why, for its researcher and the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(args: &CancelArgs) -> Result<Exit, Failure> {
    let study = block_on(async {
        let mut operator = connect(&args.show.folder).await?;
        let studies = operator.studies(OperatorStudiesRequest {}).await.map_err(refused)?;
        let study = find(&studies.into_inner().studies, &args.study)?;
        let request = CancelStudyRequest { study: study.clone(), reason: args.reason.clone() };
        operator.cancel(request).await.map_err(refused)?;
        Ok(study)
    })?;
    let study = <[u8; 32]>::try_from(study.as_ref()).map(ripieno_study::Digest::from_bytes);
    let study = study.map(|digest| digest.to_string()).unwrap_or_default();
    match args.show.json {
        true => json_to_stdout(&json!({ "study": study, "cancelled": true }))?,
        false => line_to_stdout(&format!("{study} is cancelled."))?,
    }
    Ok(Exit::Done)
}

/// The one study whose digest begins so.
fn find(studies: &[OperatorStudy], begin: &str) -> Result<Bytes, Failure> {
    let begins =
        |study: &&OperatorStudy| digest(study).is_some_and(|d| d.to_string().starts_with(begin));
    let mut fitting = studies.iter().filter(begins);
    let wrong =
        |error| Err(Failure::new(Exit::Study, error).next("ripieno coordinator studies --json"));
    match (fitting.next(), fitting.next()) {
        (Some(study), None) => Ok(study.study.clone()),
        (None, _) => wrong(anyhow!("no study begins with {begin:?}")),
        _ => wrong(anyhow!("several studies begin with {begin:?}: give more of it")),
    }
}
