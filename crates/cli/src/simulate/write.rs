//! What `--out` writes: receipts and charter, the model, and last of all the result.

use ripieno_simulation::Outcome;
use ripieno_study::Study;

use super::folder::{OutFolder, RECEIPTS, RESULT};
use super::{model, receipts};
use crate::exit::Failure;
use crate::output::{self, Results};

/// Writes everything, and says in a line what was written.
pub(crate) fn all(
    out: &OutFolder,
    study: &Study,
    outcome: &Outcome,
    results: &Results<'_>,
) -> Result<String, Failure> {
    let mut files = Vec::new();
    let mut put = |name: String, bytes: &[u8]| {
        out.write(&name, bytes)?;
        files.push(name);
        Ok::<_, Failure>(())
    };
    put(receipts::CHARTER.into(), text(&receipts::charter(outcome))?.as_bytes())?;
    for (record, kept) in outcome.rounds.iter().zip(&outcome.receipts) {
        let name = format!("{RECEIPTS}/round-{:03}.json", record.summary.round);
        let receipt = receipts::receipt(outcome, &record.summary, kept);
        put(name, text(&receipt)?.as_bytes())?;
    }
    let model = model::bytes(study, outcome, results.sites())?;
    if let Some(model) = &model {
        put(model::FILE.into(), model)?;
    }
    put(RESULT.into(), text(results)?.as_bytes())?;
    out.remove_others(&files)?;
    let model = if model.is_some() { "model.safetensors, " } else { "" };
    let count = outcome.receipts.len();
    let path = out.path().display();
    Ok(format!("written to {path}: result.json, {model}charter.json, {count} receipts"))
}

fn text(value: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(output::json(value)? + "\n")
}
