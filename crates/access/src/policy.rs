//! A site's policy: per data set, what a study may be. What no rule allows is refused.

mod parse;
mod terms;
mod view;
mod weigh;

use std::fmt;

use ripieno_study::Membership;
use ripieno_study::manifest::DataSpec;
use std::sync::Arc;
use thiserror::Error;

pub(crate) use self::terms::{DataTerms, Environment, Unclassified};
use crate::decision::{Denial, Rule};
use crate::plan::{OptOutList, Plan, PlannedColumn, RowFilter};

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
    Site { environment: Environment, without_data: Allowed, rules: Vec<DataSetRules> },
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
    view: view::ViewRules,
    terms: DataTerms,
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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    /// The fewest complete rows.
    pub(crate) minimum_rows: u64,
    /// When the rule ends, in seconds since 1970 UTC.
    pub(crate) expires: u64,
    /// The most sums of the study that may be opened.
    pub(crate) releases: u64,
    /// What the study sees.
    pub(crate) plan: Plan,
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

    /// The opt-out lists that it names: files, as written, each once.
    #[must_use]
    pub fn opt_out_files(&self) -> Vec<String> {
        let Kind::Site { rules, .. } = &self.0 else { return Vec::new() };
        let mut files: Vec<_> = rules.iter().filter_map(|rule| rule.view.list()).collect();
        files.sort_unstable();
        files.dedup();
        files.into_iter().map(str::to_owned).collect()
    }

    /// Hands over what stands in an opt-out list. A data set whose list nobody handed over is
    /// refused.
    pub fn set_opt_outs(&mut self, file: &str, list: OptOutList) {
        let list = Arc::new(list);
        if let Kind::Site { rules, .. } = &mut self.0 {
            let named = rules.iter_mut().filter(|rule| rule.view.list() == Some(file));
            named.for_each(|rule| rule.view.set_list(&list));
        }
    }

    /// What a study sees of `data`, whoever asks for it.
    pub(crate) fn plan(&self, data: &DataSpec) -> Result<Plan, Denial> {
        match &self.0 {
            Kind::Laboratory => Ok(as_it_is(data)),
            Kind::Site { rules, .. } => {
                let rule = rules.iter().find(|rule| rule.name == data.dataset);
                rule.ok_or_else(|| no_rule(&data.dataset))?.view.plan(data)
            }
        }
    }

    /// All columns that the view of a data set names.
    pub(crate) fn view_columns(&self, dataset: &str) -> impl Iterator<Item = &str> {
        let rules = match &self.0 {
            Kind::Laboratory => [].as_slice(),
            Kind::Site { rules, .. } => rules.as_slice(),
        };
        rules.iter().filter(move |rule| rule.name == dataset).flat_map(|rule| rule.view.named())
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

fn as_it_is(data: &DataSpec) -> Plan {
    let column = |name: &str| PlannedColumn { name: name.to_owned(), steps: Vec::new() };
    Plan {
        dataset: data.dataset.clone(),
        columns: data.columns().map(column).collect(),
        rows: RowFilter::default(),
        anonymity: None,
    }
}

fn no_rule(dataset: &str) -> Denial {
    Denial::new(
        Rule::DataSet,
        format!("no rule of this site allows the data set {dataset:?}"),
        "name a data set that it offers, or ask its steward to add a [[dataset]]",
    )
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
