//! Too few sites: the study waits for them, and in the end says what to do.

use std::time::Duration;

use ripieno_coordinator_engine::Event;
use ripieno_study::{Culprit, Study};
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::oracle::{assert_sums, failure, report, rounds, undisturbed};

fn attend(federation: &mut Federation, sites: impl IntoIterator<Item = u16>) {
    sites.into_iter().for_each(|index| federation.attend(site(index)));
}

#[test]
fn a_study_waits_for_sites_and_then_says_that_they_did_not_come() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    attend(&mut federation, 1..=3);
    let study = federation.submit(&vector(6, 1, ""));
    federation.run(&[study]);
    assert!(federation.network.now >= Duration::from_secs(3600), "it waited");
    let reason = failure(&federation, &study);
    assert!(reason.contains("submit it again when they are there"), "{reason}");
    let failed = |event: &&Event| matches!(event, Event::EpochFailed { .. });
    let failed = federation.network.events.iter().filter(failed).count();
    assert_eq!(failed, 0, "no epoch is begun that cannot be used");
}

#[test]
fn the_sites_that_come_later_are_asked_too() {
    let text = vector(6, 2, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    attend(&mut federation, 1..=3);
    // Site 4 connects an hour later, well after the time to answer the offer.
    federation.attend(site(4));
    federation.lose(site(4), Some(Duration::from_secs(1800)));
    let study = federation.submit(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(rounds(&federation, &study)[0].survivors.len(), 4);
    assert_sums(&federation, &text);
}

#[test]
fn sites_that_are_all_there_but_do_not_take_part() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::StudyAnswer(answer)) if from.get() > 3 => {
            let mut answer = answer.clone();
            let (rule, reason) = ("policy.purpose".into(), "not here".into());
            answer.verdict = ripieno_wire::StudyVerdict::Refused { rule, reason };
            Fate::Replace(vec![Flight::Up(*from, FromSite::StudyAnswer(answer))])
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(6, 1, ""));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    let expected = "3 sites approved the study and 2 refused it, 4 are needed";
    assert!(reason.contains(expected), "{reason}");
    assert!(federation.network.now < Duration::from_secs(3600), "there is nobody to wait for");
}

#[test]
fn fewer_approvals_than_the_study_asks_for() {
    let mut federation = Federation::new(&Settings::new(4, 1).policy(""));
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    let expected = "0 sites approved the study and 4 refused it, 4 are needed";
    assert!(reason.contains(expected), "{reason}");
    assert!(reason.contains("steward"), "it says what to do: {reason}");
}

/// No steward can help.
#[test]
fn repro_a_study_for_more_sites_than_there_are_says_so() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&vector(6, 1, "minimum_sites = 7"));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("needs 7 sites and the charter in force has 5"), "{reason}");
    assert!(!reason.contains("steward"), "{reason}");
    assert!(federation.network.now < Duration::from_secs(3600), "there is nobody to wait for");
}

/// Whatever the stewards say that are still asked: it keeps no place until they have.
#[test]
fn repro_a_study_that_too_many_refuse_ends_at_once() {
    let mut federation = Federation::new(&Settings::new(5, 1).policy(ASK));
    let text = glm("");
    let study = federation.begin(&text);
    federation.pass_time_until(Duration::from_secs(1));
    let digest = Study::parse(&text).unwrap().digest();
    let now = federation.network.unix();
    for index in [1, 2] {
        let steward = federation.sites.get_mut(&site(index)).unwrap();
        let answer = steward.refuse(&digest, "Grace", "not now", now).unwrap();
        assert!(
            federation.coordinator.status(&study).unwrap().ended.is_none(),
            "3 could be enough"
        );
        federation.answer(site(index), answer);
        federation.step(&[study]);
    }
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    let expected = "0 sites approved the study and 2 refused it, 4 are needed";
    assert!(reason.contains(expected), "{reason}");
    assert!(federation.network.now < Duration::from_secs(60), "{:?}", federation.network.now);
}

/// Sites that approved before the charter changed, and are not back under it yet, are waited for.
#[test]
fn repro_a_study_on_offer_does_not_begin_with_the_first_that_return() {
    for (away, expected) in [(Some(7), 5), (None, 4)] {
        let mut federation = Federation::new(&Settings::new(6, 1).policy(ASK));
        let text = glm("");
        let study = federation.begin(&text);
        federation.pass_time_until(Duration::from_secs(50));
        let now = federation.network.unix();
        for index in 1..=5 {
            let steward = federation.sites.get_mut(&site(index)).unwrap();
            let answer = steward.approve(&study, "Grace", now).unwrap();
            federation.answer(site(index), answer);
        }
        federation.pass_time_until(Duration::from_secs(55));
        for index in 1..=6 {
            federation.lose(site(index), away.filter(|_| index == 5).map(Duration::from_secs));
        }
        federation.collect();
        let (charter, clock) = (federation.successor(|_| {}), federation.clock());
        federation.coordinator.succeed(charter.clone(), clock).unwrap();
        federation.charter = charter.clone();
        federation.sites.values_mut().for_each(|site| site.succeed(charter.clone()).unwrap());
        attend(&mut federation, 1..=4);
        federation.run(&[study]);
        report(&federation, &study);
        let survivors = &rounds(&federation, &study)[0].survivors;
        assert_eq!(survivors.len(), expected, "{survivors}");
    }
}

/// Studies are shown to the steward.
pub(crate) const ASK: &str = "[[dataset]]\nname = \"made\"\ncolumns = \"all\"\npurposes = \"all\"\n\
                   analyses = \"all\"\nroles = \"all\"\non_match = \"ask\"\n";

#[test]
fn stewards_are_waited_for_longer_than_machines() {
    let settings = || Settings::new(4, 1).policy(ASK);
    let text = glm("");
    let mut federation = Federation::new(&settings());
    let study = federation.begin(&text);
    let digest = Study::parse(&text).unwrap().digest();
    // Half an hour passes before the stewards look.
    federation.pass_time_until(Duration::from_secs(1800));
    let now = federation.network.unix();
    for index in 1..=4 {
        let steward = federation.sites.get_mut(&site(index)).unwrap();
        let answer = steward.approve(&digest, "Grace", now).unwrap();
        federation.answer(site(index), answer);
    }
    federation.run(&[study]);
    assert_eq!(report(&federation, &study).digest(), undisturbed(&Settings::new(4, 1), &text));
}

#[test]
fn a_dealer_that_no_one_can_use_does_not_stop_the_others() {
    let text = vector(6, 1, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Bundles(bundles)) if *from == site(2) => {
            let mut bundles = bundles.clone();
            bundles.iter_mut().for_each(|bundle| bundle.sealed[0] ^= 1);
            Fate::Replace(vec![Flight::Up(*from, FromSite::Bundles(bundles))])
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert!(!rounds(&federation, &study)[0].survivors.contains(site(2)));
    assert_sums(&federation, &text);
    let named = |event: &&Event| matches!(event, Event::Refused { refusal, .. } if refusal.culprit == Culprit::Site(site(2)));
    assert_eq!(federation.network.events.iter().filter(named).count(), 4, "by every other holder");
}
