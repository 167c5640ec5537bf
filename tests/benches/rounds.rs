//! Rounds of whole federations, each daemon a process of its own, over TLS: how long they take and
//! what each side computes, by phase; how that grows with sites and with values; what lost sites cost;
//! and how long a round takes over a line of 50 ms (docs/performance.md).
//!
//! `cargo bench -p ripieno-tests --bench rounds`; with `-- --long` also the largest.

mod rounds {
    pub(crate) mod course;
    pub(crate) mod curves;
    pub(crate) mod distance;
    pub(crate) mod losses;
    pub(crate) mod setup;
}

use ripieno_bench::{Bench, Goal, Row};
use rounds::course::{Course, Measured, Round};
use rounds::curves::Curves;
use rounds::{distance, losses, setup};

/// Sites, and the numbers of values that are measured with them; those after the bar in the long form.
const SIZES: &[(usize, &[usize], &[usize])] = &[
    (3, &[30, 100_000, 1_000_000], &[10_000_000]),
    (10, &[30, 100_000, 1_000_000], &[10_000_000]),
    (30, &[30, 100_000], &[1_000_000]),
    (100, &[30, 100_000, 1_000_000], &[]),
];

fn main() -> anyhow::Result<()> {
    let long = std::env::args().any(|argument| argument == "--long");
    let mut bench = Bench::start("rounds");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&mut bench, long));
    bench.finish()
}

async fn run(bench: &mut Bench, long: bool) {
    let mut curves = Curves::default();
    for (sites, lengths, more) in SIZES {
        if !bench.wants(&format!("{sites} sites")) {
            continue;
        }
        let federation = setup::found(*sites, None).await;
        let more = if long { *more } else { &[] };
        for length in lengths.iter().chain(more) {
            let measured = Course::of(*sites, *length).run(&federation).await;
            report(bench, &measured);
            curves.add(&measured);
        }
        drop(federation);
    }
    curves.report(bench);
    if bench.wants("50 ms") {
        distance::report(bench).await;
    }
    if bench.wants("lost") {
        losses::report(bench, long).await;
    }
    if bench.wants("set-up") {
        setup::report(bench).await;
    }
}

/// The rows of one size.
fn report(bench: &mut Bench, measured: &Measured) {
    let Measured { sites, length, rounds, .. } = measured;
    let name = |what: &str| format!("{sites} sites, {length} values: {what}");
    let wall: Vec<_> = rounds.iter().map(Round::wall).collect();
    let goal = match (sites, length) {
        (10, 1_000_000) => Goal::AtMost(500.0),
        (100, 1_000_000) => Goal::AtMost(5000.0),
        _ => Goal::None,
    };
    bench.add(Row::figure(name("round"), "ms", &wall).goal(goal));
    for (place, phase) in rounds::course::PHASES.iter().enumerate() {
        let of = |of: &dyn Fn(&rounds::course::Step) -> f64| -> Vec<f64> {
            rounds.iter().map(|round| of(&round.steps[place])).collect()
        };
        bench.add(Row::figure(name(phase), "ms", &of(&|step| step.wall)));
        let row = name(&format!("{phase}, CPU of the coordinator"));
        bench.add(Row::figure(row, "ms", &of(&|step| step.coordinator)));
        let row = name(&format!("{phase}, CPU of a site"));
        bench.add(Row::figure(row, "ms", &of(&|step| step.site)));
    }
    let (coordinator, site) = measured.peaks;
    let goals = match (sites, length) {
        (10, 1_000_000) => (Goal::AtMost(100.0), Goal::AtMost(60.0)),
        (100, 1_000_000) => (Goal::AtMost(160.0), Goal::AtMost(60.0)),
        _ => (Goal::None, Goal::None),
    };
    bench.add(Row::figure(name("memory of the coordinator"), "MB", &[coordinator]).goal(goals.0));
    bench.add(Row::figure(name("memory of a site"), "MB", &[site]).goal(goals.1));
}
