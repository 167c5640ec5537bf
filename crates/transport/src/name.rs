//! The name in a certificate's subject.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest name, in bytes (RFC 5280 appendix A, ub-common-name).
pub const MAX_NAME: usize = 64;

/// The name of a site, of a coordinator or of a federation: 1 to 64 letters, digits, spaces,
/// dots, dashes or underscores (ASCII), neither starting nor ending with a space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectName(String);

/// A name that cannot stand in a certificate.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "the name {0:?} is not 1 to {MAX_NAME} letters, digits, spaces, dots, dashes or underscores"
)]
pub struct BadName(pub String);

impl SubjectName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubjectName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._- ".contains(c);
        let good = (1..=MAX_NAME).contains(&text.len())
            && text.chars().all(allowed)
            && text.trim() == text;
        if good {
            return Ok(Self(text.to_owned()));
        }
        // What is quoted may come from a peer: no longer than a name.
        Err(BadName(text.chars().take(MAX_NAME).collect()))
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(
            "St. Anna - ward_3".parse::<SubjectName>().unwrap().as_str(),
            "St. Anna - ward_3"
        );
        for name in ["", " a", "a ", "a\nb", "a,CN=b", "ä", &"a".repeat(65)] {
            assert!(name.parse::<SubjectName>().is_err(), "{name:?}");
        }
    }
}
