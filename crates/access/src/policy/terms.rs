//! What a site's policy says of its data sets for policies about columns.

use serde::Deserialize;

use super::{Kind, Policy};

/// What the site is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Environment {
    /// Work on people's data.
    #[default]
    Production,
    /// Tests.
    Test,
    /// Development.
    Development,
    /// Made-up rows.
    Sandbox,
}

/// What becomes of a data set of whose columns nothing is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unclassified {
    /// What is not confirmed is not used.
    #[default]
    Refuse,
    /// Its columns are taken for general ones: for made-up rows.
    Allow,
}

/// Terms of one data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataTerms {
    /// Whoever grants its use.
    pub(crate) owner: Option<String>,
    /// Under which law it is used; may be empty.
    pub(crate) legal_basis: String,
    /// What becomes of it without classes.
    pub(crate) unclassified: Unclassified,
}

impl Environment {
    /// The name in policies.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Environment::Production => "production",
            Environment::Test => "test",
            Environment::Development => "development",
            Environment::Sandbox => "sandbox",
        }
    }
}

impl Policy {
    /// Whoever grants the use of a data set, where the policy names somebody.
    #[must_use]
    pub fn owner(&self, dataset: &str) -> Option<&str> {
        self.terms(dataset).and_then(|(_, terms)| terms.owner.as_deref())
    }

    /// Names of the data sets that have rules.
    pub fn data_sets(&self) -> impl Iterator<Item = &str> {
        let rules = match &self.0 {
            Kind::Laboratory => [].as_slice(),
            Kind::Site { rules, .. } => rules.as_slice(),
        };
        rules.iter().map(|rules| rules.name.as_str())
    }

    /// The terms of a data set; `None` for a laboratory, where nothing is decided about columns, and
    /// for a data set without rules, which nobody may read.
    pub(crate) fn terms(&self, dataset: &str) -> Option<(Environment, &DataTerms)> {
        let Kind::Site { environment, rules, .. } = &self.0 else { return None };
        let rules = rules.iter().find(|rules| rules.name == dataset)?;
        Some((*environment, &rules.terms))
    }
}
