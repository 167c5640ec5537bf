//! E1 and the first half of E2: adverts that are refused (checks A1, A2).

use ripieno_identity::Signature;
use ripieno_secagg::coordinator::Gathering;
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_secagg::epoch::{Advert, Advertised};
use ripieno_secagg::ledger::Head;
use ripieno_secagg::{Party, Roster};
use ripieno_study::{Check, Culprit};

use crate::common::refused::{COORDINATOR, assert_refused, culprit};
use crate::common::scene::{Scene, first};
use crate::common::world::{World, adverts_of};
use crate::common::{digest, site};

const EPOCH: Announcement = Announcement { epoch: 1, slots: 2 };

/// What site 1 says, and what the coordinator says, when site 2's advert is changed by `change`
/// and, where `signed`, signed again by site 2.
fn changed(change: impl Fn(&mut Advert), signed: bool, at_site: Culprit, at_coordinator: Culprit) {
    let mut world = World::new(4, 1);
    let mut advertised = world.advertise_all(EPOCH);
    let mut adverts = adverts_of(&advertised);
    change(&mut adverts[1]);
    if signed {
        adverts[1].signature = world.member(2).key.sign(&adverts[1].digest());
    }
    let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
    gathering.receive(adverts[0].clone()).unwrap();
    assert_refused(gathering.receive(adverts[1].clone()), Check::A1, at_coordinator);
    let own = advertised.remove(&site(1)).unwrap();
    assert_refused(world.share(site(1), own, adverts), Check::A1, at_site);
    // No share was dealt for epoch 1; the next one is set up as if nothing had been.
    drop(advertised);
    world.set_up(2, 2);
}

#[test]
fn an_unsigned_advert_is_refused() {
    let unsign = |advert: &mut Advert| advert.signature = Signature::from_bytes([0; 64]);
    changed(unsign, false, COORDINATOR, culprit(2));
}

#[test]
fn an_advert_changed_on_the_way_is_refused() {
    let changes: [fn(&mut Advert); 5] = [
        |advert| advert.channel_key[0] ^= 2,
        |advert| advert.slots[0].mask_key[0] ^= 2,
        |advert| advert.slots[1].self_commitment = digest(1),
        |advert| advert.ledger = Head::empty().after(b"a record"),
        |advert| advert.slots.swap(0, 1),
    ];
    changes.iter().for_each(|change| changed(change, false, COORDINATOR, culprit(2)));
}

#[test]
fn an_advert_of_another_charter_epoch_or_size_is_refused() {
    let changes: [fn(&mut Advert); 4] = [
        |advert| advert.charter = digest(1),
        |advert| advert.epoch = 7,
        |advert| advert.slots.truncate(1),
        |advert| advert.slots.clear(),
    ];
    changes.iter().for_each(|change| changed(change, true, COORDINATOR, culprit(2)));
}

/// One key in two encodings would be two values for one secret.
#[test]
fn repro_keys_in_another_encoding_are_refused() {
    let changes: [fn(&mut Advert); 2] =
        [|advert| advert.channel_key[31] |= 0x80, |advert| advert.slots[1].mask_key[31] |= 0x80];
    changes.iter().for_each(|change| changed(change, true, culprit(2), culprit(2)));
}

#[test]
fn keys_of_low_order_are_refused() {
    let changes: [fn(&mut Advert); 2] =
        [|advert| advert.channel_key = [0; 32], |advert| advert.slots[1].mask_key = [0; 32]];
    changes.iter().for_each(|change| changed(change, true, culprit(2), culprit(2)));
}

#[test]
fn a_key_or_commitment_that_repeats_within_an_advert_is_refused() {
    let changes: [fn(&mut Advert); 3] = [
        |advert| advert.slots[1].mask_key = advert.slots[0].mask_key,
        |advert| advert.slots[1].self_commitment = advert.slots[0].self_commitment,
        |advert| advert.channel_key = advert.slots[0].mask_key,
    ];
    changes.iter().for_each(|change| changed(change, true, culprit(2), culprit(2)));
}

/// Nor is a true site taken for the one that copied, in whatever order the two are shown.
#[test]
fn repro_a_key_or_commitment_of_another_site_is_refused() {
    let copies: [fn(&mut Advert, &Advert); 3] = [
        |advert, other| advert.slots[0].mask_key = other.slots[0].mask_key,
        |advert, other| advert.slots[0].self_commitment = other.slots[1].self_commitment,
        |advert, other| advert.channel_key = other.channel_key,
    ];
    for copy in copies {
        let mut world = World::new(4, 1);
        let mut advertised = world.advertise_all(EPOCH);
        let mut adverts = adverts_of(&advertised);
        let (one, others) = adverts.split_at_mut(1);
        copy(&mut others[0], &one[0]);
        others[0].signature = world.member(2).key.sign(&others[0].digest());
        let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
        gathering.receive(adverts[0].clone()).unwrap();
        assert_refused(gathering.receive(adverts[1].clone()), Check::A1, culprit(2));
        let own = advertised.remove(&site(3)).unwrap();
        assert_refused(world.share(site(3), own, adverts.clone()), Check::A1, COORDINATOR);
        adverts.swap(0, 1);
        let own = advertised.remove(&site(4)).unwrap();
        assert_refused(world.share(site(4), own, adverts), Check::A1, COORDINATOR);
    }
}

#[test]
fn the_own_advert_must_come_back_unchanged() {
    let mut world = World::new(4, 1);
    let mut advertised = world.advertise_all(EPOCH);
    let mut adverts = adverts_of(&advertised);
    let own = advertised.remove(&site(1)).unwrap();
    adverts.remove(0);
    assert_refused(world.share(site(1), own, adverts), Check::A1, COORDINATOR);

    // Even an advert that the site itself signed, for the same epoch, before it restarted.
    let mut adverts = adverts_of(&world.advertise_all(Announcement { epoch: 2, slots: 2 }));
    world.member(1).last = 1;
    let fresh = world.advertise(site(1), Announcement { epoch: 2, slots: 2 });
    assert_ne!(adverts[0], *fresh.advert());
    assert_refused(world.share(site(1), fresh, adverts.clone()), Check::A1, COORDINATOR);
    // Nor beside the fresh one.
    world.member(1).last = 1;
    let fresh = world.advertise(site(1), Announcement { epoch: 2, slots: 2 });
    adverts.push(fresh.advert().clone());
    assert_refused(world.share(site(1), fresh, adverts), Check::A1, COORDINATOR);
}

#[test]
fn a_site_that_is_not_in_the_charter_has_no_advert() {
    let mut world = World::new(4, 1);
    let mut stranger = World::with_sites((1..=5).map(site), 1, 1);
    let foreign = stranger.advertise(site(5), EPOCH).advert().clone();
    let mut advertised = world.advertise_all(EPOCH);
    let mut adverts = adverts_of(&advertised);
    adverts.push(foreign.clone());
    let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
    assert_refused(gathering.receive(foreign), Check::A1, culprit(5));
    let own = advertised.remove(&site(1)).unwrap();
    assert_refused(world.share(site(1), own, adverts), Check::A1, COORDINATOR);
}

#[test]
fn one_site_has_one_advert() {
    let mut world = World::new(4, 1);
    let mut advertised = world.advertise_all(EPOCH);
    let adverts = adverts_of(&advertised);
    world.member(2).last = 0;
    let second = world.advertise(site(2), EPOCH).advert().clone();
    let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
    gathering.receive(adverts[1].clone()).unwrap();
    gathering.receive(adverts[1].clone()).unwrap();
    assert_refused(gathering.receive(second.clone()), Check::A1, culprit(2));
    let twice = adverts[1].clone();
    for more in [second, twice] {
        let mut adverts = adverts.clone();
        adverts.push(more);
        let own = advertised.pop_first().unwrap();
        assert_refused(world.share(own.0, own.1, adverts), Check::A1, COORDINATOR);
    }
}

#[test]
fn an_epoch_is_newer_than_the_last() {
    let mut world = World::new(4, 1);
    for (announced, last) in [(1, 1), (1, 2), (0, 0)] {
        let party = world.member(1).party.clone();
        let announced = Announcement { epoch: announced, slots: 1 };
        let numbers = Numbers { last, before: 0 };
        let advertised = Advertised::new(party, announced, numbers, Head::empty(), &mut world.rng);
        assert_refused(advertised, Check::A2, COORDINATOR);
    }
}

/// One announcement of the highest number there is would be the last one.
#[test]
fn an_epoch_does_not_use_the_numbers_up() {
    let mut world = World::new(4, 1);
    let far = 1 << 16;
    let cases = [
        (u64::MAX, 0, 0, false),
        // A site that knows of none yet may come late.
        (1 << 40, 0, 0, true),
        ((1 << 40) + 1, 0, 0, false),
        (far + 3, 3, 0, true),
        (far + 4, 3, 0, false),
        // The coordinator goes on counting under the next charter, or begins anew.
        (far + 9, 0, 9, true),
        (far + 10, 0, 9, false),
        (1, 0, u64::MAX, true),
    ];
    for (epoch, last, before, taken) in cases {
        let party = world.member(1).party.clone();
        let (announced, numbers) = (Announcement { epoch, slots: 1 }, Numbers { last, before });
        let advertised = Advertised::new(party, announced, numbers, Head::empty(), &mut world.rng);
        match taken {
            true => assert_eq!(advertised.unwrap().advert().epoch, epoch),
            false => assert_refused(advertised, Check::A2, COORDINATOR),
        }
    }
}

#[test]
fn an_epoch_has_1_to_64_slots() {
    let mut world = World::new(4, 1);
    for slots in [0, 65, u16::MAX] {
        let party = world.member(1).party.clone();
        let announced = Announcement { epoch: 1, slots };
        let numbers = Numbers::default();
        let advertised = Advertised::new(party, announced, numbers, Head::empty(), &mut world.rng);
        assert_refused(advertised, Check::A2, COORDINATOR);
    }
}

#[test]
fn an_epoch_with_too_few_holders_is_refused() {
    // Against two corrupt sites five survivors are needed: four holders are too few.
    let mut world = World::new(6, 2);
    let advertised = world.advertise_all(EPOCH);
    let adverts = adverts_of(&advertised)[..4].to_vec();
    let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
    adverts.iter().for_each(|advert| gathering.receive(advert.clone()).unwrap());
    assert_refused(gathering.close(), Check::A2, COORDINATOR);
    let own = advertised.into_values().next().unwrap();
    assert_refused(world.share(site(1), own, adverts), Check::A2, COORDINATOR);
}

/// One T per epoch number (check A2): who was shown other adverts is in another epoch.
#[test]
fn sites_that_are_shown_different_adverts_join_different_epochs() {
    let mut world = World::new(5, 1);
    let mut advertised = world.advertise_all(EPOCH);
    let adverts = adverts_of(&advertised);
    let (one, two) = (advertised.remove(&site(1)).unwrap(), advertised.remove(&site(2)).unwrap());
    let one = world.share(site(1), one, adverts.clone()).unwrap();
    let two = world.share(site(2), two, adverts[..4].to_vec()).unwrap();
    assert_ne!(one.transcript().digest(), two.transcript().digest());
    let bundle = one.bundles().iter().find(|bundle| bundle.to == site(2)).unwrap().clone();
    let (accepted, faults) = two.accept(&[bundle]);
    assert_refused(Err::<(), _>(faults[0].clone()), Check::A3, culprit(1));
    assert!(!accepted.acceptance().dealers.contains(site(1)));
}

/// Check A2: nobody says what c is but the charter.
#[test]
fn c_is_the_charter_s() {
    // The same adverts under a charter with another c give another epoch, with another threshold.
    let mut world = World::new(6, 1);
    let adverts = adverts_of(&world.advertise_all(EPOCH));
    let transcript = |corrupt| {
        let roster = Roster { corrupt, ..(*world.roster).clone() };
        ripieno_secagg::epoch::Transcript::from_adverts(&roster, 1, 2, adverts.clone()).unwrap()
    };
    assert_ne!(transcript(1).digest(), transcript(2).digest());
    assert!(transcript(1).params().threshold() < transcript(2).params().threshold());
}

#[test]
fn a_site_takes_part_under_its_own_key_alone() {
    let world = World::new(4, 1);
    let key = world.members[&site(2)].key.clone();
    let party = Party::new(site(1), key, world.roster.clone());
    assert_refused(party, Check::H1, Culprit::Own);
}

#[test]
fn the_adverts_of_a_good_epoch_hold_nothing_twice() {
    let scene = Scene::new(4, 1, ripieno_study::Membership::Fixed);
    assert_eq!(scene.all(), first(4));
    let mut values: Vec<_> = scene
        .run
        .transcript()
        .adverts()
        .flat_map(|(_, a)| a.slots.iter().map(|slot| slot.mask_key).chain([a.channel_key]))
        .collect();
    let count = values.len();
    values.sort_unstable();
    values.dedup();
    assert_eq!((count, values.len()), (16, 16));
}
