//! Uploads that are not what their trailers say, and uploads that come too late.

use std::cell::RefCell;
use std::rc::Rc;

use ripieno_study::Check;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::oracle::{assert_blamed, assert_sums, report, rounds, undisturbed, voided};

type Change = fn(&mut FromSite);

fn flip_a_lane(message: &mut FromSite) {
    if let FromSite::Tile { lanes, .. } = message {
        lanes[0] ^= 1;
    }
}

fn lengthen_a_tile(message: &mut FromSite) {
    if let FromSite::Tile { lanes, .. } = message {
        *lanes = [&**lanes, &[0]].concat().into();
    }
}

fn skip_a_tile(message: &mut FromSite) {
    if let FromSite::Tile { number, .. } = message {
        *number += 1;
    }
}

fn change_the_trailer(message: &mut FromSite) {
    if let FromSite::Trailer { trailer, .. } = message {
        trailer.audit = trailer.root;
    }
}

fn unsign_the_trailer(message: &mut FromSite) {
    if let FromSite::Trailer { trailer, .. } = message {
        trailer.signature = ripieno_identity::Signature::from_bytes([1; 64]);
    }
}

/// Changes the messages of site 2 once: in its first upload.
fn once(change: Change) -> crate::common::network::Hook {
    let mut over = false;
    Box::new(move |flight| match flight {
        Flight::Up(from, message) if *from == site(2) && !over => {
            over = matches!(message, FromSite::Trailer { .. });
            let mut message = message.clone();
            change(&mut message);
            Fate::Replace(vec![Flight::Up(*from, message)])
        }
        _ => Fate::Pass,
    })
}

const CHANGES: [Change; 5] =
    [flip_a_lane, lengthen_a_tile, skip_a_tile, change_the_trailer, unsign_the_trailer];

#[test]
fn a_bad_upload_is_not_summed_and_its_site_is_named() {
    let (settings, text) = (Settings::new(4, 1), glm(""));
    let whole = undisturbed(&settings, &text);
    for change in CHANGES {
        let mut federation = Federation::new(&settings);
        federation.network.hook = Some(once(change));
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_blamed(&federation, site(2), Check::R1);
        assert_eq!(voided(&federation), 1, "the slot was voided, the round repeated");
        assert_eq!(report(&federation, &study).digest(), whole);
    }
}

#[test]
fn with_changing_membership_the_others_are_summed() {
    let text = vector(6, 2, "membership = \"may-change\"");
    for change in CHANGES {
        let mut federation = Federation::new(&Settings::new(4, 0));
        federation.network.hook = Some(once(change));
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_blamed(&federation, site(2), Check::R1);
        assert_sums(&federation, &text);
        let sets: Vec<_> = rounds(&federation, &study).iter().map(|r| &r.survivors).collect();
        assert_eq!(sets, [&set([1, 3, 4]), &set([1, 2, 3, 4])]);
    }
}

#[test]
fn an_upload_after_the_survivors_were_named_is_not_used() {
    let text = vector(6, 1, "membership = \"may-change\"");
    let mut federation = Federation::new(&Settings::new(4, 0));
    let late = Rc::new(RefCell::new(Vec::new()));
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(2) => {
            late.borrow_mut().push(flight.clone());
            Fate::Drop
        }
        Flight::Down(_, ToSite::Propose(_)) => {
            let mut flights: Vec<_> = late.borrow_mut().drain(..).collect();
            flights.push(flight.clone());
            Fate::Replace(flights)
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let rounds = rounds(&federation, &study);
    assert_eq!((&rounds[0].survivors, &rounds[0].missing), (&set([1, 3, 4]), &set([2])));
    assert_sums(&federation, &text);
    let published = &federation.network.published[0].receipt;
    assert!(published.selfs.iter().all(|s| s.site != site(2)), "its self mask stays secret");
}
