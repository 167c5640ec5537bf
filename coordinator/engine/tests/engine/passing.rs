//! Sites that cannot take part at the moment, slots without an outcome, and a store that is an older
//! one: what passes is waited for, and what does not ends at once.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use ripieno_coordinator_engine::{Event, Saved};
use ripieno_secagg::SlotId;
use ripieno_secagg::round::outcome::Vote;
use ripieno_study::{Check, Refusal};
use ripieno_wire::{FromSite, Hello, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::studies::vector;
use crate::common::{set, site};
use crate::crashes::check_answers;
use crate::oracle::{assert_all_resolved, assert_sums, failure, report, rounds, voided};

const MAY_CHANGE: &str = "membership = \"may-change\"";

fn full_disk() -> Refusal {
    Refusal::own(Check::S8, "the ledger cannot be written: no space left on device")
}

/// Site 2 says no, `times` times, to the slots that `wanted` chooses, numbered as it meets them.
fn refusing(refusal: Refusal, times: usize, wanted: fn(usize) -> bool) -> Hook {
    let mut met: Vec<SlotId> = Vec::new();
    Box::new(move |flight| {
        let (id, is_tile) = match flight {
            Flight::Up(from, FromSite::Tile { id, .. }) if *from == site(2) => (*id, true),
            Flight::Up(from, FromSite::Trailer { id, .. }) if *from == site(2) => (*id, false),
            _ => return Fate::Pass,
        };
        let is_new = !met.contains(&id);
        if is_new {
            met.push(id);
        }
        if !wanted(met.iter().position(|known| *known == id).unwrap()) {
            return Fate::Pass;
        }
        let refused = FromSite::Refused { id: Some(id), study: None, refusal: refusal.clone() };
        let refused = Flight::Up(site(2), refused);
        match is_new && is_tile {
            true => Fate::Replace(vec![refused; times]),
            false => Fate::Drop,
        }
    })
}

#[test]
fn a_site_that_repeats_its_refusal_of_a_slot_is_in_the_next_one() {
    let refusal = Refusal::coordinator(Check::S4, "this site is not in that epoch");
    let text = vector(6, 3, MAY_CHANGE);
    let mut federation = Federation::new(&Settings::new(6, 1));
    federation.network.hook = Some(refusing(refusal, 5, |slot| slot == 0));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    let rounds = rounds(&federation, &study);
    assert!(!rounds[0].survivors.contains(site(2)));
    assert!(rounds[1..].iter().all(|round| round.survivors == set(1..=6)), "{rounds:?}");
}

/// Its disk is full at the first slot of every round, and has room again at the second.
#[test]
fn a_site_whose_disk_is_full_now_and_then_stays_in_a_fixed_study() {
    let text = vector(6, 4, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.hook = Some(refusing(full_disk(), 1, |slot| slot % 2 == 0));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert_eq!(voided(&federation), 4);
    assert!(rounds(&federation, &study).iter().all(|round| round.survivors == set(1..=4)));
}

#[test]
fn a_site_whose_disk_stays_full_is_not_asked_for_ever() {
    let text = vector(6, 4, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.hook = Some(refusing(full_disk(), 1, |slot| slot > 0));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("site 2 ") && reason.contains("no space left"), "{reason}");
    assert_eq!(voided(&federation), 3);
    assert_all_resolved(&federation);
}

#[test]
fn a_site_that_refused_a_slot_is_not_asked_again_when_it_is_back() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let contracts = Rc::new(Cell::new(0));
    let (counter, mut refuse) = (contracts.clone(), refusing(full_disk(), 1, |slot| slot == 0));
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Down(to, ToSite::Contract(signed)) if *to == site(2) => {
            counter.set(counter.get() + usize::from(signed.contract.slot == 0));
            Fate::Pass
        }
        // The slot stays open.
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(3) => Fate::Drop,
        _ => refuse(flight),
    }));
    let study = federation.begin(&vector(6, 1, ""));
    while !federation.coordinator.status(&study).unwrap().uploaded.contains(site(5)) {
        assert!(federation.step(&[study]));
    }
    federation.attend(site(2));
    federation.pass_time_until(federation.network.now + Duration::from_secs(1));
    assert_eq!(contracts.get(), 1);
}

/// Holders say that they cannot sign VOID, and there is no sum: nothing is waited for.
#[test]
fn a_slot_that_can_be_neither_opened_nor_voided_ends_its_study_at_once() {
    for check in [Check::C3, Check::S4] {
        let mut federation = Federation::new(&Settings::new(6, 1));
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(from, FromSite::Trailer { .. }) if *from == site(6) => Fate::Drop,
            Flight::Up(from, FromSite::Ballot(ballot)) if ballot.vote == Vote::Void => {
                if from.get() > 4 {
                    return Fate::Pass;
                }
                let refusal = Refusal::coordinator(check, "other survivors were signed");
                let refused = FromSite::Refused { id: Some(ballot.id), study: None, refusal };
                Fate::Replace(vec![Flight::Up(*from, refused)])
            }
            _ => Fate::Pass,
        }));
        let study = federation.begin(&vector(6, 1, ""));
        federation.run(&[study]);
        let reason = failure(&federation, &study);
        assert!(reason.contains("can be neither opened nor voided"), "{reason}");
        assert!(reason.contains("stewards"), "{reason}");
        assert!(federation.network.now < Duration::from_secs(60), "{:?}", federation.network.now);
        assert!(federation.coordinator.is_quiet());
    }
}

/// The coordinator's store is from before the epochs that its sites know.
#[test]
fn an_older_store_goes_on_after_the_epochs_that_sites_know() {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(4));
    assert_eq!(federation.coordinator.epoch(), None);
    let first = federation.begin(&vector(6, 1, ""));
    federation.run(&[first]);
    federation.collect();
    let older = federation.saved.clone();
    let second = federation.submit(&vector(7, 12, ""));
    federation.run(&[second]);
    federation.collect();
    let known = federation.saved.last_epoch;
    assert!(known > older.last_epoch + 1, "{known}");
    federation.crashes.submitted.clear();
    federation.saved = Saved { seen: federation.saved.seen.clone(), ..older };
    federation.crash_coordinator();
    assert_eq!(federation.coordinator.epoch(), None, "its slots may be used up");
    let text = vector(8, 2, "");
    let third = federation.submit(&text);
    federation.network.events.clear();
    federation.run(&[third]);
    report(&federation, &third);
    let (epoch, holders) = federation.coordinator.epoch().unwrap();
    assert!(epoch > known && holders == set(1..=4), "{epoch}, {holders}");
    let told = |event: &Event| matches!(event, Event::EpochFailed { refusal, .. } if refusal.reason.contains("older"));
    assert_eq!(federation.network.events.iter().filter(|event| told(event)).count(), 1);
}

/// The store is from before a few slots of its last epoch were used: they are given to nobody again.
#[test]
fn an_older_store_gives_no_slot_twice() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let first = federation.begin(&vector(6, 1, ""));
    federation.run(&[first]);
    federation.collect();
    let older = federation.saved.clone();
    let second = federation.submit(&vector(7, 3, ""));
    federation.run(&[second]);
    federation.collect();
    assert_eq!(federation.saved.last_epoch, older.last_epoch, "the same epoch was in use");
    federation.crashes.submitted.clear();
    federation.saved = older;
    federation.crash_coordinator();
    let text = vector(8, 3, "");
    let third = federation.submit(&text);
    federation.network.answers.clear();
    federation.run(&[third]);
    report(&federation, &third);
    assert_sums(&federation, &text);
    check_answers(&federation);
    assert_eq!(voided(&federation), 0);
    let slots = federation.network.published.iter().map(|p| SlotId::of(&p.contract.contract));
    let slots: Vec<_> = slots.collect();
    let distinct: BTreeSet<_> = slots.iter().collect();
    assert_eq!((slots.len(), distinct.len()), (7, 7), "{slots:?}");
}

#[test]
fn a_site_that_knows_impossible_epochs_is_blamed_and_not_followed() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let text = vector(6, 1, "");
    let study = federation.begin(&text);
    let mut hello = federation.sites[&site(2)].hello();
    for lie in [u64::MAX, 1 << 40, 1 << 16] {
        hello.last_epoch = lie;
        let clock = federation.clock();
        federation.coordinator.receive(site(2), FromSite::Hello(hello.clone()), clock);
    }
    federation.run(&[study]);
    report(&federation, &study);
    crate::oracle::assert_blamed(&federation, site(2), Check::A2);
    assert!(federation.saved.last_epoch < 10);
}

/// Says at the coordinator that a site knows an epoch.
fn claim(federation: &mut Federation, from: u16, last_epoch: u64) {
    let hello = Hello { last_epoch, ..federation.sites[&site(from)].hello() };
    let clock = federation.clock();
    federation.coordinator.receive(site(from), FromSite::Hello(hello), clock);
    federation.collect();
}

/// One site says again and again that it knows a few more epochs: nobody follows it to where honest
/// sites refuse the numbers, also where the charter says that none is corrupt. Two are followed, by
/// one leap that honest sites take that missed many epochs.
#[test]
fn repro_a_site_alone_does_not_drive_the_numbers_of_epochs_up() {
    for corrupt in [0, 1] {
        let mut federation = Federation::new(&Settings::new(5, corrupt));
        federation.attend_all();
        for last in [4096, 8192, 65_535, 131_070] {
            claim(&mut federation, 2, last);
        }
        assert_eq!(federation.saved.last_epoch, 0, "c = {corrupt}");
        for _ in 0..5 {
            for from in [2, 3] {
                claim(&mut federation, from, 65_535);
            }
        }
        assert_eq!(federation.saved.last_epoch, 4096, "c = {corrupt}");
        let study = federation.submit(&vector(6, 1, ""));
        federation.run(&[study]);
        report(&federation, &study);
        assert_eq!(federation.coordinator.epoch(), Some((4097, set(1..=5))), "c = {corrupt}");
    }
}

/// A liar that spoils set-ups as well moves the numbers on by a few each time, as failed set-ups do.
#[test]
fn a_site_alone_that_spoils_set_ups_moves_the_numbers_on_by_a_few() {
    let mut federation = Federation::new(&Settings::new(3, 0));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Advert(_)) if *from == site(2) => Fate::Drop,
        _ => Fate::Pass,
    }));
    federation.attend_all();
    claim(&mut federation, 2, 4096);
    let study = federation.submit(&vector(6, 1, ""));
    federation.pass_time_until(federation.network.now + Duration::from_secs(3600));
    federation.collect();
    let last = federation.saved.last_epoch;
    assert!((18..1024).contains(&last), "{last}");
    failure(&federation, &study);
    federation.network.hook = None;
    let study = federation.submit(&vector(7, 1, ""));
    federation.run(&[study]);
    report(&federation, &study);
}

/// The coordinator's store is an older one, and of the sites that are there only one knows: without
/// it there is no epoch, and it refuses every number that it knows.
#[test]
fn what_only_one_site_knows_is_reached_where_no_epoch_is_possible_without_it() {
    let mut federation = Federation::new(&Settings::new(3, 0));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Advert(advert)) if *from == site(2) && advert.epoch <= 40 => {
            let reason = format!("epoch {} is not newer than epoch 40", advert.epoch);
            let refusal = Refusal::coordinator(Check::A2, reason);
            let refused = FromSite::Refused { id: None, study: None, refusal };
            Fate::Replace(vec![Flight::Up(*from, refused)])
        }
        _ => Fate::Pass,
    }));
    federation.attend_all();
    claim(&mut federation, 2, 40);
    let study = federation.submit(&vector(6, 1, ""));
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(federation.coordinator.epoch(), Some((41, set(1..=3))));
}
