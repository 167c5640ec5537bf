//! One round of ten sites with a million parameters each, over TLS on the loopback:
//! `cargo bench -p ripieno-tests --bench round`. The number of measured rounds can be given:
//! `-- 5`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ripieno_rpc::StudyEvent;
use ripieno_rpc::study_event::Event;
use ripieno_tests::{Federation, Kind, Setup, made, programs};
use serde_json::json;

const SITES: usize = 10;
const LENGTH: usize = 1_000_000;
/// Rounds that are measured, where no other number is given.
const ROUNDS: u32 = 7;
/// What a round may take, in milliseconds.
const MOST_MILLISECONDS: f64 = 1000.0;
/// What a site may send in a round, in bytes.
const MOST_BYTES_UP: f64 = 3e6;
const DEADLINE: Duration = Duration::from_secs(300);

/// Milliseconds from the contract on.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    uploaded: f64,
    certified: f64,
    opened: f64,
    verified: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("threads").block_on(run(rounds));
}

async fn run(rounds: u32) {
    let mut setup = Setup::new(programs!(), Kind::InProcess, SITES);
    setup.direct = true;
    let mut federation = setup.found().await;
    let measured = measure(&federation, "timed", rounds).await;
    federation.stop().await;
    // Again through relays, which count.
    setup.direct = false;
    let bytes = count(&setup.found().await, 3).await;
    report(&measured, bytes);
}

/// Times of every round but the first.
async fn measure(federation: &Federation, name: &str, rounds: u32) -> Vec<Round> {
    let text = made::vector(name, LENGTH, rounds + 1, "[aggregation]\nfields_per_lane = 3\n");
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.done(DEADLINE).await;
    let events = watch.events();
    (2..=rounds + 1).map(|round| times(&events, round)).collect()
}

/// When the steps of a round were reached; a round is verified when the next one begins, or the
/// study ends.
fn times(events: &[StudyEvent], round: u32) -> Round {
    let mut at: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let step = match event.event.as_ref() {
            Some(Event::Phase(e)) if e.phase == "collecting" && e.round == round => "contract",
            Some(Event::Uploaded(e)) if e.round == round => "uploaded",
            Some(Event::Phase(e)) if e.phase == "opening" && e.round == round => "certified",
            Some(Event::Round(e)) if e.round == round => "opened",
            Some(Event::Phase(e)) if e.phase == "collecting" && e.round == round + 1 => "verified",
            Some(Event::Ended(_)) if !at.contains_key("verified") => "verified",
            _ => continue,
        };
        at.insert(step, event.at);
    }
    let since = |step: &str| {
        let when = at.get(step).copied().unwrap_or_else(|| panic!("round {round}: not {step}"));
        when.saturating_sub(at["contract"]) as f64
    };
    Round {
        uploaded: since("uploaded"),
        certified: since("certified"),
        opened: since("opened"),
        verified: since("verified"),
    }
}

/// Most bytes of a site in a round, up and down.
async fn count(federation: &Federation, rounds: u32) -> (f64, f64) {
    let before: Vec<_> = federation.sites.iter().map(|site| site.relay.bytes()).collect();
    let _ = measure(federation, "counted", rounds - 1).await;
    let after = federation.sites.iter().map(|site| site.relay.bytes());
    let used = after.zip(before).map(|(now, then)| (now.0 - then.0, now.1 - then.1));
    let most = used.fold((0, 0), |most, used| (most.0.max(used.0), most.1.max(used.1)));
    (most.0 as f64 / f64::from(rounds), most.1 as f64 / f64::from(rounds))
}

fn report(rounds: &[Round], (up, down): (f64, f64)) {
    type Step = fn(&Round) -> f64;
    let steps: [(&str, Step); 4] = [
        ("contract to last upload", |round| round.uploaded),
        ("to certificate", |round| round.certified - round.uploaded),
        ("to opened sum", |round| round.opened - round.certified),
        ("to all verified", |round| round.verified - round.opened),
    ];
    println!("{SITES} sites, {LENGTH} parameters, 3 to a lane, {} rounds (ms)", rounds.len());
    println!("{:<26}{:>8}{:>8}", "", "least", "median");
    let mut phases = serde_json::Map::new();
    for (name, step) in steps {
        let [least, median] = figures(rounds.iter().map(step));
        println!("{name:<26}{least:>8.0}{median:>8.0}");
        phases.insert(name.to_owned(), json!({ "least": least, "median": median }));
    }
    let [least, median] = figures(rounds.iter().map(|round| round.verified));
    println!("{:<26}{least:>8.0}{median:>8.0}", "whole round");
    let (time, bytes) = (median / MOST_MILLISECONDS, up / MOST_BYTES_UP);
    println!("median of a round / 1 s        {time:.2}");
    println!("bytes up of a site / 3 MB      {bytes:.2}  ({:.2} MB)", up / 1e6);
    println!("bytes down of a site           {:.2} MB", down / 1e6);
    let figures = json!({
        "sites": SITES,
        "parameters": LENGTH,
        "rounds": rounds.len(),
        "phases_ms": phases,
        "round_ms": { "least": least, "median": median },
        "bytes_up": up,
        "bytes_down": down,
        "time_ratio": time,
        "bytes_ratio": bytes,
    });
    write(&figures);
}

/// The least, and the middle one.
fn figures(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2]]
}

fn write(figures: &serde_json::Value) {
    // The programs are in target/release, or wherever the builds go.
    let site = programs!().site;
    let Some(target) = site.parent().and_then(Path::parent) else { return };
    let path = target.join("bench-round.json");
    let text = serde_json::to_string_pretty(figures).expect("figures as JSON");
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    println!("{}", path.display());
}
