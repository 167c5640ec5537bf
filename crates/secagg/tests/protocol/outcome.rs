//! R3: proposals that are refused (checks C1, C2, C3).

use ripieno_identity::Signature;
use ripieno_secagg::round::outcome::{Proposal, Vote};
use ripieno_secagg::round::upload::Trailer;
use ripieno_study::{Check, Contract, Membership};

use crate::common::refused::{COORDINATOR, assert_refused};
use crate::common::scene::{Scene, first, without};
use crate::common::{digest, set, site};

/// A scene of six sites with an honest proposal of the first five, which nobody has signed.
fn proposed() -> (Scene, Proposal) {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (deciding, _) = scene.proposed(0, &first(5));
    (scene, deciding.proposal().clone())
}

/// Sites 1 (a survivor) and 6 (not one) refuse what `change` makes of the proposal, and then sign
/// the honest one.
fn refuses(check: Check, change: impl Fn(&Scene, &mut Proposal)) {
    let (mut scene, honest) = proposed();
    let mut proposal = honest.clone();
    change(&scene, &mut proposal);
    for index in [1, 6] {
        assert_refused(scene.decide(site(index), &proposal), check, COORDINATOR);
        let ballot = scene.decide(site(index), &honest).unwrap();
        assert!(matches!(ballot.vote, Vote::Survivors(_)));
    }
}

fn keep(proposal: &mut Proposal, indices: &[u16]) {
    proposal.survivors = set(indices.iter().copied());
    proposal.trailers.retain(|trailer| indices.contains(&trailer.from.get()));
}

/// The trailer signed again, by the site that it is from.
fn sign(scene: &Scene, trailer: &mut Trailer) {
    trailer.signature = scene.world.members[&trailer.from].key.sign(&trailer.digest());
}

#[test]
fn survivors_are_participants() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let contract = Contract { participants: first(5), ..scene.contract(0) };
    let mut slot = scene.started_with(contract);
    scene.collect(&mut slot, &first(5));
    let honest = slot.collecting.propose().unwrap().proposal().clone();
    let wider = Proposal { survivors: first(6), ..honest.clone() };
    assert_refused(scene.decide(site(1), &wider), Check::C1, COORDINATOR);
    scene.decide(site(1), &honest).unwrap();
    scene.decide(site(6), &honest).unwrap();
}

#[test]
fn fewer_survivors_than_the_minimum_are_refused() {
    refuses(Check::C1, |_, proposal| keep(proposal, &[1, 2, 3]));
    refuses(Check::C1, |_, proposal| keep(proposal, &[]));
}

#[test]
fn a_missing_site_is_refused_where_membership_is_fixed() {
    let mut scene = Scene::new(6, 1, Membership::Fixed);
    let (deciding, spool) = scene.proposed(0, &first(6));
    let mut smaller = deciding.proposal().clone();
    keep(&mut smaller, &[1, 2, 3, 4, 5]);
    for index in [1, 6] {
        assert_refused(scene.decide(site(index), &smaller), Check::C1, COORDINATOR);
    }
    let opening = scene.certify(deciding, &first(6));
    scene.opened(opening, &spool);
}

#[test]
fn survivors_and_trailers_go_together() {
    refuses(Check::C2, |_, proposal| proposal.trailers.swap(1, 2));
    refuses(Check::C2, |_, proposal| proposal.trailers.truncate(4));
    refuses(Check::C2, |_, proposal| proposal.trailers.clear());
    refuses(Check::C2, |_, proposal| {
        let twice = proposal.trailers[1].clone();
        proposal.trailers.insert(1, twice);
    });
    refuses(Check::C2, |_, proposal| proposal.trailers[1] = proposal.trailers[2].clone());
}

#[test]
fn trailers_are_signed_by_their_sites() {
    refuses(Check::C2, |_, proposal| {
        proposal.trailers[1].signature = Signature::from_bytes([0; 64]);
    });
    refuses(Check::C2, |_, proposal| proposal.trailers[1].root = digest(1));
    refuses(Check::C2, |_, proposal| proposal.trailers[1].from = site(6));
    refuses(Check::C2, |scene, proposal| {
        let trailer = &mut proposal.trailers[1];
        trailer.signature = scene.world.members[&site(3)].key.sign(&trailer.digest());
    });
}

#[test]
fn trailers_are_of_this_round() {
    let changes: [fn(&mut Trailer); 3] =
        [|t| t.ctx = digest(1), |t| t.lanes += 1, |t| t.lanes = u64::MAX];
    for change in changes {
        refuses(Check::C2, |scene, proposal| {
            change(&mut proposal.trailers[1]);
            sign(scene, &mut proposal.trailers[1]);
        });
    }
}

#[test]
fn the_own_trailer_is_bit_for_bit_the_one_that_was_sent() {
    let changes: [fn(&mut Trailer); 2] = [|t| t.root = digest(1), |t| t.audit = digest(1)];
    for change in changes {
        let (mut scene, honest) = proposed();
        let mut proposal = honest.clone();
        change(&mut proposal.trailers[0]);
        // Even where the own signature is good.
        sign(&scene, &mut proposal.trailers[0]);
        assert_refused(scene.decide(site(1), &proposal), Check::C2, COORDINATOR);
        scene.decide(site(1), &honest).unwrap();
    }
}

#[test]
fn a_site_that_did_not_upload_is_no_survivor() {
    let (mut scene, honest) = proposed();
    let mut forged = honest.trailers[4].clone();
    forged.from = site(6);
    sign(&scene, &mut forged);
    let mut proposal = honest.clone();
    proposal.survivors = first(6);
    proposal.trailers.push(forged);
    assert_refused(scene.decide(site(6), &proposal), Check::C2, COORDINATOR);
    scene.decide(site(6), &honest).unwrap();
}

#[test]
fn a_second_set_is_refused() {
    let (mut scene, honest) = proposed();
    let ballot = scene.decide(site(1), &honest).unwrap();
    let mut second = honest.clone();
    keep(&mut second, &[1, 2, 3, 4]);
    assert_refused(scene.decide(site(1), &second), Check::C3, COORDINATOR);
    assert_eq!(scene.decide(site(1), &honest).unwrap(), ballot, "the same again");
}

#[test]
fn other_trailers_for_the_same_set_are_refused() {
    let (mut scene, honest) = proposed();
    scene.decide(site(1), &honest).unwrap();
    let mut second = honest;
    second.trailers[1].root = digest(1);
    sign(&scene, &mut second.trailers[1]);
    assert_refused(scene.decide(site(1), &second), Check::C3, COORDINATOR);
}

#[test]
fn void_after_signing_survivors_is_refused() {
    let (mut scene, honest) = proposed();
    scene.decide(site(1), &honest).unwrap();
    assert_refused(scene.run.epoch(1).void(0), Check::C3, COORDINATOR);
}

#[test]
fn survivors_after_signing_void_are_refused() {
    let (mut scene, honest) = proposed();
    let ballot = scene.run.epoch(1).void(0).unwrap();
    assert_refused(scene.decide(site(1), &honest), Check::C3, COORDINATOR);
    assert_eq!(scene.run.epoch(1).void(0), Ok(ballot), "the same again");
    assert_refused(scene.upload(site(1), 0), Check::S4, COORDINATOR);
}

#[test]
fn a_proposal_for_another_contract_than_the_bound_one_is_refused() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let one = scene.sign(scene.contract(0));
    scene.start(site(1), &one).unwrap();
    // The others are offered another contract for the same slot.
    let other = Contract { participants: without(&first(6), 1), ..scene.contract(0) };
    let mut slot = scene.slot_with(other);
    for index in 2..=6 {
        scene.start(site(index), &slot.signed).unwrap();
    }
    scene.collect(&mut slot, &set(2..=6));
    let deciding = slot.collecting.propose().unwrap();
    assert_refused(scene.decide(site(1), deciding.proposal()), Check::S4, COORDINATOR);
}

#[test]
fn a_holder_that_first_meets_the_slot_here_checks_the_contract() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let contract = Contract { participants: first(5), ..scene.contract(0) };
    let mut slot = scene.slot_with(contract);
    for site in first(5).iter() {
        scene.start(site, &slot.signed).unwrap();
    }
    scene.collect(&mut slot, &first(5));
    let honest = slot.collecting.propose().unwrap().proposal().clone();
    let mut unsigned = honest.clone();
    unsigned.contract.signature = Signature::from_bytes([0; 64]);
    assert_refused(scene.decide(site(6), &unsigned), Check::S1, COORDINATOR);
    let mut low = honest.clone();
    low.contract.contract.minimum = 1;
    low.contract = scene.sign(low.contract.contract);
    assert_refused(scene.decide(site(6), &low), Check::S3, COORDINATOR);
    scene.decide(site(6), &honest).unwrap();
}

#[test]
fn a_participant_that_has_signed_uploads_no_more() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (deciding, _) = scene.proposed(0, &first(5));
    scene.decide(site(6), deciding.proposal()).unwrap();
    assert_refused(scene.upload(site(6), 0), Check::S4, COORDINATOR);
    assert_eq!(scene.world.member(6).ledger.head().count, 0);
}
