//! Several sites are lost at once: a slot waits until it can be opened or voided, and the study
//! goes on when they are back.

use std::time::Duration;

use ripieno_coordinator_engine::Event;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::studies::vector;
use crate::oracle::{assert_sums, report, rounds};

/// Loses the sites from index `from` on at their first message of a kind, for `away` seconds.
fn lose_at(from: u16, away: u64, kind: fn(&Flight) -> bool) -> Hook {
    let mut gone = std::collections::BTreeSet::new();
    Box::new(move |flight| {
        let lost = flight.site().get() >= from && kind(flight) && gone.insert(flight.site());
        if lost { Fate::Lose(Duration::from_secs(away)) } else { Fate::Pass }
    })
}

/// Four sites with c = 1: three sign, three release; two are lost, for ten minutes.
fn two_are_lost(kind: fn(&Flight) -> bool) -> (Federation, usize) {
    let text = vector(6, 2, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.hook = Some(lose_at(3, 600, kind));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert!(federation.network.now >= Duration::from_secs(600));
    assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
    let finished = rounds(&federation, &study).len();
    (federation, finished)
}

#[test]
fn before_they_signed() {
    let (_, rounds) = two_are_lost(|flight| matches!(flight, Flight::Down(_, ToSite::Propose(_))));
    assert_eq!(rounds, 2);
}

#[test]
fn when_their_ballots_were_on_the_way() {
    let (_, rounds) = two_are_lost(|flight| matches!(flight, Flight::Up(_, FromSite::Ballot(_))));
    assert_eq!(rounds, 2);
}

#[test]
fn before_they_released() {
    let (federation, rounds) =
        two_are_lost(|flight| matches!(flight, Flight::Down(_, ToSite::Open { .. })));
    assert_eq!(rounds, 2);
    let voided = |event: &Event| matches!(event, Event::SlotVoided { .. });
    assert!(!federation.network.events.iter().any(voided), "a certified slot is never voided");
}

#[test]
fn before_their_uploads() {
    let (_, rounds) = two_are_lost(|flight| matches!(flight, Flight::Down(_, ToSite::Contract(_))));
    assert_eq!(rounds, 2);
}

#[test]
fn before_their_verdicts() {
    let text = vector(40_000, 2, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    let kind = |flight: &Flight| matches!(flight, Flight::Down(_, ToSite::Published(_)));
    federation.network.hook = Some(lose_at(3, 1800, kind));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
}
