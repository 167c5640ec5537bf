//! A study's question to the policies about columns.

use ripieno_catalog::DataSet;
use ripieno_study::manifest::DataSpec;

use crate::cedar::{Action, Asked, Circumstances, Overruled, Person, Policies, Verdict};
use crate::decision::{Denial, Request, Requester, Rule};
use crate::facts::{Facts, PolicyColumn};
use crate::policy::{DataTerms, Environment, Unclassified};

/// The most columns that a denial names.
const MOST_NAMED: usize = 8;

/// A question, with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Inquiry {
    dataset: String,
    owner: Option<String>,
    person: Person,
    columns: Vec<PolicyColumn>,
    circumstances: Circumstances,
}

impl Inquiry {
    /// What a study asks of a data set with these terms.
    pub(crate) fn new(
        data: &DataSpec,
        request: &Request<'_>,
        environment: Environment,
        terms: &DataTerms,
        facts: &Facts,
    ) -> Self {
        let columns = known(&data.dataset, data.columns(), terms, facts);
        let manifest = request.study.manifest();
        Self {
            dataset: data.dataset.clone(),
            owner: terms.owner.clone(),
            person: person(&request.requester),
            columns,
            circumstances: Circumstances {
                purpose: manifest.purpose.clone(),
                analysis: manifest.analysis.kind().into(),
                legal_basis: terms.legal_basis.clone(),
                environment: environment.name().into(),
                now: request.now,
                approved: request.approval.is_some(),
                study: Some(request.study.digest()),
            },
        }
    }

    /// What somebody could ask of a whole data set.
    pub(crate) fn of_all(
        set: &DataSet,
        requester: &Requester,
        environment: Environment,
        terms: &DataTerms,
        facts: &Facts,
        now: u64,
    ) -> Self {
        let names = set.columns().iter().map(|column| &*column.name);
        Self {
            dataset: set.name().into(),
            owner: terms.owner.clone(),
            person: person(requester),
            columns: known(set.name(), names, terms, facts),
            circumstances: Circumstances {
                purpose: "any".into(),
                legal_basis: terms.legal_basis.clone(),
                environment: environment.name().into(),
                now,
                approved: true,
                ..Circumstances::default()
            },
        }
    }

    /// Permits of no use.
    pub(crate) fn overruled(&self, policies: &Policies) -> Vec<Overruled> {
        policies.overruled(&self.asked(&self.circumstances))
    }

    /// What each column meets.
    pub(crate) fn decide(&self, policies: &Policies) -> Vec<Verdict> {
        self.decide_as(policies, self.circumstances.approved)
    }

    /// Why a steward must be asked, where nothing but the approval is missing.
    pub(crate) fn weigh(&self, policies: &Policies) -> Result<Option<String>, Denial> {
        let verdicts = self.decide(policies);
        let Some(denied) = verdicts.iter().find(|verdict| !verdict.allowed) else {
            return Ok(None);
        };
        let after_approval = self.decide_as(policies, true);
        match after_approval.iter().find(|verdict| !verdict.allowed) {
            // Where an approval would not be enough, what it would change is of no interest.
            Some(still) => Err(self.denial(still, &after_approval)),
            None => {
                let (ids, columns) = (denied.by.join(", "), self.named(denied, &verdicts));
                Ok(Some(format!("{ids}: a steward must approve the use of {columns}")))
            }
        }
    }

    fn decide_as(&self, policies: &Policies, approved: bool) -> Vec<Verdict> {
        let circumstances = Circumstances { approved, ..self.circumstances.clone() };
        policies.decide(&self.asked(&circumstances))
    }

    fn asked<'a>(&'a self, circumstances: &'a Circumstances) -> Asked<'a> {
        Asked {
            person: &self.person,
            action: Action::Compute,
            dataset: &self.dataset,
            owner: self.owner.as_deref(),
            columns: &self.columns,
            circumstances,
        }
    }

    fn denial(&self, denied: &Verdict, all: &[Verdict]) -> Denial {
        let columns = self.named(denied, all);
        let also = denied.by.iter().skip(1).map(|id| format!("{id:?}")).collect::<Vec<_>>();
        let also =
            if also.is_empty() { String::new() } else { format!(", also by {}", also.join(", ")) };
        let rule = denied.by.first().cloned().unwrap_or_else(|| "baseline.default".into());
        let remedies: Vec<_> = denied.changes.iter().map(|change| change.remedy.as_str()).collect();
        let reason = format!("columns of {:?} are not allowed: {columns}{also}", self.dataset);
        Denial::new(Rule::Policy(rule), reason, remedies.join("; and "))
    }

    /// The columns that meet the same as this one.
    fn named(&self, denied: &Verdict, all: &[Verdict]) -> String {
        let same = all.iter().filter(|other| other.by == denied.by);
        let mut names: Vec<_> = same.map(|other| format!("{:?}", other.column)).collect();
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        let names = names.join(", ");
        if more == 0 { names } else { format!("{names} and {more} more") }
    }
}

fn known<'a>(
    dataset: &str,
    columns: impl Iterator<Item = &'a str>,
    terms: &DataTerms,
    facts: &Facts,
) -> Vec<PolicyColumn> {
    if terms.unclassified == Unclassified::Allow && !facts.is_classified(dataset) {
        return columns.map(PolicyColumn::unclassified).collect();
    }
    facts.of(dataset, columns)
}

fn person(requester: &Requester) -> Person {
    let Requester { name, role, key, department, clearance, home, expires } = requester.clone();
    Person::Researcher { key, name, role, department, clearance, home, expires }
}
