//! The result as people read it.

use std::fmt::Write as _;

use ripieno_analysis::{FedAvgReport, GlmReport, Report, VectorReport};
use ripieno_simulation::Outcome;
use ripieno_study::{Membership, Study};

use crate::output::{
    RoundOut, Style, bytes, figure, human, percent, refusals, rounds, table, wrap,
};

/// Rounds that are listed before the middle ones are left out.
const MOST_ROUNDS: usize = 12;
/// Sites that are listed.
const MOST_SITES: usize = 20;

/// Everything about a run, in sections.
pub(crate) fn text(study: &Study, outcome: &Outcome) -> String {
    let style = Style::of_stdout();
    let mut sections = vec![format!(
        "{}  ({}, study {})",
        style.bold(&study.manifest().name),
        study.manifest().analysis.kind(),
        study.digest().short()
    )];
    sections.push(match &outcome.report {
        Report::Glm(glm) => of_glm(glm, style),
        Report::FedAvg(fedavg) => of_fedavg(fedavg),
        Report::Vector(vector) => of_vector(vector),
    });
    sections.push(format!("{}\n{}", style.bold("Rounds"), of_rounds(outcome)));
    let refused = refusals(outcome);
    if !refused.is_empty() {
        let lines: Vec<_> = refused.iter().take(MOST_SITES).map(|line| wrap(line, 2)).collect();
        sections.push(format!("{}\n{}", style.bold("Refused on the way"), lines.join("\n")));
    }
    sections.push(format!("{}\n{}", style.bold("Sites"), of_sites(outcome)));
    let protection = indent(&protection(study, outcome));
    sections.push(format!("{}\n{protection}", style.bold("What protects a sum")));
    let took = human(outcome.elapsed.as_secs_f64());
    sections.push(format!("seed {}, {took}", outcome.seed));
    sections.join("\n\n")
}

/// The table of coefficients, and what is known of the fit.
pub(crate) fn of_glm(glm: &GlmReport, style: Style) -> String {
    let (low, high) = (format!("{} % from", percent(glm.confidence)), "to".to_owned());
    let header = ["term", "estimate", "std. error", glm.statistic, "p", &low, &high];
    // The lists of a report have one length.
    let get = |list: &[f64], i: usize| list.get(i).copied().unwrap_or(f64::NAN);
    let rows = glm.terms.iter().enumerate().map(|(i, term)| {
        let [low, high] = glm.confidence_intervals.get(i).copied().unwrap_or([f64::NAN; 2]);
        [
            term.clone(),
            figure(get(&glm.coefficients, i), 6),
            figure(get(&glm.standard_errors, i), 5),
            figure(get(&glm.statistics, i), 4),
            p_value(get(&glm.p_values, i)),
            figure(low, 5),
            figure(high, 5),
        ]
    });
    let mut text = table(&header, rows);
    let ending = if glm.converged { style.good("converged") } else { style.bad("NO ESTIMATE") };
    let _ = write!(
        text,
        "\n\n  {} family, {} rows\n  deviance {} on {} degrees of freedom; null deviance {} on {}",
        glm.family,
        glm.n,
        figure(glm.deviance, 8),
        glm.df_residual,
        figure(glm.null_deviance, 8),
        glm.df_null
    );
    if glm.family == "gaussian" {
        let _ = write!(text, "; dispersion {}", figure(glm.dispersion, 6));
    }
    let _ = write!(text, "\n  {ending}\n{}", wrap(&glm.message, 4));
    text
}

fn p_value(p: f64) -> String {
    if p < 1e-16 { "<1e-16".into() } else { figure(p, 3) }
}

fn of_fedavg(report: &FedAvgReport) -> String {
    let rows = report.terms.iter().zip(&report.parameters);
    let rows = rows.map(|(term, value)| [term.clone(), figure(*value, 8)]);
    let mut text = table(&["term", "parameter"], rows);
    let metrics = report.metrics.iter().filter(|(name, _)| **name != "n");
    let metrics: Vec<_> =
        metrics.map(|(name, value)| format!("{name} {}", figure(*value, 5))).collect();
    let _ = write!(
        text,
        "\n\n  {} family, {} training rounds\n  on {} training rows: {}\n  {} values clipped",
        report.family,
        report.training_rounds,
        report.n,
        metrics.join(", "),
        report.clipped
    );
    text
}

fn of_vector(report: &VectorReport) -> String {
    format!(
        "  {} values, summed {} times; the last sum has {} summands\n  mean {}, norm {}, {} values \
         clipped\n  digest of the sum {}",
        report.length,
        report.summed_rounds,
        report.summands,
        figure(report.mean, 6),
        figure(report.norm, 6),
        report.clipped,
        report.sum_digest
    )
}

fn of_rounds(outcome: &Outcome) -> String {
    let rounds = rounds(outcome);
    let hidden = rounds.len().saturating_sub(MOST_ROUNDS);
    // A round in which something was lost is always listed.
    let told = |(at, round): &(usize, &RoundOut<'_>)| {
        let quiet = round.missing.is_empty() && round.voided.is_empty();
        hidden == 0 || *at < 3 || at + 3 > rounds.len() || !quiet
    };
    let listed: Vec<_> = rounds.iter().enumerate().filter(told).take(4 * MOST_ROUNDS).collect();
    let skipped = rounds.len() - listed.len();
    let rows = listed.into_iter().map(|(_, round)| {
        let voided = round.voided.iter().map(|voided| voided.missing.join(", "));
        let voided: Vec<_> = voided.collect();
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

fn of_sites(outcome: &Outcome) -> String {
    let last = outcome.rounds.last().map(|last| &last.summary.survivors);
    let rows = outcome.names.iter().take(MOST_SITES).map(|(site, name)| {
        let traffic = outcome.traffic.get(site).copied().unwrap_or_default();
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        [
            name.clone(),
            yes(last.is_some_and(|last| last.contains(*site))),
            yes(outcome.verified.contains(site)),
            bytes(traffic.sent),
            bytes(traffic.received),
        ]
    });
    let table = table(&["site", "in the result", "recomputed it", "sent", "received"], rows);
    match outcome.names.len().saturating_sub(MOST_SITES) {
        0 => table,
        more => format!("{table}\n  and {more} more"),
    }
}

/// n, c, t and m in words, and what is assumed.
pub(crate) fn protection(study: &Study, outcome: &Outcome) -> Vec<String> {
    let numbers = outcome.numbers;
    let mut lines = vec![format!(
        "n = {} sites, c = {} of them may collude with the coordinator, t = {} shares open a sum,",
        numbers.sites, numbers.corrupt, numbers.threshold
    )];
    lines.push(format!("m = {}: no sum of fewer sites is ever opened", numbers.minimum));
    lines.push(match study.manifest().aggregation.membership {
        Membership::Fixed => {
            "membership is fixed: every sum is over the same sites, so none can be subtracted"
                .into()
        }
        Membership::MayChange => {
            "membership may change: DIFFERENCING IS NOT PREVENTED between rounds with other sites"
                .into()
        }
    });
    lines.push(
        "assumed: laboratory policy, every site allows every study; no noise is added to a sum"
            .into(),
    );
    lines
}

fn indent(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
