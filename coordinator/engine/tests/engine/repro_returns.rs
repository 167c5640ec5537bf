//! Sites that were away, and what they find when they are back.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ripieno_study::Check;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::crashes::check_answers;
use crate::oracle::{
    assert_all_resolved, assert_sums, blames, report, rounds, undisturbed, voided,
};

const MAY_CHANGE: &str = "membership = \"may-change\"";

/// The frozen upload goes out again; the slot is neither refused nor voided.
#[test]
fn repro_an_upload_that_was_interrupted_goes_on_after_the_reconnection() {
    let text = glm("");
    let mut federation = Federation::new(&Settings::new(5, 1));
    let mut lost = false;
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(2) && !lost => {
            lost = true;
            Fate::Lose(Duration::from_secs(2))
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert_eq!(report(&federation, &study).digest(), undisturbed(&Settings::new(5, 1), &text));
    assert_eq!((voided(&federation), blames(&federation).count()), (0, 0));
}

/// Only the tiles that are not here are sent again, unless the coordinator has forgotten them: what was
/// not complete does not outlive it.
#[test]
fn an_interrupted_upload_goes_on_after_the_last_tile_that_was_taken() {
    // Three tiles and a trailer; the second tile is lost.
    let text = vector(20_000, 1, "");
    for restarts in [false, true] {
        let mut federation = Federation::new(&Settings::new(5, 1));
        let sent = Rc::new(RefCell::new(Vec::new()));
        let resumed = Rc::new(RefCell::new(Vec::new()));
        let (ups, downs) = (sent.clone(), resumed.clone());
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(from, FromSite::Tile { number, .. }) if *from == site(2) => {
                ups.borrow_mut().push(*number);
                match ups.borrow().as_slice() {
                    [0, 1] => Fate::Lose(Duration::from_secs(5)),
                    _ => Fate::Pass,
                }
            }
            Flight::Down(to, ToSite::Resume { taken, .. }) => {
                downs.borrow_mut().push((*to, *taken));
                Fate::Pass
            }
            _ => Fate::Pass,
        }));
        let study = federation.begin(&text);
        while sent.borrow().len() < 2 {
            assert!(federation.step(&[study]));
        }
        if restarts {
            federation.crash_coordinator();
        }
        federation.run(&[study]);
        let (again, told): (&[u32], &[_]) = match restarts {
            false => (&[0, 1, 1, 2], &[(site(2), 1)]),
            true => (&[0, 1, 0, 1, 2], &[]),
        };
        assert_eq!((&**sent.borrow(), &**resumed.borrow()), (again, told), "{restarts}");
        report(&federation, &study);
        assert_sums(&federation, &text);
        assert_eq!((voided(&federation), blames(&federation).count()), (0, 0));
    }
}

/// A large sum waits for no single site's verdict, and the one that was away has the result too.
#[test]
fn repro_a_site_that_is_away_at_the_end_has_the_result_on_its_return() {
    for rounds_wanted in [1, 2] {
        let text = vector(40_000, rounds_wanted, MAY_CHANGE);
        let mut federation = Federation::new(&Settings::new(5, 1));
        let mut lost = false;
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Down(to, ToSite::Published(_)) if *to == site(1) && !lost => {
                lost = true;
                // Longer than the study would wait for anyone.
                Fate::Lose(Duration::from_secs(10_000))
            }
            _ => Fate::Pass,
        }));
        let study = federation.begin(&text);
        federation.run(&[study]);
        let digest = report(&federation, &study).digest();
        assert_eq!(rounds(&federation, &study).len(), rounds_wanted as usize);
        assert_sums(&federation, &text);
        assert!(federation.network.now >= Duration::from_secs(10_000), "it came back at last");
        assert_eq!(blames(&federation).count(), 0);
        for site in federation.sites.values() {
            assert_eq!(site.report(&study).map(ripieno_analysis::Report::digest), Some(digest));
        }
        assert_all_resolved(&federation);
    }
}

/// More rounds go by than sums are kept: a site that comes back is not sent what it cannot verify.
#[test]
fn repro_a_site_that_was_away_for_too_long_is_sent_nothing_that_it_must_refuse() {
    for (missed, follows) in [(60, true), (70, false)] {
        let text = vector(4, missed + 2, MAY_CHANGE);
        let mut federation = Federation::new(&Settings::new(5, 1).slots(64));
        federation.network.hook = Some(Box::new(|flight| match flight {
            Flight::Up(from, FromSite::Tile { .. }) if *from == site(5) => {
                Fate::Lose(Duration::from_secs(50_000))
            }
            _ => Fate::Pass,
        }));
        let study = federation.begin(&text);
        federation.run(&[study]);
        report(&federation, &study);
        assert!(rounds(&federation, &study)[1].survivors == set(1..=4));
        assert_eq!(federation.sites[&site(5)].report(&study).is_some(), follows, "{missed}");
        let blamed: Vec<_> = blames(&federation).collect();
        assert!(blamed.is_empty(), "{missed}: {blamed:?}");
    }
}

/// A site comes back while the sum that it missed has not been handed out yet: it gets what its hello
/// asks for, and nothing that was addressed to it before.
#[test]
fn repro_a_site_that_returns_between_a_sum_and_its_sending_is_told_once() {
    let text = vector(6, 2, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Down(to, ToSite::Propose(_)) if *to == site(5) => {
            Fate::Lose(Duration::from_secs(10_000))
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    let phase = |federation: &Federation| federation.coordinator.status(&study).unwrap().phase;
    while phase(&federation) != "opening" {
        assert!(federation.step(&[study]));
    }
    while phase(&federation) == "opening" {
        assert!(federation.step(&[study]));
    }
    assert_eq!(phase(&federation), "waiting", "the sum is opened, and on nobody's way");
    federation.network.hook = None;
    assert_eq!(federation.sites[&site(5)].hello().unresolved.len(), 1);
    federation.attend(site(5));
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert_all_resolved(&federation);
    check_answers(&federation);
}

/// A site restarts with an upload on its way; its ledger is resolved by what it asks for.
#[test]
fn repro_a_restarted_site_learns_what_became_of_its_slot() {
    for voided_slot in [true, false] {
        let mut federation = Federation::new(&Settings::new(6, 1));
        if voided_slot {
            federation.network.hook = Some(Box::new(|flight| match flight {
                Flight::Up(from, FromSite::Trailer { .. }) if *from == site(1) => Fate::Drop,
                _ => Fate::Pass,
            }));
        }
        federation.begin(&vector(6, 2, ""));
        let at = move |message: &ToSite| match voided_slot {
            true => matches!(message, ToSite::Voided(_)),
            false => matches!(message, ToSite::Open { .. }),
        };
        let lost = federation.intercept(site(3), at);
        federation.restart(site(3));
        let unresolved = federation.sites[&site(3)].hello().unresolved;
        assert_eq!(unresolved.len(), 1);
        federation.lose(site(3), None);
        federation.attend(site(3));
        federation.network.hook = None;
        federation.pass_time_until(federation.network.now + Duration::from_secs(1));
        assert_eq!(federation.sites[&site(3)].hello().unresolved, [], "{lost:?}");
        assert_ne!(federation.tapes[&site(3)].ledger.len(), 0);
    }
}

/// The ledger's own records are all that a restarted site shows: no peer takes it for a backup.
#[test]
fn repro_a_restarted_site_is_in_the_next_epoch() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let first = federation.begin(&vector(6, 2, ""));
    federation.run(&[first]);
    federation.restart(site(2));
    federation.lose(site(2), None);
    federation.attend(site(2));
    let text = vector(6, 3, "");
    let second = federation.submit(&text);
    federation.run(&[second]);
    report(&federation, &second);
    assert_sums(&federation, &text);
    // It says no to the contract and to the end of one slot in an epoch that it has left.
    let checks: Vec<_> = blames(&federation).map(|(from, refusal)| (from, refusal.check)).collect();
    assert_eq!(checks, [(site(2), Check::S4); 2]);
    assert!(rounds(&federation, &second).iter().all(|round| round.survivors == set(1..=5)));
}
