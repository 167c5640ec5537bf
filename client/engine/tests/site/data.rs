//! What a study reads of a site's tables, and that it is what was registered.

use std::fs;
use std::time::Duration;

use ripieno_audit::Kind;
use ripieno_study::{Check, Culprit, Study};
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::log::entries;
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::{assert_refused, next_contract};

/// Data set, column, openings of all that was read at site 2.
fn reads(federation: &Federation) -> Vec<(String, u64)> {
    let reads = federation.sites[&site(2)].gate().catalog().reads();
    reads.iter().map(|read| (read.column.to_string(), read.opened)).collect()
}

fn verdict(answers: &[FromSite]) -> &StudyVerdict {
    match answers {
        [FromSite::StudyAnswer(answer)] => &answer.verdict,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_permitted_columns_are_read_and_once() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    let once = |column: &str| (column.to_owned(), 1);
    assert_eq!(reads(&federation), ["x1", "x2", "y"].map(once), "and not the column id");
    let log = entries(&federation.sites[&site(2)]);
    let read: Vec<_> = log.iter().filter(|entry| entry.kind == Kind::DataRead).collect();
    let [read] = read.as_slice() else { panic!("{read:?}") };
    let names: Vec<_> = read.fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["columns", "data-set", "lineage", "study"]);
    assert_eq!((&*read.fields["columns"], &*read.fields["data-set"]), ("y, x1, x2", "made"));
    assert_eq!(read.fields["study"], study.to_string());
}

#[test]
fn a_study_of_made_up_vectors_reads_nothing() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(8, 1, ""));
    federation.run(&[study]);
    assert_eq!(reads(&federation), []);
}

#[test]
fn a_file_that_changed_between_the_offer_and_the_stewards_yes_is_not_used() {
    let policy = "[[dataset]]\nname = \"made\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                  analyses = \"all\"\nroles = \"all\"\non_match = \"ask\"\n";
    let mut federation = Federation::new(&Settings::new(4, 1).policy(policy));
    let text = glm("");
    let submission = federation.submission(&text);
    let offer = ToSite::Study(StudyOffer { text: text.clone(), submission });
    let answers = federation.tell(site(2), offer);
    assert!(matches!(verdict(&answers), StudyVerdict::Pending { .. }));
    let table = federation.table(site(2));
    let rows = fs::read_to_string(&table).unwrap();
    fs::write(&table, rows.replacen("0,", "1,", 1)).unwrap();
    let (digest, now) = (Study::parse(&text).unwrap().digest(), federation.network.unix());
    let steward = federation.sites.get_mut(&site(2)).unwrap();
    let answer = steward.approve(&digest, "Grace", now).unwrap();
    let StudyVerdict::Refused { rule, reason } = verdict(std::slice::from_ref(&answer)) else {
        panic!("{answer:?}");
    };
    assert_eq!(rule, "data");
    assert!(!reason.contains("site-02"), "no file is named to the coordinator: {reason}");
    let problem = federation.sites[&site(2)].problem(&digest).unwrap();
    assert!(problem.contains("site-02.csv"), "{problem}");
    assert!(federation.sites[&site(2)].hello().rounds.is_empty());
}

#[test]
fn a_file_that_changes_in_the_middle_of_a_study_does_not_change_the_study() {
    let run = |change: bool| {
        let mut federation = Federation::new(&Settings::new(4, 1));
        let study = federation.begin(&glm(""));
        let is_contract = |message: &ToSite| matches!(message, ToSite::Contract(_));
        let contract = federation.intercept(site(2), is_contract);
        if change {
            fs::write(federation.table(site(2)), "id,x1,x2,y\n1,2,3,1\n").unwrap();
        }
        federation.deliver(site(2), contract);
        federation.run(&[study]);
        federation.result(&study).unwrap().unwrap().digest()
    };
    assert_eq!(run(false), run(true), "every round is of the rows that were approved");
}

/// There is no sum yet that the ledger would know the data of.
#[test]
fn a_permit_that_is_asked_for_again_is_for_the_same_rows() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&glm(""));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    let before = reads(&federation);
    let table = federation.table(site(2));
    let rows = fs::read_to_string(&table).unwrap();
    fs::write(&table, rows.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    let gate = federation.gate(site(2), federation.policy.clone());
    federation.sites.get_mut(&site(2)).unwrap().set_gate(gate);
    federation.network.now += Duration::from_hours(25);
    let refusal = assert_refused(&mut federation, site(2), contract, Check::S2, Culprit::Own);
    assert!(refusal.reason.contains("data.changed"), "{refusal}");
    assert_ne!(before, []);
    assert_eq!(reads(&federation), [], "it is refused before anything is read");
}

#[test]
fn an_outcome_that_does_not_suit_the_study_is_refused_before_the_first_round() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = glm("").replace("outcome = \"y\"", "outcome = \"id\"");
    let submission = federation.submission(&text);
    let study = submission.study;
    let answers = federation.tell(site(2), ToSite::Study(StudyOffer { text, submission }));
    let StudyVerdict::Refused { rule, reason } = verdict(&answers) else { panic!("{answers:?}") };
    assert_eq!(rule, "data");
    assert!(!reason.contains("line"), "no row is named to the coordinator: {reason}");
    let problem = federation.sites[&site(2)].problem(&study).unwrap();
    assert!(problem.contains("line 4, column \"id\""), "{problem}");
}

/// Two sums of a study over tables that differ in a few rows would give those rows away.
///
/// Check S8 holds over the end of a study.
#[test]
fn a_study_that_ended_and_is_offered_anew_is_not_of_other_data() {
    for restart in [false, true] {
        let mut federation = Federation::new(&Settings::new(4, 1));
        let text = glm("");
        let study = federation.begin(&text);
        let is_open = |message: &ToSite| matches!(message, ToSite::Open { .. });
        let open = federation.intercept(site(2), is_open);
        federation.tell(site(2), open);
        federation.tell(site(2), ToSite::Ended { study, reason: "a hint".into() });
        let table = federation.table(site(2));
        let rows = fs::read_to_string(&table).unwrap();
        fs::write(&table, rows.trim_end().rsplit_once('\n').unwrap().0).unwrap();
        if restart {
            federation.restart(site(2));
        } else {
            let gate = federation.gate(site(2), federation.policy.clone());
            federation.sites.get_mut(&site(2)).unwrap().set_gate(gate);
        }
        let offer = |federation: &mut Federation| {
            let submission = federation.submission(&text);
            let offer = ToSite::Study(StudyOffer { text: text.clone(), submission });
            let answers = federation.tell(site(2), offer);
            verdict(&answers).clone()
        };
        let answer = offer(&mut federation);
        let StudyVerdict::Refused { rule, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(rule, "data.changed");
        assert_eq!(reads(&federation), [], "it is refused before anything is read");
        // With the old rows it goes on.
        fs::write(&table, rows).unwrap();
        let gate = federation.gate(site(2), federation.policy.clone());
        federation.sites.get_mut(&site(2)).unwrap().set_gate(gate);
        assert_eq!(offer(&mut federation), StudyVerdict::Approved);
    }
}
