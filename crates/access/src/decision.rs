//! What is asked of a site, and what it answers.

use std::fmt;
use std::sync::Arc;

use ripieno_catalog::{CatalogError, Permit};
use ripieno_study::{Check, Digest, Refusal, Study};
use thiserror::Error;

/// Who asks: attributes from a credential that the caller has verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requester {
    /// The name, for the steward.
    pub name: String,
    /// The role, by which policies decide.
    pub role: String,
    /// The public key: 64 hexadecimal digits. Owners grant to it.
    pub key: String,
    /// Where the requester works.
    pub department: String,
    /// What the requester may see, in the words of policies.
    pub clearance: String,
    /// Number of the site that vouched.
    pub home: u16,
    /// When the credential ends, in seconds since 1970 UTC.
    pub expires: u64,
}

/// A steward's yes to one study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The steward.
    pub steward: String,
    /// Digest of the study that was approved.
    pub study: Digest,
}

/// A study's wish to compute at this site.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The study.
    pub study: &'a Study,
    /// Who asks.
    pub requester: Requester,
    /// Sums of this study that were opened on this data set already.
    pub opened: u64,
    /// The steward's approval, if there is one.
    pub approval: Option<Approval>,
    /// The time, in seconds since 1970 UTC.
    pub now: u64,
}

impl<'a> Request<'a> {
    /// The first request for a study: nothing opened, nothing approved.
    #[must_use]
    pub fn new(study: &'a Study, requester: Requester, now: u64) -> Self {
        Self { study, requester, opened: 0, approval: None, now }
    }
}

/// The answer to a request that is not denied.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// The study reads no data and may run.
    NoData,
    /// The permit to open the data.
    Approved(Permit),
    /// The steward decides; ask again with an [`Approval`].
    Ask {
        /// Why.
        why: String,
    },
}

/// The rule that denied a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// `without_data` of the policy.
    WithoutData,
    /// No `[[dataset]]` for it.
    DataSet,
    /// `expires`.
    Expiry,
    /// `roles`.
    Role,
    /// `purposes`.
    Purpose,
    /// `analyses`.
    Analysis,
    /// `columns` and `denied_columns`.
    Columns,
    /// `membership`.
    Membership,
    /// `minimum_sites`.
    MinimumSites,
    /// `maximum_releases`.
    Releases,
    /// `minimum_rows`.
    MinimumRows,
    /// `view`.
    View,
    /// The catalogue lacks the data set.
    CatalogDataSet,
    /// The table lacks a column.
    CatalogColumns,
    /// The approval is for another study.
    Approval,
    /// A policy about columns, by its id.
    Policy(Arc<str>),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::WithoutData => "policy.without-data",
            Rule::DataSet => "policy.dataset",
            Rule::Expiry => "policy.expires",
            Rule::Role => "policy.role",
            Rule::Purpose => "policy.purpose",
            Rule::Analysis => "policy.analysis",
            Rule::Columns => "policy.columns",
            Rule::Membership => "policy.membership",
            Rule::MinimumSites => "policy.minimum-sites",
            Rule::Releases => "policy.maximum-releases",
            Rule::MinimumRows => "policy.minimum-rows",
            Rule::View => "policy.view",
            Rule::CatalogDataSet => "catalog.dataset",
            Rule::CatalogColumns => "catalog.columns",
            Rule::Approval => "approval.study",
            Rule::Policy(id) => id,
        })
    }
}

/// A site's no. Its text is for the requester as well: it names the rule and what the study asked,
/// not what else the site holds. That is in the source, for the site's own people.
#[derive(Debug, Error)]
#[error("{rule}: {reason}; {remedy}")]
#[non_exhaustive]
pub struct Denial {
    /// The deciding rule.
    pub rule: Rule,
    /// What it found.
    pub reason: String,
    /// What would change it.
    pub remedy: String,
    /// More, for the site's own people only: files, columns, names.
    #[source]
    pub detail: Option<Box<CatalogError>>,
}

impl Denial {
    pub(crate) fn new(rule: Rule, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { rule, reason: reason.into(), remedy: remedy.into(), detail: None }
    }

    pub(crate) fn with_detail(mut self, detail: CatalogError) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }
}

/// The protocol's refusal under check S2, without the detail.
impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Refusal::own(Check::S2, denial.to_string())
    }
}
