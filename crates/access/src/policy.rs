//! A site's policy: per data set, what a study may be. What no rule allows is refused.

mod parse;
mod weigh;

use std::fmt;

use ripieno_study::Membership;
use thiserror::Error;

/// What a site allows. Written in TOML:
///
/// ```toml
#[doc = include_str!("../policy.example.toml")]
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Policy(Kind);

/// A mistake in a policy, with its place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("policy, line {line}, column {column}: {reason}")]
#[non_exhaustive]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Everything that is registered, to anyone.
    Laboratory,
    /// A site's rules.
    Site { without_data: Allowed, rules: Vec<DataSetRules> },
}

/// The rules of one data set.
#[derive(Clone, Debug, PartialEq)]
struct DataSetRules {
    name: String,
    columns: Allowed,
    denied_columns: Vec<String>,
    purposes: Allowed,
    analyses: Allowed,
    roles: Allowed,
    membership: Vec<Membership>,
    minimum_sites: u16,
    minimum_rows: u64,
    maximum_releases: u64,
    on_match: OnMatch,
    /// As written, and in seconds since 1970 UTC.
    expires: Option<(String, u64)>,
}

/// `"all"`, or a list of names.
#[derive(Clone, Debug, PartialEq)]
enum Allowed {
    All,
    Only(Vec<String>),
}

/// What happens with a study that every rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnMatch {
    /// It is approved.
    Approve,
    /// A steward is asked.
    Ask,
}

/// What the policy grants to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The fewest complete rows.
    pub(crate) minimum_rows: u64,
    /// When the rule ends, in seconds since 1970 UTC.
    pub(crate) expires: u64,
    /// The most sums of the study that may be opened.
    pub(crate) releases: u64,
    /// Why a steward must be asked, if one must.
    pub(crate) ask: Option<String>,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// The first unknown key or impossible value, with its line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        parse::policy(text)
    }

    /// Allows every registered table to any study for any purpose, without asking anyone. For
    /// simulations and demonstrations on one machine; its text says so.
    #[must_use]
    pub fn laboratory() -> Self {
        Self(Kind::Laboratory)
    }
}

impl Allowed {
    fn has(&self, name: &str) -> bool {
        match self {
            Allowed::All => true,
            Allowed::Only(names) => names.iter().any(|allowed| allowed == name),
        }
    }
}

/// One line for people.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Laboratory => f.write_str(
                "laboratory policy: every registered table, every column, any purpose, nobody is \
                 asked; for simulations only, never for a site that holds people's data",
            ),
            Kind::Site { rules, .. } if rules.is_empty() => f.write_str("site policy: no data"),
            Kind::Site { rules, .. } => {
                let names: Vec<_> = rules.iter().map(|rule| format!("{:?}", rule.name)).collect();
                write!(f, "site policy with rules for {}", names.join(", "))
            }
        }
    }
}
