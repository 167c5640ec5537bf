//! What is worth an entry.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many fields an event has at most.
pub const FIELDS: usize = 32;
/// How many bytes a field's name has at most.
pub const NAME_BYTES: usize = 64;
/// How many bytes a field's value has at most; longer ones are clipped.
pub const VALUE_BYTES: usize = 1024;

const ELLIPSIS: &str = "…";

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The process began to serve.
    Start,
    /// The process ended in order.
    Stop,
    /// A steward or a policy said yes or no to a study.
    Decision,
    /// A message or a request was refused by a rule.
    Refusal,
    /// A data set was opened for a study.
    DataRead,
    /// A step of a round, with its receipt at the end.
    Round,
    /// The charter changed, or somebody was invited, vouched for or revoked.
    Membership,
    /// A person used a command that changes something.
    OperatorAction,
    /// Something that a person must look at.
    Alarm,
    /// The log itself: an entry that is there to be signed.
    Seal,
}

impl Kind {
    /// Its name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Decision => "decision",
            Self::Refusal => "refusal",
            Self::DataRead => "data-read",
            Self::Round => "round",
            Self::Membership => "membership",
            Self::OperatorAction => "operator-action",
            Self::Alarm => "alarm",
            Self::Seal => "seal",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that happened, to be logged.
///
/// Fields name studies, rules, slots, data sets, columns, sites and people at work. They never
/// hold values of rows, sums, keys, tokens or other secrets: the log is made to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub(crate) kind: Kind,
    pub(crate) time: u64,
    pub(crate) fields: BTreeMap<String, String>,
}

/// Why an event cannot be logged: a fault of the code that made it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadEvent {
    /// More than [`FIELDS`].
    #[error("{0} fields; an event has at most {FIELDS}")]
    TooManyFields(usize),
    /// A name that is empty, too long, or of other letters.
    #[error("{0:?} is no name of a field: 1 to {NAME_BYTES} of a-z, 0-9 and '-'")]
    Name(String),
    /// A value that [`Event::with`] would have clipped or cleaned.
    #[error("the value of {0:?} is longer than {VALUE_BYTES} bytes, or not one line of text")]
    Value(String),
}

impl Event {
    /// An event at `time` (seconds since 1970-01-01 UTC), with no fields yet. A clock may be set
    /// back, so times need not grow from entry to entry.
    #[must_use]
    pub fn new(kind: Kind, time: u64) -> Self {
        Self { kind, time, fields: BTreeMap::new() }
    }

    /// Adds a field, or replaces the one of this name. The value may come from a peer: what would
    /// not print on one line is replaced by U+FFFD, and behind [`VALUE_BYTES`] bytes it is clipped,
    /// so nobody else can make an event that cannot be logged.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.fields.insert(name.to_owned(), clip(&value.to_string()));
        self
    }
}

/// Whether fields keep to the bounds.
pub(crate) fn check(fields: &BTreeMap<String, String>) -> Result<(), BadEvent> {
    if fields.len() > FIELDS {
        return Err(BadEvent::TooManyFields(fields.len()));
    }
    for (name, value) in fields {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(letter) {
            return Err(BadEvent::Name(name.clone()));
        }
        if value.len() > VALUE_BYTES || value.chars().any(misprints) {
            return Err(BadEvent::Value(name.clone()));
        }
    }
    Ok(())
}

fn clip(value: &str) -> String {
    let clean = |c| if misprints(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut value: String = value.chars().map(clean).collect();
    if value.len() > VALUE_BYTES {
        value.truncate(value.floor_char_boundary(VALUE_BYTES - ELLIPSIS.len()));
        value.push_str(ELLIPSIS);
    }
    value
}

/// Control characters, and those that break a line or turn its direction.
fn misprints(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    c.is_control() || hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde() {
        let kinds = [
            Kind::Start,
            Kind::Stop,
            Kind::Decision,
            Kind::Refusal,
            Kind::DataRead,
            Kind::Round,
            Kind::Membership,
            Kind::OperatorAction,
            Kind::Alarm,
            Kind::Seal,
        ];
        for kind in kinds {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn values_are_clipped_between_characters_and_cleaned() {
        let event = Event::new(Kind::Refusal, 7)
            .with("reason", "é".repeat(1000))
            .with("line", "two\nlines \u{202e}back")
            .with("exact", "x".repeat(VALUE_BYTES));
        let reason = &event.fields["reason"];
        assert_eq!(*reason, format!("{}…", "é".repeat(510)), "1021 bytes are no boundary of é");
        assert_eq!(event.fields["line"], "two\u{fffd}lines \u{fffd}back");
        assert_eq!(event.fields["exact"].len(), VALUE_BYTES);
        assert!(!event.fields["exact"].contains(ELLIPSIS));
        assert_eq!(check(&event.fields), Ok(()));
    }

    #[test]
    fn fields_out_of_bounds_are_named() {
        let of = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        for name in ["", "Study", "a b", &"a".repeat(NAME_BYTES + 1)] {
            assert_eq!(check(&of(name, "")), Err(BadEvent::Name(name.to_owned())));
        }
        for value in ["a\nb", &"a".repeat(VALUE_BYTES + 1)] {
            assert_eq!(check(&of("study", value)), Err(BadEvent::Value("study".to_owned())));
        }
        let many = (0..=FIELDS).map(|i| (format!("f{i}"), String::new())).collect();
        assert_eq!(check(&many), Err(BadEvent::TooManyFields(FIELDS + 1)));
    }
}
