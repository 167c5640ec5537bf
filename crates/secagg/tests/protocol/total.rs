//! Check D2: the sums of all cohorts.

use std::sync::LazyLock;

use ripieno_identity::Signature;
use ripieno_secagg::cohort::{CohortSum, Evidence, Total};
use ripieno_secagg::round::publish::verify_receipt;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::{Check, Digest, Membership, Refusal};

use super::common::cohorts::{Opened, opened};
use super::common::refused::{COORDINATOR, assert_refused};
use super::common::scene::Scene;
use super::common::{digest, site, study};

/// One round, on which all tests look.
static ROUND: LazyLock<Opened> = LazyLock::new(opened);

const MINIMUM: u16 = 60;

fn next() -> Digest {
    digest(9000)
}

fn sign(cohorts: Vec<CohortSum>) -> Total {
    let Opened { roster, coordinator, draw, .. } = &*ROUND;
    Total::sign(draw, &roster.charter, coordinator, cohorts, next())
}

/// What a site of cohort 0 says of a total.
fn verify(total: &Total, minimum: u16) -> Result<(), Refusal> {
    let Opened { roster, draw, vouched, .. } = &*ROUND;
    let own = vouched[0].values().next().expect("sites vouched");
    total.verify(roster, draw, own, minimum).map(drop)
}

/// Asserts that a total with cohort 1 changed is refused for this reason, though it is signed.
#[track_caller]
fn refused(reason: &str, change: impl FnOnce(&mut Vec<CohortSum>)) {
    let mut sums = ROUND.sums.clone();
    change(&mut sums);
    let result = verify(&sign(sums), MINIMUM);
    let refusal = result.clone().expect_err("it was changed");
    assert!(refusal.reason.contains(reason), "{refusal}");
    assert_refused(result, Check::D2, COORDINATOR);
}

#[test]
fn every_site_of_every_cohort_takes_the_sums_that_their_own_sites_vouch_for() {
    let Opened { roster, draw, sums, vouched, .. } = &*ROUND;
    let total = sign(sums.clone());
    for own in vouched.iter().flat_map(|cohort| cohort.values()) {
        let verified = total.verify(roster, draw, own, MINIMUM).expect("an honest total");
        verified.next_state(&next()).expect("the own state");
        assert_refused(verified.next_state(&digest(1)), Check::D2, COORDINATOR);
        for (part, (_, members)) in verified.cohorts().iter().zip(draw.cohorts()) {
            assert_eq!(part.lanes, study::one_hot(&part.contract.plan, members));
        }
    }
}

#[test]
fn a_total_that_the_coordinator_did_not_sign_is_refused() {
    let mut total = sign(ROUND.sums.clone());
    total.signature = Signature::from_bytes([1; 64]);
    assert_refused(verify(&total, MINIMUM), Check::D2, COORDINATOR);
    let mut total = sign(ROUND.sums.clone());
    total.next_state = digest(1);
    assert_refused(verify(&total, MINIMUM), Check::D2, COORDINATOR);
}

#[test]
fn a_cohort_left_out_or_twice_is_refused() {
    assert_eq!(Check::D2.to_string(), "D2");
    refused("1 sums for the 2 cohorts", |sums| sums.truncate(1));
    refused("another cohort, or out of order", |sums| sums.swap(0, 1));
    refused("another cohort, or out of order", |sums| sums[1] = sums[0].clone());
}

#[test]
fn the_own_cohort_s_sum_is_the_one_that_this_site_verified() {
    refused("not the one that this site has verified", |sums| sums[0].lanes[0] += 1);
    refused("not the one that this site has verified", |sums| {
        sums[0].outcome.trailers = digest(1);
    });
    refused("not the one that this site has verified", |sums| sums[0].contract.round += 1);
    assert_eq!(Check::D2.to_string(), "D2");
}

#[test]
fn a_foreign_sum_of_another_round_is_refused() {
    let reason = "study, round or state are not this site's";
    refused(reason, |sums| sums[1].contract.round += 1);
    refused(reason, |sums| sums[1].contract.study = digest(1));
    refused(reason, |sums| sums[1].contract.state = digest(1));
    refused("privacy or membership", |sums| {
        sums[1].contract.membership = Membership::MayChange;
    });
    refused("not over the plan", |sums| sums[1].contract.plan.tile_lanes *= 2);
    refused("not over the plan", |sums| sums[1].lanes.truncate(1));
    refused("the outcome is of another round", |sums| sums[1].contract.minimum -= 1);
    refused("the outcome is of another round", |sums| sums[1].outcome.id.slot += 1);
    assert_eq!(Check::D2.to_string(), "D2");
}

/// A contract that was changed has another ctx, which the outcome is given here as well.
fn with_contract(part: &mut CohortSum, change: impl FnOnce(&mut CohortSum)) {
    change(part);
    part.outcome.ctx = part.contract.ctx();
}

#[test]
fn survivors_that_the_contract_does_not_allow_are_refused() {
    let outsider = ROUND.sums[0].outcome.survivors.iter().next().expect("it has sites");
    let last = ROUND.sums[1].outcome.survivors.iter().last().expect("it has sites");
    refused("is not in the cohort", |sums| {
        with_contract(&mut sums[1], |part| part.contract.participants.insert(outsider));
    });
    let reason = "the membership rule does not allow its survivors";
    refused(reason, |sums| sums[1].outcome.survivors.insert(outsider));
    refused(reason, |sums| sums[1].outcome.survivors.remove(last));
    refused("65 survivors, not 66", |sums| {
        with_contract(&mut sums[1], |part| part.contract.minimum = 66);
    });
    assert_refused(verify(&sign(ROUND.sums.clone()), 66), Check::D2, COORDINATOR);
}

#[test]
fn c_plus_1_sites_of_the_cohort_must_vouch() {
    let enough = |sums: &mut Vec<CohortSum>| sums[1].words.truncate(2);
    let mut sums = ROUND.sums.clone();
    enough(&mut sums);
    verify(&sign(sums), MINIMUM).expect("c + 1 = 2 words");
    refused("1 sites vouch for the sum, not 2", |sums| sums[1].words.truncate(1));
    refused("1 sites vouch for the sum, not 2", |sums| {
        sums[1].words = vec![sums[1].words[0]; 5];
    });
    assert_eq!(Check::D2.to_string(), "D2");
}

#[test]
fn a_word_is_on_this_sum_and_by_a_site_of_the_cohort() {
    refused("is on another sum", |sums| sums[1].lanes[0] += 1);
    refused("is on another sum", |sums| sums[1].outcome.trailers = digest(1));
    refused("is on another sum", |sums| sums[1].words[0].ctx = digest(1));
    refused("the signature does not verify", |sums| {
        sums[1].words[0].signature = Signature::from_bytes([1; 64]);
    });
    refused("is not in the cohort", |sums| sums[1].words[0] = sums[0].words[0]);
    assert_eq!(Check::D2.to_string(), "D2");
}

/// What c corrupt sites of a cohort and the coordinator can say together is not enough.
#[test]
fn c_liars_of_a_cohort_convince_nobody() {
    let Opened { keys, .. } = &*ROUND;
    refused("1 sites vouch for the sum, not 2", |sums| {
        let part = &mut sums[1];
        part.lanes[0] += 1;
        let mut word = part.words[0];
        word.sum = tiles::root(Content::Sum, &part.contract.plan, &part.lanes);
        word.signature = keys[&word.from].sign(&word.digest());
        part.words = vec![word; 2];
    });
    assert_eq!(Check::D2.to_string(), "D2");
}

/// P1 in a cohort: a site gives its word on a sum that it has recomputed, and on no state.
#[test]
fn a_word_is_given_on_a_sum_that_recomputes() {
    let mut scene = Scene::new(4, 0, Membership::Fixed);
    let all = scene.all();
    let (opening, spool) = scene.certified(0, &all);
    let opened = scene.opened(opening, &spool);
    let uploads = opened.uploads(&spool).expect("they are spooled");
    let party = &scene.world.members[&site(1)].party;
    let contract = &opened.signed().contract;
    let vouch = |state: Digest, sum: &[u64], evidence: Evidence<'_>| {
        let (roster, key) = (&scene.world.roster, &scene.world.coordinator);
        let receipt = opened.receipt(&roster.charter, key, state, 1);
        let transcript = scene.run.transcript();
        let verified = verify_receipt(roster, transcript, contract, None, &receipt);
        verified.expect("an honest receipt").vouch(party, sum, evidence).map(drop)
    };
    let whole = Evidence::Uploads(&uploads);
    vouch(contract.state, opened.sum(), whole).expect("an honest sum");
    assert_refused(vouch(digest(1), opened.sum(), whole), Check::P1, COORDINATOR);
    let mut other = opened.sum().to_vec();
    other[0] ^= 1;
    assert_refused(vouch(contract.state, &other, whole), Check::P1, COORDINATOR);
    // A sum that every site can recompute needs no verdicts.
    let none = Evidence::Verdicts(&[]);
    assert_refused(vouch(contract.state, opened.sum(), none), Check::P1, COORDINATOR);
}
