//! Sites that were away, and what they find when they are back.

use std::time::Duration;

use ripieno_study::Check;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
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
