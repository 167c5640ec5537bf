//! Many sites on one coordinator: what an idle session takes of its memory, how long it takes until all
//! are there that come at the same time, and what the rounds of a study take meanwhile.
//!
//! `cargo bench -p ripieno-tests --bench crowd`: a thousand; with `-- --long` ten thousand, for which
//! 10,500 open files are needed. `TMPDIR=/dev/shm` spares the disk while they enrol.

use std::time::{Duration, Instant};

use ripieno_bench::{Bench, Goal, Row};
use ripieno_rpc::study_event::Event;
use ripieno_tests::cost::{cpu, memory};
use ripieno_tests::{Crowd, Kind, Setup, Watch, made, programs, until, within};
use rustix::process::{Resource, getrlimit, setrlimit};

const MANY: usize = 1000;
const MORE: usize = 10_000;
/// Sites of the study.
const MEMBERS: usize = 3;
/// Its rounds: more than can pass while the crowd comes.
const ROUNDS: u32 = 10_000;
const ARRIVE: Duration = Duration::from_secs(900);
/// How long rounds are measured among those who are there.
const AMONG: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<()> {
    let long = std::env::args().any(|argument| argument == "--long");
    let mut bench = Bench::start("crowd");
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&mut bench, if long { MORE } else { MANY }));
    bench.finish()
}

async fn run(bench: &mut Bench, many: usize) {
    let most = many as i64 + 1024;
    let setup = Setup::new(programs!(), Kind::Processes, MEMBERS);
    let setup = setup.connections("most", most).connections("most_per_address", most);
    let setup = setup.connections("most_without_certificate_per_address", 256);
    let mut federation = setup.found().await;
    federation.coordinator.stop().await;
    let mut crowd = Crowd::enrol(&federation.coordinator, many).await;
    federation.start_coordinator().await;
    federation.all_present().await;

    let study = federation.researcher.submit(&made::vector("among many", 30, ROUNDS, "")).await;
    let watch = federation.researcher.watch(study);
    watch.phase(ARRIVE, "collecting", 200).await;
    let process = federation.coordinator.process();
    let (alone, empty, spent) = (rounds(&watch, 0.0), memory(process).0, cpu(process));
    let (begun, since) = (Instant::now(), newest(&watch));
    crowd.arrive(&federation.coordinator.status().await.listens);
    let arrivals = within(ARRIVE, "the crowd to be there", crowd.all_there()).await;
    let took = begun.elapsed().as_secs_f64();
    let while_coming = rounds(&watch, since);
    let spent = (cpu(process) - spent).as_secs_f64() * 1e3;
    until(ARRIVE, "all sessions", || async {
        let there = federation.coordinator.status().await.sites_present as usize;
        (there == many + MEMBERS).then_some(()).ok_or_else(|| format!("{there} are there"))
    })
    .await;
    let full = memory(process).0;
    let since = newest(&watch);
    tokio::time::sleep(AMONG).await;
    let among = rounds(&watch, since);
    assert_eq!(crowd.there(), many);

    let each = |bytes: u64| bytes as f64 / 1024.0 / many as f64;
    let name = |what: &str| format!("{many} sites: {what}");
    let taken = Row::figure(name("memory of an idle session"), "KiB", &[each(full - empty)]);
    bench.add(taken.goal(Goal::AtMost(45.0)));
    bench.add(Row::figure(name("all come at once, until they are there"), "s", &[took]));
    let row = name("all come at once, CPU of the coordinator for each");
    bench.add(Row::figure(row, "ms", &[spent / many as f64]));
    let refused = arrivals.refused as f64 / many as f64;
    bench.add(Row::figure(name("refusals with a time to come back, for each"), "", &[refused]));
    let longest = arrivals.longest.as_secs_f64();
    bench.add(Row::figure(name("the longest such time"), "s", &[longest]));
    let broken = arrivals.broken as f64 / many as f64;
    bench.add(Row::figure(name("attempts without a connection, for each"), "", &[broken]));
    bench.add(Row::figure(name("round before they come"), "ms", &alone));
    bench.add(Row::figure(name("round while they come"), "ms", &while_coming));
    bench.add(Row::figure(name("round among those who are there"), "ms", &among));
}

/// When the newest event was.
fn newest(watch: &Watch) -> f64 {
    watch.events().last().map_or(0.0, |event| event.at as f64)
}

/// Milliseconds of the rounds that were opened since then.
fn rounds(watch: &Watch, since: f64) -> Vec<f64> {
    let opened = watch.events().into_iter().filter_map(|event| match event.event {
        Some(Event::Round(_)) => Some(event.at as f64),
        _ => None,
    });
    let opened: Vec<_> = opened.filter(|at| *at >= since).collect();
    opened.windows(2).map(|pair| pair[1] - pair[0]).collect()
}
