//! `studies`.

use ripieno_rpc::{OperatorStudiesRequest, OperatorStudy};
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table, wrap};
use serde_json::json;

use super::office::{connect, refused};
use super::{ShowArgs, block_on};

pub(super) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let response = block_on(async {
        connect(&args.folder).await?.studies(OperatorStudiesRequest {}).await.map_err(refused)
    })?;
    let studies = response.into_inner().studies;
    if args.json {
        let studies: Vec<_> = studies.iter().map(as_json).collect();
        json_to_stdout(&json!({ "studies": studies }))?;
    } else if studies.is_empty() {
        line_to_stdout("No study was submitted yet.")?;
    } else {
        let header = ["study", "phase", "round", "name"];
        line_to_stdout(&table(&header, studies.iter().map(row)))?;
        for study in studies.iter().filter(|study| !study.reason.is_empty()) {
            let text = format!("{} {}: {}", short(study), study.phase, study.reason);
            line_to_stdout(&format!("\n{}", wrap(&text, 2)))?;
        }
    }
    Ok(Exit::Done)
}

fn as_json(study: &OperatorStudy) -> serde_json::Value {
    json!({
        "study": digest(study).map(|digest| digest.to_string()), "name": study.name,
        "phase": study.phase, "round": study.round, "reason": study.reason,
    })
}

fn row(study: &OperatorStudy) -> [String; 4] {
    [short(study), study.phase.clone(), study.round.to_string(), study.name.clone()]
}

fn short(study: &OperatorStudy) -> String {
    digest(study).map(|digest| digest.short()).unwrap_or_default()
}

pub(super) fn digest(study: &OperatorStudy) -> Option<Digest> {
    <[u8; 32]>::try_from(study.study.as_ref()).ok().map(Digest::from_bytes)
}
