//! What researchers may learn of a data set before a study: as much as its steward lets them.

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::classify::{Class, SemanticType};
use crate::dataset::ColumnKind;

/// What researchers may learn of a data set beside its name; nothing unless it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discover {
    /// The names of its columns.
    pub names: bool,
    /// What they hold, and what their values mean; not without the names.
    pub types: bool,
    /// Their classes; not without the names.
    pub classes: bool,
    /// About how many rows it has.
    pub size: bool,
}

/// About how many rows there are: the power of ten below, never a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// There are at least so many: 0, 100, 1,000, and so on.
    pub at_least: u64,
}

/// What a researcher may see of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Its name.
    pub name: String,
    /// About how many rows it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Its columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<CardColumn>>,
}

/// What a researcher may see of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardColumn {
    /// Its name.
    pub name: String,
    /// What its fields are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<ColumnKind>,
    /// What its values mean.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SemanticType>,
    /// How far it leads to a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
}

impl Size {
    /// Fewer than a hundred rows are all the same.
    fn of(rows: u64) -> Self {
        let at_least = if rows < 100 { 0 } else { 10_u64.pow(rows.ilog10()) };
        Self { at_least }
    }
}

impl Entry {
    /// What a researcher may see of the data set; of columns that nobody has confirmed yet, nothing.
    #[must_use]
    pub fn card(&self) -> Card {
        let Discover { names, types, classes, size } = self.discover;
        let column = |column: &super::ColumnEntry| {
            let confirmed = column.confirmed.as_ref()?;
            Some(CardColumn {
                name: column.name.clone(),
                holds: types.then_some(column.holds),
                kind: types.then_some(confirmed.kind),
                class: classes.then_some(confirmed.class),
            })
        };
        Card {
            name: self.name.clone(),
            size: size.then(|| Size::of(self.rows)),
            columns: names.then(|| self.columns.iter().filter_map(column).collect()),
        }
    }
}
