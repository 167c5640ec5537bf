//! What a study reads of a site's tables, and that it is what was registered.

use std::fs;

use ripieno_study::Study;
use ripieno_wire::{FromSite, StudyOffer, StudyVerdict, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::site;
use crate::common::studies::{glm, vector};

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
    let trail = federation.sites[&site(2)].trail().entries();
    assert!(trail.contains(&"read columns y, x1, x2".to_owned()), "{trail:?}");
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
