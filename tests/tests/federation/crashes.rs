//! The coordinator ends at every commit of a study, before and after it: the study goes on to the
//! same result, nobody is refused, no slot has two outcomes, no log is rewritten.

use std::sync::Arc;

use ripieno_study::Digest;
use ripieno_tests::observers::{Crash, Unwind};
use ripieno_tests::{
    Coordinator, Federation, Kind, Researcher, Site, Special, Watch, audits, made,
};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{DONE, agree, setup};

/// Runs at a time.
const AT_ONCE: usize = 3;
/// Commits behind those of the undisturbed run that are tried: a run may need a few more.
const MARGIN: u64 = 6;
/// Every so many points a real process is ended.
const STRIDE: u64 = 4;

fn study() -> String {
    made::vector("crash", 40, 2, made::WIDE)
}

/// Four sites at rest.
async fn at_rest() -> Federation {
    let mut federation = setup(Kind::InProcess, 4).found().await;
    federation.stop().await;
    federation
}

async fn submit(researcher: Researcher) -> (Digest, Watch) {
    let study = researcher.submit(&study()).await;
    let watch = researcher.watch(study);
    watch.done(DONE).await;
    (study, watch)
}

/// Commits of an undisturbed run, and its result.
async fn undisturbed(base: &Federation) -> (u64, Value) {
    let mut federation = base.copy(Kind::InProcess).await;
    let observer = Unwind::never();
    let special = Special { observer: Some(observer.clone()), ..Special::default() };
    federation.start_specially(special).await;
    federation.start().await;
    let (study, watch) = submit(federation.researcher.clone()).await;
    assert!(watch.refused().is_empty() && watch.voided().is_empty(), "{watch}");
    let result = federation.researcher.result(&study).await;
    agree(&federation.sites, &study, &result).await;
    (observer.commits(), result)
}

/// A run in which the coordinator ends at `crash`; whether it was reached.
async fn disturbed(base: &Federation, crash: Crash, kind: Kind, wanted: &Value) -> bool {
    let mut federation = base.copy(kind).await;
    for site in &mut federation.sites {
        site.start().await;
    }
    let before = federation.verify_audits(&[]);
    let end = End::at(crash, kind);
    let mut reached = federation.try_start(end.special.clone()).await.is_err();
    let mut study = Study::submit(federation.researcher.clone());
    if !reached {
        reached = tokio::select! {
            () = end.reached(&mut federation.coordinator) => true,
            () = study.conclude(&federation.researcher, &federation.sites, wanted) => false,
        };
    }
    let middle = federation.verify_audits(&before);
    if reached {
        federation.restart_coordinator().await;
        study.conclude(&federation.researcher, &federation.sites, wanted).await;
    }
    assert_sound(&federation, study.watch(), &middle, crash);
    reached
}

/// How a coordinator is ended, and how that is seen.
struct End {
    special: Special,
    observer: Option<Arc<Unwind>>,
}

impl End {
    fn at(crash: Crash, kind: Kind) -> Self {
        match kind {
            Kind::InProcess => {
                let observer = Unwind::at(crash);
                let special = Special { observer: Some(observer.clone()), ..Special::default() };
                Self { special, observer: Some(observer) }
            }
            Kind::Processes => {
                let arguments = vec!["--crash".to_owned(), crash.to_string()];
                Self { special: Special { arguments, ..Special::default() }, observer: None }
            }
        }
    }

    async fn reached(&self, coordinator: &mut Coordinator) {
        match &self.observer {
            Some(observer) => observer.reached().await,
            None => coordinator.ended().await,
        }
    }
}

/// A study under way, or done.
enum Study {
    Running(JoinHandle<(Digest, Watch)>),
    Done(Digest, Watch),
}

impl Study {
    fn submit(researcher: Researcher) -> Self {
        Self::Running(tokio::spawn(submit(researcher)))
    }

    /// Waits until it is done; the result is the undisturbed one, at every site.
    async fn conclude(&mut self, researcher: &Researcher, sites: &[Site], wanted: &Value) {
        if let Self::Running(task) = self {
            let (study, watch) = task.await.expect("a study that was done");
            *self = Self::Done(study, watch);
        }
        let Self::Done(study, watch) = self else { return };
        assert_eq!(&researcher.result(study).await, wanted, "{watch}");
        agree(sites, study, wanted).await;
    }

    fn watch(&self) -> &Watch {
        match self {
            Self::Done(_, watch) => watch,
            Self::Running(_) => panic!("the study is not done"),
        }
    }
}

/// What must hold however the run went.
fn assert_sound(federation: &Federation, watch: &Watch, before: &[audits::Log], crash: Crash) {
    let logs = federation.verify_audits(before);
    let (coordinator, sites) = logs.split_last().unwrap();
    audits::assert_outcomes_are_unique(sites);
    // An epoch whose set-up was cut off is lost, and may be refused; nothing else is.
    for site in sites {
        let checks = site.checks();
        assert!(checks.is_subset(&["A2".to_owned()].into()), "{crash}: {checks:?}\n{watch}");
    }
    let mut slots: Vec<_> = watch.finished().iter().map(|r| (r.epoch, r.slot)).collect();
    slots.extend(watch.voided().iter().map(|void| (void.epoch, void.slot)));
    let outcomes = slots.len();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), outcomes, "{crash}: a slot with two outcomes\n{watch}");
    let rounds: Vec<_> = watch.finished().iter().map(|r| r.round).collect();
    assert_eq!(rounds, [1, 2], "{crash}\n{watch}");
    assert!(coordinator.of("start").count() >= 1, "{crash}: no start in the log");
}

/// Runs all points, a few at a time; how many were reached.
async fn run(points: Vec<Crash>, kind: Kind, base: Arc<Federation>, wanted: Value) -> Vec<Crash> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = JoinSet::new();
    for crash in points {
        let (base, places, wanted) = (base.clone(), places.clone(), wanted.clone());
        runs.spawn(async move {
            let _place = places.acquire().await.unwrap();
            disturbed(&base, crash, kind, &wanted).await.then_some(crash)
        });
    }
    let mut reached = Vec::new();
    while let Some(run) = runs.join_next().await {
        match run {
            Ok(crash) => reached.extend(crash),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    reached
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_may_end_at_every_commit() {
    let base = Arc::new(at_rest().await);
    let (commits, wanted) = undisturbed(&base).await;
    let numbers = 1..=commits + MARGIN;
    let points = numbers.clone().flat_map(|n| [Crash::Before(n), Crash::After(n)]).collect();
    let reached = run(points, Kind::InProcess, base.clone(), wanted.clone()).await;
    println!("{commits} commits, {} points reached", reached.len());
    // The undisturbed run has them all, but for a few that depend on who comes first.
    assert!(reached.len() as u64 >= commits, "{commits} commits, reached {reached:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_s_process_may_end_at_commits() {
    let base = Arc::new(at_rest().await);
    let (commits, wanted) = undisturbed(&base).await;
    let numbers = (1..=commits).filter(|number| number % STRIDE == 1);
    let points: Vec<_> = numbers
        .map(|n| if (n / STRIDE).is_multiple_of(2) { Crash::Before(n) } else { Crash::After(n) })
        .collect();
    let tried = points.len();
    let reached = run(points, Kind::Processes, base.clone(), wanted.clone()).await;
    println!("{commits} commits, {} of {tried} processes ended", reached.len());
    assert!(reached.len() * 2 > tried, "{reached:?}");
}
