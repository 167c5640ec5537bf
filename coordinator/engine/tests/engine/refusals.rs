//! Sites that refuse a round, and ballots that are worth nothing.

use ripieno_identity::Signature;
use ripieno_secagg::round::outcome::Vote;
use ripieno_study::{Check, Refusal};
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::oracle::{
    assert_blamed, assert_sums, blames, failure, report, rounds, undisturbed, voided,
};

/// Site 2 refuses its upload number `at` instead of sending it.
fn refusing(at: usize) -> Hook {
    let mut uploads = 0;
    Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Tile { .. }) if *from == site(2) => Fate::Drop,
        Flight::Up(from, FromSite::Trailer { id, .. }) if *from == site(2) => {
            uploads += 1;
            if uploads < at {
                return Fate::Drop;
            }
            let refusal = Refusal::own(Check::S2, "the permit has expired");
            let refused = FromSite::Refused { id: Some(*id), study: None, refusal };
            Fate::Replace(vec![Flight::Up(*from, refused)])
        }
        _ => Fate::Pass,
    })
}

#[test]
fn a_site_that_refuses_before_a_sum_was_opened_is_left_out() {
    let text = vector(6, 2, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.network.hook = Some(refusing(1));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(voided(&federation), 1);
    let rounds = rounds(&federation, &study);
    assert!(rounds.iter().all(|round| round.survivors == set([1, 3, 4, 5])));
    assert_sums(&federation, &text);
    assert!(
        blames(&federation).any(|(from, refusal)| from == site(2) && refusal.check == Check::S2)
    );
}

#[test]
fn a_site_that_refuses_after_a_sum_was_opened_ends_a_fixed_study() {
    let text = vector(6, 3, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    let mut refuse = refusing(1);
    let mut opened = false;
    federation.network.hook = Some(Box::new(move |flight| {
        opened |= matches!(flight, Flight::Up(_, FromSite::State { .. }));
        if opened { refuse(flight) } else { Fate::Pass }
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("site 2") && reason.contains("expired"), "{reason}");
    assert_eq!(rounds(&federation, &study).len(), 1);
}

#[test]
fn a_refusal_of_a_slot_that_is_over_does_not_count() {
    let (settings, text) = (Settings::new(4, 1), glm(""));
    let whole = undisturbed(&settings, &text);
    let mut federation = Federation::new(&settings);
    let (mut old, digest) = (None, ripieno_study::Study::parse(&text).unwrap().digest());
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Tile { id, .. }) if *from == site(2) => {
            let late = old.filter(|old| old != id).map(|old| FromSite::Refused {
                id: Some(old),
                study: Some(digest),
                refusal: Refusal::own(Check::S2, "the permit had expired"),
            });
            old = Some(*id);
            let late = late.map(|message| Flight::Up(*from, message));
            Fate::Replace(late.into_iter().chain([flight.clone()]).collect())
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert_eq!(report(&federation, &study).digest(), whole);
}

#[test]
fn forged_ballots_are_not_counted() {
    let (settings, text) = (Settings::new(5, 1), glm(""));
    let whole = undisturbed(&settings, &text);
    let forge: [fn(&mut ripieno_secagg::round::outcome::Ballot); 3] = [
        |ballot| ballot.signature = Signature::from_bytes([2; 64]),
        |ballot| ballot.vote = Vote::Survivors(ballot.id.transcript),
        |ballot| ballot.vote = Vote::Void,
    ];
    for change in forge {
        let mut federation = Federation::new(&settings);
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(from, FromSite::Ballot(ballot)) if *from == site(2) => {
                let mut ballot = *ballot;
                change(&mut ballot);
                Fate::Replace(vec![Flight::Up(*from, FromSite::Ballot(ballot))])
            }
            _ => Fate::Pass,
        }));
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_blamed(&federation, site(2), Check::U1);
        assert_eq!(report(&federation, &study).digest(), whole);
        for published in &federation.network.published {
            assert!(!published.receipt.certificate.signatures.contains_key(&site(2)));
        }
    }
}
