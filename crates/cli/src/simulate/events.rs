//! Events of a run in words and as JSON.

use ripieno_coordinator_engine::Event;
use ripieno_simulation::Watched;
use ripieno_study::{SiteIndex, SiteSet};
use serde_json::json;

/// Whether a person wants to see it even where a bar shows the course of things.
pub(crate) fn is_notable(event: &Event) -> bool {
    match event {
        Event::SlotVoided { .. } | Event::Refused { .. } | Event::EpochFailed { .. } => true,
        Event::RoundFinished { summary, .. } => !summary.missing.is_empty(),
        _ => false,
    }
}

/// A line for people.
pub(crate) fn as_line(watched: &Watched<'_>) -> Option<String> {
    let name = watched.name;
    Some(match watched.event {
        Event::EpochReady { epoch, holders, threshold } => format!(
            "epoch {epoch}: {} sites hold shares, {threshold} of them open a sum",
            holders.len()
        ),
        Event::EpochFailed { epoch, refusal } => format!("epoch {epoch} failed: {refusal}"),
        Event::StudyAnswered { site, verdict, .. } => format!("{}: {verdict}", name(*site)),
        Event::SlotVoided { round, voided, .. } => format!(
            "round {round}: slot {} voided, nothing opened, without {}; repeated in another slot",
            voided.slot,
            names(watched, &voided.missing)
        ),
        Event::RoundFinished { summary, .. } => {
            let (survivors, missing) = (summary.survivors.len(), &summary.missing);
            let lost = if missing.is_empty() {
                String::new()
            } else {
                format!(", {} lost, masks recovered", names(watched, missing))
            };
            format!(
                "round {} {}: sum of {survivors} sites opened{lost}",
                summary.round, summary.step
            )
        }
        Event::Refused { site, refusal, .. } => format!("{}: {refusal}", name(*site)),
        Event::StudyFailed { reason, .. } => format!("given up: {reason}"),
        Event::StudyCancelled { reason, .. } => format!("cancelled: {reason}"),
        Event::RoundStarted { .. } | Event::Uploaded { .. } | Event::StudyDone { .. } => {
            return None;
        }
    })
}

/// A line for programs.
pub(crate) fn as_json(watched: &Watched<'_>) -> String {
    let name = watched.name;
    let list = |sites: &SiteSet| sites.iter().map(name).collect::<Vec<_>>();
    let value = match watched.event {
        Event::EpochReady { epoch, holders, threshold } => json!({
            "event": "epoch", "epoch": epoch, "holders": list(holders), "threshold": threshold
        }),
        Event::EpochFailed { epoch, refusal } => json!({
            "event": "epoch-failed", "epoch": epoch, "reason": refusal.to_string()
        }),
        Event::StudyAnswered { site, verdict, .. } => json!({
            "event": "answer", "site": name(*site), "answer": verdict.to_string()
        }),
        Event::RoundStarted { round, step, participants, .. } => json!({
            "event": "round", "round": round, "step": step, "participants": list(participants)
        }),
        Event::Uploaded { round, site, .. } => json!({
            "event": "upload", "round": round, "site": name(*site)
        }),
        Event::SlotVoided { round, voided, .. } => json!({
            "event": "voided", "round": round, "slot": voided.slot, "missing": list(&voided.missing)
        }),
        Event::RoundFinished { summary, .. } => json!({
            "event": "opened", "round": summary.round, "step": summary.step, "slot": summary.slot,
            "survivors": list(&summary.survivors), "missing": list(&summary.missing)
        }),
        Event::Refused { site, refusal, .. } => json!({
            "event": "refusal", "site": name(*site), "reason": refusal.to_string()
        }),
        Event::StudyDone { .. } => json!({ "event": "done" }),
        Event::StudyFailed { reason, .. } => json!({ "event": "failed", "reason": reason }),
        Event::StudyCancelled { reason, .. } => {
            json!({ "event": "cancelled", "reason": reason })
        }
    };
    value.to_string()
}

/// The first names of a set.
pub(crate) fn names(watched: &Watched<'_>, sites: &SiteSet) -> String {
    const MOST: usize = 6;
    let shown: Vec<&str> =
        sites.iter().take(MOST).map(|site: SiteIndex| (watched.name)(site)).collect();
    match sites.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
