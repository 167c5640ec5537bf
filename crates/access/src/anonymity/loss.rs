//! What generalisation and suppression cost.

use std::collections::BTreeMap;

use super::classes::{Class, Finest};

/// Information loss, three ways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Discernibility: the sum over rows of how many rows look like it, where a row that is taken
    /// out looks like all rows (Bayardo and Agrawal, “Data Privacy through Optimal
    /// k-Anonymization”, 2005). Between the number of rows and its square.
    pub discernibility: f64,
    /// One minus precision: the mean over columns of the level by the highest level, where a row
    /// that is taken out counts as at the highest (Sweeney, “Achieving k-anonymity privacy
    /// protection using generalization and suppression”, 2002). From 0 to 1.
    pub precision: f64,
    /// Non-uniform entropy: bits that the levels take from the values, −log₂ of how likely a value
    /// is given what is shown of it, summed over rows and columns, by the bits that the values have
    /// (El Emam et al., “A globally optimal k-anonymity method for the de-identification of health
    /// data”, 2009; a row that is taken out loses all its bits). From 0 to 1.
    pub entropy: f64,
}

/// The loss at a node: `suppressed` says of each class of `classes` whether it is taken out.
pub(super) fn loss(
    finest: &Finest,
    node: &[usize],
    top: &[usize],
    classes: &[Class],
    suppressed: impl Fn(&Class) -> bool,
) -> Loss {
    let rows = finest.of_row.len() as f64;
    let gone: u64 = classes.iter().filter(|class| suppressed(class)).map(|class| class.rows).sum();
    let mut out = vec![false; finest.classes.len()];
    for part in classes.iter().filter(|class| suppressed(class)).flat_map(|class| &class.parts) {
        out.iter_mut().skip(*part).take(1).for_each(|out| *out = true);
    }
    let alike = |class: &Class| {
        let looks_like = if suppressed(class) { rows } else { class.rows as f64 };
        class.rows as f64 * looks_like
    };
    let height: f64 =
        node.iter().zip(top).map(|(level, top)| share(*level as f64, *top as f64)).sum();
    let height = height / node.len().max(1) as f64;
    let gone = share(gone as f64, rows);
    Loss {
        discernibility: classes.iter().map(alike).sum(),
        precision: height * (1.0 - gone) + gone,
        entropy: entropy(finest, node, &out),
    }
}

/// Bits lost by bits there were, over all columns.
fn entropy(finest: &Finest, node: &[usize], out: &[bool]) -> f64 {
    let (mut lost, mut whole) = (0.0, 0.0);
    let rows = finest.of_row.len() as f64;
    for (column, level) in node.iter().enumerate() {
        let (fine, coarse) = (counts(finest, column, 0), counts(finest, column, *level));
        for ((codes, class), out) in finest.classes.iter().zip(out) {
            let count = |counts: &BTreeMap<u32, u64>, level: usize| {
                let code = codes.get(column).and_then(|levels| levels.get(level));
                code.and_then(|code| counts.get(code)).copied().unwrap_or(1) as f64
            };
            let own = count(&fine, 0);
            let shown_as = if *out { rows } else { count(&coarse, *level) };
            lost += class.rows as f64 * (shown_as / own).log2();
            whole += class.rows as f64 * (rows / own).log2();
        }
    }
    share(lost, whole)
}

/// How many rows have each code of a column at a level.
fn counts(finest: &Finest, column: usize, level: usize) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    for (codes, class) in &finest.classes {
        if let Some(code) = codes.get(column).and_then(|levels| levels.get(level)) {
            *counts.entry(*code).or_default() += class.rows;
        }
    }
    counts
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
