//! What `--out` writes: receipts and charter, the model, and last of all the result.

use ripieno_simulation::Outcome;
use ripieno_study::Study;
use ripieno_terminal::Failure;

use super::receipts;
use crate::output::{CHARTER, MODEL, OutFolder, RECEIPTS, RESULT, Results};
use crate::output::{charter, json_text, model};

/// Writes everything, and says in a line what was written.
pub(crate) fn all(
    out: &OutFolder,
    study: &Study,
    outcome: &Outcome,
    results: &Results,
) -> Result<String, Failure> {
    let mut files = Vec::new();
    let mut put = |name: String, bytes: &[u8]| {
        out.write(&name, bytes)?;
        files.push(name);
        Ok::<_, Failure>(())
    };
    put(CHARTER.into(), json_text(&charter(&outcome.charter))?.as_bytes())?;
    for (record, kept) in outcome.rounds.iter().zip(&outcome.receipts) {
        let name = format!("{RECEIPTS}/round-{:03}.json", record.summary.round);
        let receipt = receipts::receipt(outcome, &record.summary, kept);
        put(name, json_text(&receipt)?.as_bytes())?;
    }
    let model = model(study, results)?;
    if let Some(model) = &model {
        put(MODEL.into(), model)?;
    }
    put(RESULT.into(), json_text(results)?.as_bytes())?;
    out.remove_others(&files)?;
    let model = if model.is_some() { "model.safetensors, " } else { "" };
    let count = outcome.receipts.len();
    let path = out.path().display();
    Ok(format!("written to {path}: result.json, {model}charter.json, {count} receipts"))
}
