//! R1: contracts that a site must not serve.

use ripieno_secagg::coordinator::sign_contract;
use ripieno_study::plan::Clip;
use ripieno_study::{Check, Contract, Culprit, Encoding, Membership, Packing};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings, coordinator_key, key};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::lies::{COORDINATOR, assert_refused, assert_silent, next_contract, sign};

type Change = fn(&mut Contract);

/// Tells site 2 each changed contract, signed as it should be, then the honest one: a refused
/// contract leaves no trace in the slot.
fn assert_changes_refused(text: &str, changes: &[(Change, Check, Culprit)]) {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(text);
    let honest = next_contract(&mut federation, site(2));
    for (change, check, culprit) in changes {
        let mut contract = honest.contract.clone();
        change(&mut contract);
        let lie = ToSite::Contract(sign(&federation, contract));
        assert_refused(&mut federation, site(2), lie, *check, *culprit);
    }
    let answers = federation.tell(site(2), ToSite::Contract(honest));
    assert!(matches!(answers.last(), Some(FromSite::Trailer { .. })), "{answers:?}");
}

#[test]
fn a_contract_that_is_not_what_the_site_computed_itself() {
    assert_changes_refused(
        &glm("minimum_sites = 5"),
        &[
            (|c| c.study = c.state, Check::S2, Culprit::Own),
            (|c| c.state = c.study, Check::S5, COORDINATOR),
            (|c| c.round += 1, Check::S5, COORDINATOR),
            (|c| c.round = 0, Check::S5, COORDINATOR),
            (|c| c.plan.tile_lanes *= 2, Check::S6, COORDINATOR),
            (|c| c.plan.inputs[0].length += 1, Check::S6, COORDINATOR),
            (|c| c.plan.inputs.truncate(1), Check::S6, COORDINATOR),
            (|c| c.plan.inputs.swap(0, 1), Check::S6, COORDINATOR),
            (|c| c.plan.tile_lanes = 3, Check::S6, COORDINATOR),
            (|c| c.minimum = 4, Check::S3, COORDINATOR),
            (|c| c.minimum = 1, Check::S3, COORDINATOR),
            (|c| c.minimum = 6, Check::S3, COORDINATOR),
            (|c| c.participants = set(1..=4), Check::S3, COORDINATOR),
            (|c| c.participants = set([1, 2, 3, 4, 9]), Check::S3, COORDINATOR),
            (|c| c.membership = Membership::MayChange, Check::S8, COORDINATOR),
            (|c| c.transcript = c.study, Check::S4, COORDINATOR),
            (|c| c.slot = 16, Check::S4, COORDINATOR),
            (|c| c.cohort = 1, Check::S3, COORDINATOR),
        ],
    );
}

#[test]
fn a_packed_vector_in_another_range_clip_or_field() {
    fn encoding(contract: &mut Contract, change: fn(&mut Packing, &mut f64, &mut Clip)) {
        let Encoding::Packed { packing, range, clip } = &mut contract.plan.inputs[0].encoding
        else {
            panic!("the study packs its vector");
        };
        change(packing, range, clip);
    }
    let text = vector(50, 1, "").replace("\"wide\"", "\"packed\"\nrange = 1.0");
    assert_changes_refused(
        &text,
        &[
            (|c| encoding(c, |_, range, _| *range = 1e9), Check::S6, COORDINATOR),
            (|c| encoding(c, |_, range, _| *range = f64::NAN), Check::S6, COORDINATOR),
            (|c| encoding(c, |_, _, clip| *clip = Clip::L2), Check::S6, COORDINATOR),
            (|c| encoding(c, |packing, _, _| *packing = Packing::One), Check::S6, COORDINATOR),
            (|c| c.plan.inputs[0].encoding = Encoding::Wide, Check::S6, COORDINATOR),
        ],
    );
}

#[test]
fn a_contract_that_the_coordinator_of_the_own_charter_did_not_sign() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&glm(""));
    let honest = next_contract(&mut federation, site(2));
    let charter = federation.charter.digest();
    let contract = || honest.contract.clone();
    let lies = [
        sign_contract(&charter, &key("an impostor"), contract(), Vec::new()),
        sign_contract(&study, &coordinator_key(), contract(), Vec::new()),
    ];
    for lie in lies {
        let lie = ToSite::Contract(lie);
        assert_refused(&mut federation, site(2), lie, Check::S1, COORDINATOR);
    }
    let mut changed = honest.clone();
    changed.contract.cohort += 1;
    let lie = ToSite::Contract(changed);
    assert_refused(&mut federation, site(2), lie, Check::S1, COORDINATOR);
}

#[test]
fn a_slot_serves_one_contract() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let honest = next_contract(&mut federation, site(2));
    federation.tell(site(2), ToSite::Contract(honest.clone()));
    let other = Contract { minimum: 5, ..honest.contract.clone() };
    let lie = ToSite::Contract(sign(&federation, other));
    assert_refused(&mut federation, site(2), lie, Check::S4, COORDINATOR);
    // The round again in a fresh slot, while the first may still be opened.
    let again = Contract { slot: 5, ..honest.contract };
    let lie = ToSite::Contract(sign(&federation, again));
    assert_refused(&mut federation, site(2), lie, Check::S8, Culprit::Own);
}

#[test]
fn a_site_outside_of_the_participants_sends_nothing() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let honest = next_contract(&mut federation, site(2));
    let without = Contract { participants: set([1, 3, 4, 5]), ..honest.contract.clone() };
    let without = ToSite::Contract(sign(&federation, without));
    assert_silent(&mut federation, site(2), without);
    // The slot is bound to it now.
    let late = ToSite::Contract(honest);
    assert_refused(&mut federation, site(2), late, Check::S4, COORDINATOR);
}

#[test]
fn fixed_membership_holds_from_the_first_opened_sum_on() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let first = next_contract(&mut federation, site(2));
    federation.deliver(site(2), ToSite::Contract(first.clone()));
    let second = next_contract(&mut federation, site(2));
    assert_eq!(second.contract.round, 2);
    let skipped = Contract { round: 3, ..second.contract.clone() };
    let repeated = Contract { slot: second.contract.slot, ..first.contract };
    for lie in [skipped, repeated] {
        let lie = ToSite::Contract(sign(&federation, lie));
        assert_refused(&mut federation, site(2), lie, Check::S5, COORDINATOR);
    }
    let fewer = Contract { participants: set([1, 2, 3, 4]), ..second.contract };
    let lie = ToSite::Contract(sign(&federation, fewer));
    assert_refused(&mut federation, site(2), lie, Check::S8, COORDINATOR);
}

#[test]
fn a_study_that_is_over_has_no_next_round() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&vector(8, 1, ""));
    let first = next_contract(&mut federation, site(2));
    federation.deliver(site(2), ToSite::Contract(first.clone()));
    federation.run(&[study]);
    assert!(federation.sites[&site(2)].report(&study).is_some());
    let more = Contract { slot: 1, round: 2, ..first.contract };
    let lie = ToSite::Contract(sign(&federation, more));
    assert_refused(&mut federation, site(2), lie, Check::S5, COORDINATOR);
}
