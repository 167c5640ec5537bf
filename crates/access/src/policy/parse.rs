//! A policy from its text.

use std::fmt;

use ripieno_study::Membership;
use ripieno_study::manifest::AnalysisSpec;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use toml::Spanned;
use toml::value::Datetime;

use super::{
    Allowed, DataSetRules, DataTerms, Environment, Kind, OnMatch, Policy, PolicyError,
    Unclassified, view,
};
use crate::time::unix_seconds;

/// The fewest sites of any sum: fewer honest ones would be told apart.
const LEAST_SITES: u16 = 3;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    environment: Environment,
    #[serde(default = "nothing")]
    without_data: Spanned<Allowed>,
    #[serde(default)]
    dataset: Vec<Rules>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    name: Spanned<String>,
    columns: Allowed,
    #[serde(default)]
    denied_columns: Vec<String>,
    purposes: Allowed,
    analyses: Spanned<Allowed>,
    roles: Allowed,
    #[serde(default = "fixed")]
    membership: Vec<Membership>,
    #[serde(default = "least_sites")]
    minimum_sites: Spanned<u16>,
    #[serde(default = "ten")]
    minimum_rows: Spanned<u64>,
    #[serde(default = "hundred")]
    maximum_releases: u64,
    on_match: OnMatch,
    owner: Option<Spanned<String>>,
    #[serde(default)]
    legal_basis: String,
    #[serde(default)]
    unclassified: Unclassified,
    expires: Option<Spanned<Datetime>>,
    #[serde(default)]
    view: view::Written,
}

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(text.len(), |span| span.start);
        at(text, offset, error.message().replace('\n', "; "))
    })?;
    check_kinds(text, &file.without_data)?;
    let mut rules: Vec<DataSetRules> = Vec::with_capacity(file.dataset.len());
    for entry in file.dataset {
        let name = entry.name.get_ref();
        if name.trim().is_empty() || rules.iter().any(|rule| rule.name == *name) {
            let reason = format!("the data set {name:?} has rules already, or its name is empty");
            return Err(at(text, entry.name.span().start, reason));
        }
        rules.push(data_set(text, entry)?);
    }
    let (environment, without_data) = (file.environment, file.without_data.into_inner());
    Ok(Policy(Kind::Site { environment, without_data, rules }))
}

fn data_set(text: &str, rules: Rules) -> Result<DataSetRules, PolicyError> {
    check_kinds(text, &rules.analyses)?;
    let sites = &rules.minimum_sites;
    if *sites.get_ref() < LEAST_SITES {
        let reason = format!("minimum_sites is {}; allowed: 3 and more", sites.get_ref());
        return Err(at(text, sites.span().start, reason));
    }
    if *rules.minimum_rows.get_ref() == 0 {
        let reason = "minimum_rows is 0; allowed: 1 and more";
        return Err(at(text, rules.minimum_rows.span().start, reason));
    }
    if let Some(owner) = rules.owner.as_ref().filter(|owner| owner.get_ref().trim().is_empty()) {
        let reason = "owner is empty: name somebody, or leave it out";
        return Err(at(text, owner.span().start, reason));
    }
    let expires = rules.expires.map(|date| expiry(text, &date)).transpose()?;
    Ok(DataSetRules {
        name: rules.name.into_inner(),
        columns: rules.columns,
        denied_columns: rules.denied_columns,
        purposes: rules.purposes,
        analyses: rules.analyses.into_inner(),
        roles: rules.roles,
        membership: rules.membership,
        minimum_sites: rules.minimum_sites.into_inner(),
        minimum_rows: rules.minimum_rows.into_inner(),
        maximum_releases: rules.maximum_releases,
        on_match: rules.on_match,
        view: view::rules(rules.view).map_err(|(offset, fault)| at(text, offset, fault))?,
        terms: DataTerms {
            owner: rules.owner.map(Spanned::into_inner),
            legal_basis: rules.legal_basis,
            unclassified: rules.unclassified,
        },
        expires,
    })
}

fn expiry(text: &str, date: &Spanned<Datetime>) -> Result<(String, u64), PolicyError> {
    let seconds = unix_seconds(date.get_ref()).ok_or_else(|| {
        let reason = "expires wants a date, or a date with time and offset, \
                      such as 2030-01-01 or 2030-01-01T12:00:00Z";
        at(text, date.span().start, reason)
    })?;
    Ok((date.get_ref().to_string(), seconds))
}

/// A kind that does not exist is a slip of the pen that would refuse every study.
fn check_kinds(text: &str, kinds: &Spanned<Allowed>) -> Result<(), PolicyError> {
    let Allowed::Only(names) = kinds.get_ref() else { return Ok(()) };
    let unknown = names.iter().find(|name| !AnalysisSpec::KINDS.contains(&name.as_str()));
    let Some(name) = unknown else { return Ok(()) };
    let reason = format!("unknown analysis {name:?}; allowed: {:?}", AnalysisSpec::KINDS);
    Err(at(text, kinds.span().start, reason))
}

fn at(text: &str, offset: usize, reason: impl Into<String>) -> PolicyError {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    PolicyError {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        reason: reason.into(),
    }
}

fn nothing() -> Spanned<Allowed> {
    Spanned::new(0..0, Allowed::Only(Vec::new()))
}

fn fixed() -> Vec<Membership> {
    vec![Membership::Fixed]
}

fn least_sites() -> Spanned<u16> {
    Spanned::new(0..0, LEAST_SITES)
}

fn ten() -> Spanned<u64> {
    Spanned::new(0..0, 10)
}

fn hundred() -> u64 {
    100
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllOrList;
        impl<'de> Visitor<'de> for AllOrList {
            type Value = Allowed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\" or a list of names")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Allowed, E> {
                if text == "all" {
                    return Ok(Allowed::All);
                }
                Err(E::custom(format!("found {text:?}; allowed: \"all\" or a list of names")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Allowed, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element()? {
                    names.push(name);
                }
                Ok(Allowed::Only(names))
            }
        }
        deserializer.deserialize_any(AllOrList)
    }
}
