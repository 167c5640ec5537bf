//! R1: contracts that are refused (checks S1 to S8).

use std::collections::BTreeMap;

use ripieno_identity::{Signature, SigningKey};
use ripieno_secagg::Kind;
use ripieno_secagg::coordinator::collect::sign_contract;
use ripieno_secagg::epoch::Transcript;
use ripieno_study::plan::{Clip, Encoding, Packing};
use ripieno_study::{Check, Contract, Culprit, Membership};
use zeroize::Zeroizing;

use crate::common::refused::{COORDINATOR, assert_refused};
use crate::common::scene::{Scene, first, without};
use crate::common::study::Study;
use crate::common::{digest, set, site};

/// Site 1 refuses the honest contract after `change`, and still serves the honest one.
fn refuses(check: Check, change: impl FnOnce(&mut Contract)) {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let mut contract = scene.contract(0);
    change(&mut contract);
    let signed = scene.sign(contract);
    assert_refused(scene.start(site(1), &signed), check, COORDINATOR);
    scene.goes_on(0);
}

/// Site 1 refuses the honest contract by its own word in `change`.
fn own_word(check: Check, culprit: Culprit, change: impl FnOnce(&mut Study)) {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let signed = scene.sign(scene.contract(0));
    let honest = scene.study.clone();
    change(&mut scene.study);
    assert_refused(scene.start(site(1), &signed), check, culprit);
    scene.study = honest;
    scene.goes_on(0);
}

#[test]
fn a_contract_without_the_coordinator_s_signature_is_refused() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let honest = scene.sign(scene.contract(0));
    let mut unsigned = honest.clone();
    unsigned.signature = Signature::from_bytes([0; 64]);
    assert_refused(scene.start(site(1), &unsigned), Check::S1, COORDINATOR);
    let mut changed = honest;
    changed.contract.round += 1;
    assert_refused(scene.start(site(1), &changed), Check::S1, COORDINATOR);
    scene.goes_on(0);
}

#[test]
fn a_contract_of_another_coordinator_or_charter_is_refused() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let other = SigningKey::from_seed(&Zeroizing::new([1; 32]));
    let charter = scene.world.roster.charter;
    let signed = sign_contract(&charter, &other, scene.contract(0), Vec::new());
    assert_refused(scene.start(site(1), &signed), Check::S1, COORDINATOR);
    let key = &scene.world.coordinator;
    let signed = sign_contract(&digest(1), key, scene.contract(0), Vec::new());
    assert_refused(scene.start(site(1), &signed), Check::S1, COORDINATOR);
    scene.goes_on(0);
}

#[test]
fn a_contract_of_another_epoch_is_refused() {
    refuses(Check::S1, |contract| contract.transcript = digest(1));
}

#[test]
fn a_study_that_is_not_approved_is_refused() {
    refuses(Check::S2, |contract| contract.study = digest(1));
}

#[test]
fn a_study_may_not_assume_more_corrupt_sites_than_the_charter() {
    own_word(Check::S2, Culprit::Own, |study| study.corrupt = 2);
}

#[test]
fn a_cohort_that_nobody_drew_is_refused() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let signed = scene.sign(Contract { cohort: 1, ..scene.contract(0) });
    assert_refused(scene.start(site(1), &signed), Check::S3, COORDINATOR);
}

#[test]
fn strangers_do_not_take_part() {
    refuses(Check::S3, |contract| contract.participants = set([1, 2, 3, 4, 9]));
}

#[test]
fn too_few_participants_are_refused() {
    refuses(Check::S3, |contract| contract.participants = first(3));
    refuses(Check::S3, |contract| contract.participants = set([]));
}

#[test]
fn a_minimum_below_the_protocol_s_is_refused() {
    refuses(Check::S3, |contract| contract.minimum -= 1);
    refuses(Check::S3, |contract| contract.minimum = 0);
}

#[test]
fn a_minimum_below_the_site_s_own_is_refused() {
    own_word(Check::S3, COORDINATOR, |study| study.minimum = 5);
}

#[test]
fn a_minimum_above_the_number_of_participants_is_refused() {
    refuses(Check::S3, |contract| contract.minimum = 6);
}

#[test]
fn a_site_that_is_asked_to_add_data_is_a_participant() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let contract = Contract { participants: set([2, 3, 4, 5]), ..scene.contract(0) };
    let signed = scene.sign(contract);
    let approved = scene.study.approved();
    let ledger = &scene.world.members[&site(1)].ledger;
    let started =
        scene.run.epochs.get_mut(&site(1)).unwrap().start(&signed, Some(&approved), ledger);
    assert_refused(started, Check::S3, COORDINATOR);
}

#[test]
fn a_dealer_that_was_not_accepted_does_not_take_part() {
    let mut world = crate::common::world::World::new(5, 1);
    let announced = ripieno_secagg::epoch::advertise::Announcement { epoch: 1, slots: 1 };
    let dealt = world.deal_all(announced);
    let bundles: Vec<_> = dealt.values().flat_map(|d| d.bundles().to_vec()).collect();
    // Site 2's shares reach all but site 5; site 3's reach only site 4.
    let reaches = |from: u16, to: u16| match from {
        2 => to != 5,
        3 => to == 4,
        _ => true,
    };
    let mut epochs = BTreeMap::new();
    let mut relay = relay(&world, announced, dealt[&site(1)].transcript());
    for (to, dealt) in dealt {
        let own: Vec<_> = bundles
            .iter()
            .filter(|b| b.to == to && reaches(b.from.get(), to.get()))
            .cloned()
            .collect();
        let (accepted, _) = dealt.accept(&own);
        relay.receive(accepted.acceptance().clone()).unwrap();
        epochs.insert(to, accepted);
    }
    let relay = relay.close();
    assert_eq!(relay.eligible(&set([1, 2, 4, 5])).len(), 3, "2 and 5 do not go together");
    assert_eq!(relay.eligible(&first(5)).len(), 3);
    assert_eq!(relay.eligible(&set([1, 2, 4])), set([1, 2, 4]));
    assert!(relay.eligible(&set([3])).is_empty(), "two holders are fewer than t");
    let acceptances = relay.acceptances();
    let joined = epochs.into_iter().map(|(s, a)| (s, a.join(acceptances.clone()).unwrap()));
    let run = crate::common::world::Run { relay, epochs: joined.collect() };
    let plan = crate::common::study::plan(Packing::Two, 5);
    let mut scene = Scene { world, run, study: Study::new(1, Membership::MayChange, plan) };
    for participants in [first(5), set([1, 2, 4, 5]), set([1, 3, 4, 5])] {
        let signed = scene.sign(Contract { participants, ..scene.contract(0) });
        assert_refused(scene.start(site(1), &signed), Check::S3, COORDINATOR);
    }
}

fn relay(
    world: &crate::common::world::World,
    announced: ripieno_secagg::epoch::advertise::Announcement,
    transcript: &Transcript,
) -> ripieno_secagg::coordinator::Accepting {
    let mut gathering =
        ripieno_secagg::coordinator::Gathering::new(world.roster.clone(), announced);
    for (_, advert) in transcript.adverts() {
        gathering.receive(advert.clone()).unwrap();
    }
    gathering.close().unwrap().close()
}

#[test]
fn a_slot_that_does_not_exist_is_refused() {
    refuses(Check::S4, |contract| contract.slot = 3);
    refuses(Check::S4, |contract| contract.slot = u16::MAX);
}

#[test]
fn a_slot_serves_one_contract() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let honest = scene.sign(scene.contract(0));
    let ctx = scene.start(site(1), &honest).unwrap();
    assert_eq!(scene.start(site(1), &honest), Ok(ctx), "the same contract again");
    let other = scene.sign(Contract { participants: first(4), ..scene.contract(0) });
    assert_refused(scene.start(site(1), &other), Check::S4, COORDINATOR);
    // Also where it has only signed for it, and where it has uploaded.
    scene.upload(site(1), 0).unwrap();
    assert_eq!(scene.start(site(1), &honest), Ok(ctx));
    assert_refused(scene.start(site(1), &other), Check::S4, COORDINATOR);
    scene.run.epoch(2).void(0).unwrap();
    assert_refused(scene.start(site(2), &honest), Check::S4, COORDINATOR);
}

#[test]
fn a_spent_slot_is_refused() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.round(0, &first(4));
    let again = scene.sign(scene.contract(0));
    assert_refused(scene.start(site(1), &again), Check::S4, COORDINATOR);
    assert_refused(scene.upload(site(1), 0), Check::S4, COORDINATOR);
    assert!(scene.run.epoch(1).rounding_seed(0).is_err());
    assert!(scene.run.epoch(1).prove(0, site(2), Kind::Root).is_none());
    scene.goes_on(1);
}

#[test]
fn another_state_or_round_is_refused() {
    refuses(Check::S5, |contract| contract.state = digest(1));
    refuses(Check::S5, |contract| contract.round = 2);
    refuses(Check::S5, |contract| contract.round = 0);
}

#[test]
fn a_state_that_the_last_sum_does_not_give_is_refused() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let before = scene.study.state;
    scene.round(0, &first(4));
    let signed = scene.sign(Contract { state: before, ..scene.contract(1) });
    assert_refused(scene.start(site(1), &signed), Check::S5, COORDINATOR);
    scene.goes_on(1);
}

#[test]
fn a_plan_that_could_overflow_is_refused_by_every_holder() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let mut contract = scene.contract(0);
    contract.participants = set([2, 3, 4, 5]);
    contract.plan.inputs[0].encoding =
        Encoding::Packed { packing: Packing::Four, range: f64::INFINITY, clip: Clip::Refuse };
    let signed = scene.sign(contract.clone());
    assert_refused(scene.start(site(1), &signed), Check::S6, COORDINATOR);
    for spoil in [
        |c: &mut Contract| c.plan.inputs[0].length = u64::MAX,
        |c: &mut Contract| c.plan.inputs[0].length = 0,
        |c: &mut Contract| c.plan.inputs.clear(),
        |c: &mut Contract| c.plan.tile_lanes = 0,
        |c: &mut Contract| c.plan.tile_lanes = u32::MAX,
        |c: &mut Contract| c.plan.inputs[1].name = c.plan.inputs[0].name.clone(),
    ] {
        let mut contract = Contract { participants: set([2, 3, 4, 5]), ..scene.contract(0) };
        spoil(&mut contract);
        let signed = scene.sign(contract);
        assert_refused(scene.start(site(1), &signed), Check::S6, COORDINATOR);
    }
    scene.goes_on(0);
}

#[test]
fn a_plan_that_is_not_the_study_s_is_refused() {
    let spoilt: [fn(&mut Contract); 5] = [
        |c| c.plan.tile_lanes = 1024,
        |c| c.plan.inputs[0].name.push('s'),
        |c| c.plan.inputs[0].length = 1,
        |c| {
            let (packing, clip) = (Packing::Four, Clip::Refuse);
            c.plan.inputs[0].encoding = Encoding::Packed { packing, range: 2.0, clip };
        },
        |c| {
            let (packing, range) = (Packing::Four, 1.0);
            c.plan.inputs[0].encoding = Encoding::Packed { packing, range, clip: Clip::Coordinate };
        },
    ];
    spoilt.iter().for_each(|spoil| refuses(Check::S6, spoil));
}

#[test]
fn lanes_of_another_plan_are_not_masked() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.started(0);
    let lanes = vec![0; 3];
    let study = scene.study.clone();
    let ledger = &mut scene.world.members.get_mut(&site(1)).unwrap().ledger;
    let epoch = scene.run.epochs.get_mut(&site(1)).unwrap();
    let uploaded = epoch.upload(0, &study.approved(), lanes, digest(9), ledger);
    assert_refused(uploaded, Check::S6, Culprit::Own);
    assert_eq!(ledger.head().count, 0, "nothing was entered");
    scene.upload(site(1), 0).unwrap();
}

#[test]
fn the_release_limit_holds_and_a_void_slot_gives_its_release_back() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.study.releases = 1;
    let all = first(4);
    let mut slot = scene.started(0);
    scene.collect(&mut slot, &all);
    let voiding = slot.collecting.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &all);
    scene.close_void(&certificate);
    scene.round(1, &all);
    let signed = scene.sign(scene.contract(2));
    assert_refused(scene.start(site(1), &signed), Check::S7, Culprit::Own);
    scene.study.releases = 2;
    scene.goes_on(2);
}

#[test]
fn a_study_without_a_release_left_does_not_start() {
    own_word(Check::S7, Culprit::Own, |study| study.releases = 0);
}

#[test]
fn the_limit_is_looked_at_again_before_the_upload() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.started(0);
    scene.study.releases = 0;
    assert_refused(scene.upload(site(1), 0), Check::S7, Culprit::Own);
    assert_eq!(scene.world.member(1).ledger.head().count, 0);
    scene.study.releases = 1;
    scene.upload(site(1), 0).unwrap();
}

#[test]
fn an_unresolved_slot_stands_in_the_way() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let mut slot = scene.started(0);
    scene.collect(&mut slot, &first(4));
    let signed = scene.sign(scene.contract(1));
    assert_refused(scene.start(site(1), &signed), Check::S8, Culprit::Own);
    let voiding = slot.collecting.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &first(4));
    scene.close_void(&certificate);
    scene.goes_on(1);
}

#[test]
fn two_slots_of_one_study_do_not_both_upload() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.started(0);
    scene.started(1);
    scene.upload(site(1), 0).unwrap();
    assert_refused(scene.upload(site(1), 1), Check::S8, Culprit::Own);
    let unresolved: Vec<_> = scene.world.member(1).ledger.unresolved().map(|e| e.id).collect();
    assert_eq!(unresolved, [scene.run.epoch(1).id(0)]);
}

#[test]
fn another_set_after_an_opened_one_is_refused() {
    let mut scene = Scene::new(5, 1, Membership::Fixed);
    scene.round(0, &first(5));
    let smaller = scene.sign(Contract { participants: first(4), ..scene.contract(1) });
    assert_refused(scene.start(site(1), &smaller), Check::S8, COORDINATOR);
    scene.goes_on(1);
}

/// Two sums of a study whose rows differ at one site give those rows away.
#[test]
fn other_data_after_an_opened_sum_is_refused() {
    let mut scene = Scene::new(5, 1, Membership::Fixed);
    scene.round(0, &first(5));
    let approved = scene.study.fingerprint.replace(digest(2501));
    let signed = scene.sign(scene.contract(1));
    assert_refused(scene.start(site(1), &signed), Check::S8, Culprit::Own);
    scene.study.fingerprint = approved;
    scene.goes_on(1);
}

/// Check S8 lets go where it must.
#[test]
fn another_set_is_allowed_after_a_void_certificate() {
    let mut scene = Scene::new(5, 1, Membership::Fixed);
    let mut slot = scene.started(0);
    scene.collect(&mut slot, &first(4));
    assert!(!slot.collecting.can_propose(), "membership is fixed");
    let voiding = slot.collecting.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &first(4));
    scene.close_void(&certificate);
    let four = scene.slot_with(Contract { participants: first(4), ..scene.contract(1) });
    for index in 1..=4 {
        scene.start(site(index), &four.signed).unwrap();
    }
    scene.upload(site(1), 1).unwrap();
}

#[test]
fn the_membership_rule_is_the_study_s() {
    let mut scene = Scene::new(5, 1, Membership::Fixed);
    let lax = Contract { membership: Membership::MayChange, ..scene.contract(0) };
    let signed = scene.sign(lax);
    assert_refused(scene.start(site(1), &signed), Check::S8, COORDINATOR);
    scene.goes_on(0);
}

#[test]
fn a_set_that_may_change_may_change() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    scene.round(0, &first(4));
    let all = without(&first(5), 1);
    scene.started_with(Contract { participants: all, ..scene.contract(1) });
    scene.upload(site(2), 1).unwrap();
}
