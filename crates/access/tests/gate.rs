//! The gate: what it denies, by which rule; what it opens, and what was read for it.

use std::error::Error as _;
use std::fs;

use ripieno_access::plan::OptOutList;
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
    let requester =
        Requester { name: "Ada".into(), role: "researcher".into(), ..Requester::default() };
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
        also: Vec::new(),
        plan: None,
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

/// A table of six people, of whom one did not agree, one is on the list, and one came too early.
const PEOPLE: &str = "id,y,age,diag,consent,seen\n\
    1,1,93,I21.4,yes,2020-03-01\n2,0,61,E11.9,no,2020-03-02\n3,1,44,I10,yes,2020-05-01\n\
    4,0,52,J45,yes,2020-06-01\n5,1,58,C50.9,yes,2019-01-01\n6,0,57,I50,yes,2020-07-01\n";

const VIEWED: &str = r#"
[[dataset]]
name = "heart"
columns = ["y", "age", "diag"]
purposes = "all"
analyses = "all"
roles = "all"
minimum_rows = 2
on_match = "approve"

[dataset.view]
consent = { column = "consent", values = ["yes"] }
opt-out = { column = "id", file = "opt-outs.txt" }
dates = { column = "seen", from = 2020-01-01 }

[dataset.view.columns]
age = [{ top = 89 }, { band = 10 }]
diag = ["icd-chapter"]
"#;

fn viewed(from: &str, to: &str, list: Option<&str>) -> (TempDir, Gate) {
    assert!(VIEWED.contains(from), "{from}");
    let mut policy = Policy::parse(&VIEWED.replace(from, to)).unwrap();
    assert_eq!(policy.opt_out_files(), ["opt-outs.txt"]);
    if let Some(list) = list {
        policy.set_opt_outs("opt-outs.txt", OptOutList::read(list).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, PEOPLE).unwrap();
    let source = Source { name: "heart".into(), path };
    let (catalog, authority) = Catalog::new("va", [source]).unwrap();
    (folder, Gate::new(catalog, authority, policy))
}

fn people() -> Study {
    study("[\"mean radius\", \"age\"]", "[\"age\", \"diag\"]")
}

#[test]
fn a_view_has_the_rows_and_values_that_the_policy_lets_through() {
    let (_folder, gate) = viewed("", "", Some("4\n"));
    let study = people();
    let permit = permit(&gate, &request(&study));
    assert!(permit.plan().is_some() && permit.content() != permit.fingerprint());
    let view = gate.open(&permit, NOW).unwrap();
    assert_eq!(view.features(), ndarray::array![[80.0, 9.0], [40.0, 9.0], [50.0, 9.0]]);
    assert_eq!(view.outcome().to_vec(), [1.0, 1.0, 0.0]);
    assert_eq!(view.outcome_place(1).line, 4);
    let counts = view.counts();
    assert_eq!((counts.read, counts.filtered, counts.incomplete, counts.rows), (6, 3, 0, 3));
    let reads: Vec<_> = gate.catalog().reads().iter().map(|r| r.column.to_string()).collect();
    assert_eq!(reads, ["age", "consent", "diag", "id", "seen", "y"]);

    let preview = gate.preview(&request(&study)).unwrap().unwrap();
    assert_eq!(&preview.counts, counts);
    assert_eq!(preview.plan, gate.plan(study.manifest().data.as_ref().unwrap()).unwrap());
}

#[test]
fn a_list_that_was_not_read_refuses_and_a_longer_one_is_another_view() {
    let study = people();
    let (_folder, gate) = viewed("", "", None);
    let denial = gate.decide(&request(&study)).unwrap_err();
    assert_eq!(denial.rule.to_string(), "policy.view");
    assert!(denial.to_string().contains("was not read"), "{denial}");
    let content = |list| {
        let (_folder, gate) = viewed("", "", Some(list));
        permit(&gate, &request(&study)).content()
    };
    assert_eq!(content("4\n"), content("\n# a note\n4"));
    assert_ne!(content("4\n"), content("4\n6\n"));
}

#[test]
fn views_that_cannot_be_carried_out_are_denied() {
    let study = people();
    for (from, to, words) in [
        ("[\"icd-chapter\"]", "[\"pseudonym\"]", "\"diag\" is shown as pseudonyms"),
        ("[\"icd-chapter\"]", "[\"pseudonym\", { round = 1 }]", "shown as pseudonyms"),
        ("[\"icd-chapter\"]", "[\"suppress\"]", "\"diag\" is shown as left out"),
        ("diag = [", "weight = [1]\ndiag = [", ""),
        ("diag = [", "weight = [\"year\"]\ndiag = [", "names a column that the table lacks"),
        ("column = \"consent\"", "column = \"agreed\"", "names a column that the table lacks"),
    ] {
        if words.is_empty() {
            assert!(Policy::parse(&VIEWED.replace(from, to)).is_err());
            continue;
        }
        let (_folder, gate) = viewed(from, to, Some(""));
        let denial = gate.decide(&request(&study)).unwrap_err();
        assert!(denial.to_string().contains(words), "{denial}");
        assert!(gate.catalog().reads().is_empty(), "a denial reads nothing");
    }
    // A column that the study does not see may be anything.
    let study = self::study("[\"mean radius\", \"age\"]", "[\"age\"]");
    let (_folder, gate) = viewed("[\"icd-chapter\"]", "[\"pseudonym\"]", Some(""));
    assert!(gate.decide(&request(&study)).is_ok());
}

#[test]
fn a_value_that_does_not_fit_is_named_by_its_place_alone() {
    let (_folder, gate) = viewed("[\"icd-chapter\"]", "[\"year\"]", Some(""));
    let study = people();
    let error = gate.open(&permit(&gate, &request(&study)), NOW).unwrap_err().to_string();
    assert!(error.contains("va.csv, line 2, column \"diag\": not a date"), "{error}");
    assert!(!error.contains("I21"), "{error}");
}

#[test]
fn a_table_in_which_people_stand_alone_is_made_coarser() {
    let anonymity = "[dataset.view.anonymity]\nk = 2\nsuppress = 0.4\n\
                     quasi = [{ column = \"age\", levels = [[{ band = 20 }], [\"suppress\"]] }]\n\
                     [dataset.view.columns]";
    let (_folder, gate) = viewed("[dataset.view.columns]", anonymity, Some(""));
    let study = people();
    let view = gate.open(&permit(&gate, &request(&study)), NOW).unwrap();
    // Decades 80, 40, 50, 50: with one of four out, decades leave two alone; of twenty years
    // (80, 40, 40, 40) only one.
    assert_eq!(view.features().column(0).to_vec(), [40.0, 40.0, 40.0]);
    let counts = view.counts();
    assert_eq!((counts.filtered, counts.rows), (2, 3));
    assert_eq!(counts.anonymous.as_ref().unwrap().levels, [1]);

    let (_folder, gate) =
        viewed("[dataset.view.columns]", &anonymity.replace("k = 2", "k = 5"), Some(""));
    let error = gate.open(&permit(&gate, &request(&study)), NOW).unwrap_err().to_string();
    assert!(error.contains("not even the coarsest levels"), "{error}");
}

#[test]
fn a_view_in_a_policy_is_checked_where_it_is_read() {
    let bad = |from: &str, to: &str, words: &str| {
        assert!(VIEWED.contains(from), "{from}");
        let error = Policy::parse(&VIEWED.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(words) && error.line > 10, "{error}");
    };
    bad("{ band = 10 }", "{ band = 0 }", "width of a band");
    bad("{ band = 10 }", "{ bucket = [3, 2] }", "rise");
    bad("{ band = 10 }", "\"banding\"", "banding");
    bad("values = [\"yes\"]", "values = []", "nobody would have agreed");
    bad("from = 2020-01-01", "from = 2020-01-01, to = 2019-01-01", "ends before it begins");
    bad(", from = 2020-01-01", "", "from, to or both");
    bad("opt-out = ", "optout = ", "optout");
    let anonymity = |k: &str| format!("[dataset.view.anonymity]\n{k}\n[dataset.view.columns]");
    bad("[dataset.view.columns]", &anonymity("k = 1\nquasi = []"), "k is 1");
    bad("[dataset.view.columns]", &anonymity("k = 2\nquasi = []"), "1 to 16 columns");
    bad("[dataset.view.columns]", &anonymity("k = 2\nl = 2\nquasi = []"), "sensitive column");
}

#[test]
fn a_permit_for_another_plan_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, PEOPLE).unwrap();
    let (catalog, authority) = Catalog::new("va", [Source { name: "heart".into(), path }]).unwrap();
    let study = people();
    let terms = Terms {
        study: study.digest(),
        data: study.manifest().data.clone().unwrap(),
        purpose: "research".into(),
        releases: 10,
        minimum_rows: 1,
        expires: NOW + 1,
        also: Vec::new(),
        plan: Some(study.digest()),
    };
    let permit = authority.permit(&catalog, terms).unwrap();
    let gate = Gate::new(catalog, authority, Policy::laboratory());
    assert!(matches!(gate.open(&permit, NOW), Err(ViewError::OtherPlan)));
    assert!(gate.catalog().reads().is_empty(), "nothing was read");
}
