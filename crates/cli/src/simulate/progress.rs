//! Progress on stderr: bars, lines, or JSON lines.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ripieno_coordinator_engine::Event;
use ripieno_simulation::Watched;
use ripieno_study::{SiteSet, Study};

use super::events::{as_json, as_line, is_notable, names};
use crate::args::{Progress, SimulateArgs};
use ripieno_terminal::to_stderr;

/// Watches a run.
pub(crate) enum Watcher {
    Bars(Bars),
    Lines,
    Json,
    Nothing,
}

impl Watcher {
    pub(crate) fn new(args: &SimulateArgs, study: &Study) -> Self {
        let bars = !args.json && io::stderr().is_terminal();
        match args.progress {
            _ if args.quiet => Watcher::Nothing,
            Progress::Auto if bars => Watcher::Bars(Bars::new(study)),
            Progress::Auto | Progress::Lines => Watcher::Lines,
            Progress::Bars => Watcher::Bars(Bars::new(study)),
            Progress::Json => Watcher::Json,
            Progress::None => Watcher::Nothing,
        }
    }

    /// Shows an event.
    pub(crate) fn see(&mut self, watched: &Watched<'_>) {
        tracing::debug!(event = %as_json(watched));
        match self {
            Watcher::Nothing => {}
            Watcher::Json => to_stderr(&as_json(watched)),
            Watcher::Lines => as_line(watched).into_iter().for_each(|line| to_stderr(&line)),
            Watcher::Bars(bars) => bars.show(watched),
        }
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        if let Watcher::Bars(bars) = self {
            bars.bar.finish_and_clear();
        }
    }
}

/// A bar of the rounds, where their number is known, with step and uploads of the current one.
pub(crate) struct Bars {
    bar: ProgressBar,
    /// The current round: its title, its participants, and those whose upload is awaited.
    round: (String, usize, SiteSet),
}

impl Bars {
    fn new(study: &Study) -> Self {
        let manifest = study.manifest();
        // A regression ends when it has converged: nobody knows when.
        let rounds = (manifest.analysis.kind() != "glm").then(|| u64::from(manifest.most_sums()));
        let template = match rounds {
            Some(_) => "{spinner} [{bar:24}] {pos}/{len} {wide_msg}",
            None => "{spinner} {wide_msg}",
        };
        let bar = ProgressBar::with_draw_target(rounds, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, round: (String::new(), 0, SiteSet::default()) }
    }

    fn show(&mut self, watched: &Watched<'_>) {
        match watched.event {
            Event::RoundStarted { round, step, participants, .. } => {
                let title = format!("round {round} {step}");
                self.round = (title, participants.len(), participants.clone());
                self.show_uploads(watched);
            }
            Event::Uploaded { site, .. } => {
                self.round.2 = self.round.2.iter().filter(|waiting| waiting != site).collect();
                self.show_uploads(watched);
            }
            Event::RoundFinished { .. } => self.bar.inc(1),
            _ => {}
        }
        if is_notable(watched.event) {
            as_line(watched).into_iter().for_each(|line| self.bar.println(line));
        }
    }

    fn show_uploads(&self, watched: &Watched<'_>) {
        let (title, count, awaited) = &self.round;
        let done = count.saturating_sub(awaited.len());
        let waiting = if awaited.is_empty() {
            String::new()
        } else {
            format!(", waiting for {}", names(watched, awaited))
        };
        self.bar.set_message(format!("{title}: {done}/{count} uploads{waiting}"));
    }
}
