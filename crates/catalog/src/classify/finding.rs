//! What was found of a column, and why.

use super::types::SemanticType;

/// A type, how sure it is, and the reason in words, which hold no value of the table.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) kind: SemanticType,
    pub(super) confidence: f64,
    pub(super) why: String,
}

impl Finding {
    pub(super) fn new(kind: SemanticType, confidence: f64, why: impl Into<String>) -> Self {
        Self { kind, confidence, why: why.into() }
    }

    /// Of a share of the values that says it all.
    pub(super) fn shared(kind: SemanticType, share: f64, words: &str) -> Self {
        Self::new(
            kind,
            (0.6 + 0.38 * share).min(0.98),
            format!("{} of the values {words}", percent(share)),
        )
    }
}

/// A share for people: rounded down, so that 100 % means all.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0 + 1e-9).floor())
}
