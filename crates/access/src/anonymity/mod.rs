//! Making columns coarser, and taking rows out, until nobody stands alone.
//!
//! A table is *k-anonymous* where each combination of its quasi-identifiers belongs to at least k
//! rows (Sweeney, “k-anonymity”, 2002), and *l-diverse*, in its distinct form, where the rows of
//! each combination have at least l different sensitive values (Machanavajjhala et al.,
//! “l-diversity”, 2007). Neither says anything of someone who knows more than the
//! quasi-identifiers, and neither composes: two such tables of the same rows together may be
//! neither.

mod classes;
mod coarsen;
mod lattice;
mod loss;
mod search;

use std::fmt;

use ripieno_study::Hasher;

use crate::plan::Step;

pub(crate) use coarsen::coarsen;
pub use loss::Loss;
pub use search::{AnonymityError, Anonymous, MAX_NODES, Requirement, search};

/// The most levels of a quasi-identifier, without the values as they are.
pub const MAX_LEVELS: usize = 8;
/// The most quasi-identifiers.
pub const MAX_QUASI: usize = 16;

/// What a policy asks of the tables that a study sees.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anonymity {
    /// The fewest rows of a combination of quasi-identifiers.
    pub k: u32,
    /// The fewest different values of `sensitive` among them; 1 asks for nothing.
    #[serde(default = "one")]
    pub l: u32,
    /// The sensitive column. Where a study does not see it, `l` asks for nothing.
    pub sensitive: Option<String>,
    /// The largest share of rows that may be taken out instead, from 0 to 1.
    #[serde(default)]
    pub suppress: f64,
    /// The quasi-identifiers. Those that a study does not see do not count for it.
    pub quasi: Vec<QuasiColumn>,
}

/// A quasi-identifier and how it is made coarser.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuasiColumn {
    /// The column.
    pub column: String,
    /// Steps of each level, each applied to the value of the level before.
    pub levels: Vec<Vec<Step>>,
}

impl Anonymity {
    /// What is wrong with it, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.k < 2 {
            return Some(format!("k is {}; allowed: 2 and more", self.k));
        }
        if !(0.0..=1.0).contains(&self.suppress) {
            return Some("suppress is a share from 0 to 1".into());
        }
        if self.l > 1 && self.sensitive.is_none() {
            return Some("l asks for the name of the sensitive column".into());
        }
        if self.quasi.is_empty() || self.quasi.len() > MAX_QUASI {
            return Some(format!("quasi names 1 to {MAX_QUASI} columns"));
        }
        self.quasi.iter().find_map(|quasi| quasi.fault(self))
    }

    pub(crate) fn hash(&self, hasher: Hasher) -> Hasher {
        let hasher = hasher.number(self.k).number(self.l).number(self.suppress.to_bits());
        let hasher = hasher.list(self.sensitive.iter(), Hasher::part);
        hasher.list(self.quasi.iter(), |hasher, quasi| {
            hasher.part(&quasi.column).list(quasi.levels.iter(), |hasher, level| {
                hasher.list(level.iter(), |hasher, step| step.hash(hasher))
            })
        })
    }
}

impl QuasiColumn {
    fn fault(&self, all: &Anonymity) -> Option<String> {
        let column = &self.column;
        if all.quasi.iter().filter(|other| other.column == *column).count() > 1 {
            return Some(format!("the quasi-identifier {column:?} is named twice"));
        }
        if all.sensitive.as_ref() == Some(column) {
            return Some(format!("{column:?} is sensitive and a quasi-identifier at once"));
        }
        if self.levels.is_empty() || self.levels.len() > MAX_LEVELS {
            return Some(format!("{column:?} has 1 to {MAX_LEVELS} levels"));
        }
        let mut steps = self.levels.iter().flatten();
        if steps.any(|step| matches!(step, Step::Fake(_) | Step::Pseudonym | Step::Token(_))) {
            return Some(format!("a level of {column:?} makes nothing coarser"));
        }
        if self.levels.iter().any(Vec::is_empty) {
            return Some(format!("a level of {column:?} has no step"));
        }
        let fault = self.levels.iter().flatten().find_map(Step::fault)?;
        Some(format!("a level of {column:?}: {fault}"))
    }
}

/// In words, a line for the rule and one for each column.
impl fmt::Display for Anonymity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "together: at least {} rows for each combination", self.k)?;
        if let Some(sensitive) = self.sensitive.as_ref().filter(|_| self.l > 1) {
            write!(f, ", with at least {} values of {sensitive:?}", self.l)?;
        }
        writeln!(f, "; at most {} % of rows are taken out for it", self.suppress * 100.0)?;
        for QuasiColumn { column, levels } in &self.quasi {
            let words = levels
                .iter()
                .map(|level| level.iter().map(Step::to_string).collect::<Vec<_>>().join("; then "));
            let words = words.collect::<Vec<_>>().join(" / ");
            writeln!(f, "column {column:?}, as coarse as it takes: as above / {words}")?;
        }
        Ok(())
    }
}

fn one() -> u32 {
    1
}
