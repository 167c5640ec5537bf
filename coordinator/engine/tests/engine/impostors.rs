//! A message in another site's name: its sender is named, and nothing comes of it.

use ripieno_coordinator_engine::SubmitError;
use ripieno_study::{Check, Culprit};
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, START, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::vector;
use crate::oracle::{assert_blamed, assert_sums, blames, report, undisturbed};

type Kind = fn(&FromSite) -> bool;

/// Site 5 sends a copy of each of these messages of site 1, a little before it arrives.
fn run(of_kind: Kind, length: u64) -> Federation {
    let text = vector(length, 1, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, message) if *from == site(1) && of_kind(message) => {
            Fate::Replace(vec![Flight::Up(site(5), message.clone()), flight.clone()])
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let whole = undisturbed(&Settings::new(5, 1), &text);
    assert_eq!(report(&federation, &study).digest(), whole);
    assert_sums(&federation, &text);
    federation
}

#[test]
fn every_message_that_bears_a_name() {
    let kinds: [(Kind, Check); 6] = [
        (|m| matches!(m, FromSite::Advert(_)), Check::A1),
        (|m| matches!(m, FromSite::Bundles(_)), Check::A3),
        (|m| matches!(m, FromSite::Acceptance(_)), Check::A3),
        (|m| matches!(m, FromSite::Trailer { .. }), Check::R1),
        (|m| matches!(m, FromSite::Ballot(_)), Check::U1),
        (|m| matches!(m, FromSite::Release(_)), Check::R2),
    ];
    for (kind, check) in kinds {
        let federation = run(kind, 6);
        assert_blamed(&federation, site(5), check);
        let others: Vec<_> =
            blames(&federation).filter(|(_, r)| r.culprit != Culprit::Site(site(5))).collect();
        assert!(others.is_empty(), "{check}: {others:?}");
    }
}

#[test]
fn a_verdict_in_anothers_name() {
    let federation = run(|m| matches!(m, FromSite::Verdict(_)), 40_000);
    assert_blamed(&federation, site(5), Check::P1);
}

/// Check H1: a study of which the researcher did not sign a word, or whose credential has ended, is
/// offered to nobody.
#[test]
fn a_submission_that_is_not_the_researcher_s_is_not_taken() {
    let text = vector(6, 1, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.attend_all();
    let honest = federation.submission(&text);
    let mut forged = honest.clone();
    forged.signature = federation.keys[&site(1)].sign(&honest.study);
    let ended = federation.submission_until(honest.study, START);
    for lie in [forged, ended] {
        let clock = federation.clock();
        let refused = federation.coordinator.submit(&text, lie, clock).unwrap_err();
        let SubmitError::Submission(refusal) = refused else { panic!("{refused}") };
        assert_eq!(refusal.check, Check::H1, "{refusal}");
    }
    let study = federation.submit(&text);
    federation.run(&[study]);
    report(&federation, &study);
}
