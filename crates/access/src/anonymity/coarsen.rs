//! The search at work on the rows of a view.

use std::collections::BTreeMap;

use super::{Anonymity, AnonymityError, Anonymous, Requirement, search};
use crate::plan::Plan;

/// Makes the rows of a plan's sieve, `width` values each, as coarse as the plan asks, in place; what
/// is left out entirely becomes 0. Says what was chosen, for the quasi-identifiers that the study
/// sees in the order of the plan's anonymity; `None` where it sees none of them.
pub(crate) fn coarsen(
    plan: &Plan,
    anonymity: &Anonymity,
    values: &mut [f64],
    width: usize,
) -> Result<Option<Anonymous>, AnonymityError> {
    let position = |name: &str| plan.columns.iter().position(|column| column.name == name);
    let mut level = plan.columns.len();
    let mut places: Vec<Vec<usize>> = Vec::new();
    for quasi in &anonymity.quasi {
        let Some(column) = position(&quasi.column) else { continue };
        let levels = level..level + quasi.levels.len();
        level = levels.end;
        places.push(std::iter::once(column).chain(levels).collect());
    }
    if places.is_empty() {
        return Ok(None);
    }
    let codes = |place: &usize| codes(values, width, *place);
    let quasi: Vec<Vec<_>> =
        places.iter().map(|levels| levels.iter().map(codes).collect()).collect();
    let sensitive = anonymity.sensitive.as_deref().and_then(position).map(|place| codes(&place));
    let rows = values.len() / width.max(1);
    let asked = Requirement {
        k: anonymity.k.into(),
        l: anonymity.l.into(),
        suppress: (anonymity.suppress * rows as f64).floor() as u64,
    };
    let found = search(&quasi, sensitive.as_deref(), asked)?;
    for row in values.chunks_exact_mut(width.max(1)) {
        for (levels, level) in places.iter().zip(&found.levels) {
            let (Some(column), Some(chosen)) = (levels.first(), levels.get(*level)) else {
                continue;
            };
            let value = row.get(*chosen).copied().filter(|value| value.is_finite());
            row.iter_mut().skip(*column).take(1).for_each(|cell| *cell = value.unwrap_or(0.0));
        }
    }
    Ok(Some(found))
}

/// A number for each value that differs, in the order in which they come.
fn codes(values: &[f64], width: usize, column: usize) -> Vec<u32> {
    let mut known = BTreeMap::new();
    let cells = values.chunks_exact(width.max(1)).map(|row| row.get(column).copied());
    let cells = cells.map(|cell| cell.unwrap_or(f64::NAN));
    // Zero has two forms, and missing many.
    let bits = |cell: f64| if cell.is_nan() { f64::NAN.to_bits() } else { (cell + 0.0).to_bits() };
    cells
        .map(|cell| {
            let next = known.len() as u32;
            *known.entry(bits(cell)).or_insert(next)
        })
        .collect()
}
