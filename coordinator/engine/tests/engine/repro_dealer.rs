//! A dealer whose shares lie on no polynomial: it is named, nothing is opened, and the others go on.

use std::time::Duration;

use ripieno_study::{Check, Digest};
use ripieno_wire::ToSite;

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::studies::vector;
use crate::common::twin::two_faced;
use crate::common::{set, site};
use crate::oracle::{
    assert_all_resolved, assert_blamed, assert_no_other_blamed, assert_sums, failure, report,
    rounds,
};

/// Site 6 blames nobody for the certificate that it is sent when it is back.
#[track_caller]
fn assert_calm(federation: &Federation) {
    let refusal = |entry: &&String| entry.starts_with("refusal");
    let log = federation.log(site(6));
    assert!(!log.is_empty());
    assert_eq!(log.iter().find(refusal), None);
}

/// Six sites, c = 1. Site 2 deals to site 3 on another polynomial; site 6 has uploaded and is away
/// when the slot is signed and lost.
fn run(text: &str) -> (Federation, Digest) {
    let mut federation = Federation::new(&Settings::new(6, 1));
    let (mut deal, mut away) = (two_faced(&federation, site(2), site(3)), false);
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Down(to, ToSite::Propose(_)) if *to == site(6) && !away => {
            away = true;
            Fate::Lose(Duration::from_secs(100))
        }
        _ => deal(flight),
    }));
    let study = federation.begin(text);
    federation.run(&[study]);
    (federation, study)
}

#[test]
fn repro_a_study_whose_set_may_change_goes_on_without_the_dealer() {
    let text = vector(6, 3, "membership = \"may-change\"");
    let (federation, study) = run(&text);
    report(&federation, &study);
    assert_sums(&federation, &text);
    let rounds = rounds(&federation, &study);
    assert_eq!(rounds.len(), 3);
    assert!(rounds.iter().all(|round| !round.survivors.contains(site(2))), "{rounds:?}");
    assert!(rounds.iter().all(|round| round.slot > 0), "the first slot is lost: {rounds:?}");
    assert_eq!(rounds[0].survivors, set([1, 3, 4, 5]));
    assert!(federation.sites[&site(6)].report(&study).is_some(), "it caught up");
    assert_blamed(&federation, site(2), Check::R2);
    assert_no_other_blamed(&federation, &[2]);
    assert_all_resolved(&federation);
    assert_calm(&federation);
}

#[test]
fn repro_a_fixed_study_ends_with_the_dealer_s_name() {
    let (federation, study) = run(&vector(6, 3, ""));
    let reason = failure(&federation, &study);
    assert!(reason.contains("is lost") && reason.contains("site 2"), "{reason}");
    assert!(federation.network.published.is_empty(), "no part of the sum was opened");
    assert_blamed(&federation, site(2), Check::R2);
    assert_no_other_blamed(&federation, &[2]);
    // The slot is certified: whoever was away learns that it counts as opened.
    assert_all_resolved(&federation);
    assert_calm(&federation);
}
