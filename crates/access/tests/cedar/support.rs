//! Questions for policies.

use ripieno_access::{
    Action, Asked, Circumstances, Grant, Grantee, Grants, Person, Policies, PolicyColumn, Verdict,
};
use ripieno_catalog::{Class, SemanticType};

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const KEY: &str = "aa00000000000000000000000000000000000000000000000000000000000000";

pub(crate) fn ada() -> Person {
    Person::Researcher {
        key: KEY.into(),
        name: "Ada".into(),
        role: "researcher".into(),
        department: "cardiology".into(),
        clearance: "aggregate".into(),
        home: 1,
        expires: NOW + 1000,
    }
}

pub(crate) fn staff() -> Person {
    Person::Staff { name: "Grace".into(), roles: vec!["steward".into()] }
}

pub(crate) fn circumstances(approved: bool) -> Circumstances {
    Circumstances {
        purpose: "research".into(),
        analysis: "glm".into(),
        environment: "production".into(),
        now: NOW,
        approved,
        ..Circumstances::default()
    }
}

/// One column of each class, one that is not confirmed, and one of which nothing is known.
pub(crate) fn columns() -> Vec<PolicyColumn> {
    use SemanticType as T;
    let confirmed = PolicyColumn::confirmed;
    let unconfirmed =
        PolicyColumn { confirmed: false, ..confirmed("guess", Class::General, T::Count) };
    vec![
        confirmed("name", Class::Direct, T::PersonName),
        confirmed("born", Class::Quasi, T::DateOfBirth),
        confirmed("age", Class::Sensitive, T::Age),
        confirmed("ward", Class::General, T::Department),
        unconfirmed,
        PolicyColumn::unknown("blank"),
    ]
}

pub(crate) fn decide(
    policies: &Policies,
    person: &Person,
    action: Action,
    owner: Option<&str>,
    circumstances: &Circumstances,
) -> Vec<Verdict> {
    let columns = columns();
    let (dataset, columns) = ("heart", columns.as_slice());
    policies.decide(&Asked { person, action, dataset, owner, columns, circumstances })
}

/// Names of the columns that Ada may compute on.
pub(crate) fn allowed(policies: &Policies, owner: Option<&str>, approved: bool) -> Vec<String> {
    let verdicts = decide(policies, &ada(), Action::Compute, owner, &circumstances(approved));
    verdicts.iter().filter(|v| v.allowed).map(|v| v.column.to_string()).collect()
}

pub(crate) fn grant(to: Grantee, column: Option<&str>) -> Grant {
    Grant {
        number: 0,
        owner: "Grace".into(),
        dataset: "heart".into(),
        column: column.map(str::to_owned),
        to,
        since: NOW - 10,
        expires: None,
    }
}

pub(crate) fn granted(grant: Grant) -> Policies {
    let mut grants = Grants::default();
    grants.give(grant).unwrap();
    Policies::baseline().unwrap().with_grants(grants)
}

pub(crate) fn site(text: &str) -> Policies {
    Policies::baseline().unwrap().with_site("policies.cedar", text).unwrap()
}
