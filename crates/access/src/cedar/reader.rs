//! Policies from a text, with the places of their mistakes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId};
use miette::Diagnostic;
use thiserror::Error;

use super::text::{line, statements};
use super::verdict::Model;

/// Names that a site's policies do not have.
const RESERVED: [&str; 4] = ["baseline.", "grant", "owner.", "policy."];
/// The longest id of a policy, in bytes.
const MAX_ID: usize = 100;

/// A mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; of the policy where no closer one is known.
    pub line: usize,
    /// The policy's id, where it has one.
    pub policy: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// Policies that are not taken: all of their mistakes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", self.text())]
pub struct BadPolicies {
    /// The file.
    pub file: String,
    /// Its mistakes; at least one.
    pub faults: Vec<Fault>,
}

/// What is said of a policy where it denies.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: Arc<str>,
    pub(super) model: Model,
    pub(super) remedy: String,
}

impl BadPolicies {
    pub(super) fn whole(file: &str, reason: String) -> Self {
        Self { file: file.into(), faults: vec![Fault { line: 1, policy: None, reason }] }
    }

    fn text(&self) -> String {
        let lines: Vec<_> =
            self.faults.iter().map(|fault| format!("{}, {fault}", self.file)).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(policy) = &self.policy {
            write!(f, ", policy {policy:?}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Who wrote policies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Baseline,
    Site,
}

/// Reads the policies of one text.
pub(super) struct Reader<'a> {
    text: &'a str,
    starts: Vec<usize>,
    origin: Origin,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, origin: Origin) -> Self {
        Self { text, starts: statements(text), origin }
    }

    /// The policy under its own id, with what is said of it.
    pub(super) fn read(
        &self,
        policy: &Policy,
        others: &BTreeMap<PolicyId, Known>,
    ) -> Result<(Policy, Known), Fault> {
        let number = number(policy.id());
        let Some(id) = policy.annotation("id") else {
            return Err(self.fault(number, None, "it has no @id(\"…\")".into()));
        };
        let wrong = |reason: &str| Err(self.fault(number, Some(id), reason.into()));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(plain) {
            return wrong("an id has 1 to 100 letters, digits, dots, dashes or underscores");
        }
        if self.origin == Origin::Site && RESERVED.iter().any(|own| id.starts_with(own)) {
            return wrong("ids that begin with baseline., grant, owner. or policy. are taken");
        }
        if others.contains_key(&PolicyId::new(id)) {
            return wrong("another policy has this id");
        }
        let model = self.model(policy);
        let remedy = policy.annotation("advice").map(str::to_owned);
        let remedy = remedy.unwrap_or_else(|| remedy_for(model, id));
        Ok((policy.new_id(PolicyId::new(id)), Known { id: id.into(), model, remedy }))
    }

    fn model(&self, policy: &Policy) -> Model {
        let role = || {
            let mut literals = policy.entity_literals().into_iter();
            literals.any(|literal| literal.type_name().to_string() == "Role")
        };
        match self.origin {
            Origin::Baseline => Model::Baseline,
            Origin::Site if role() => Model::Role,
            Origin::Site => Model::Attribute,
        }
    }

    pub(super) fn template(&self, id: &PolicyId) -> Fault {
        let reason = "templates are for grants alone: write whom and what it is about";
        self.fault(number(id), None, reason.into())
    }

    /// A mistake in the policy of this number.
    pub(super) fn fault(&self, number: usize, id: Option<&str>, reason: String) -> Fault {
        let start = self.starts.get(number).copied().unwrap_or_default();
        Fault { line: line(self.text, start), policy: id.map(str::to_owned), reason }
    }

    /// What the validator found, with its own place where it has one.
    pub(super) fn found(&self, id: &PolicyId, found: &dyn Diagnostic, reason: &str) -> Fault {
        let id: &str = id.as_ref();
        let place = offset(found).or_else(|| self.text.find(&format!("@id(\"{id}\")")));
        let policy = Some(id.to_owned());
        // The id is said already.
        let reason = reason.replace(&format!("for policy `{id}`, "), "");
        Fault { line: line(self.text, place.unwrap_or_default()), policy, reason }
    }
}

/// All that Cedar's reader found wrong with a text.
pub(super) fn syntax(file: &str, text: &str, errors: &cedar_policy::ParseErrors) -> BadPolicies {
    let fault = |error: &cedar_policy::ParseError| {
        let place = offset(error).unwrap_or_default();
        let start = statements(text).into_iter().rfind(|start| *start <= place);
        let policy = start.and_then(|start| id_at(text.get(start..)?));
        Fault { line: line(text, place), policy, reason: error.to_string() }
    };
    let faults: Vec<_> = errors.iter().map(fault).collect();
    match faults.is_empty() {
        true => BadPolicies::whole(file, errors.to_string()),
        false => BadPolicies { file: file.into(), faults },
    }
}

/// The id of a statement that may be wrong otherwise.
fn id_at(statement: &str) -> Option<String> {
    let rest = statement.strip_prefix("@id(\"")?;
    rest.split_once('"').map(|(id, _)| id.to_owned())
}

fn offset(found: &dyn Diagnostic) -> Option<usize> {
    found.labels()?.next().map(|label| label.offset())
}

/// Cedar numbers the policies of a text from 0.
fn number(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.strip_prefix("policy").and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn remedy_for(model: Model, id: &str) -> String {
    match model {
        Model::Role => format!(
            "ask with a credential of another role, or ask the steward to change the policy {id:?}"
        ),
        _ => format!(
            "leave the column out, or ask the steward under which circumstances the policy {id:?} \
             would allow it"
        ),
    }
}
