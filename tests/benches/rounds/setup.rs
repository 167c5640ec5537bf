//! Federations of processes; and what the set-up of an epoch costs, which goes on beside the rounds.

use ripieno_bench::{Bench, Row, stats};
use ripieno_tests::cost::cpu;
use ripieno_tests::{Federation, Kind, Setup, programs};

use super::course::{Course, Round};

/// Rounds of the study in whose course epochs are set up.
const ROUNDS: u32 = 24;
/// Slots of an epoch there: another one is set up every so many rounds.
const SLOTS: i64 = 8;

/// Sites that connect to the coordinator itself; with so many slots in an epoch.
pub(crate) async fn found(sites: usize, slots: Option<i64>) -> Federation {
    let mut setup = Setup::new(programs!(), Kind::Processes, sites);
    setup.direct = true;
    if let Some(slots) = slots {
        setup = setup.phase("slots", slots);
    }
    // Whoever has fewer cores than sites takes longer to set up an epoch.
    setup.phase("setup_seconds", 120).found().await
}

/// Sites and coordinator of ten before and after a first tiny round, and the same once more without a
/// set-up: the difference is the set-up's. And rounds beside which epochs are set up, against those of
/// the same study beside which none is.
pub(crate) async fn report(bench: &mut Bench) {
    let sites = 10;
    let federation = found_behind_lines(sites).await;
    let with = one_round(&federation, "with").await;
    let without = one_round(&federation, "without").await;
    let each = |all: f64| all / sites as f64;
    let rows = [
        ("bytes up of a site", "kB", each(with.up - without.up) / 1e3),
        ("bytes down of a site", "kB", each(with.down - without.down) / 1e3),
        ("CPU of a site", "ms", each(with.sites - without.sites)),
        ("CPU of the coordinator", "ms", with.coordinator - without.coordinator),
    ];
    for (what, unit, value) in rows {
        let name = format!("set-up of an epoch of 64 slots, {sites} sites: {what}");
        bench.add(Row::figure(name, unit, &[value]));
    }
    drop(federation);

    let federation = found(sites, Some(SLOTS)).await;
    let measured = Course::of(sites, 30).rounds(ROUNDS).run(&federation).await;
    let walls: Vec<_> = measured.rounds.iter().map(Round::wall).collect();
    let mut sorted = walls.clone();
    sorted.sort_by(f64::total_cmp);
    let name = format!("{sites} sites, 30 values: round while epochs of {SLOTS} slots are set up");
    bench.add(Row::figure(name, "ms", &walls));
    let name = format!("{sites} sites, 30 values: slowest tenth of rounds beside set-ups");
    bench.add(Row::figure(name, "ms", &[stats::quantile(&sorted, 0.9)]));
}

async fn found_behind_lines(sites: usize) -> Federation {
    Setup::new(programs!(), Kind::Processes, sites).found().await
}

/// What went over the lines, and what was computed.
struct Cost {
    up: f64,
    down: f64,
    coordinator: f64,
    sites: f64,
}

async fn one_round(federation: &Federation, name: &str) -> Cost {
    let read = || {
        let bytes = federation.sites.iter().map(|site| site.relay.bytes());
        let (up, down) = bytes.fold((0, 0), |(up, down), one| (up + one.0, down + one.1));
        let milliseconds = |process: u32| cpu(process).as_secs_f64() * 1e3;
        let sites = federation.sites.iter().map(|site| milliseconds(site.process())).sum();
        let coordinator = milliseconds(federation.coordinator.process());
        Cost { up: up as f64, down: down as f64, coordinator, sites }
    };
    let before = read();
    let text = ripieno_tests::made::vector(name, 30, 1, "");
    let study = federation.researcher.submit(&text).await;
    federation.researcher.watch(study).done(std::time::Duration::from_secs(120)).await;
    let after = read();
    Cost {
        up: after.up - before.up,
        down: after.down - before.down,
        coordinator: after.coordinator - before.coordinator,
        sites: after.sites - before.sites,
    }
}
