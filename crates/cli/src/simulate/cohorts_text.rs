//! What a simulation of cohorts found, for people and as JSON.

use std::time::Duration;

use ripieno_simulation::{CohortRecord, CohortsOutcome, RoundTotal, Spread};
use ripieno_study::Study;
use ripieno_terminal::{Style, bytes, human, wrap};
use serde_json::{Value, json};

/// Masked lanes that are shown.
const LANES: usize = 2;

/// Everything, in sections.
pub(super) fn text(study: &Study, outcome: &CohortsOutcome) -> String {
    let style = Style::of_stdout();
    let part = |title: &str, lines: &[String]| {
        let lines: Vec<_> = lines.iter().map(|line| wrap(line, 2)).collect();
        format!("{}\n{}", style.bold(title), lines.join("\n"))
    };
    let head = format!(
        "{}  ({}, study {})",
        style.bold(&study.manifest().name),
        study.manifest().analysis.kind(),
        study.digest().short()
    );
    let mut sections = vec![head];
    sections.extend(
        outcome.rounds.iter().map(|round| {
            part(&format!("Total of round {}", round.round), &of_round(outcome, round))
        }),
    );
    sections.push(part("What each party saw", &of_parties(outcome)));
    sections.push(part("Where the time went", &of_times(outcome)));
    let (seed, draw) = (outcome.seed, outcome.draw.short());
    sections.push(format!("seed {seed}, draw {draw}, {}", seconds(outcome.times.all)));
    sections.join("\n\n")
}

fn of_round(outcome: &CohortsOutcome, round: &RoundTotal) -> Vec<String> {
    let cohorts = outcome.cohorts.iter().filter(|cohort| cohort.round == round.round);
    let survivors = || cohorts.clone().map(|cohort| cohort.survivors);
    let (least, most) = (survivors().min().unwrap_or(0), survivors().max().unwrap_or(0));
    let minimum = cohorts.clone().map(|cohort| cohort.minimum).max().unwrap_or(0);
    let voided: u32 = cohorts.clone().map(|cohort| cohort.voided).sum();
    let mut lines = vec![
        format!(
            "{} of {} sites, {} lost; {} cohorts with {least} to {most} survivors each, at least \
             {minimum} needed, c = {}",
            round.survivors,
            round.participants,
            round.participants - round.survivors,
            outcome.count,
            outcome.corrupt
        ),
        format!("opened    {}", values(&round.total)),
        format!("directly  {}", values(&round.direct)),
        format!("largest difference, over all values: {:e}", round.difference),
        format!(
            "every site verified the sum of its cohort; {} sites checked the sums of all cohorts",
            round.checked_by
        ),
    ];
    if voided > 0 {
        lines.push(format!("{voided} slots were voided for a lost site, and repeated with it"));
    }
    lines
}

fn of_parties(outcome: &CohortsOutcome) -> Vec<String> {
    let (least, most) = sizes(outcome);
    let mut lines = vec![
        format!(
            "coordinator: commitments and reveals of {} sites, keys and sealed shares, a masked vector of \
             each site that uploaded, and {} sums of {least} sites or more; received {}, sent {}",
            outcome.sites,
            outcome.count,
            bytes(outcome.coordinator.received),
            bytes(outcome.coordinator.sent)
        ),
        format!(
            "a site: the same commitments and reveals, keys and masked vectors of the {least} to {most} sites \
             of its cohort, the sums of all cohorts; sent {}, received {}",
            spread(outcome.sent),
            spread(outcome.received)
        ),
    ];
    let seen = outcome.rounds.first().and_then(|round| round.seen.as_ref());
    if let Some((site, seen)) = seen {
        let lanes: Vec<_> = seen.lanes.iter().take(LANES).map(|l| format!("{l:016x}")).collect();
        lines.push(format!("of {site} the coordinator saw: {} …", lanes.join(" ")));
    }
    lines
}

fn sizes(outcome: &CohortsOutcome) -> (usize, usize) {
    let sizes = || outcome.cohorts.iter().map(|cohort| cohort.participants);
    let least = outcome.cohorts.iter().map(|cohort| cohort.survivors).min().unwrap_or(0);
    (least, sizes().max().unwrap_or(0))
}

fn of_times(outcome: &CohortsOutcome) -> Vec<String> {
    let times = outcome.times;
    let mean = |phase: fn(&CohortRecord) -> Duration| {
        let all: Duration = outcome.cohorts.iter().map(phase).sum();
        seconds(all / u32::try_from(outcome.cohorts.len()).unwrap_or(u32::MAX).max(1))
    };
    vec![
        format!("keys, and a charter signed by all: {}", seconds(times.charter)),
        format!("draw: {}", seconds(times.draw)),
        format!(
            "cohorts, side by side: {}; one of them, on the mean: set-up {}, uploads {}, outcome and shares \
             {}, verification {}",
            seconds(times.cohorts),
            mean(|cohort| cohort.set_up),
            mean(|cohort| cohort.upload),
            mean(|cohort| cohort.open),
            mean(|cohort| cohort.verify)
        ),
        format!("sums of all cohorts, added and checked: {}", seconds(times.total)),
    ]
}

/// As one object.
pub(super) fn json(study: &Study, outcome: &CohortsOutcome) -> Value {
    let spread = |s: Spread| json!({ "least": s.least, "median": s.median, "most": s.most });
    let times = outcome.times;
    json!({
        "name": study.manifest().name,
        "study": study.digest(),
        "sites": outcome.sites,
        "corrupt": outcome.corrupt,
        "cohorts": outcome.cohorts.iter().map(cohort).collect::<Vec<_>>(),
        "rounds": outcome.rounds.iter().map(round).collect::<Vec<_>>(),
        "draw": outcome.draw,
        "seed": outcome.seed,
        "traffic": {
            "site_sent": spread(outcome.sent),
            "site_received": spread(outcome.received),
            "coordinator_sent": outcome.coordinator.sent,
            "coordinator_received": outcome.coordinator.received,
        },
        "seconds": {
            "charter": times.charter.as_secs_f64(),
            "draw": times.draw.as_secs_f64(),
            "cohorts": times.cohorts.as_secs_f64(),
            "total": times.total.as_secs_f64(),
            "all": times.all.as_secs_f64(),
        },
    })
}

/// A round in a cohort as JSON.
pub(super) fn cohort(cohort: &CohortRecord) -> Value {
    json!({
        "round": cohort.round,
        "cohort": cohort.number,
        "participants": cohort.participants,
        "survivors": cohort.survivors,
        "minimum": cohort.minimum,
        "voided": cohort.voided,
        "seconds": {
            "set_up": cohort.set_up.as_secs_f64(),
            "upload": cohort.upload.as_secs_f64(),
            "open": cohort.open.as_secs_f64(),
            "verify": cohort.verify.as_secs_f64(),
        },
    })
}

/// A round over all cohorts as JSON.
pub(super) fn round(round: &RoundTotal) -> Value {
    json!({
        "round": round.round,
        "survivors": round.survivors,
        "participants": round.participants,
        "total": round.total,
        "direct": round.direct,
        "largest_difference": round.difference,
        "bytes": round.bytes,
        "checked_by": round.checked_by,
    })
}

fn values(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.9}")).collect::<Vec<_>>().join("  ") + "  …"
}

fn spread(spread: Spread) -> String {
    let Spread { least, median, most } = spread;
    format!("{} ({} to {})", bytes(median), bytes(least), bytes(most))
}

fn seconds(time: Duration) -> String {
    human(time.as_secs_f64())
}
