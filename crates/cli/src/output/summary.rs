//! The result as people read it.

use ripieno_study::{Membership, Study};
use ripieno_terminal::{Style, bytes, human, table, wrap};

use super::fit::of_report;
use super::result::{Protection, Results, Round};

/// Rounds that are listed before the middle ones are left out.
const MOST_ROUNDS: usize = 12;
/// Sites that are listed.
const MOST_SITES: usize = 20;

/// Everything about a study that has a result, in sections.
pub(crate) fn text(study: &Study, results: &Results) -> String {
    let style = Style::of_stdout();
    let part = |title: &str, body: String| format!("{}\n{body}", style.bold(title));
    let mut sections = vec![
        format!(
            "{}  ({}, study {})",
            style.bold(&results.name),
            study.manifest().analysis.kind(),
            results.study.short()
        ),
        of_report(&results.report, style),
        part("Rounds", of_rounds(&results.rounds)),
    ];
    if !results.refusals.is_empty() {
        let lines = results.refusals.iter().take(MOST_SITES).map(|line| wrap(line, 2));
        sections.push(part("Refused on the way", lines.collect::<Vec<_>>().join("\n")));
    }
    sections.push(part("Sites", of_sites(results)));
    let membership = study.manifest().aggregation.membership;
    let lines = protection(&results.protection, membership);
    let lines: Vec<_> = lines.iter().map(|line| wrap(line, 2)).collect();
    sections.push(part("What protects a sum", lines.join("\n")));
    let seed = results.seed.map(|seed| format!("seed {seed}, ")).unwrap_or_default();
    sections.push(format!("{seed}{}", human(results.seconds)));
    sections.join("\n\n")
}

fn of_rounds(rounds: &[Round]) -> String {
    let hidden = rounds.len().saturating_sub(MOST_ROUNDS);
    // A round in which something was lost is always listed.
    let told = |(at, round): &(usize, &Round)| {
        let quiet = round.missing.is_empty() && round.voided.is_empty();
        hidden == 0 || *at < 3 || at + 3 > rounds.len() || !quiet
    };
    let listed: Vec<_> = rounds.iter().enumerate().filter(told).take(4 * MOST_ROUNDS).collect();
    let skipped = rounds.len() - listed.len();
    let rows = listed.into_iter().map(|(_, round)| {
        let voided: Vec<_> = round.voided.iter().map(|voided| voided.missing.join(", ")).collect();
        [
            format!("{} {}", round.round, round.step),
            round.slot.to_string(),
            round.survivors.len().to_string(),
            or_none(&round.missing.join(", ")),
            or_none(&voided.join("; ")),
            human(round.seconds),
        ]
    });
    let header = ["round", "slot", "summed", "lost, recovered", "lost, slot voided", "time"];
    let table = table(&header, rows);
    match skipped {
        0 => table,
        1 => format!("{table}\n  1 round in which no site was lost is not listed"),
        _ => format!("{table}\n  {skipped} rounds in which no site was lost are not listed"),
    }
}

fn or_none(text: &str) -> String {
    const MOST: usize = 40;
    if text.is_empty() {
        return "–".into();
    }
    let cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

fn of_sites(results: &Results) -> String {
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let verified = results.verified.as_deref();
    let mut header = vec!["site", "in the result", "rounds summed"];
    header.extend(verified.map(|_| "recomputed it"));
    let traffic = results.traffic.as_deref();
    header.extend(traffic.iter().flat_map(|_| ["sent", "received"]));
    let rows = results.federation.iter().take(MOST_SITES).map(|name| {
        let summed = results.rounds.iter().filter(|round| round.survivors.contains(name)).count();
        let mut row = vec![name.clone(), yes(results.sites.contains(name)), summed.to_string()];
        row.extend(verified.map(|verified| yes(verified.contains(name))));
        if let Some(traffic) = traffic {
            let of = traffic.iter().find(|traffic| traffic.site == *name);
            let (sent, received) = of.map_or((0, 0), |of| (of.sent, of.received));
            row.extend([bytes(sent), bytes(received)]);
        }
        row
    });
    let table = table(&header, rows);
    match results.federation.len().saturating_sub(MOST_SITES) {
        0 => table,
        more => format!("{table}\n  and {more} more"),
    }
}

/// n, c, t and m in words, and what is assumed.
fn protection(numbers: &Protection, membership: Membership) -> Vec<String> {
    vec![
        format!(
            "n = {} sites, c = {} of them may collude with the coordinator, t = {} shares open a \
             sum,",
            numbers.sites, numbers.corrupt, numbers.threshold
        ),
        format!("m = {}: no sum of fewer sites is ever opened", numbers.minimum),
        match membership {
            Membership::Fixed => {
                "membership is fixed: every sum is over the same sites, so none can be subtracted"
            }
            Membership::MayChange => {
                "membership may change: DIFFERENCING IS NOT PREVENTED between rounds with other \
                 sites"
            }
        }
        .into(),
        format!("assumed: {}; no noise is added to a sum", numbers.policy),
    ]
}
