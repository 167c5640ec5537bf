//! The search through the lattice.

use std::collections::BTreeMap;

use thiserror::Error;

use super::classes::{Class, Finest};
use super::lattice::{Node, covers, nodes, size};
use super::loss::{Loss, loss};

/// The most nodes of a lattice: each costs a pass over the classes of the finest level.
pub const MAX_NODES: usize = 20_000;

/// What is asked of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The fewest rows of a combination.
    pub k: u64,
    /// The fewest different sensitive values of a combination; 0 and 1 ask for nothing.
    pub l: u64,
    /// The most rows that may be taken out.
    pub suppress: u64,
}

/// A table that is what was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Anonymous {
    /// The level of each quasi-identifier, 0 the values as they are.
    pub levels: Vec<usize>,
    /// For each row whether it is taken out.
    pub suppressed: Vec<bool>,
    /// Number of combinations that are left.
    pub classes: usize,
    /// What it costs.
    pub loss: Loss,
    /// All nodes that are enough, and of which nothing below is; `levels` is the one of least
    /// entropy loss.
    pub minimal: Vec<Vec<usize>>,
}

/// Why a table cannot be made anonymous. Never says a value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnonymityError {
    /// Not even the coarsest levels are enough.
    #[error(
        "not even the coarsest levels give {k} rows and {l} sensitive values to each combination; \
         add coarser levels, allow more suppression, or ask for less"
    )]
    Unreachable {
        /// The fewest rows.
        k: u64,
        /// The fewest sensitive values.
        l: u64,
    },
    /// Too many combinations of levels.
    #[error("the levels have more than {MAX_NODES} combinations; name fewer levels or columns")]
    TooManyNodes,
    /// A column without levels, or of another length than the rest.
    #[error("quasi-identifier {column}: no level, or another number of rows than the others")]
    Ragged {
        /// The column, from 0.
        column: usize,
    },
    /// A level tells rows apart that the level before does not.
    #[error("quasi-identifier {column}: level {level} is not coarser than the level before")]
    NotNested {
        /// The column, from 0.
        column: usize,
        /// The level, from 1.
        level: usize,
    },
}

/// Finds the least generalisation that is enough. `quasi[column][level][row]` are codes of values,
/// level 0 as they are, each level a function of the one before; `sensitive[row]` likewise.
///
/// Rows of combinations that are too small are taken out, as many as are allowed. Coarser levels
/// only join combinations, so whatever is enough stays enough above it: nodes are visited from the
/// bottom, by the sum of their levels, and none above one that was enough (as in Incognito, LeFevre
/// et al. 2005, and Flash, Kohlmayer et al. 2012). Time: nodes × combinations at the finest level.
///
/// # Errors
/// Where the levels are not nested, are too many, or are not enough.
pub fn search(
    quasi: &[Vec<Vec<u32>>],
    sensitive: Option<&[u32]>,
    asked: Requirement,
) -> Result<Anonymous, AnonymityError> {
    let rows = check(quasi, sensitive)?;
    let top: Node = quasi.iter().map(|levels| levels.len() - 1).collect();
    if size(&top).is_none_or(|size| size > MAX_NODES) {
        return Err(AnonymityError::TooManyNodes);
    }
    let finest = Finest::new(quasi, sensitive, rows);
    let bad = |class: &Class| {
        let few = sensitive.is_some() && (class.sensitive.len() as u64) < asked.l;
        class.rows < asked.k || few
    };
    let mut minimal: Vec<(Node, Loss)> = Vec::new();
    for node in nodes(&top) {
        if minimal.iter().any(|(low, _)| covers(&node, low)) {
            continue;
        }
        let classes = finest.at(&node);
        let out: u64 = classes.iter().filter(|class| bad(class)).map(|class| class.rows).sum();
        if out <= asked.suppress {
            let loss = loss(&finest, &node, &top, &classes, bad);
            minimal.push((node, loss));
        }
    }
    let best = minimal.iter().min_by(|(_, a), (_, b)| a.entropy.total_cmp(&b.entropy));
    let Some((levels, loss)) = best.cloned() else {
        return Err(AnonymityError::Unreachable { k: asked.k, l: asked.l });
    };
    let classes = finest.at(&levels);
    let mut gone = vec![false; finest.classes.len()];
    for part in classes.iter().filter(|class| bad(class)).flat_map(|class| &class.parts) {
        gone.iter_mut().skip(*part).take(1).for_each(|gone| *gone = true);
    }
    let is_gone = |class: &usize| gone.get(*class).copied().unwrap_or(true);
    Ok(Anonymous {
        suppressed: finest.of_row.iter().map(is_gone).collect(),
        classes: classes.iter().filter(|class| !bad(class)).count(),
        minimal: minimal.into_iter().map(|(node, _)| node).collect(),
        levels,
        loss,
    })
}

/// The number of rows, the same for each column, and levels of which each is coarser.
fn check(quasi: &[Vec<Vec<u32>>], sensitive: Option<&[u32]>) -> Result<usize, AnonymityError> {
    let first = quasi.first().and_then(|levels| levels.first());
    let rows = first.map_or(0, Vec::len);
    if sensitive.is_some_and(|codes| codes.len() != rows) {
        return Err(AnonymityError::Ragged { column: quasi.len() });
    }
    for (column, levels) in quasi.iter().enumerate() {
        if levels.is_empty() || levels.iter().any(|level| level.len() != rows) {
            return Err(AnonymityError::Ragged { column });
        }
        for (level, (fine, coarse)) in levels.iter().zip(levels.iter().skip(1)).enumerate() {
            let mut image = BTreeMap::new();
            let mut pairs = fine.iter().zip(coarse);
            if pairs.any(|(fine, coarse)| *image.entry(fine).or_insert(coarse) != coarse) {
                return Err(AnonymityError::NotNested { column, level: level + 1 });
            }
        }
    }
    Ok(rows)
}
