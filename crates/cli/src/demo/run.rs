//! The study over the federation: approved by stewards, a hospital killed in mid-round and back.

use std::time::Duration;

use ripieno_identity::RatifiedCharter;
use ripieno_study::{SiteIndex, Study};
use ripieno_terminal::Failure;
use tokio::time::timeout;

use super::federation::{Federation, internal};
use super::received::{Received, uploads};
use crate::researcher::{Remote, of_status};
use crate::study::course::Course;
use crate::study::event::{Event, Names, Told};

/// The hospital that is killed; it stands still from the end of this round on.
pub(super) const LOST: (&str, u32) = ("hospital-c", 3);
/// The hospital whose upload is shown.
pub(super) const SHOWN: &str = "hospital-b";
/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a watched study leaves behind.
pub(super) struct Watched {
    pub(super) course: Course,
    pub(super) events: Vec<Told>,
    /// The round in which a hospital was killed.
    pub(super) killed_in: Option<u32>,
    /// What the coordinator had of the hospital that is shown, at that moment.
    pub(super) received: Vec<Received>,
}

/// What there is to do with the lost hospital.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It runs.
    Runs,
    /// It stands still: it computes nothing, and nobody knows yet.
    Stands,
    /// It was killed and started again.
    Back,
}

/// Submits a study, has the stewards approve what waits for them, and watches it to its end. `see`
/// is called for every event.
pub(super) async fn study(
    federation: &mut Federation,
    remote: &mut Remote,
    charter: &RatifiedCharter,
    study: &Study,
    see: &mut (dyn FnMut(&Told, &Course) -> Result<(), Failure> + '_),
) -> Result<Watched, Failure> {
    let names = Names::of(charter);
    let digest = study.digest();
    remote.submit(study).await?;
    let mut events = remote.watch(digest, 0).await.map_err(|status| of_status(&status))?;
    let mut watched = Watched {
        course: Course::default(),
        events: Vec::new(),
        killed_in: None,
        received: Vec::new(),
    };
    let mut stage = Stage::Runs;
    while watched.course.ended.is_none() {
        let next = timeout(PATIENCE, events.message()).await;
        let next = next.map_err(|_| internal("nothing happened in the study for a minute"))?;
        let next = next.map_err(|status| of_status(&status))?;
        let next = next.ok_or_else(|| internal("the events ended before the study"))?;
        let Some(told) = Told::new(next, &names) else { continue };
        watched.course.note(&told);
        see(&told, &watched.course)?;
        if let Event::Answer { site, verdict, .. } = &told.event
            && verdict == "pending"
        {
            let reason = "membership may change for this one";
            let approve = ["study", "approve", &digest.to_string(), "--reason", reason];
            federation.at_site(site, &approve, "").await?;
        }
        stage = lose(stage, &told, federation, &mut watched, charter).await?;
        watched.events.push(told);
    }
    Ok(watched)
}

/// Stops a hospital where it is after a round, and kills it in the next one that it takes part in,
/// when all others have uploaded: so it is lost in mid-round, whatever the speed of this machine.
async fn lose(
    stage: Stage,
    told: &Told,
    federation: &mut Federation,
    watched: &mut Watched,
    charter: &RatifiedCharter,
) -> Result<Stage, Failure> {
    let (lost, after) = LOST;
    match (stage, &told.event) {
        (Stage::Runs, Event::Opened { round, .. }) if *round == after => {
            federation.sites.get(lost).map_or(Ok(()), super::process::Daemon::freeze)?;
            Ok(Stage::Stands)
        }
        (Stage::Stands, Event::Upload { .. }) if waits_for(&watched.course, lost) => {
            // The round stands: what was uploaded is where the coordinator keeps it.
            let shown = charter.sites().iter().find(|site| site.name == SHOWN);
            let index = shown.map_or(SiteIndex::new(1), |site| Some(site.index));
            if let Some(index) = index {
                watched.received = uploads(&federation.coordinator_dir(), index)?;
            }
            watched.killed_in = Some(watched.course.round);
            if let Some(daemon) = federation.sites.get_mut(lost) {
                daemon.kill().await?;
            }
            federation.run_site(lost)?;
            Ok(Stage::Back)
        }
        (stage, _) => Ok(stage),
    }
}

/// Whether the round is complete but for this hospital.
fn waits_for(course: &Course, name: &str) -> bool {
    let missing = |site: &&String| !course.uploaded.contains(*site);
    let mut missing = course.participants.iter().filter(missing);
    course.phase == "collecting"
        && missing.next().is_some_and(|site| site == name)
        && missing.next().is_none()
}
