//! The demo in words, figures and a picture, at most 100 columns wide.

use std::fmt::Write as _;

use ripieno_simulation::Outcome;

use super::seen::Picture;
use super::{Demo, LOST, OUTCOME};
use crate::output::{RoundOut, Style, bytes, figure, human, rounds, table};

/// The whole story.
pub(super) fn text(demo: &Demo<'_>) -> String {
    let style = Style::of_stdout();
    let part = |title: &str, body: String| format!("{}\n{body}", style.bold(title));
    [
        style.bold("Ripieno: four hospitals, one regression, and no row leaves its house"),
        part("The question", question(demo)),
        part("What happened", course(demo, style)),
        part(
            "The result, beside the same regression on all rows in one place",
            result(demo, style),
        ),
        part(&format!("What the coordinator saw of {}", demo.picture.name), picture(demo, style)),
        part("What protects it, and what does not", protection(demo.outcome)),
        part("Go on", next(demo)),
    ]
    .join("\n\n")
}

fn question(demo: &Demo<'_>) -> String {
    let rows: usize = demo.hospitals.iter().map(|hospital| hospital.rows.len()).sum();
    let sites = demo.hospitals.iter().map(|h| format!("{} {}", h.name, h.rows.len()));
    let sites: Vec<_> = sites.collect();
    let features = super::FEATURES.join(", ");
    format!(
        "  Which nuclei make a breast tumour malignant? {rows} biopsies (Wisconsin, 1995), dealt to \
         four\n  hospitals: {}.\n  Logistic regression of {OUTCOME:?} on {features}.",
        sites.join(", ")
    )
}

/// What happened, round by round.
fn course(demo: &Demo<'_>, style: Style) -> String {
    let outcome = demo.outcome;
    let numbers = outcome.numbers;
    let mut lines = vec![format!(
        "  set-up    {} hospitals deal out shares of one-time secrets; {} of them open a sum, fewer \
         nothing",
        numbers.sites, numbers.threshold
    )];
    for round in rounds(outcome) {
        lines.push(round_line(outcome, &round, style));
        if !round.missing.is_empty() {
            let others = round.survivors.join(", ");
            lines.push(format!(
                "            {} is gone before its upload is complete. {others}",
                style.bad(round.missing.join(", "))
            ));
            lines.push(
                "            release their shares of its mask key, its masks are taken out of the \
                 sum,"
                    .into(),
            );
            lines.push("            and it is back in the round after".into());
        }
    }
    lines.push(format!("  result    {}", demo.federated.message));
    lines.push(format!(
        "            {} of {} hospitals recomputed every sum and every step, to the same bits",
        outcome.verified.len(),
        numbers.sites
    ));
    lines.join("\n")
}

fn round_line(outcome: &Outcome, round: &RoundOut<'_>, style: Style) -> String {
    let mut bar = String::new();
    for name in outcome.names.values() {
        let there = round.survivors.contains(&name.as_str());
        bar += &if there { style.good("■") } else { style.bad("□") };
    }
    let (summed, sites) = (round.survivors.len(), outcome.names.len());
    format!(
        "  round {:<3} {bar}  sum of {summed} of {sites} opened, {}",
        round.round,
        human(round.seconds)
    )
}

/// Federated and pooled coefficients.
fn result(demo: &Demo<'_>, style: Style) -> String {
    let (federated, pooled) = (demo.federated, demo.pooled);
    let estimates = federated.coefficients.iter().zip(&pooled.coefficients);
    let errors = federated.standard_errors.iter().zip(&pooled.standard_errors);
    let rows = federated.terms.iter().zip(estimates).zip(errors).zip(&federated.p_values).map(
        |(((term, (estimate, pooled)), (error, pooled_error)), p)| {
            [
                term.clone(),
                figure(*estimate, 9),
                figure(*pooled, 9),
                format!("{:.0e}", (estimate - pooled).abs()),
                figure(*error, 6),
                figure(*pooled_error, 6),
                if *p < 1e-16 { "<1e-16".into() } else { format!("{p:.0e}") },
            ]
        },
    );
    let header = ["term", "federated", "pooled", "differ by", "s.e. fed.", "s.e. pooled", "p"];
    let mut text = table(&header, rows);
    let _ = write!(
        text,
        "\n\n  deviance {} federated, {} pooled, over {} rows\n  {}",
        figure(federated.deviance, 9),
        figure(pooled.deviance, 9),
        federated.n,
        style.good(format!(
            "largest difference of a coefficient: {:.1e}",
            demo.largest_difference()
        ))
    );
    text
}

fn picture(demo: &Demo<'_>, style: Style) -> String {
    let picture = demo.picture;
    let mut text = format!(
        "  {:<43}  {}\n",
        "computed there in round 1, and kept there",
        "received by the coordinator: two 64-bit lanes each"
    );
    for entry in &picture.figures {
        let [low, high] = entry.masked;
        let lanes = style.accent(format!("{high:016x} {low:016x}"));
        let whole = entry.value.fract() == 0.0;
        let value = if whole { entry.value.to_string() } else { figure(entry.value, 6) };
        let _ = writeln!(text, "    {:<31} {value:>9}  {lanes}", entry.what);
    }
    let _ = write!(text, "\n{}", histogram(picture, style));
    let _ = write!(
        text,
        "\n  The four hospitals' vectors, computed here once more and added up, are the sum that the\n  \
         receipt of round 1 signs: {}",
        if picture.adds_up { style.good("yes") } else { style.bad("NO") }
    );
    text
}

/// Bytes by their first hexadecimal digit, before and after the mask.
fn histogram(picture: &Picture, style: Style) -> String {
    let (before, after) = (digits(&picture.computed), digits(&picture.received));
    let most = before.iter().chain(&after).copied().max().unwrap_or(1).max(1);
    let bar = |count: usize| "█".repeat((count * 30).div_ceil(most));
    let total: usize = after.iter().sum();
    let mut text = format!(
        "  bytes of the whole vector by their first digit\n  {:<44}{:<}\n",
        "    before the mask", "as the coordinator saw them"
    );
    for (digit, (before, after)) in before.iter().zip(&after).enumerate() {
        let left = format!("{} {before}", bar(*before));
        let right = style.accent(bar(*after));
        let _ = writeln!(text, "  {digit:x} {left:<42}{right} {after}");
    }
    let _ = writeln!(
        text,
        "  chi-squared against {} bytes of noise: {:.0} before, {:.1} after; noise stays below 37.7 \
         in 999\n  of 1000 runs",
        total,
        chi_squared(&before),
        chi_squared(&after)
    );
    text
}

fn digits(lanes: &[u64]) -> [usize; 16] {
    let mut counts = [0; 16];
    for byte in lanes.iter().flat_map(|lane| lane.to_le_bytes()) {
        counts[usize::from(byte >> 4)] += 1;
    }
    counts
}

/// Pearson's statistic against equal frequencies; 15 degrees of freedom.
fn chi_squared(counts: &[usize; 16]) -> f64 {
    let expected = counts.iter().sum::<usize>() as f64 / 16.0;
    counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum()
}

fn protection(outcome: &Outcome) -> String {
    let numbers = outcome.numbers;
    let (lost, round) = LOST;
    format!(
        "  No sum of fewer than {} hospitals is ever opened. This run assumes that no hospital works \
         with\n  the coordinator (c = {}), and that membership may change: whoever compares round \
         {round}, without\n  {lost}, with the rounds around it learns something of {lost}. With \
         membership = \"fixed\",\n  which is the default, the study waits instead. No noise is \
         added: the result is what it says.\n  docs/threat-model.md says who can do what.",
        numbers.minimum, numbers.corrupt
    )
}

fn next(demo: &Demo<'_>) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "ripieno".into());
    let folder = demo.folder.display();
    let traffic = demo.outcome.traffic.values().map(|traffic| traffic.sent).max().unwrap_or(0);
    format!(
        "  {} in all; a hospital sent at most {}; study {}, seed {}\n  tables and study: {folder}\n\n    \
         {program} study check {folder}/study.toml\n    {program} simulate {folder}/study.toml \\\n      \
         --data {folder}/tables --drop 0.1 --out {folder}/out",
        human(demo.outcome.elapsed.as_secs_f64()),
        bytes(traffic),
        demo.study.digest().short(),
        demo.outcome.seed
    )
}
