//! One column of an entry.

use ripieno_study::Digest;
use serde::{Deserialize, Serialize};

use super::{ColumnFacts, Stamp};
use crate::classify::{Class, SemanticType, Suggestion};
use crate::dataset::{Column, ColumnKind, DataSet, Range};

/// A column: what was found in it, and what a steward said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnEntry {
    /// Its name in the table.
    pub name: String,
    /// What its fields are.
    pub holds: ColumnKind,
    /// How many fields are missing.
    pub missing: u64,
    /// The least and the largest number, where it holds numbers and leads to no person alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What it probably is.
    pub suggested: Suggested,
    /// What a steward said that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
}

/// What a column probably is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suggested {
    /// How far it leads to a person.
    pub class: Class,
    /// What its values mean.
    #[serde(rename = "type")]
    pub kind: SemanticType,
    /// A rank in [0, 1], not a probability.
    pub confidence: f64,
    /// Why, without a value.
    pub reason: String,
}

/// What a steward said of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// How far it leads to a person.
    pub class: Class,
    /// What its values mean.
    #[serde(rename = "type")]
    pub kind: SemanticType,
    /// Who said so, and when.
    pub said: Stamp,
    /// Digest of the content that it was said of.
    pub of: Digest,
}

impl ColumnEntry {
    /// What policies may know of it.
    #[must_use]
    pub fn facts(&self) -> ColumnFacts {
        let name = self.name.as_str().into();
        match &self.confirmed {
            Some(Confirmed { class, kind, .. }) => {
                ColumnFacts { name, class: *class, kind: *kind, confirmed: true }
            }
            None => {
                let Suggested { class, kind, .. } = &self.suggested;
                ColumnFacts { name, class: *class, kind: *kind, confirmed: false }
            }
        }
    }

    /// Whether both can be said to be the same column, by what is known of them.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let kind = |column: &Self| (column.suggested.class, column.suggested.kind);
        self.name == other.name && self.holds == other.holds && kind(self) == kind(other)
    }
}

/// The columns of a scanned table.
pub(super) fn entries(set: &DataSet, suggestions: &[Suggestion]) -> Vec<ColumnEntry> {
    let found = |name: &str| suggestions.iter().find(|suggestion| *suggestion.column == *name);
    set.columns().iter().map(|column| entry(column, found(&column.name))).collect()
}

fn entry(column: &Column, suggestion: Option<&Suggestion>) -> ColumnEntry {
    let suggested = suggestion.map_or_else(unknown, |suggestion| Suggested {
        class: suggestion.class,
        kind: suggestion.kind,
        confidence: suggestion.confidence,
        reason: suggestion.reason.clone(),
    });
    let range = column
        .range
        .filter(|_| suggested.class < Class::Quasi && column.kind() == ColumnKind::Numeric);
    ColumnEntry {
        name: column.name.to_string(),
        holds: column.kind(),
        missing: column.missing,
        range,
        suggested,
        confirmed: None,
    }
}

fn unknown() -> Suggested {
    Suggested {
        class: Class::Direct,
        kind: SemanticType::IdentifyingText,
        confidence: 0.0,
        reason: "It was not looked at.".into(),
    }
}
