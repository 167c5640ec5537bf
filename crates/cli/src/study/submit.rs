//! `ripieno study submit` and `watch`.

use std::path::Path;

use anyhow::anyhow;
use ripieno_identity::RatifiedCharter;
use ripieno_study::Digest;
use ripieno_terminal::{Exit, Failure, human, line_to_stdout, to_stderr};

use super::args::Watching;
use super::event::Names;
use super::status;
use super::view::View;
use super::watch::{Heard, follow};
use crate::researcher::Remote;
use crate::researcher::args::Folder;
use crate::simulate::read_study;

/// Sends a study, and watches it where that is asked for.
pub(super) async fn run(
    path: &Path,
    watching: Option<Watching>,
    folder: &Folder,
) -> Result<Exit, Failure> {
    let study = read_study(path)?;
    let (mut remote, charter) = super::open(folder).await?;
    let new = remote.submit(&study).await?;
    let digest = study.digest();
    let said = if new { "submitted" } else { "it was here before, nothing was started" };
    let line = format!("study {digest}: {said}");
    match watching {
        // Stdout has the events and nothing else.
        Some(watching) => {
            to_stderr(&line);
            watch(&mut remote, &charter, digest, watching).await
        }
        None => {
            let short = digest.short();
            line_to_stdout(&format!("{line}\n  next: ripieno study watch {short}"))?;
            Ok(Exit::Done)
        }
    }
}

/// Shows what happens in a study until it ends.
pub(super) async fn watch(
    remote: &mut Remote,
    charter: &RatifiedCharter,
    study: Digest,
    watching: Watching,
) -> Result<Exit, Failure> {
    let names = Names::of(charter);
    let mut view = View::new(watching, study, &names.all());
    let mut hear = |heard: Heard<'_>| match heard {
        Heard::Event(told, course) => view.see(told, course),
        Heard::Broken(said, pause) => {
            let pause = human(pause.as_secs_f64());
            view.say(&format!("the connection is lost ({said}); trying again in {pause}"));
            Ok(())
        }
    };
    let course = follow(remote, study, &names, &mut hear).await;
    view.finish();
    let course = course?;
    match course.ended {
        Some((how, _)) if how == "done" => {
            view.say(&format!("the result is there: ripieno study result {}", study.short()));
            Ok(Exit::Done)
        }
        Some((how, reason)) => {
            let (stands, _) = remote.get(study).await?;
            let mut details = status::reasons(&stands);
            if details.is_empty() {
                details = course.refusals;
            }
            let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let error = anyhow!("study {} {how}{because}", study.short());
            Err(Failure::new(Exit::Refused, error)
                .details(details)
                .next(format!("ripieno study show {}", study.short())))
        }
        None => Err(Failure::new(Exit::Internal, anyhow!("the events ended before the study"))),
    }
}
