//! The gate: what it denies, by which rule; what it opens, and what was read for it.

use std::error::Error as _;
use std::fs;

use ripieno_access::{
    Approval, Decision, Denial, Gate, PERMIT_SECONDS, Permit, Policy, Request, Requester, View,
    ViewError,
};
use ripieno_catalog::{Catalog, Source, Terms};
use ripieno_study::{Check, Refusal, Study};
use tempfile::TempDir;

const NOW: u64 = 1_700_000_000;

const TABLE: &str =
    "id,y,age,mean radius,note\n1,1,63,1.5,a\n2,0,,2.5,b\n3,1,41,3.5,c\n4,0,50,4.5,d\n";

const POLICY: &str = r#"
[[dataset]]
name = "heart"
columns = ["y", "age", "mean radius", "id"]
denied_columns = ["id"]
purposes = ["research"]
analyses = ["glm"]
roles = ["researcher"]
membership = ["fixed", "may-change"]
minimum_sites = 4
minimum_rows = 3
maximum_releases = 60
on_match = "approve"
expires = 2030-01-01
"#;

const STUDY: &str = r#"name = "n"
purpose = "research"
[data]
dataset = "heart"
outcome = "y"
features = ["mean radius", "age"]
missing = "drop-row"
[analysis]
kind = "glm"
family = "binomial"
[aggregation]
minimum_sites = 4
"#;

/// A gate before [`TABLE`] as `heart`; the folder must outlive it.
fn gate(policy: Policy) -> (TempDir, Gate) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, TABLE).unwrap();
    let source = Source { name: "heart".into(), path };
    let (catalog, authority) = Catalog::new("va", [source]).unwrap();
    (folder, Gate::new(catalog, authority, policy))
}

fn policy(from: &str, to: &str) -> Policy {
    assert!(POLICY.contains(from), "{from}");
    Policy::parse(&POLICY.replace(from, to)).unwrap()
}

fn study(from: &str, to: &str) -> Study {
    assert!(STUDY.contains(from), "{from}");
    Study::parse(&STUDY.replace(from, to)).unwrap()
}

fn request(study: &Study) -> Request<'_> {
    let requester = Requester { name: "Ada".into(), role: "researcher".into() };
    Request::new(study, requester, NOW)
}

fn denied(policy: Policy, request: &Request<'_>) -> Denial {
    let (_folder, gate) = gate(policy);
    let denial = gate.decide(request).expect_err("the policy does not allow it");
    assert!(gate.catalog().reads().is_empty(), "a denial reads nothing");
    denial
}

fn permit(gate: &Gate, request: &Request<'_>) -> Permit {
    match gate.decide(request) {
        Ok(Decision::Approved(permit)) => permit,
        other => panic!("{other:?}"),
    }
}

fn open(policy: Policy, study: &Study) -> Result<View, ViewError> {
    let (_folder, gate) = gate(policy);
    let permit = permit(&gate, &request(study));
    gate.open(&permit, NOW)
}

#[test]
fn a_view_has_the_permitted_columns_in_the_studys_order_and_nothing_else_is_read() {
    let (_folder, gate) = gate(policy("", ""));
    let study = study("", "");
    let permit = permit(&gate, &request(&study));
    assert_eq!((permit.study(), permit.purpose()), (study.digest(), "research"));
    assert_eq!(permit.expires(), NOW + PERMIT_SECONDS);
    assert!(gate.catalog().reads().is_empty(), "a decision reads nothing");

    let view = gate.open(&permit, NOW).unwrap();
    assert_eq!((view.rows(), view.dropped()), (3, 1));
    assert_eq!(view.outcome().to_vec(), [1.0, 1.0, 0.0]);
    assert_eq!(view.features(), ndarray::array![[1.5, 63.0], [3.5, 41.0], [4.5, 50.0]]);
    let place = view.outcome_place(1).to_string();
    assert!(place.ends_with("va.csv, line 4, column \"y\""), "{place}");

    // `id` holds numbers and `note` text: neither was looked at.
    let reads = gate.catalog().reads();
    let reads: Vec<_> = reads.iter().map(|read| (&*read.column, read.cells)).collect();
    assert_eq!(reads, [("age", 4), ("mean radius", 4), ("y", 4)]);
}

#[test]
fn each_rule_denies_by_its_name() {
    let all = study("", "");
    let changed = |from: &str, to: &str| study(from, to);
    let cases: [(&str, Policy, Study, &str); 13] = [
        ("policy.dataset", policy("\"heart\"", "\"lung\""), changed("", ""), "[[dataset]]"),
        ("policy.expires", policy("2030-01-01", "2020-01-01"), changed("", ""), "2020-01-01"),
        (
            "policy.role",
            policy("[\"researcher\"]", "[\"physician\"]"),
            changed("", ""),
            "\"researcher\"",
        ),
        (
            "policy.purpose",
            policy("", ""),
            changed("\"research\"", "\"marketing\""),
            "\"marketing\"",
        ),
        ("policy.analysis", policy("[\"glm\"]", "[\"fedavg\"]"), changed("", ""), "a glm"),
        ("policy.columns", policy("", ""), changed("\"age\"]", "\"note\"]"), "\"note\""),
        ("policy.columns", policy("", ""), changed("\"age\"]", "\"id\"]"), "\"id\""),
        (
            "policy.columns",
            policy("[\"y\", \"age\", \"mean radius\", \"id\"]", "\"all\""),
            changed("\"age\"]", "\"id\"]"),
            "\"id\"",
        ),
        ("policy.columns", policy("[\"y\", ", "["), changed("", ""), "\"y\""),
        (
            "policy.minimum-sites",
            policy("", ""),
            changed("minimum_sites = 4", ""),
            "raise minimum_sites",
        ),
        (
            "policy.maximum-releases",
            policy("", ""),
            changed("family", "max_iterations = 30\nfamily"),
            "62 sums",
        ),
        (
            "policy.minimum-rows",
            policy("minimum_rows = 3", "minimum_rows = 5"),
            changed("", ""),
            "fewer than 5 rows",
        ),
        (
            "policy.membership",
            policy(", \"may-change\"]", "]"),
            changed("[aggregation]", "[aggregation]\nmembership = \"may-change\""),
            "may-change",
        ),
    ];
    for (rule, policy, study, says) in cases {
        let denial = denied(policy, &request(&study));
        assert_eq!(denial.rule.to_string(), rule, "{denial}");
        let text = denial.to_string();
        assert!(text.starts_with(rule) && text.contains(says), "{text}");
    }
    let mut spent = request(&all);
    spent.opened = 60;
    assert_eq!(denied(policy("", ""), &spent).rule.to_string(), "policy.maximum-releases");
}

#[test]
fn unknown_names_are_denied_without_telling_what_else_there_is() {
    let with = |from: &str, to: &str, policy: Policy| {
        let study = study(from, to);
        denied(policy, &request(&study))
    };
    let column = with("\"age\"]", "\"weight\"]", policy("\"age\"", "\"weight\""));
    assert_eq!(column.rule.to_string(), "catalog.columns");
    let table = with("\"heart\"", "\"lung\"", policy("\"heart\"", "\"lung\""));
    assert_eq!(table.rule.to_string(), "catalog.dataset");
    for denial in [&column, &table] {
        let text = denial.to_string();
        assert!(!text.contains("note") && !text.contains("va.csv"), "{text}");
    }
    let detail = column.source().unwrap().to_string();
    assert!(detail.contains("\"note\""), "the site's own people see which exist: {detail}");
    let refusal = Refusal::from(table);
    assert_eq!(refusal.check, Check::S2);
    assert!(refusal.reason.starts_with("catalog.dataset: "), "{refusal}");
}

#[test]
fn a_steward_is_asked_and_the_approval_is_for_one_study() {
    let (_folder, gate) = gate(policy("\"approve\"", "\"ask\""));
    let (one, other) = (study("", ""), study("\"n\"", "\"m\""));
    let Ok(Decision::Ask { why }) = gate.decide(&request(&one)) else { panic!() };
    assert!(why.contains("on_match = \"ask\""), "{why}");
    let approval = Approval { steward: "Grace".into(), study: one.digest() };
    let approved = Request { approval: Some(approval.clone()), ..request(&one) };
    assert!(matches!(gate.decide(&approved), Ok(Decision::Approved(_))));
    let misused = Request { approval: Some(approval), ..request(&other) };
    assert_eq!(gate.decide(&misused).unwrap_err().rule.to_string(), "approval.study");
}

#[test]
fn a_steward_is_not_asked_about_what_cannot_work() {
    let policy = Policy::parse(&POLICY.replace("\"approve\"", "\"ask\"").replace("age", "weight"));
    let study = study("\"age\"]", "\"weight\"]");
    let denial = denied(policy.unwrap(), &request(&study));
    assert_eq!(denial.rule.to_string(), "catalog.columns");
}

#[test]
fn a_view_is_never_empty_whatever_the_permit_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, "y,age\n1,\n,2\n").unwrap();
    let (catalog, authority) = Catalog::new("va", [Source { name: "heart".into(), path }]).unwrap();
    let study = study("\"mean radius\", ", "");
    let terms = Terms {
        study: study.digest(),
        data: study.manifest().data.clone().unwrap(),
        purpose: "research".into(),
        releases: 10,
        minimum_rows: 0,
        expires: NOW + 1,
    };
    let permit = authority.permit(&catalog, terms).unwrap();
    let gate = Gate::new(catalog, authority, Policy::laboratory());
    let error = gate.open(&permit, NOW).unwrap_err().to_string();
    assert!(error.contains("fewer than 1 complete rows"), "{error}");
}

#[test]
fn changing_membership_is_never_approved_without_a_steward() {
    let (_folder, gate) = gate(policy("", ""));
    let study = study("[aggregation]", "[aggregation]\nmembership = \"may-change\"");
    let Ok(Decision::Ask { why }) = gate.decide(&request(&study)) else { panic!() };
    assert!(why.contains("differencing is not prevented"), "{why}");
}

#[test]
fn an_approval_does_not_overrule_a_rule() {
    let study = study("\"research\"", "\"marketing\"");
    let approval = Approval { steward: "Grace".into(), study: study.digest() };
    let request = Request { approval: Some(approval), ..request(&study) };
    assert_eq!(denied(policy("", ""), &request).rule.to_string(), "policy.purpose");
}

#[test]
fn a_permit_ends_with_the_rule_or_after_a_day() {
    let (_folder, gate) = gate(policy("2030-01-01", "2023-11-14T22:14:00Z"));
    let study = study("", "");
    let permit = permit(&gate, &request(&study));
    assert_eq!(permit.expires(), 1_700_000_040);
    assert!(gate.open(&permit, NOW + 39).is_ok());
    let error = gate.open(&permit, NOW + 40).unwrap_err().to_string();
    assert!(error.contains("expired at 1700000040"), "{error}");
}

#[test]
fn missing_values_and_too_few_rows() {
    let error = open(policy("", ""), &study("drop-row", "error")).unwrap_err().to_string();
    assert!(error.contains("va.csv, line 3, column \"age\": the value is missing"), "{error}");
    let three = policy("minimum_rows = 3", "minimum_rows = 4");
    let error = open(three, &study("", "")).unwrap_err().to_string();
    assert!(error.contains("fewer than 4 complete rows"), "{error}");
    let error = open(Policy::laboratory(), &study("\"age\"]", "\"note\"]"));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("va.csv, line 2, column \"note\": not a finite number"), "{error}");
}

#[test]
fn a_laboratory_allows_everything_and_says_so() {
    let text = Policy::laboratory().to_string();
    assert!(text.contains("any purpose") && text.contains("never for a site"), "{text}");
    let study = study("\"research\"", "\"anything\"");
    let view = open(Policy::laboratory(), &study).unwrap();
    assert_eq!(view.rows(), 3);
    let shown = format!("{view:?}");
    assert!(shown.contains("(3, 2)") && !shown.contains("63.0"), "{shown}");
}

#[test]
fn a_study_without_data_needs_a_rule_too() {
    let text = "name = \"n\"\npurpose = \"p\"\n[analysis]\nkind = \"vector\"\nlength = 3\n";
    let study = Study::parse(text).unwrap();
    let denial = denied(policy("", ""), &request(&study));
    assert_eq!(denial.rule.to_string(), "policy.without-data");
    for policy in [Policy::parse("without_data = [\"vector\"]").unwrap(), Policy::laboratory()] {
        let (_folder, gate) = gate(policy);
        assert!(matches!(gate.decide(&request(&study)), Ok(Decision::NoData)));
    }
}

#[test]
fn an_empty_policy_allows_nothing() {
    let study = study("", "");
    let denial = denied(Policy::parse("").unwrap(), &request(&study));
    assert_eq!(denial.rule.to_string(), "policy.dataset");
}
