//! `ripieno demo`: a coordinator and four hospitals as processes of this machine, one regression,
//! one hospital killed in mid-round, one study refused.

mod audit;
mod federation;
mod hospitals;
mod picture;
mod pooled;
mod process;
mod received;
mod replay;
mod researcher;
mod run;
mod story;
mod wait;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use ripieno_analysis::Report;
use ripieno_study::Study;
use ripieno_terminal::{Exit, Failure, line_to_stdout};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::DemoArgs;
use crate::researcher::runtime;
use crate::study::event::{Event, Told};
use crate::study::result;

use federation::{DATA_SET, Federation, internal};
use hospitals::{DENIED, FEATURES, OUTCOME};
use process::Program;
use replay::Table;
use run::SHOWN;
use story::Story;

pub(crate) use process::die_with_parent;

/// The hospital that vouches for the researcher.
const HOME: &str = "hospital-a";
/// The federated figures are those of the pooled rows up to this.
const LARGEST_DIFFERENCE: f64 = 1e-9;

/// Runs it all. Whatever ends it, no process stays.
pub(crate) fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    let place = Place::new(args)?;
    let result = runtime()?.block_on(async {
        tokio::select! {
            result = tell(&place) => result,
            () = interrupted() => {
                Err(Failure::new(Exit::Refused, anyhow!("the demo was interrupted")))
            }
        }
    });
    place.leave();
    result
}

/// Waits for Ctrl-C, or a request to end.
async fn interrupted() {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        // Without handlers a signal ends this process, and with it the others.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn tell(place: &Place) -> Result<Exit, Failure> {
    let story = Story::begin();
    let hospitals = hospitals::hospitals();
    let folder = place.path();
    let (text, refused) = (study_text(&FEATURES, "may-change"), study_text(&DENIED, "fixed"));
    let tables = folder.join("tables");
    hospitals::write(&hospitals, &tables)
        .and_then(|()| fs::write(folder.join("study.toml"), &text))
        .and_then(|()| fs::write(folder.join("names.toml"), &refused))
        .with_context(|| format!("{} cannot be written", folder.display()))
        .map_err(Failure::output)?;
    let study = Study::parse(&text).map_err(internal)?;
    story.question(&hospitals)?;

    let began = Instant::now();
    let mut federation = Federation::start(Program::own()?, folder).await?;
    story.coordinator(&federation, began)?;
    let began = Instant::now();
    for hospital in &hospitals {
        federation.enrol(hospital).await?;
    }
    story.enrolled(&hospitals, began)?;
    let began = Instant::now();
    let words = federation.ratify().await?;
    story.charter(&words, began)?;
    let began = Instant::now();
    let (mut remote, charter) = researcher::join(&federation, HOME).await?;
    story.researcher(HOME, began)?;

    story.study_begins(&study)?;
    let mut see = |told: &_, course: &_| story.event(told, course);
    let watched = run::study(&mut federation, &mut remote, &charter, &study, &mut see).await?;
    let fetched = result::fetch(&mut remote, &charter, study.digest()).await?;
    let Report::Glm(federated) = &fetched.results.report else {
        return Err(internal("the demo's study gave another kind of result"));
    };
    let verified =
        audit::same_results(&federation, &study.digest(), &fetched.results.report).await?;
    story.converged(federated, verified, hospitals.len())?;
    story.phases(&watched.course)?;
    let pooled = pooled::fit(&hospitals);
    let pooled = pooled.ok_or_else(|| internal("the regression on the pooled rows failed"))?;
    let difference = story.result(federated, &pooled)?;

    let paths = hospitals.iter().map(|hospital| Table {
        name: hospital.name.to_owned(),
        path: tables.join(format!("{}.csv", hospital.name)),
    });
    let paths: Vec<_> = paths.collect();
    let round = watched.killed_in.ok_or_else(|| internal("no hospital was killed in mid-round"))?;
    let rounds = &fetched.results.rounds;
    let replayed = replay::replay(&study, &paths, rounds, SHOWN, round)?;
    let same = replayed.report.digest() == fetched.results.report.digest();
    let received = picture::received(&watched, rounds, round);
    let received = received.ok_or_else(|| internal("nothing was seen of the upload"))?;
    story.picture(round, &replayed.contribution, &received.lanes, same)?;

    let refused = Study::parse(&refused).map_err(internal)?;
    let mut silent = |_: &_, _: &_| Ok(());
    let no = run::study(&mut federation, &mut remote, &charter, &refused, &mut silent).await?;
    let refusals = refusals(&no.events);
    story.refused(&refusals)?;
    let reads = audit::reads(&federation, &study.digest()).await?;
    story.reads(&reads)?;
    story.protection(&fetched.results.protection, round)?;
    let peaks = federation.peaks();
    federation.stop().await?;
    story.end(place, peaks)?;

    let columns: Vec<_> = [OUTCOME].iter().chain(&FEATURES).map(|c| (*c).to_owned()).collect();
    let only = |reads: &audit::Reads| reads.sound && reads.columns.iter().eq(sorted(&columns));
    let all = hospitals.len();
    let good = federated.converged && difference < LARGEST_DIFFERENCE && same && verified == all;
    if good && refusals.len() == all && reads.values().all(only) {
        Ok(Exit::Done)
    } else {
        Err(internal("the demo did not come out as it should"))
    }
}

/// Site, rule and reason of every refusal, by site.
fn refusals(events: &[Told]) -> BTreeMap<String, (String, String)> {
    let refused = events.iter().filter_map(|told| match &told.event {
        Event::Answer { site, verdict, rule, reason } if verdict == "refused" => {
            Some((site.clone(), (rule.clone(), reason.clone())))
        }
        _ => None,
    });
    refused.collect()
}

fn sorted(columns: &[String]) -> Vec<&String> {
    let mut sorted: Vec<_> = columns.iter().collect();
    sorted.sort();
    sorted
}

/// Where the files are.
pub(super) enum Place {
    /// In a folder that stays.
    Kept(PathBuf),
    /// In one that goes.
    Temporary(TempDir),
}

impl Place {
    fn new(args: &DemoArgs) -> Result<Self, Failure> {
        let Some(path) = args.dir.as_deref() else {
            let folder = tempfile::Builder::new().prefix("ripieno-demo-").tempdir();
            let folder = folder.context("a temporary folder cannot be made");
            let folder = folder.map_err(Failure::output)?;
            return Ok(if args.keep { Self::Kept(folder.keep()) } else { Self::Temporary(folder) });
        };
        let empty = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => fs::create_dir_all(path).is_ok(),
        };
        if empty {
            // The daemons are started elsewhere than where they are looked at.
            let absolute = std::path::absolute(path).map_err(Failure::output)?;
            return Ok(Self::Kept(absolute));
        }
        let error = anyhow!("{} is not empty, or cannot be made", path.display());
        Err(Failure::output(error).next("name a folder that is empty or does not exist"))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Takes a temporary folder away, and says where it cannot.
    fn leave(self) {
        if let Self::Temporary(folder) = self {
            let path = folder.path().to_owned();
            if let Err(error) = folder.close() {
                ripieno_terminal::to_stderr(&format!("{} stays: {error}", path.display()));
            }
        }
    }
}

/// Says something on stdout.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    line_to_stdout(text)
}

/// A regression on these columns.
fn study_text(features: &[&str], membership: &str) -> String {
    let features: Vec<_> = features.iter().map(|name| format!("{name:?}")).collect();
    format!(
        r#"name = "malignant or benign"
purpose = "research"

[data]
dataset = "{DATA_SET}"
outcome = "{OUTCOME}"
features = [{}]

[analysis]
kind = "glm"
family = "binomial"

[aggregation]
membership = "{membership}"
corrupt = 0
"#,
        features.join(", ")
    )
}
