//! The steward's words: they take effect at once, and outlive the process.

use ripieno_access::{Facts, Gate, Grant, Grantee, Grants, Policies, Policy};
use ripieno_client_engine::StudyStanding;
use ripieno_secagg::round::outcome::Vote;
use ripieno_study::{Check, Culprit, Digest, Study};
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, START, Settings, TestSite};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::{assert_refused, assert_silent, is_proposal, next_contract, next_published};

const ASK: &str = "[[dataset]]\nname = \"made\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                   analyses = \"all\"\nroles = \"all\"\non_match = \"ask\"\n";

/// Site 2 is asked, and its steward with it.
fn pending(text: &str) -> (Federation, Digest) {
    let mut federation = Federation::new(&Settings::new(4, 1).policy(ASK));
    let study = offer(&mut federation, text).0;
    (federation, study)
}

fn offer(federation: &mut Federation, text: &str) -> (Digest, StudyVerdict) {
    let submission = federation.submission(text);
    let study = submission.study;
    let offer = ToSite::Study(StudyOffer { text: text.into(), submission });
    match federation.tell(site(2), offer).as_slice() {
        [FromSite::StudyAnswer(answer)] => (study, answer.verdict.clone()),
        other => panic!("{other:?}"),
    }
}

fn here(federation: &mut Federation) -> &mut TestSite {
    federation.sites.get_mut(&site(2)).unwrap()
}

fn standing(federation: &mut Federation, study: &Digest) -> String {
    let known = here(federation).studies().find(|known| known.study.digest() == *study);
    format!("{:?}", known.expect("it is known").standing)
}

/// A study of all sites, with the steward's yes at each of them.
fn running(text: &str) -> (Federation, Digest) {
    let mut federation = Federation::new(&Settings::new(4, 1).policy(ASK));
    let study = federation.begin(text);
    federation.pass_time_until(std::time::Duration::from_secs(1));
    let sites: Vec<_> = federation.sites.keys().copied().collect();
    for index in sites {
        let party = federation.sites.get_mut(&index).unwrap();
        let answer = party.approve(&study, "Grace", START + 1).expect("it is pending");
        federation.answer(index, answer);
    }
    (federation, study)
}

#[test]
fn what_waits_is_shown_also_after_a_restart() {
    let (mut federation, study) = pending(&glm(""));
    for restart in [false, true] {
        if restart {
            federation.restart(site(2));
        }
        let waiting: Vec<_> = here(&mut federation).pending().collect();
        let [one] = waiting.as_slice() else { panic!("{waiting:?}") };
        assert_eq!((one.study.digest(), one.since), (study, START));
        assert_eq!((&*one.researcher.name, &*one.researcher.role), ("Ada", "researcher"));
        assert_eq!(one.study.manifest().purpose, "research");
        assert!(!one.reason.is_empty());
        assert!(standing(&mut federation, &study).starts_with("Pending"));
        assert!(here(&mut federation).hello().rounds.is_empty());
    }
    let answer = here(&mut federation).approve(&study, "Grace", START + 5);
    assert!(
        matches!(answer, Some(FromSite::StudyAnswer(a)) if a.verdict == StudyVerdict::Approved)
    );
    federation.restart(site(2));
    assert_eq!(here(&mut federation).pending().count(), 0);
    assert_eq!(here(&mut federation).approve(&study, "Grace", START + 5), None);
    assert!(standing(&mut federation, &study).starts_with("Running { round: 1, at_most: "));
    assert_eq!(offer(&mut federation, &glm("")).1, StudyVerdict::Approved);
}

#[test]
fn a_study_that_the_steward_approved_runs_on_after_a_restart() {
    let (mut federation, study) = running(&glm(""));
    next_published(&mut federation, site(2));
    federation.restart(site(2));
    federation.lose(site(2), None);
    federation.attend(site(2));
    federation.run(&[study]);
    let result = federation.result(&study).unwrap().unwrap().digest();
    assert_eq!(here(&mut federation).report_digest(&study), Some(result));
}

/// Check S2: what a steward refused has no round.
#[test]
fn a_refusal_is_for_good() {
    let (mut federation, study) = pending(&glm(""));
    let unknown = Digest::from_bytes([7; 32]);
    assert_eq!(here(&mut federation).refuse(&unknown, "Grace", "no", START), None);
    let answer = here(&mut federation).refuse(&study, "Grace", "not this year", START + 1);
    let refused = StudyVerdict::Refused { rule: "steward".into(), reason: "not this year".into() };
    assert!(matches!(answer, Some(FromSite::StudyAnswer(a)) if a.verdict == refused));
    for restart in [false, true] {
        if restart {
            federation.restart(site(2));
        }
        assert_eq!(here(&mut federation).pending().count(), 0);
        assert_eq!(offer(&mut federation, &glm("")).1, refused);
        assert_eq!(here(&mut federation).approve(&study, "Grace", START), None);
        assert_eq!(here(&mut federation).refuse(&study, "Grace", "again", START), None);
        let known = standing(&mut federation, &study);
        assert_eq!(known, "Refused { rule: \"steward\", reason: \"not this year\" }");
    }
    let by_grace = |entry: &&String| entry.contains("steward=\"Grace\"");
    assert_eq!(federation.log(site(2)).iter().filter(by_grace).count(), 1);
    assert!(federation.sites[&site(2)].gate().catalog().reads().is_empty());
}

/// Each would be offered anew, and asked for anew, if it were forgotten.
#[test]
fn a_site_that_remembers_as_many_refusals_as_it_can_is_asked_no_more() {
    let mut federation = Federation::new(&Settings::new(4, 1).policy(ASK));
    let text = |number| glm("").replace("\"research\"", &format!("\"research {number}\""));
    for number in 0..512 {
        let (study, verdict) = offer(&mut federation, &text(number));
        assert!(matches!(verdict, StudyVerdict::Pending { .. }), "{number}: {verdict:?}");
        here(&mut federation).refuse(&study, "Grace", "no", START);
    }
    let (_, verdict) = offer(&mut federation, &text(512));
    assert!(
        matches!(&verdict, StudyVerdict::Refused { rule, .. } if rule == "site.capacity"),
        "{verdict:?}"
    );
    let (_, verdict) = offer(&mut federation, &text(0));
    assert!(matches!(&verdict, StudyVerdict::Refused { rule, .. } if rule == "steward"));
}

#[test]
fn a_decision_that_cannot_be_kept_is_none() {
    for writes in 0..2 {
        for approve in [true, false] {
            let (mut federation, study) = pending(&glm(""));
            let shelf = federation.tapes[&site(2)].shelf.clone();
            shelf.fail_after(shelf.writes() + writes);
            let steward = here(&mut federation);
            let answer = match approve {
                true => steward.approve(&study, "Grace", START),
                false => steward.refuse(&study, "Grace", "no", START),
            };
            let Some(FromSite::Refused { refusal, .. }) = answer else { panic!("{answer:?}") };
            assert_eq!((refusal.check, refusal.culprit), (Check::S8, Culprit::Own));
            // The process ends between the decision's record and that of the waiting study: the
            // decision counts. It ends before: the study still waits.
            shelf.fail_after(usize::MAX);
            federation.restart(site(2));
            assert_eq!(here(&mut federation).pending().count(), 1 - writes);
            let known = standing(&mut federation, &study);
            let expected = match (writes, approve) {
                (0, _) => "Pending",
                (_, true) => "Running",
                (_, false) => "Refused",
            };
            assert!(known.starts_with(expected), "{known}");
            assert_eq!(shelf.saved().len(), 1, "one record, of the study");
        }
    }
}

#[test]
fn a_study_that_was_withdrawn_has_no_further_round() {
    let (mut federation, study) = running(&glm(""));
    let contract = next_contract(&mut federation, site(2));
    assert_eq!(here(&mut federation).withdraw(&study, "Grace", "a complaint", START + 2).len(), 1);
    assert!(here(&mut federation).withdraw(&study, "Grace", "again", START + 2).is_empty());
    assert!(here(&mut federation).hello().rounds.is_empty());
    let lie = ToSite::Contract(contract);
    let refusal = assert_refused(&mut federation, site(2), lie, Check::S2, Culprit::Own);
    assert_eq!(refusal.reason, "steward.withdrawn: a complaint");
    federation.restart(site(2));
    let withdrawn =
        StudyVerdict::Refused { rule: "steward.withdrawn".into(), reason: "a complaint".into() };
    assert_eq!(offer(&mut federation, &glm("")).1, withdrawn);
    assert!(here(&mut federation).hello().rounds.is_empty());
}

#[test]
fn a_slot_of_a_withdrawn_study_is_void_here_or_its_sum_is_none_of_its_business() {
    // Uploaded, and not signed yet: VOID.
    let (mut federation, study) = running(&glm(""));
    let ToSite::Propose(proposal) = federation.intercept(site(2), is_proposal) else { panic!() };
    let said = here(&mut federation).withdraw(&study, "Grace", "a complaint", START + 2);
    let [FromSite::Refused { id: None, refusal, .. }, FromSite::Ballot(ballot)] = said.as_slice()
    else {
        panic!("{said:?}");
    };
    assert_eq!(refusal.reason, "steward.withdrawn: a complaint");
    assert_eq!((ballot.vote, ballot.id.slot), (Vote::Void, proposal.contract.contract.slot));
    // Signed: the sum is opened, and the ledger hears of it.
    let (mut federation, study) = running(&glm(""));
    let published = next_published(&mut federation, site(2));
    let said = here(&mut federation).withdraw(&study, "Grace", "a complaint", START + 2);
    assert!(matches!(said.as_slice(), [FromSite::Refused { .. }]), "{said:?}");
    assert_silent(&mut federation, site(2), ToSite::Published(published));
    assert_eq!(here(&mut federation).unresolved().count(), 0);
    let known: Vec<_> = here(&mut federation).studies().map(|known| known.opened).collect();
    assert_eq!(known, [1]);
}

#[test]
fn a_new_policy_judges_the_studies_that_run() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&glm(""));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    let strict = Policy::parse(
        &ASK.replace("\"ask\"", "\"approve\"")
            .replace("purposes = \"all\"", "purposes = [\"quality\"]"),
    );
    let gate = federation.gate(site(2), strict.unwrap());
    here(&mut federation).set_gate(gate);
    let before = federation.sites[&site(2)].gate().catalog().reads().len();
    let lie = contract.clone();
    let refusal = assert_refused(&mut federation, site(2), lie, Check::S2, Culprit::Own);
    assert!(refusal.reason.starts_with("policy.purpose"), "{refusal}");
    assert_eq!(federation.sites[&site(2)].gate().catalog().reads().len(), before);
    assert!(standing(&mut federation, &study).starts_with("Refused { rule: \"policy.purpose\""));
    // A policy that asks has no steward's yes to show.
    let gate = federation.gate(site(2), Policy::parse(ASK).unwrap());
    here(&mut federation).set_gate(gate);
    let lie = contract.clone();
    let refusal = assert_refused(&mut federation, site(2), lie, Check::S2, Culprit::Own);
    assert!(refusal.reason.starts_with("approval.study"), "{refusal}");
    // And back: the study goes on.
    let gate = federation.gate(site(2), Policy::laboratory());
    here(&mut federation).set_gate(gate);
    let answers = federation.tell(site(2), contract);
    assert!(matches!(answers.last(), Some(FromSite::Trailer { .. })), "{answers:?}");
    assert!(standing(&mut federation, &study).starts_with("Running"));
}

/// A gate to the second site's table, owned by Grace, with or without her grant to researchers.
fn owned(federation: &Federation, granted: bool) -> Gate {
    let policy = Policy::parse(
        &ASK.replace("on_match", "owner = \"Grace\"\nunclassified = \"allow\"\non_match"),
    )
    .unwrap();
    let mut grants = Grants::default();
    let grant = Grant {
        number: 0,
        owner: "Grace".into(),
        dataset: "made".into(),
        column: None,
        to: Grantee::Role("researcher".into()),
        since: START,
        expires: None,
    };
    if granted {
        grants.give(grant).unwrap();
    }
    let policies = Policies::baseline().unwrap().with_grants(grants);
    federation.gate(site(2), policy).with_policies(policies, Facts::default())
}

#[test]
fn a_grant_taken_back_in_mid_round_stops_the_study_before_its_next_message() {
    let (mut federation, study) = running(&glm(""));
    let gate = owned(&federation, true);
    here(&mut federation).set_gate(gate);
    assert!(here(&mut federation).recheck(START + 2).is_empty());
    let ToSite::Propose(proposal) = federation.intercept(site(2), is_proposal) else { panic!() };
    // Uploaded, and not signed yet.
    let gate = owned(&federation, false);
    here(&mut federation).set_gate(gate);
    let said = here(&mut federation).recheck(START + 2);
    let [FromSite::Refused { id: None, refusal, .. }, FromSite::Ballot(ballot)] = said.as_slice()
    else {
        panic!("{said:?}");
    };
    assert!(refusal.reason.starts_with("owner.grant: "), "{refusal}");
    assert_eq!((ballot.vote, ballot.id.slot), (Vote::Void, proposal.contract.contract.slot));
    let known = standing(&mut federation, &study);
    assert!(known.starts_with("Refused { rule: \"owner.grant\""), "{known}");
}

#[test]
fn a_grant_is_asked_for_at_each_contract() {
    let (mut federation, study) = running(&glm(""));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    let before = federation.sites[&site(2)].gate().catalog().reads().len();
    for granted in [false, true] {
        let gate = owned(&federation, granted);
        here(&mut federation).set_gate(gate);
        if granted {
            let answers = federation.tell(site(2), contract.clone());
            assert!(matches!(answers.last(), Some(FromSite::Trailer { .. })), "{answers:?}");
            assert!(standing(&mut federation, &study).starts_with("Running"));
        } else {
            let lie = contract.clone();
            let refusal = assert_refused(&mut federation, site(2), lie, Check::S2, Culprit::Own);
            assert!(refusal.reason.starts_with("owner.grant: "), "{refusal}");
            let reads = federation.sites[&site(2)].gate().catalog().reads().len();
            assert!(reads <= before, "a refusal reads nothing");
        }
    }
}

#[test]
fn studies_are_listed_with_how_they_stand() {
    let mut federation = Federation::new(&Settings::new(4, 1).policy(ASK));
    let refused = offer(&mut federation, &vector(8, 1, ""));
    assert!(matches!(refused.1, StudyVerdict::Refused { .. }), "the policy has no such study");
    let waits = offer(&mut federation, &glm(""));
    let parsed = Study::parse(&glm("")).unwrap();
    federation.restart(site(2));
    let known: Vec<_> = here(&mut federation).studies().collect();
    assert_eq!(known.len(), 2);
    assert!(known.iter().any(|one| one.study == &parsed && one.study.digest() == waits.0));
    assert!(known.iter().any(|one| {
        one.study.digest() == refused.0
            && matches!(one.standing, StudyStanding::Refused { rule: "policy.without-data", .. })
    }));
}

#[test]
fn so_many_studies_are_remembered_and_what_the_steward_said_before_all() {
    let (mut federation, study) = pending(&glm(""));
    here(&mut federation).refuse(&study, "Grace", "no", START);
    for length in 1..=520 {
        let (_, verdict) = offer(&mut federation, &vector(length, 1, ""));
        assert!(matches!(verdict, StudyVerdict::Refused { rule, .. } if rule != "site.capacity"));
    }
    assert_eq!(here(&mut federation).studies().count(), 512);
    assert_eq!(federation.tapes[&site(2)].shelf.saved().len(), 512);
    federation.restart(site(2));
    assert_eq!(here(&mut federation).studies().count(), 512);
    assert!(standing(&mut federation, &study).starts_with("Refused { rule: \"steward\""));
}

/// The coordinator's word that a study ended does not take the steward's no away.
#[test]
fn a_no_to_a_study_that_has_just_ended_is_for_good() {
    for withdrawn in [true, false] {
        let (mut federation, study) = running(&glm(""));
        let ended = ToSite::Ended { study, reason: "a hint".into() };
        assert_silent(&mut federation, site(2), ended.clone());
        let steward = here(&mut federation);
        if withdrawn {
            let answers = steward.withdraw(&study, "Grace", "no", START + 2);
            assert!(matches!(answers.as_slice(), [FromSite::Refused { .. }]), "{answers:?}");
        } else {
            let answer = steward.refuse(&study, "Grace", "no", START + 2).expect("it is known");
            assert!(matches!(answer, FromSite::StudyAnswer(_)), "{answer:?}");
        }
        for _ in 0..2 {
            let (_, verdict) = offer(&mut federation, &glm(""));
            assert!(matches!(verdict, StudyVerdict::Refused { .. }), "{verdict}");
            assert_silent(&mut federation, site(2), ended.clone());
            federation.restart(site(2));
        }
        assert!(here(&mut federation).withdraw(&study, "Grace", "no", START + 3).is_empty());
    }
}

const APPROVE: &str = "[[dataset]]\nname = \"made\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                       analyses = \"all\"\nroles = \"all\"\non_match = \"approve\"\n";

/// A study of the sites 1 to 4; then the fifth is there as well.
fn first_of_four(federation: &mut Federation) {
    (1..=4).for_each(|number| federation.attend(site(number)));
    let first = federation.submit(&glm("minimum_sites = 4"));
    federation.run(&[first]);
    assert!(federation.result(&first).is_some_and(|result| result.is_ok()));
    federation.attend(site(5));
}

/// A federation in which the site 5 was away for one study, and is there for the next one over the
/// same tables: site 2 has got the contract of that.
fn another_set() -> (Federation, Digest, ToSite) {
    let mut federation = Federation::new(&Settings::new(5, 1).policy(APPROVE));
    first_of_four(&mut federation);
    let study = federation.submit(&glm("minimum_sites = 5"));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    (federation, study, contract)
}

/// Check S8: the difference of two sums belongs to few sites, so a person looks at it.
#[test]
fn a_study_over_another_set_of_sites_waits_for_the_steward_that_the_policy_did_not_ask_for() {
    let (mut federation, study, contract) = another_set();
    let reads = federation.tapes[&site(2)].ledger.len();
    let refusal =
        assert_refused(&mut federation, site(2), contract.clone(), Check::S8, Culprit::Own);
    assert!(refusal.reason.contains("another set of sites"), "{refusal}");
    assert_eq!(federation.tapes[&site(2)].ledger.len(), reads, "nothing was entered");
    for restart in [false, true] {
        if restart {
            federation.restart(site(2));
        }
        let waiting: Vec<_> = here(&mut federation).pending().collect();
        let [one] = waiting.as_slice() else { panic!("{waiting:?}") };
        assert_eq!(one.study.digest(), study);
        assert!(one.reason.contains("rule S8"), "{}", one.reason);
        assert!(standing(&mut federation, &study).starts_with("Pending"));
    }
    // An offer changes nothing, and neither does the next contract.
    let (_, verdict) = offer(&mut federation, &glm("minimum_sites = 5"));
    assert!(matches!(verdict, StudyVerdict::Pending { .. }), "{verdict}");
    let answer = here(&mut federation).approve(&study, "Grace", START + 1);
    assert!(
        matches!(answer, Some(FromSite::StudyAnswer(a)) if a.verdict == StudyVerdict::Approved)
    );
    assert!(standing(&mut federation, &study).starts_with("Running"));
    federation.restart(site(2));
    assert!(standing(&mut federation, &study).starts_with("Running"), "it is remembered");
}

#[test]
fn a_steward_may_refuse_what_the_policy_approved_and_the_ledger_did_not() {
    let (mut federation, study, contract) = another_set();
    assert_refused(&mut federation, site(2), contract.clone(), Check::S8, Culprit::Own);
    let answer = here(&mut federation).refuse(&study, "Grace", "too close", START + 1);
    let Some(FromSite::StudyAnswer(answer)) = answer else { panic!("{answer:?}") };
    assert!(matches!(answer.verdict, StudyVerdict::Refused { rule, .. } if rule == "steward"));
    assert_refused(&mut federation, site(2), contract, Check::S2, Culprit::Own);
}

/// The rounds begin when enough stewards have said yes.
#[test]
fn a_study_goes_on_when_the_stewards_of_all_sites_have_approved_another_set() {
    let mut federation = Federation::new(&Settings::new(5, 1).policy(APPROVE));
    first_of_four(&mut federation);
    let study = federation.submit(&glm("minimum_sites = 5"));
    let asked = |federation: &Federation| {
        federation.sites.values().filter(|party| party.pending().count() == 1).count()
    };
    while asked(&federation) < 4 {
        assert!(federation.step(&[study]), "the sites that were in the first study ask");
    }
    let sites: Vec<_> = federation.sites.keys().copied().collect();
    for index in sites {
        let now = federation.network.unix();
        let party = federation.sites.get_mut(&index).unwrap();
        if let Some(answer) = party.approve(&study, "Grace", now) {
            federation.answer(index, answer);
        }
    }
    federation.run(&[study]);
    assert!(federation.result(&study).is_some_and(|result| result.is_ok()));
}
