//! What one hospital computed, beside what the coordinator received of it.

use std::fmt::Write as _;

use ripieno_analysis::glm::{GRADIENT, STATISTICS};
use ripieno_study::{InputSpec, Plan};
use ripieno_terminal::{Style, figure};

use super::hospitals::FEATURES;
use super::received::Received;
use super::replay::Contribution;
use super::run::Watched;
use crate::output::Round;

/// The upload of the round in which a hospital was killed: of the slot that was opened then.
pub(super) fn received<'a>(
    watched: &'a Watched,
    rounds: &[Round],
    round: u32,
) -> Option<&'a Received> {
    let slot = rounds.iter().find(|opened| opened.round == round)?.slot;
    watched.received.iter().find(|received| received.slot == slot)
}

/// Figures and bytes, before and after the mask.
pub(super) fn draw(own: &Contribution, received: &[u64], style: Style) -> String {
    let mut text = format!(
        "  {:<43}  {}\n",
        "computed there, and kept there", "received by the coordinator: two 64-bit lanes each"
    );
    for (what, value, [low, high]) in figures(own, received) {
        let lanes = style.accent(format!("{high:016x} {low:016x}"));
        let whole = value.fract() == 0.0;
        let value = if whole { value.to_string() } else { figure(value, 6) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {what:<31} {value:>9}  {lanes}");
    }
    text.push('\n');
    text.push_str(&histogram(&own.lanes, received, style));
    text
}

/// The figures that a reader knows how to read, each with its masked lanes.
fn figures(own: &Contribution, masked: &[u64]) -> Vec<(String, f64, [u64; 2])> {
    let mut figures = vec![
        (STATISTICS, 0, "patients".to_owned()),
        (STATISTICS, 2, "malignant tumours".to_owned()),
    ];
    let gradient = FEATURES.iter().zip(1..);
    figures.extend(gradient.map(|(name, at)| (GRADIENT, at, format!("weighted sum of {name}"))));
    figures
        .into_iter()
        .filter_map(|(vector, at, what)| {
            let values = &own.vectors.iter().find(|v| v.name == vector)?.values;
            let lane = first_lane(&own.plan, vector)? + 2 * at;
            Some((what, *values.get(at)?, [*masked.get(lane)?, *masked.get(lane + 1)?]))
        })
        .collect()
}

/// Where a vector begins in the update.
fn first_lane(plan: &Plan, vector: &str) -> Option<usize> {
    let before = plan.inputs.iter().take_while(|input| input.name != vector);
    usize::try_from(before.map(InputSpec::lanes).sum::<u64>()).ok()
}

/// Bytes by their first hexadecimal digit, before and after the mask.
fn histogram(before: &[u64], after: &[u64], style: Style) -> String {
    let (before, after) = (digits(before), digits(after));
    let most = before.iter().chain(&after).copied().max().unwrap_or(1).max(1);
    let bar = |count: usize| "█".repeat((count * 30).div_ceil(most));
    let total: usize = after.iter().sum();
    let mut text = format!(
        "  bytes of the whole vector by their first digit\n  {:<44}{:<}\n",
        "    before the mask", "as the coordinator has them"
    );
    for (digit, (before, after)) in before.iter().zip(&after).enumerate() {
        let left = format!("{} {before}", bar(*before));
        let right = style.accent(bar(*after));
        let _ = writeln!(text, "  {digit:x} {left:<42}{right} {after}");
    }
    let _ = write!(
        text,
        "  chi-squared against {total} bytes of noise: {:.0} before, {:.1} after; noise stays below \
         37.7 in 999\n  of 1000 runs",
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
