//! The gate with policies about columns: what the policy allows, they must allow too.

use std::fs;

use ripieno_access::{
    Approval, Decision, Facts, Gate, Grant, Grantee, Grants, Policies, Policy, PolicyColumn,
    Request, Requester,
};
use ripieno_catalog::{Catalog, Class, SemanticType, Source};
use ripieno_study::Study;
use tempfile::TempDir;

const NOW: u64 = 1_700_000_000;
const KEY: &str = "aa00000000000000000000000000000000000000000000000000000000000000";

const POLICY: &str = r#"
environment = "test"
[[dataset]]
name = "heart"
columns = "all"
purposes = "all"
analyses = "all"
roles = "all"
minimum_rows = 2
on_match = "approve"
"#;

const STUDY: &str = r#"name = "n"
purpose = "research"
[data]
dataset = "heart"
outcome = "y"
features = ["ward", "age"]
missing = "drop-row"
[analysis]
kind = "glm"
family = "binomial"
"#;

fn gate(policy: &str, policies: Policies, facts: Facts) -> (TempDir, Gate) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, "y,age,ward,name\n1,63,2,7\n0,41,1,8\n").unwrap();
    let source = Source { name: "heart".into(), path };
    let (catalog, authority) = Catalog::new("va", [source]).unwrap();
    let policy = Policy::parse(policy).unwrap();
    (folder, Gate::new(catalog, authority, policy).with_policies(policies, facts))
}

fn facts(age_confirmed: bool) -> Facts {
    let column = |name, class, kind| PolicyColumn::confirmed(name, class, kind);
    let mut facts = Facts::default();
    let age = column("age", Class::Sensitive, SemanticType::Age);
    facts.set(
        "heart",
        vec![
            column("y", Class::General, SemanticType::Boolean),
            column("ward", Class::General, SemanticType::Department),
            PolicyColumn { confirmed: age_confirmed, ..age },
            column("name", Class::Direct, SemanticType::PersonName),
        ],
    );
    facts
}

fn baseline() -> Policies {
    Policies::baseline().unwrap()
}

fn request(study: &Study) -> Request<'_> {
    let requester = Requester {
        name: "Ada".into(),
        role: "researcher".into(),
        key: KEY.into(),
        department: "statistics".into(),
        expires: NOW + 100,
        ..Requester::default()
    };
    Request::new(study, requester, NOW)
}

fn approved(study: &Study) -> Request<'_> {
    let approval = Approval { steward: "Grace".into(), study: study.digest() };
    Request { approval: Some(approval), ..request(study) }
}

fn study(from: &str, to: &str) -> Study {
    Study::parse(&STUDY.replace(from, to)).unwrap()
}

#[test]
fn a_sensitive_column_waits_for_a_steward_though_the_policy_asks_for_none() {
    let (_folder, gate) = gate(POLICY, baseline(), facts(true));
    let study = study("", "");
    let Ok(Decision::Ask { why }) = gate.decide(&request(&study)) else { panic!() };
    assert!(why.starts_with("baseline.sensitive: ") && why.contains("\"age\""), "{why}");
    assert!(matches!(gate.decide(&approved(&study)), Ok(Decision::Approved(_))));
    assert!(gate.still_allows(&approved(&study)).is_ok());
    assert_eq!(gate.still_allows(&request(&study)).unwrap_err().rule.to_string(), "approval.study");
    let verdicts = gate.explain(&request(&study));
    let allowed: Vec<_> = verdicts.iter().map(|v| (&*v.column, v.allowed)).collect();
    assert_eq!(allowed, [("y", true), ("ward", true), ("age", false)]);
    assert!(gate.catalog().reads().is_empty());
}

#[test]
fn no_approval_lifts_what_the_baseline_forbids() {
    let cases = [
        (study("\"age\"", "\"name\""), facts(true), "baseline.direct"),
        (study("", ""), facts(false), "baseline.unconfirmed"),
        // The table has it, and nobody has said what it is.
        (
            study("", ""),
            {
                let mut few = Facts::default();
                few.set("heart", vec![]);
                few
            },
            "baseline.unconfirmed",
        ),
    ];
    for (study, facts, rule) in cases {
        let (_folder, gate) = gate(POLICY, baseline(), facts);
        for request in [request(&study), approved(&study)] {
            let denial = gate.decide(&request).expect_err(rule);
            assert_eq!(denial.rule.to_string(), rule, "{denial}");
            assert!(denial.to_string().starts_with(rule) && !denial.remedy.is_empty(), "{denial}");
        }
    }
}

#[test]
fn both_must_say_yes() {
    let strict = POLICY.replace("purposes = \"all\"", "purposes = [\"quality\"]");
    let study = study("", "");
    let (_folder, by_rules) = gate(&strict, baseline(), facts(true));
    assert_eq!(by_rules.decide(&approved(&study)).unwrap_err().rule.to_string(), "policy.purpose");
    let text = "@id(\"site.ward\") @advice(\"ask cardiology\") \
                forbid (principal is Researcher, action, resource == Column::\"heart/ward\") \
                when { context.environment == \"test\" && context.analysis == \"glm\" } \
                unless { principal.department == \"cardiology\" };";
    let site = baseline().with_site("policies.cedar", text).unwrap();
    let (_folder, by_site) = gate(POLICY, site, facts(true));
    let denial = by_site.decide(&approved(&study)).unwrap_err();
    assert_eq!(
        (denial.rule.to_string().as_str(), &*denial.remedy),
        ("site.ward", "ask cardiology")
    );
    assert!(denial.reason.contains("\"ward\"") && !denial.reason.contains("\"age\""), "{denial}");
    let cardiology = Requester { department: "cardiology".into(), ..approved(&study).requester };
    let request = Request { requester: cardiology, ..approved(&study) };
    assert!(matches!(by_site.decide(&request), Ok(Decision::Approved(_))));
}

#[test]
fn what_an_owner_takes_back_is_denied_at_once() {
    let owned = POLICY.replace("on_match", "owner = \"Grace\"\non_match");
    let mut grants = Grants::default();
    let grant = Grant {
        number: 0,
        owner: "Grace".into(),
        dataset: "heart".into(),
        column: None,
        to: Grantee::Researcher(KEY.into()),
        since: NOW,
        expires: None,
    };
    let number = grants.give(grant).unwrap().number;
    let study = study("", "");
    let (_folder, open) = gate(&owned, baseline().with_grants(grants.clone()), facts(true));
    assert!(matches!(open.decide(&approved(&study)), Ok(Decision::Approved(_))));
    grants.revoke(number, "Grace", |_| false).unwrap();
    let (_folder, closed) = gate(&owned, baseline().with_grants(grants), facts(true));
    let denial = closed.still_allows(&approved(&study)).unwrap_err();
    assert_eq!(denial.rule.to_string(), "owner.grant");
    assert!(!denial.to_string().contains("Grace"), "{denial}");
}

#[test]
fn a_data_set_that_nobody_classified_is_refused_unless_the_policy_says_otherwise() {
    let study = study("", "");
    let refused = Some("baseline.unconfirmed");
    for (words, rule) in [
        ("", refused),
        ("unclassified = \"refuse\"\n", refused),
        ("unclassified = \"allow\"\n", None),
    ] {
        let policy = POLICY.replace("on_match", &format!("{words}on_match"));
        let (_folder, gate) = gate(&policy, baseline(), Facts::default());
        let denied = gate.decide(&approved(&study)).err().map(|denial| denial.rule.to_string());
        assert_eq!(denied.as_deref(), rule);
    }
}

#[test]
fn a_credential_that_has_ended_allows_nothing() {
    let study = study("", "");
    let (_folder, gate) = gate(POLICY, baseline(), facts(true));
    let late = Request { now: NOW + 100, ..approved(&study) };
    assert_eq!(gate.decide(&late).unwrap_err().rule.to_string(), "baseline.expired");
}
