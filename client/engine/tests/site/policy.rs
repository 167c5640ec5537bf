//! A site's own policy decides, and the steward where it says so.

use std::time::Duration;

use ripieno_study::{Check, Culprit, Study};
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::site;
use crate::common::studies::glm;
use crate::lies::{assert_refused, next_contract};

const POLICY: &str = r#"
[[dataset]]
name = "made"
columns = ["x1", "x2", "y"]
purposes = ["research"]
analyses = ["glm"]
roles = ["researcher"]
membership = ["fixed", "may-change"]
minimum_sites = 4
minimum_rows = 10
maximum_releases = 60
on_match = "approve"
expires = 2023-11-15T22:00:00Z
"#;

/// POLICY with one line changed.
fn federation(from: &str, to: &str) -> Federation {
    assert!(POLICY.contains(from), "{from}");
    Federation::new(&Settings::new(4, 1).policy(&POLICY.replace(from, to)))
}

fn offer(federation: &Federation, text: &str) -> ToSite {
    let submission = federation.submission(text);
    ToSite::Study(StudyOffer { text: text.into(), submission })
}

fn answer(federation: &mut Federation, text: &str) -> StudyVerdict {
    let offer = offer(federation, text);
    match federation.tell(site(2), offer).as_slice() {
        [FromSite::StudyAnswer(answer)] => answer.verdict.clone(),
        other => panic!("{other:?}"),
    }
}

fn study() -> String {
    glm("minimum_sites = 4")
}

#[test]
fn what_the_rules_allow_is_approved() {
    let mut federation = federation("", "");
    assert_eq!(answer(&mut federation, &study()), StudyVerdict::Approved);
}

/// Check S2, before a study has begun: the verdict names the rule of the policy.
#[test]
fn each_refusal_names_its_rule_and_reads_nothing() {
    let thirty = study().replace("family", "max_iterations = 30\nfamily");
    let cases = [
        ("policy.purpose", "", "", study().replace("research", "marketing")),
        ("policy.columns", "\"x2\", ", "", study()),
        ("policy.columns", "", "", study().replace("\"x2\"", "\"id\"")),
        ("policy.minimum-sites", "", "", glm("")),
        ("policy.maximum-releases", "", "", thirty),
        ("policy.role", "[\"researcher\"]", "[\"nurse\"]", study()),
        ("policy.analysis", "[\"glm\"]", "[\"fedavg\"]", study()),
        ("policy.expires", "2023-11-15", "2023-11-13", study()),
        ("policy.minimum-rows", "minimum_rows = 10", "minimum_rows = 1000", study()),
        ("policy.dataset", "\"made\"", "\"other\"", study()),
    ];
    for (expected, from, to, text) in cases {
        let mut federation = federation(from, to);
        let verdict = answer(&mut federation, &text);
        let StudyVerdict::Refused { rule, .. } = &verdict else { panic!("{expected}: {verdict}") };
        assert_eq!(rule, expected);
        assert!(federation.sites[&site(2)].gate().catalog().reads().is_empty(), "{expected}");
        let last = federation.log(site(2)).pop().unwrap();
        assert!(last.contains(&format!("rule={expected:?}")), "{last}");
    }
}

/// What a steward reads, and what the policy judges, is what the researcher signed.
#[test]
fn a_text_that_was_not_submitted_is_refused() {
    let mut federation = federation("", "");
    let submission = federation.submission(&study());
    let text = study().replace("made up", "made otherwise");
    let answers = federation.tell(site(2), ToSite::Study(StudyOffer { text, submission }));
    let [FromSite::StudyAnswer(answer)] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(
        matches!(&answer.verdict, StudyVerdict::Refused { rule, .. } if rule == "study.digest"),
        "{answer:?}"
    );
}

#[test]
fn a_pending_study_waits_for_its_steward() {
    let mut federation = federation("\"approve\"", "\"ask\"");
    let (text, now) = (study(), federation.network.unix());
    let digest = Study::parse(&text).unwrap().digest();
    let other = Study::parse(&glm("minimum_sites = 4\ncorrupt = 1")).unwrap().digest();
    let verdict = answer(&mut federation, &text);
    assert!(matches!(verdict, StudyVerdict::Pending { .. }), "{verdict}");
    let steward = federation.sites.get_mut(&site(2)).unwrap();
    assert!(steward.gate().catalog().reads().is_empty());
    assert!(steward.hello().rounds.is_empty());
    assert_eq!(steward.approve(&other, "Grace", now), None, "nothing else is pending");
    let Some(FromSite::StudyAnswer(answer)) = steward.approve(&digest, "Grace", now) else {
        panic!("the study is pending");
    };
    assert_eq!((answer.study, answer.verdict), (digest, StudyVerdict::Approved));
    assert_eq!(steward.approve(&digest, "Grace", now), None, "it is decided");
    let by_grace = |entry: &String| entry.starts_with("decision steward=\"Grace\"");
    assert_eq!(federation.log(site(2)).into_iter().filter(by_grace).count(), 1);
}

#[test]
fn changing_membership_is_always_shown_to_the_steward() {
    let mut federation = federation("", "");
    let text = glm("minimum_sites = 4\nmembership = \"may-change\"");
    let StudyVerdict::Pending { reason } = answer(&mut federation, &text) else { panic!() };
    assert!(reason.contains("differencing is not prevented"), "{reason}");
}

#[test]
fn a_stewards_approval_does_not_overrule_what_has_changed_since() {
    let mut federation = federation("\"approve\"", "\"ask\"");
    let text = study();
    let digest = Study::parse(&text).unwrap().digest();
    answer(&mut federation, &text);
    let later = federation.network.unix() + 48 * 3600;
    let steward = federation.sites.get_mut(&site(2)).unwrap();
    let Some(FromSite::StudyAnswer(answer)) = steward.approve(&digest, "Grace", later) else {
        panic!("the study is pending");
    };
    assert!(
        matches!(answer.verdict, StudyVerdict::Refused { rule, .. } if rule == "policy.expires")
    );
}

#[test]
fn a_permit_that_ends_in_the_middle_of_a_study_is_asked_for_again() {
    // The policy's rule ends a little before the second day is over.
    let mut federation = federation("", "");
    federation.begin(&study());
    let first = next_contract(&mut federation, site(2));
    federation.deliver(site(2), ToSite::Contract(first));
    let second = ToSite::Contract(next_contract(&mut federation, site(2)));
    federation.network.now += Duration::from_secs(24 * 3600);
    let refusal = assert_refused(&mut federation, site(2), second, Check::S2, Culprit::Own);
    assert!(refusal.reason.contains("policy.expires"), "{refusal}");
}

#[test]
fn a_permit_is_renewed_while_the_policy_allows_it() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&study());
    let first = next_contract(&mut federation, site(2));
    federation.deliver(site(2), ToSite::Contract(first));
    let second = ToSite::Contract(next_contract(&mut federation, site(2)));
    federation.network.now += Duration::from_secs(25 * 3600);
    let answers = federation.tell(site(2), second);
    assert!(matches!(answers.last(), Some(FromSite::Trailer { .. })), "{answers:?}");
    let reads = |entry: &&String| entry.starts_with("data-read");
    assert_eq!(federation.log(site(2)).iter().filter(reads).count(), 2);
}
