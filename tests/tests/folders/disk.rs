//! A site's disk is full, read-only or broken, from each call on by which something of a study becomes
//! durable: the site takes part in nothing more and says so, the others go on, and after a restart
//! with a disk that works it takes part again. The calls are counted in a run in which none fails.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ripieno_files::faults::{Call, Disk, Fault};
use ripieno_rpc::StewardStatusRequest;
use ripieno_rpc::steward_service_client::StewardServiceClient;
use ripieno_tests::{Federation, Kind, Setup, Watch, audits, made, programs, until};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::start;

const DONE: Duration = Duration::from_secs(120);
/// Runs at a time: they wait more than they work.
const AT_ONCE: usize = 6;
/// How long a phase waits for a site that is silent. Sites that work are never so slow, also where
/// several runs share one core: an epoch would be set up without them.
const PHASE_SECONDS: i64 = 5;

/// A call of the site by its number, and how it fails.
#[derive(Clone, Debug)]
struct Point {
    number: usize,
    fault: Fault,
    path: PathBuf,
}

/// How a site is that could not write.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stopped {
    /// It answers, and says what is wrong.
    Silent(String),
    /// It has ended.
    Ended,
}

/// Every so many calls one is tried; all of them in the long form.
fn stride() -> usize {
    if std::env::var_os("RIPIENO_FAULT_SEEDS").is_some() { 1 } else { 17 }
}

/// Four sites at rest, whose rounds go on without one that is silent.
async fn at_rest() -> Federation {
    let phases = [
        "offer_seconds",
        "setup_seconds",
        "collect_seconds",
        "decide_seconds",
        "open_seconds",
        "void_seconds",
        "settle_seconds",
        "rejoin_seconds",
    ];
    let setup = Setup::new(programs!(), Kind::InProcess, 4).corrupt(0).phase("slots", 2);
    let setup = phases.into_iter().fold(setup, |setup, phase| setup.phase(phase, PHASE_SECONDS));
    let mut federation = setup.found().await;
    federation.stop().await;
    federation
}

fn text(name: &str) -> String {
    made::vector(name, 30, 2, made::WIDE_MAY_CHANGE)
}

async fn study(federation: &Federation, name: &str) -> Watch {
    let study = federation.researcher.submit(&text(name)).await;
    let watch = federation.researcher.watch(study);
    watch.done(DONE).await;
    watch
}

/// The calls of the first site: those by which it starts, and those of a study.
async fn calls(base: &Federation) -> (Vec<(Call, PathBuf)>, Vec<(Call, PathBuf)>) {
    let mut federation = base.copy(Kind::InProcess).await;
    let dir = federation.sites[0].dir().to_owned();
    let disk = Disk::below(&dir);
    start(&dir).await.unwrap();
    let starts = disk.calls();
    drop(disk);
    let disk = Disk::below(&dir);
    federation.start().await;
    federation.all_present().await;
    study(&federation, "in peace").await;
    federation.stop().await;
    let names = |calls: Vec<(Call, PathBuf)>| {
        let name = |path: PathBuf| path.strip_prefix(&dir).unwrap_or(&path).to_owned();
        calls.into_iter().map(|(call, path)| (call, name(path))).collect()
    };
    (names(starts), names(disk.calls()))
}

/// How each of these calls can fail.
fn points(calls: &[(Call, PathBuf)]) -> Vec<Point> {
    let point = |(number, (call, path)): (usize, &(Call, PathBuf))| {
        let faults = match call {
            Call::Write => [Fault::Full, Fault::Once],
            Call::Flush | Call::Name => [Fault::Once, Fault::ReadOnly],
        };
        faults.map(|fault| Point { number, fault, path: path.clone() })
    };
    calls.iter().enumerate().flat_map(point).collect()
}

/// Waits until the site has stopped, if a call of it failed; `None` where none was reached.
async fn stopped(federation: &Federation, disk: &Disk) -> Option<Stopped> {
    let dir = federation.sites[0].dir();
    until(DONE, "the site to stop, or the study to end without a fault", || async {
        if disk.failed().is_empty() {
            return Ok(None);
        }
        let Ok(socket) = ripieno_rpc::local::connect(&dir.join("site.sock")).await else {
            return Ok(Some(Stopped::Ended));
        };
        match StewardServiceClient::new(socket).status(StewardStatusRequest {}).await {
            Err(_) => Ok(Some(Stopped::Ended)),
            Ok(status) => {
                let status = status.into_inner();
                let said = status.alarms.iter().any(|a| a.contains("takes part in nothing more"));
                match status.trouble.is_empty() || !said {
                    true => Err(format!("{:?}, and it says {:?}", disk.failed(), status.alarms)),
                    false => Ok(Some(Stopped::Silent(status.trouble))),
                }
            }
        }
    })
    .await
}

/// A file whose write or flush failed is not written again before it has been read again.
fn assert_left_alone(disk: &Disk, point: &Point) {
    let calls = disk.calls();
    let Some(first) = disk.failed().into_iter().next() else { return };
    // A full disk fails at the first write from there on.
    let mut later = calls.iter().skip(point.number).skip_while(|call| **call != first).skip(1);
    let written = later.find(|(call, path)| *call == Call::Write && *path == first.1);
    assert_eq!(written, None, "{point:?}: {} was written on", first.1.display());
}

/// Whether the first site is in a sum again: an epoch or two may have been set up without it.
async fn takes_part(federation: &Federation) -> bool {
    for number in 1..=6 {
        let after = study(federation, &format!("on a good disk {number}")).await;
        if after.survivors()[&2].len() == 4 {
            return true;
        }
    }
    false
}

/// A run in which a call of the first site fails; whether it was reached.
async fn disturbed(base: &Federation, point: Point) -> bool {
    let mut federation = base.copy(Kind::InProcess).await;
    let disk = Disk::below(federation.sites[0].dir());
    disk.fail(point.number, point.fault);
    federation.start_coordinator().await;
    for site in &mut federation.sites[1..] {
        site.start().await;
    }
    federation.sites[0].start().await;
    let before = federation.verify_audits(&[]);
    let watch = study(&federation, "on a bad disk").await;
    let Some(stopped) = stopped(&federation, &disk).await else { return false };
    if let Stopped::Silent(trouble) = &stopped {
        let name = |path: &PathBuf| path.display().to_string();
        let named = disk.failed().iter().any(|(_, path)| trouble.contains(&name(path)));
        assert!(named, "{point:?}: {trouble}");
    }
    assert_left_alone(&disk, &point);
    disk.mend();
    federation.sites[0].restart().await;
    let status = federation.sites[0].status().await;
    assert_eq!(status.trouble, "", "{point:?}");
    federation.all_present().await;
    assert!(takes_part(&federation).await, "{point:?}: {stopped:?}, and it stays away");
    until(DONE, "every slot to have its outcome", || async {
        let unresolved = federation.sites[0].status().await.unresolved;
        if unresolved.is_empty() { Ok(()) } else { Err(format!("{unresolved:?}")) }
    })
    .await;
    let logs = federation.verify_audits(&before);
    let (_, sites) = logs.split_last().unwrap();
    audits::assert_outcomes_are_unique(sites);
    let rounds: Vec<_> = watch.finished().iter().map(|round| round.round).collect();
    assert_eq!(rounds, [1, 2], "{point:?}\n{watch}");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_whose_disk_fails_in_a_study_stops_says_so_and_comes_back() {
    let base = Arc::new(at_rest().await);
    let (starts, calls) = calls(&base).await;
    // The start comes first, and ends with other calls each time: it has a test of its own.
    let mut points = points(&calls);
    points.retain(|point| point.number >= starts.len());
    let kinds: BTreeSet<_> = points.iter().map(|point| point.path.clone()).collect();
    for name in ["ledger", "witness", "audit.log", "inventory"] {
        assert!(kinds.contains(&PathBuf::from(name)), "nothing of a study is in {name}: {kinds:?}");
    }
    let tried: Vec<_> = points.into_iter().step_by(stride()).collect();
    let (places, count) = (Arc::new(Semaphore::new(AT_ONCE)), tried.len());
    let mut runs = JoinSet::new();
    for point in tried {
        let (base, places) = (base.clone(), places.clone());
        runs.spawn(async move {
            let _place = places.acquire().await.unwrap();
            disturbed(&base, point).await
        });
    }
    let mut reached = 0;
    while let Some(run) = runs.join_next().await {
        match run {
            Ok(hit) => reached += usize::from(hit),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    println!("{} calls, {reached} of {count} faults reached", calls.len());
    assert!(reached * 2 > count, "{reached} of {count}");
}

/// A daemon that cannot write down that it starts does not start; where it can again, it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_whose_disk_fails_at_the_start_does_not_start() {
    let base = at_rest().await;
    let (starts, _) = calls(&base).await;
    assert!(starts.len() > 10, "{starts:?}");
    let points = points(&starts);
    let (count, mut missed) = (points.len(), 0);
    for point in points {
        let federation = base.copy(Kind::InProcess).await;
        let dir = federation.sites[0].dir();
        let disk = Disk::below(dir);
        disk.fail(point.number, point.fault);
        // What a daemon notes between its start and its end comes sooner or later, or not at all: where
        // such a call fails, it may end in order all the same.
        match start(dir).await {
            Ok(_) => missed += 1,
            Err(text) => {
                assert!(!disk.failed().is_empty(), "{point:?}: {text}");
                assert!(text.contains(&dir.display().to_string()), "{point:?}: {text}");
            }
        }
        disk.mend();
        let alarms = start(dir).await.unwrap_or_else(|text| panic!("{point:?}: {text}"));
        let torn = alarms.iter().all(|alarm| alarm.contains("were cut off"));
        assert!(torn, "{point:?}: {alarms:?}");
    }
    assert!(missed * 10 <= count, "{missed} of {count} faults stopped nothing");
}
