//! What it costs that sites are lost in the middle of their uploads.

use std::time::Duration;

use ripieno_bench::{Bench, Row};
use ripieno_rpc::study_event::Event;
use ripieno_tests::cost::cpu;
use ripieno_tests::{Kind, Setup, made, programs};

const LENGTH: usize = 100_000;
const DEADLINE: Duration = Duration::from_secs(120);
/// Sites, and how many of them are lost.
const CASES: &[(usize, usize)] = &[(10, 0), (10, 1), (10, 3)];
const LONG: &[(usize, usize)] = &[(30, 0), (30, 3), (30, 9)];
/// How long the coordinator waits for an upload, in seconds.
const WAIT: i64 = 3;

/// The rows of all cases: what the coordinator computes from the last upload to the sum, with the
/// recovery of the lost sites' masks.
pub(crate) async fn report(bench: &mut Bench, long: bool) {
    for (sites, lost) in CASES.iter().chain(if long { LONG } else { &[] }) {
        let (wall, own) = one(*sites, *lost).await;
        let name = format!("{sites} sites, {lost} lost, {LENGTH} values: outcome to opened sum");
        bench.add(Row::figure(&name, "ms", &[wall]));
        bench.add(Row::figure(format!("{name}, CPU of the coordinator"), "ms", &[own]));
    }
}

/// Milliseconds, by the clock and of the processor.
async fn one(sites: usize, lost: usize) -> (f64, f64) {
    let setup = Setup::new(programs!(), Kind::Processes, sites).corrupt(0);
    let federation = setup.phase("collect_seconds", WAIT).found().await;
    let aggregation =
        "[aggregation]\nmembership = \"may-change\"\ncorrupt = 0\nfields_per_lane = 3\n";
    let text = made::vector("lossy", LENGTH, 1, aggregation);
    // The upload of a site is 267 kB.
    federation.sites[..lost].iter().for_each(|site| site.relay.cut_after(100_000));
    let process = federation.coordinator.process();
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    let mut begun = Duration::ZERO;
    let spent = watch.find(DEADLINE, "an opened sum", |event| match event {
        Event::Phase(phase) if phase.phase == "deciding" => {
            begun = cpu(process);
            None
        }
        Event::Round(_) => Some(cpu(process) - begun),
        Event::Ended(ended) => panic!("{}: {}", ended.how, ended.reason),
        _ => None,
    });
    let spent = spent.await.as_secs_f64() * 1e3;
    let at = |which: &dyn Fn(&Event) -> bool| {
        let found = watch.events().into_iter().find(|one| one.event.as_ref().is_some_and(which));
        found.map(|one| one.at).expect("it was seen") as f64
    };
    let decided = at(&|event| matches!(event, Event::Phase(phase) if phase.phase == "deciding"));
    let opened = at(&|event| matches!(event, Event::Round(_)));
    (opened - decided, spent)
}
