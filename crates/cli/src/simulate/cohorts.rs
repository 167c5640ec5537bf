//! `ripieno simulate --sites`: made-up sites, more than one cohort holds.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ripieno_simulation::{CohortOptions, Stage, simulate_cohorts};
use ripieno_study::Study;
use ripieno_terminal::{Exit, Failure, to_stderr};
use serde_json::{Value, json};

use super::{cohorts_text, failure};
use crate::args::{Progress, SimulateArgs};
use crate::output::exit_of;

/// Runs, and prints what was found.
pub(super) fn run(args: &SimulateArgs, study: &Study, sites: u16) -> Result<Exit, Failure> {
    tracing::info!(study = %study.digest(), sites, drop = args.drop, "simulate cohorts");
    let options = CohortOptions { sites, drop: args.drop, seed: args.seed };
    let watcher = Watcher::new(args);
    let outcome = simulate_cohorts(study, &options, &mut |stage| watcher.see(stage));
    watcher.finish();
    let outcome = outcome.map_err(failure::failure)?;
    if args.json {
        ripieno_terminal::json_to_stdout(&cohorts_text::json(study, &outcome))?;
    } else {
        ripieno_terminal::line_to_stdout(&cohorts_text::text(study, &outcome))?;
    }
    Ok(exit_of(&outcome.report))
}

/// Shows stages on stderr.
enum Watcher {
    Bar(ProgressBar),
    Lines,
    Json,
    Nothing,
}

impl Watcher {
    fn new(args: &SimulateArgs) -> Self {
        let terminal = !args.json && io::stderr().is_terminal();
        match args.progress {
            _ if args.quiet => Watcher::Nothing,
            Progress::Auto if terminal => Watcher::Bar(bar()),
            Progress::Auto | Progress::Lines => Watcher::Lines,
            Progress::Bars => Watcher::Bar(bar()),
            Progress::Json => Watcher::Json,
            Progress::None => Watcher::Nothing,
        }
    }

    fn see(&self, stage: Stage<'_>) {
        match self {
            Watcher::Nothing => {}
            Watcher::Json => to_stderr(&as_json(stage).to_string()),
            Watcher::Lines => to_stderr(&as_line(stage)),
            Watcher::Bar(bar) => match stage {
                Stage::Opened { done, of, .. } => {
                    bar.set_length(of as u64);
                    bar.set_position(done as u64);
                    bar.set_message(as_line(stage));
                }
                _ => bar.println(as_line(stage)),
            },
        }
    }

    fn finish(&self) {
        if let Watcher::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{spinner} [{bar:24}] {pos}/{len} {wide_msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

fn as_line(stage: Stage<'_>) -> String {
    match stage {
        Stage::Chartered { sites, corrupt } => {
            format!("{sites} sites have signed the charter, c = {corrupt}")
        }
        Stage::Drawn { cohorts, least, most } => {
            format!("{cohorts} cohorts are drawn, of {least} to {most} sites")
        }
        Stage::Opened { round, done, of, cohort } => format!(
            "round {round}: {done}/{of} cohorts, cohort {} summed {} of {}",
            cohort.number, cohort.survivors, cohort.participants
        ),
        Stage::Added { round } => format!(
            "round {}: {} of {} sites are in the total, checked by {} of them",
            round.round, round.survivors, round.participants, round.checked_by
        ),
    }
}

fn as_json(stage: Stage<'_>) -> Value {
    match stage {
        Stage::Chartered { sites, corrupt } => {
            json!({ "event": "chartered", "sites": sites, "corrupt": corrupt })
        }
        Stage::Drawn { cohorts, least, most } => {
            json!({ "event": "drawn", "cohorts": cohorts, "least": least, "most": most })
        }
        Stage::Opened { done, of, cohort, .. } => json!({
            "event": "opened", "done": done, "of": of, "cohort": cohorts_text::cohort(cohort)
        }),
        Stage::Added { round } => {
            json!({ "event": "added", "round": cohorts_text::round(round) })
        }
    }
}
