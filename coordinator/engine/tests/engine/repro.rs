//! Rounds that one site once brought down: another one's study goes on, and the right site is named.

use ripieno_identity::SigningKey;
use ripieno_secagg::ledger::Head;
use ripieno_study::{Check, Refusal, SiteIndex};
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings, key};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::oracle::{
    assert_all_resolved, assert_blamed, assert_no_other_blamed, assert_sums, failure, report,
    rounds, undisturbed, voided,
};

const MAY_CHANGE: &str = "membership = \"may-change\"";

fn key_of(site: SiteIndex) -> SigningKey {
    key(&format!("site-{:02}", site.get()))
}

/// A holder releases a wrong share before the others do, and never proves it.
#[test]
fn repro_a_wrong_share_that_is_never_proved_stops_nothing() {
    let text = glm(MAY_CHANGE);
    let mut federation = Federation::new(&Settings::new(6, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Release(release)) if *from == site(1) => {
            let mut release = release.clone();
            release.selfs[1].scalar = [0; 32];
            release.selfs[1].scalar[0] = 9;
            release.signature = key_of(*from).sign(&release.digest());
            Fate::Replace(vec![Flight::Up(*from, FromSite::Release(release))])
        }
        Flight::Up(from, FromSite::Proof(_)) if *from == site(1) => Fate::Drop,
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert_eq!(report(&federation, &study).digest(), undisturbed(&Settings::new(6, 1), &text));
    assert_blamed(&federation, site(1), Check::R2);
    assert_no_other_blamed(&federation, &[1]);
}

/// Site 1 shows another head at a count that its peers know.
fn two_heads() -> Hook {
    Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Trailer { id, trailer }) if *from == site(1) => {
            let mut trailer = trailer.clone();
            trailer.ledger = Head { count: 0, digest: trailer.ctx };
            trailer.signature = key_of(*from).sign(&trailer.digest());
            Fate::Replace(vec![Flight::Up(*from, FromSite::Trailer { id: *id, trailer })])
        }
        _ => Fate::Pass,
    })
}

#[test]
fn repro_a_trailer_with_another_head_is_left_out_of_a_set_that_may_change() {
    let text = vector(6, 3, MAY_CHANGE);
    let mut federation = Federation::new(&Settings::new(6, 1));
    federation.network.hook = Some(two_heads());
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    let rounds = rounds(&federation, &study);
    assert!(rounds.iter().all(|round| round.survivors == set(2..=6)), "{rounds:?}");
    assert_blamed(&federation, site(1), Check::L1);
    assert_no_other_blamed(&federation, &[1]);
    assert_all_resolved(&federation);
}

#[test]
fn repro_a_trailer_with_another_head_does_not_void_a_fixed_study_for_ever() {
    // Before a sum was opened, another set may begin.
    let text = vector(6, 3, "");
    let mut federation = Federation::new(&Settings::new(6, 1));
    federation.network.hook = Some(two_heads());
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(voided(&federation), 1);
    assert!(rounds(&federation, &study).iter().all(|round| round.survivors == set(2..=6)));
    assert_blamed(&federation, site(1), Check::L1);
    assert_no_other_blamed(&federation, &[1]);
    // After one was opened, none may.
    let mut federation = Federation::new(&Settings::new(6, 1));
    let (mut lie, mut opened) = (two_heads(), false);
    federation.network.hook = Some(Box::new(move |flight| {
        opened |= matches!(flight, Flight::Up(_, FromSite::State { .. }));
        if opened { lie(flight) } else { Fate::Pass }
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("site 1 ") && reason.contains("L1"), "{reason}");
    assert_eq!(voided(&federation), 1);
    assert_all_resolved(&federation);
}

/// Uploads, and then says no: the sum of the round is over its part too, and is the last one.
#[test]
fn repro_a_refusal_after_the_upload_names_the_one_who_refused() {
    let text = vector(6, 3, "");
    let mut federation = Federation::new(&Settings::new(6, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Trailer { id, .. }) if *from == site(1) => {
            let refusal = Refusal::own(Check::S2, "no more");
            let refused = FromSite::Refused { id: Some(*id), study: None, refusal };
            Fate::Replace(vec![flight.clone(), Flight::Up(*from, refused)])
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("site 1 ") && reason.contains("no more"), "{reason}");
    assert!((2..=6).all(|other| !reason.contains(&format!("site {other}"))), "{reason}");
    assert_eq!(rounds(&federation, &study).len(), 1);
    assert_sums(&federation, &text);
    assert_all_resolved(&federation);
}

/// The study is given up in the middle of a round: its slot is voided first.
#[test]
fn repro_no_site_is_left_with_the_slot_of_a_study_that_was_given_up() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let (mut opened, mut refused) = (false, false);
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Tile { id, .. }) if *from == site(1) && opened => {
            if std::mem::replace(&mut refused, true) {
                return Fate::Drop;
            }
            let refusal = Refusal::own(Check::S2, "the permit has ended");
            let refused = FromSite::Refused { id: Some(*id), study: None, refusal };
            Fate::Replace(vec![Flight::Up(*from, refused)])
        }
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(1) && opened => Fate::Drop,
        Flight::Up(_, FromSite::State { .. }) => {
            opened = true;
            Fate::Pass
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&glm(""));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("site 1 ") && reason.contains("permit"), "{reason}");
    assert_eq!(voided(&federation), 1);
    assert_all_resolved(&federation);
}

/// A round that is voided for ever names who was missing.
#[test]
fn repro_a_site_that_never_uploads_is_named_when_the_study_is_given_up() {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(64));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(3) => Fate::Drop,
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(6, 1, ""));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("voided") && reason.contains("without {3}"), "{reason}");
    assert_all_resolved(&federation);
}
