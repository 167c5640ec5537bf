//! Deciding: a function of policies, question and columns.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Decision, Diagnostics, EntityUid, PolicyId, PolicySet, Response, SlotId,
};

use super::entities::{Asked, MAX_GRANTS_ASKED, Question};
use super::grants::{Grant, Grantee};
use super::policies::Policies;
use super::verdict::{Change, Model, Overruled, Verdict};
use crate::facts::PolicyColumn;

/// What denies where the owner has granted nothing.
const NO_GRANT: &str = "owner.grant";
/// What denies where nothing permits.
const NO_PERMIT: &str = "baseline.default";

impl Policies {
    /// Decides about each column, in their order. What cannot be decided is denied.
    ///
    /// Columns that no policy can tell apart are decided about once: those of the same class, type,
    /// tags and standing, none of which a policy or a grant names.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Vec<Verdict> {
        let named = self.named(asked);
        let kinds: Vec<_> = asked.columns.iter().map(|facts| Kind::of(facts, &named)).collect();
        let mut examples: HashMap<&Kind<'_>, &PolicyColumn> = HashMap::new();
        for (kind, facts) in kinds.iter().zip(asked.columns) {
            examples.entry(kind).or_insert(facts);
        }
        let judged = self.judge_all(asked, &self.set, examples.values().copied());
        let verdict = |facts: &PolicyColumn, kind: &Kind<'_>| {
            let judged = judged.as_ref().map_err(String::as_str);
            let found = judged.and_then(|judged| {
                let example = examples.get(kind).and_then(|example| judged.get(&*example.name));
                example.ok_or("it was not decided")
            });
            let column = facts.name.clone();
            found.map_or_else(|why| undecided(facts, why), |v| Verdict { column, ..v.clone() })
        };
        asked.columns.iter().zip(&kinds).map(|(facts, kind)| verdict(facts, kind)).collect()
    }

    /// Permits of the site and of owners that apply, and are of no use: something forbids.
    #[must_use]
    pub fn overruled(&self, asked: &Asked<'_>) -> Vec<Overruled> {
        let permitted = self.judge_all(asked, &self.permits, asked.columns.iter());
        let permitted = permitted.unwrap_or_default();
        let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let verdicts = self.decide(asked);
        for verdict in verdicts.iter().filter(|verdict| !verdict.allowed) {
            let permits = permitted.get(&verdict.column).filter(|permitted| permitted.allowed);
            let permits = permits.iter().flat_map(|permitted| &permitted.by);
            for permit in permits.filter(|id| !id.starts_with("baseline.")) {
                for forbid in &verdict.by {
                    let columns = pairs.entry((permit, forbid)).or_default();
                    columns.push(verdict.column.clone());
                }
            }
        }
        let overruled = |((permit, forbid), columns): ((&Arc<str>, &Arc<str>), _)| Overruled {
            permit: permit.clone(),
            forbid: forbid.clone(),
            columns,
        };
        pairs.into_iter().map(overruled).collect()
    }

    /// Decides about each of these columns by itself.
    fn judge_all<'c>(
        &self,
        asked: &Asked<'_>,
        set: &PolicySet,
        columns: impl Iterator<Item = &'c PolicyColumn> + Clone,
    ) -> Result<HashMap<Arc<str>, Verdict>, String> {
        let question = Question::new(asked, columns.clone(), &self.words, &self.schema)?;
        let set = self.linked(set, asked)?;
        let authorizer = Authorizer::new();
        let judge = |facts: &PolicyColumn| {
            let request = question.about(&facts.name)?;
            let response = authorizer.is_authorized(&request, &set, question.entities());
            Ok((facts.name.clone(), self.verdict(asked, facts, &response)))
        };
        columns.map(judge).collect()
    }

    fn verdict(&self, asked: &Asked<'_>, facts: &PolicyColumn, response: &Response) -> Verdict {
        // A policy that cannot be evaluated is skipped by Cedar; it might have been a forbid.
        if response.diagnostics().errors().next().is_some() {
            return undecided(facts, "a policy cannot be evaluated");
        }
        let by = self.deciding(response.diagnostics());
        let allowed = response.decision() == Decision::Allow;
        let changes = if allowed { Vec::new() } else { self.changes(asked, &by) };
        let by =
            if by.is_empty() { changes.iter().map(|c| c.policy.clone()).collect() } else { by };
        Verdict { column: facts.name.clone(), allowed, by, changes }
    }

    /// The columns that policies or grants name.
    fn named(&self, asked: &Asked<'_>) -> HashSet<Arc<str>> {
        let by_policies = asked.columns.iter().map(|facts| &facts.name).filter(|name| {
            !self.literals.is_empty()
                && self.literals.contains(&self.words.column(asked.dataset, name))
        });
        let grants = self.grants.all().filter(|grant| grant.is_for(asked));
        let by_grants = grants.filter_map(|grant| grant.column.as_deref()).map(Arc::from);
        by_policies.cloned().chain(by_grants).collect()
    }

    /// Ids of the policies that decided, in order.
    fn deciding(&self, diagnostics: &Diagnostics) -> Vec<Arc<str>> {
        let id = |id: &PolicyId| match self.known.get(id) {
            Some(known) => known.id.clone(),
            None => AsRef::<str>::as_ref(id).into(),
        };
        let mut ids: Vec<_> = diagnostics.reason().map(id).collect();
        ids.sort();
        ids
    }

    fn changes(&self, asked: &Asked<'_>, by: &[Arc<str>]) -> Vec<Change> {
        if by.is_empty() {
            return vec![default_change(asked)];
        }
        let change = |id: &Arc<str>| {
            let known = self.known.get(&PolicyId::new(id));
            let model = known.map_or(Model::Attribute, |known| known.model);
            let remedy = known.map(|known| known.remedy.clone()).unwrap_or_default();
            Change { model, policy: id.clone(), remedy }
        };
        by.iter().map(change).collect()
    }

    /// The set with the grants that matter here. One that does not is not looked at, so that a
    /// decision takes no longer however many there are.
    fn linked(&self, set: &PolicySet, asked: &Asked<'_>) -> Result<PolicySet, String> {
        let mut set = set.clone();
        let relevant = self.grants.all().filter(|grant| grant.is_for(asked));
        for grant in relevant.take(MAX_GRANTS_ASKED) {
            let slots = self.slots(grant);
            set.link(PolicyId::new("grant"), PolicyId::new(grant.id()), slots)
                .map_err(|error| error.to_string())?;
        }
        Ok(set)
    }

    fn slots(&self, grant: &Grant) -> HashMap<SlotId, EntityUid> {
        let principal = match &grant.to {
            Grantee::Researcher(key) => self.words.researcher(key),
            Grantee::Role(role) => self.words.role(role),
        };
        let resource = match &grant.column {
            Some(name) => self.words.column(&grant.dataset, name),
            None => self.words.data_set(&grant.dataset),
        };
        HashMap::from([(SlotId::principal(), principal), (SlotId::resource(), resource)])
    }
}

/// What policies can tell columns by.
#[derive(PartialEq, Eq, Hash)]
struct Kind<'a> {
    class: &'static str,
    kind: &'static str,
    confirmed: bool,
    tags: &'a [String],
    /// Where a policy names it.
    name: Option<&'a str>,
}

impl<'a> Kind<'a> {
    fn of(facts: &'a PolicyColumn, named: &HashSet<Arc<str>>) -> Self {
        Self {
            class: facts.class(),
            kind: facts.kind(),
            confirmed: facts.confirmed,
            tags: &facts.tags,
            name: named.contains(&facts.name).then_some(&*facts.name),
        }
    }
}

fn default_change(asked: &Asked<'_>) -> Change {
    match asked.owner {
        Some(_) => Change {
            model: Model::Owner,
            policy: NO_GRANT.into(),
            remedy: "ask the owner of the data set for a grant".into(),
        },
        None => Change {
            model: Model::Baseline,
            policy: NO_PERMIT.into(),
            remedy: "nothing permits it: ask the steward for a policy that does".into(),
        },
    }
}

fn undecided(column: &PolicyColumn, why: &str) -> Verdict {
    let policy: Arc<str> = NO_PERMIT.into();
    let remedy = format!("it cannot be decided ({why}): ask the steward to check the policies");
    let change = Change { model: Model::Baseline, policy: policy.clone(), remedy };
    Verdict { column: column.name.clone(), allowed: false, by: vec![policy], changes: vec![change] }
}
