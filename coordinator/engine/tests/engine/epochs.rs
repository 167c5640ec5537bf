//! Epochs run out in the middle of a study, and take in sites that were not there before.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ripieno_coordinator_engine::Event;
use ripieno_study::{Check, Culprit, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::oracle::{
    assert_all_resolved, assert_sums, blames, report, rounds, undisturbed, voided,
};

fn ready(federation: &Federation) -> Vec<(u64, SiteSet)> {
    let ready = |event: &Event| match event {
        Event::EpochReady { epoch, holders, .. } => Some((*epoch, holders.clone())),
        _ => None,
    };
    federation.network.events.iter().filter_map(ready).collect()
}

#[test]
fn a_short_study_takes_one_epoch() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(6, 3, ""));
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(ready(&federation), [(1, set(1..=4))]);
}

#[test]
fn a_study_goes_on_over_as_many_epochs_as_it_needs() {
    let text = glm("");
    let whole = undisturbed(&Settings::new(4, 1), &text);
    for slots in [1, 2, 4] {
        let mut federation = Federation::new(&Settings::new(4, 1).slots(slots));
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_eq!(report(&federation, &study).digest(), whole, "{slots} slots");
        let used: Vec<_> =
            rounds(&federation, &study).iter().map(|round| (round.epoch, round.slot)).collect();
        assert!(used.iter().all(|(_, slot)| *slot < slots), "{used:?}");
        assert!(used.windows(2).all(|pair| pair[0] < pair[1]), "{used:?}");
        assert!(used.last().unwrap().0 > 1, "{used:?}");
    }
}

#[test]
fn a_site_absent_at_set_up_is_in_the_next_epoch() {
    let text = vector(6, 5, "membership = \"may-change\"");
    let mut federation = Federation::new(&Settings::new(5, 1).slots(5));
    for index in 1..=4 {
        federation.attend(site(index));
    }
    let study = federation.submit(&text);
    let first = federation.intercept(site(1), |message| matches!(message, ToSite::Contract(_)));
    federation.attend(site(5));
    federation.deliver(site(1), first);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert_eq!(ready(&federation)[..2], [(1, set(1..=4)), (2, set(1..=5))]);
    let next = vector(6, 4, "");
    let study = federation.submit(&next);
    federation.run(&[study]);
    let last = rounds(&federation, &study).last().copied().unwrap();
    assert_eq!(last.survivors.len(), 5, "{last:?}");
    assert_sums(&federation, &next);
}

/// Every holder has restarted since its set-up: nobody has sent a part of the slot, and nobody could
/// sign VOID. The study waits for the next epoch.
#[test]
fn an_epoch_that_all_its_holders_have_left_is_renewed_and_nothing_is_voided() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let first = federation.begin(&vector(6, 1, ""));
    federation.run(&[first]);
    for site in set(1..=4).iter() {
        federation.restart(site);
        federation.lose(site, None);
        federation.attend(site);
    }
    federation.network.events.clear();
    let began = federation.network.now;
    let text = vector(7, 2, "");
    let study = federation.submit(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    let refused: Vec<_> = blames(&federation).map(|(from, no)| (from, no.check)).collect();
    assert_eq!(refused, set(1..=4).iter().map(|from| (from, Check::S4)).collect::<Vec<_>>());
    assert_eq!((ready(&federation), voided(&federation)), (vec![(2, set(1..=4))], 0));
    assert_eq!(federation.network.now, began, "no deadline has to pass");
    assert_all_resolved(&federation);
}

/// Set-ups that fail come ever more rarely, and at once when a site comes that they did not have.
#[test]
fn set_ups_that_fail_wait_longer_each_time() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let times = Rc::new(RefCell::new(Vec::new()));
    let seen = times.clone();
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Down(to, ToSite::Announce(announced)) if *to == site(1) => {
            seen.borrow_mut().push(announced.epoch);
            Fate::Pass
        }
        Flight::Up(_, FromSite::Advert(_)) => Fate::Drop,
        _ => Fate::Pass,
    }));
    (1..=4).for_each(|index| federation.attend(site(index)));
    federation.submit(&vector(6, 1, ""));
    // Each set-up has 30 s, and a wait of 30, 60, 120, 240, 480 and 600 s after it.
    federation.pass_time_until(Duration::from_secs(1700));
    assert_eq!(times.borrow().len(), 6, "0, 60, 150, 300, 570, 1080 s");
    federation.pass_time_until(Duration::from_secs(2300));
    assert_eq!(times.borrow().len(), 7, "1710 s");
    federation.attend(site(5));
    federation.pass_time_until(Duration::from_secs(2301));
    assert_eq!(*times.borrow(), [1, 2, 3, 4, 5, 6, 7, 8], "a new site is a reason to try again");
}

/// A driver may hold a coordinator in one thread and drive it in another.
#[test]
fn a_coordinator_may_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<ripieno_coordinator_engine::Coordinator>();
}

/// Check A3: an epoch in which too few could take part together is none.
#[test]
fn a_set_up_that_too_few_came_through_is_no_epoch() {
    let text = vector(6, 1, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Acceptance(_)) if *from == site(2) || *from == site(3) => {
            Fate::Drop
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    let failed = |federation: &Federation| {
        federation.network.events.iter().find_map(|event| match event {
            Event::EpochFailed { epoch: 1, refusal } => Some(refusal.clone()),
            _ => None,
        })
    };
    while failed(&federation).is_none() && ready(&federation).is_empty() {
        assert!(federation.step(&[study]));
    }
    assert_eq!(ready(&federation), []);
    let refusal = failed(&federation).unwrap();
    assert_eq!((refusal.check, refusal.culprit), (Check::A3, Culprit::Own));
    federation.network.hook = None;
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
}
