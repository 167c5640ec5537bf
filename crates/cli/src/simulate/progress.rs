//! Progress on stderr: bars, lines, or JSON lines.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ripieno_coordinator::Event;
use ripieno_simulation::Watched;
use ripieno_study::{SiteIndex, SiteSet, Study};
use serde_json::json;

use crate::args::{Progress, SimulateArgs};
use crate::output::to_stderr;

/// Watches a run.
pub(crate) struct Watcher {
    how: How,
    uploads: SiteSet,
}

enum How {
    Bars(Bars),
    Lines,
    Json,
    Nothing,
}

impl Watcher {
    pub(crate) fn new(args: &SimulateArgs, study: &Study) -> Self {
        let bars = !args.json && io::stderr().is_terminal();
        let how = match args.progress {
            _ if args.quiet => How::Nothing,
            Progress::Auto if bars => How::Bars(Bars::new(study)),
            Progress::Auto | Progress::Lines => How::Lines,
            Progress::Bars => How::Bars(Bars::new(study)),
            Progress::Json => How::Json,
            Progress::None => How::Nothing,
        };
        Self { how, uploads: SiteSet::default() }
    }

    /// Shows an event.
    pub(crate) fn see(&mut self, watched: &Watched<'_>) {
        match &self.how {
            How::Nothing => {}
            How::Json => to_stderr(&event_json(watched)),
            How::Lines => event_line(watched).into_iter().for_each(|line| to_stderr(&line)),
            How::Bars(bars) => bars.show(watched, &mut self.uploads),
        }
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        if let How::Bars(bars) = &self.how {
            bars.bar.finish_and_clear();
        }
    }
}

/// One bar: rounds where their number is known, with step and uploads of the round.
struct Bars {
    bar: ProgressBar,
}

impl Bars {
    fn new(study: &Study) -> Self {
        let manifest = study.manifest();
        // A regression ends when it has converged: nobody knows when.
        let rounds = (manifest.analysis.kind() != "glm").then(|| u64::from(manifest.most_sums()));
        let template = match rounds {
            Some(_) => "{spinner} [{bar:24}] {pos}/{len} {wide_msg}",
            None => "{spinner} {pos} rounds  {wide_msg}",
        };
        let bar = ProgressBar::with_draw_target(rounds, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    fn show(&self, watched: &Watched<'_>, uploads: &mut SiteSet) {
        match watched.event {
            Event::RoundStarted { round, step, participants, .. } => {
                *uploads = participants.clone();
                let count = participants.len();
                self.bar.set_message(format!("round {round} {step}: 0/{count} uploads"));
            }
            Event::Uploaded { round, site, .. } => {
                *uploads = uploads.iter().filter(|waiting| waiting != site).collect();
                let waiting = if uploads.is_empty() {
                    String::new()
                } else {
                    format!("; waiting for {}", names(watched, uploads))
                };
                let name = (watched.name)(*site);
                self.bar.set_message(format!("round {round}: {name} uploaded{waiting}"));
            }
            Event::RoundFinished { .. } => self.bar.inc(1),
            _ => {}
        }
        if is_notable(watched.event) {
            event_line(watched).into_iter().for_each(|line| self.bar.println(line));
        }
    }
}

/// Whether a person wants to see it even where a bar shows the course of things.
fn is_notable(event: &Event) -> bool {
    match event {
        Event::SlotVoided { .. } | Event::Refused { .. } | Event::EpochFailed { .. } => true,
        Event::RoundFinished { summary, .. } => !summary.missing.is_empty(),
        _ => false,
    }
}

/// A line for people.
fn event_line(watched: &Watched<'_>) -> Option<String> {
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
            format!("round {} {}: sum of {survivors} sites opened{lost}", summary.round, summary.step)
        }
        Event::Refused { site, refusal } => format!("{}: {refusal}", name(*site)),
        Event::StudyFailed { reason, .. } => format!("given up: {reason}"),
        Event::RoundStarted { .. } | Event::Uploaded { .. } | Event::StudyDone { .. } => {
            return None;
        }
    })
}

/// A line for programs.
fn event_json(watched: &Watched<'_>) -> String {
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
        Event::Refused { site, refusal } => json!({
            "event": "refusal", "site": name(*site), "reason": refusal.to_string()
        }),
        Event::StudyDone { .. } => json!({ "event": "done" }),
        Event::StudyFailed { reason, .. } => json!({ "event": "failed", "reason": reason }),
    };
    value.to_string()
}

/// The first names of a set.
fn names(watched: &Watched<'_>, sites: &SiteSet) -> String {
    const MOST: usize = 6;
    let shown: Vec<&str> = sites.iter().take(MOST).map(|site: SiteIndex| (watched.name)(site)).collect();
    match sites.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
