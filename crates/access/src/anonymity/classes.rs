//! Classes of rows that look alike.

use std::collections::{BTreeMap, BTreeSet};

/// Rows with the same values of all quasi-identifiers.
#[derive(Default)]
pub(super) struct Class {
    /// Number of rows.
    pub(super) rows: u64,
    /// The sensitive values among them; none where there is no sensitive column.
    pub(super) sensitive: BTreeSet<u32>,
    /// The finest classes that it consists of.
    pub(super) parts: Vec<usize>,
}

/// The rows of a table, those that are alike at the finest level taken together: coarser classes
/// are made of them, which costs what their number is and not what the number of rows is.
pub(super) struct Finest {
    /// For each: the codes at every level of every quasi-identifier, rows, and sensitive values.
    pub(super) classes: Vec<(Vec<Vec<u32>>, Class)>,
    /// For each row: its class.
    pub(super) of_row: Vec<usize>,
}

impl Finest {
    /// `quasi[column][level][row]`.
    pub(super) fn new(quasi: &[Vec<Vec<u32>>], sensitive: Option<&[u32]>, rows: usize) -> Self {
        let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        let mut finest = Self { classes: Vec::new(), of_row: Vec::with_capacity(rows) };
        for row in 0..rows {
            let code = |level: &Vec<u32>| level.get(row).copied().unwrap_or_default();
            let key = quasi.iter().map(|levels| levels.first().map_or(0, code)).collect();
            let next = finest.classes.len();
            let number = *known.entry(key).or_insert(next);
            if number == next {
                let codes = quasi.iter().map(|levels| levels.iter().map(code).collect()).collect();
                finest.classes.push((codes, Class::default()));
            }
            if let Some((_, class)) = finest.classes.get_mut(number) {
                class.rows += 1;
                class.sensitive.extend(sensitive.and_then(|codes| codes.get(row)));
            }
            finest.of_row.push(number);
        }
        finest
    }

    /// The classes at a node.
    pub(super) fn at(&self, node: &[usize]) -> Vec<Class> {
        let mut classes: BTreeMap<Vec<u32>, Class> = BTreeMap::new();
        for (number, (codes, part)) in self.classes.iter().enumerate() {
            let key = codes
                .iter()
                .zip(node)
                .map(|(levels, level)| levels.get(*level).copied().unwrap_or_default());
            let class = classes.entry(key.collect()).or_default();
            class.rows += part.rows;
            class.sensitive.extend(&part.sensitive);
            class.parts.push(number);
        }
        classes.into_values().collect()
    }
}
