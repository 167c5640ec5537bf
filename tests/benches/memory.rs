//! The most memory that a coordinator and its sites take, each a process of its own, over TLS on the
//! loopback: `cargo bench -p ripieno-tests --bench memory`. Without arguments ten sites sum a million
//! parameters; others can be given as SITES:PARAMETERS, such as `-- 10:1000000 3:30000000`.
//!
//! What is measured is VmHWM of Linux, from the start of a process to the end of the study.

use std::path::Path;
use std::time::{Duration, Instant};

use ripieno_tests::{Federation, Kind, Setup, Site, made, programs};
use serde_json::json;

/// What is measured where nothing is said.
const USUAL: &str = "10:1000000";
/// Rounds of a study: from the second on, the sum before is still kept.
const ROUNDS: u32 = 2;
const DEADLINE: Duration = Duration::from_secs(3000);
/// The most that coordinator and site may take, in bytes, by sites and parameters.
const LIMITS: [(Size, f64, f64); 3] = [
    (Size { sites: 10, length: 1_000_000 }, 100e6, 60e6),
    (Size { sites: 100, length: 1_000_000 }, 160e6, 60e6),
    (Size { sites: 3, length: 100_000_000 }, 600e6, 600e6),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    sites: usize,
    length: usize,
}

/// Bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    before: u64,
    most: u64,
}

fn main() {
    let given: Vec<Size> = std::env::args().skip(1).filter_map(|text| size(&text)).collect();
    let sizes = if given.is_empty() { size(USUAL).into_iter().collect() } else { given };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("threads");
    let measured: Vec<_> = sizes.into_iter().map(|size| runtime.block_on(run(size))).collect();
    write(&measured);
}

/// `SITES:PARAMETERS`; what cargo itself hands on is none.
fn size(text: &str) -> Option<Size> {
    let (sites, length) = text.split_once(':')?;
    Some(Size { sites: sites.parse().ok()?, length: length.parse().ok()? })
}

async fn run(size: Size) -> serde_json::Value {
    let mut setup = Setup::new(programs!(), Kind::Processes, size.sites);
    setup.direct = true;
    for phase in ["collect_seconds", "open_seconds", "settle_seconds", "wait_seconds"] {
        setup = setup.phase(phase, 1200);
    }
    let mut federation = setup.found().await;
    let before = memory(&federation);
    let begun = Instant::now();
    let rest = "[aggregation]\nfields_per_lane = 3\n";
    let text = made::vector("memory", size.length, ROUNDS, rest);
    let study = federation.researcher.submit(&text).await;
    federation.researcher.watch(study).done(DEADLINE).await;
    let seconds = begun.elapsed().as_secs_f64();
    let after = memory(&federation);
    federation.stop().await;
    report(size, &before, &after, seconds)
}

/// Of the coordinator first, then of the sites.
fn memory(federation: &Federation) -> Vec<Memory> {
    let sites = federation.sites.iter().map(Site::process);
    std::iter::once(federation.coordinator.process()).chain(sites).map(of_process).collect()
}

fn of_process(number: u32) -> Memory {
    let path = format!("/proc/{number}/status");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok());
        let kib: u64 = kib.unwrap_or_else(|| panic!("{path}: no {name}"));
        kib * 1024
    };
    Memory { before: field("VmRSS:"), most: field("VmHWM:") }
}

fn report(size: Size, before: &[Memory], after: &[Memory], seconds: f64) -> serde_json::Value {
    let Size { sites, length } = size;
    let limits = LIMITS.iter().find(|(known, ..)| *known == size);
    // An upload is its lanes, three parameters to one.
    let upload = length.div_ceil(3) as f64 * 8.0;
    println!("{sites} sites, {length} parameters, {ROUNDS} rounds, {seconds:.0} s (MB)");
    println!("{:<14}{:>8}{:>8}{:>10}{:>8}", "", "at rest", "most", "uploads", "/ limit");
    let mut rows = serde_json::Map::new();
    let most = |of: fn(&Memory) -> u64, all: &[Memory]| all.iter().map(of).max().unwrap_or(0);
    for (name, range, limit) in [
        ("coordinator", 0..1, limits.map(|(_, coordinator, _)| *coordinator)),
        ("a site", 1..after.len(), limits.map(|(.., site)| *site)),
    ] {
        let rest = most(|memory| memory.before, &before[range.clone()]) as f64;
        let most = most(|memory| memory.most, &after[range]) as f64;
        let uploads = (most - rest) / upload;
        let ratio = limit.map(|limit| most / limit);
        let shown = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!("{name:<14}{:>8.1}{:>8.1}{uploads:>10.1}{shown:>8}", rest / 1e6, most / 1e6);
        let row = json!({ "rest": rest, "most": most, "uploads": uploads, "ratio": ratio });
        rows.insert(name.to_owned(), row);
    }
    json!({ "sites": sites, "parameters": length, "seconds": seconds, "bytes": rows })
}

fn write(figures: &[serde_json::Value]) {
    // The programs are in target/release, or wherever the builds go.
    let site = programs!().site;
    let Some(target) = site.parent().and_then(Path::parent) else { return };
    let path = target.join("bench-memory.json");
    let text = serde_json::to_string_pretty(figures).expect("figures as JSON");
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    println!("{}", path.display());
}
