//! Survivors of a fixed set are in the same sums of their study (check L1): what a restored site has
//! forgotten shows, whatever the coordinator has shown to whom, and when.

use std::collections::BTreeMap;

use ripieno_secagg::coordinator::Voiding;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::ledger::Entry;
use ripieno_secagg::round::outcome::Proposal;
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Ledger, SlotId};
use ripieno_study::{Check, Culprit, Membership};

use crate::common::refused::{assert_refused, culprit};
use crate::common::scene::{Scene, first, without};
use crate::common::tape::Tape;
use crate::common::{digest, site};

const NEXT: Announcement = Announcement { epoch: 2, slots: 2 };

/// Site 2 is restored from a backup that is older than its first entry.
fn restore(scene: &mut Scene) {
    let member = scene.world.member(2);
    member.ledger = Ledger::open(Tape::default(), &[]).unwrap();
    member.witness = Witness::open(Tape::default(), &[]).unwrap();
}

/// All upload in a slot that is then void: the counts of the ledgers are none that anybody has seen.
fn void_slot(scene: &mut Scene, slot: u16) {
    let (deciding, _) = scene.proposed(slot, &first(4));
    let voiding = deciding.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &first(4));
    scene.close_void(&certificate);
}

/// The others name site 2, and it sees itself that it has forgotten something.
fn assert_noticed(scene: &mut Scene, proposal: &Proposal) {
    for index in [1, 3, 4] {
        assert_refused(scene.decide(site(index), proposal), Check::L1, culprit(2));
    }
    assert_refused(scene.decide(site(2), proposal), Check::L1, Culprit::Own);
}

#[test]
fn a_set_up_that_is_kept_open_hides_no_restore() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let early = [1, 3, 4].map(|index| (site(index), scene.world.advertise(site(index), NEXT)));
    scene.round(0, &first(4));
    restore(&mut scene);
    let mut advertised = BTreeMap::from(early);
    advertised.insert(site(2), scene.world.advertise(site(2), NEXT));
    scene.run = scene.world.finish_set_up(NEXT, advertised);
    void_slot(&mut scene, 0);
    let (deciding, _) = scene.proposed(1, &first(4));
    assert_noticed(&mut scene, deciding.proposal());
}

#[test]
fn a_trailer_that_is_shown_late_hides_no_restore() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let mut slot = scene.started(0);
    scene.collect(&mut slot, &first(4));
    let deciding = slot.collecting.propose().expect("enough survivors");
    restore(&mut scene);
    let next = scene.world.set_up(NEXT.epoch, NEXT.slots);
    let before = std::mem::replace(&mut scene.run, next);
    // Site 2 enters a slot of the next epoch; nobody else has room for one.
    let contract = scene.contract(0);
    let signed = scene.sign(contract);
    scene.start(site(2), &signed).unwrap();
    scene.upload(site(2), 0).unwrap();
    let next = std::mem::replace(&mut scene.run, before);
    let opening = scene.certify(deciding, &without(&first(4), 2));
    for index in [1, 3, 4] {
        scene.open(site(index), opening.certificate(), None).unwrap();
    }
    scene.run = next;
    let voiding = Voiding::new(SlotId::of(&signed.contract), scene.run.transcript());
    let certificate = scene.void(voiding, &first(4));
    scene.close_void(&certificate);
    let (deciding, _) = scene.proposed(1, &first(4));
    assert_noticed(&mut scene, deciding.proposal());
}

#[test]
fn who_signs_without_a_trailer_of_its_own_goes_by_most_of_the_others() {
    let mut scene = Scene::new(5, 1, Membership::Fixed);
    let four = without(&scene.all(), 5);
    for slot in 0..2 {
        let contract = scene.study.contract(&scene.run, slot, four.clone());
        let mut slot = scene.started_with(contract);
        scene.collect(&mut slot, &four);
        let deciding = slot.collecting.propose().expect("enough survivors");
        if deciding.proposal().contract.contract.slot == 1 {
            assert_refused(scene.decide(site(5), deciding.proposal()), Check::L1, culprit(2));
            return;
        }
        let all = scene.all();
        let opening = scene.certify(deciding, &all);
        scene.opened(opening, &slot.spool);
        // Site 2 forgets the sum, but not that its ledger has three records: heads show nothing.
        restore(&mut scene);
        for _ in 0..2 {
            let other = scene.world.member(2).ledger.head().count;
            note_elsewhere(&mut scene, other);
        }
    }
}

/// Records of another study in the ledger of site 2.
fn note_elsewhere(scene: &mut Scene, number: u64) {
    let approved = scene.study.approved();
    let entry = Entry {
        id: SlotId { transcript: digest(900 + number), slot: 0 },
        ctx: digest(901),
        study: digest(902 + number),
        lineage: approved.lineage,
        fingerprint: None,
        holders: first(4),
        threshold: 3,
        void_quorum: 3,
        participants: first(4),
        membership: Membership::Fixed,
        reserved: 1,
    };
    scene.world.member(2).ledger.enter(entry, 1).unwrap();
}

#[test]
fn under_changing_membership_survivors_may_be_in_other_sums() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let four = without(&scene.all(), 5);
    scene.round(0, &four);
    scene.goes_on(1);
}

#[test]
fn a_slot_that_a_steward_decided_as_opened_is_a_sum_with_and_without_its_certificate() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let study = scene.study.digest;
    let none = scene.world.member(1).ledger.history(&study);
    let (deciding, _) = scene.proposed(0, &first(4));
    let opening = scene.certify(deciding, &first(4));
    let id = opening.certificate().outcome.id;
    assert_eq!(scene.world.member(1).ledger.history(&study), none, "unresolved");
    scene.world.member(1).ledger.decided(id, true, "steward").unwrap();
    scene.world.member(2).ledger.decided(id, false, "steward").unwrap();
    let decided = scene.world.member(1).ledger.history(&study);
    assert_ne!(decided, none);
    assert_eq!(scene.world.member(2).ledger.history(&study), none, "decided as not opened");
    for index in [1, 2, 3] {
        scene.open(site(index), opening.certificate(), None).unwrap();
        assert_eq!(scene.world.member(index).ledger.history(&study), decided, "{index}");
    }
    assert_eq!(scene.world.member(1).ledger.history(&digest(77)), none, "of another study");
}

/// Of five sites with c = 0, three of a fixed set sum. The certificate is withheld from two of them,
/// whose stewards decide, while the third is restored: the next sum over its other rows is refused
/// all the same.
#[test]
fn repro_a_certificate_that_is_withheld_until_stewards_decide_hides_no_restore() {
    let mut scene = Scene::new(5, 0, Membership::Fixed);
    let three = first(3);
    let contract = scene.study.contract(&scene.run, 0, three.clone());
    let mut slot = scene.started_with(contract);
    scene.collect(&mut slot, &three);
    let deciding = slot.collecting.propose().expect("enough survivors");
    let all = scene.all();
    let opening = scene.certify(deciding, &all);
    let id = opening.certificate().outcome.id;
    for index in [2, 4, 5] {
        scene.open(site(index), opening.certificate(), None).unwrap();
    }
    for index in [1, 3] {
        scene.world.member(index).ledger.decided(id, true, "steward").unwrap();
    }
    // Site 2 forgets the sum, but not how many records its ledger has.
    restore(&mut scene);
    (1..=2).for_each(|number| note_elsewhere(&mut scene, number));
    scene.run = scene.world.set_up(NEXT.epoch, NEXT.slots);
    let contract = scene.study.contract(&scene.run, 0, three.clone());
    let mut slot = scene.started_with(contract);
    scene.collect(&mut slot, &three);
    let deciding = slot.collecting.propose().expect("enough survivors");
    for index in [1, 3, 4, 5] {
        assert_refused(scene.decide(site(index), deciding.proposal()), Check::L1, culprit(2));
    }
    assert_refused(scene.decide(site(2), deciding.proposal()), Check::L1, Culprit::Own);
}
