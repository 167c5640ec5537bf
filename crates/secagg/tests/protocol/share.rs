//! E2 to E4: bundles and acceptances that are refused (check A3).

use std::collections::BTreeMap;

use curve25519_dalek::Scalar;
use ripieno_identity::Signature;
use ripieno_secagg::Kind;
use ripieno_secagg::coordinator::{Gathering, Sharing};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Accepted, Bundle, Dealt};
use ripieno_study::{Check, Refusal, SiteIndex};

use crate::common::forger::{Deal, Forger};
use crate::common::refused::{COORDINATOR, assert_refused, culprit};
use crate::common::world::{World, accept_everywhere, adverts_of};
use crate::common::{digest, set, site};

const EPOCH: Announcement = Announcement { epoch: 1, slots: 2 };
/// ℓ, the order of the group: the second encoding of 0.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn honest(_: SiteIndex, _: u16, _: Kind, share: Scalar) -> [u8; 32] {
    share.to_bytes()
}

/// Site 1 with adverts of all, and the bundles of a corrupt site 2 for site 1.
fn dealt_to(deal: Deal<'_>) -> (Dealt, Bundle, Forger) {
    let mut world = World::new(4, 1);
    let forger = Forger::new(&mut world, EPOCH, site(2));
    let mut advertised = world.advertise_all(EPOCH);
    let mut adverts = adverts_of(&advertised);
    adverts[1] = forger.advert.clone();
    let own = advertised.remove(&site(1)).unwrap();
    let dealt = world.share(site(1), own, adverts).unwrap();
    let bundles = forger.bundles(&mut world, dealt.transcript(), deal);
    let bundle = bundles.into_iter().find(|bundle| bundle.to == site(1)).unwrap();
    (dealt, bundle, forger)
}

/// Site 1 leaves site 2 out and names it.
#[track_caller]
fn left_out((accepted, faults): &(Accepted, Vec<Refusal>)) {
    assert!(!accepted.acceptance().dealers.contains(site(2)));
    assert!(accepted.acceptance().dealers.contains(site(1)), "its own shares are fine");
    let fault = faults.first().expect("a fault").clone();
    assert_refused(Err::<(), _>(fault), Check::A3, culprit(2));
}

#[test]
fn a_bundle_written_after_the_specification_is_accepted() {
    let (dealt, bundle, _) = dealt_to(&honest);
    let (accepted, faults) = dealt.accept(&[bundle]);
    assert_eq!((accepted.acceptance().dealers.clone(), faults), (set([1, 2]), Vec::new()));
}

#[test]
fn a_bundle_changed_on_the_way_is_refused() {
    let changes: [fn(&mut Bundle); 10] = [
        |bundle| bundle.sealed[0] ^= 1,
        |bundle| *bundle.sealed.last_mut().unwrap() ^= 1,
        |bundle| bundle.sealed.clear(),
        |bundle| bundle.nonce[0] ^= 1,
        |bundle| bundle.root = digest(1),
        |bundle| bundle.signature = Signature::from_bytes([0; 64]),
        |bundle| bundle.path[0] = digest(1),
        |bundle| bundle.path.push(digest(1)),
        |bundle| bundle.transcript = digest(1),
        |bundle| bundle.to = site(3),
    ];
    for change in changes {
        let (dealt, mut bundle, _) = dealt_to(&honest);
        change(&mut bundle);
        left_out(&dealt.accept(&[bundle]));
    }
}

#[test]
fn a_bundle_for_another_holder_does_not_open() {
    let mut world = World::new(4, 1);
    let mut dealt = world.deal_all(EPOCH);
    let bundles = dealt[&site(2)].bundles().to_vec();
    let mut bundle = bundles.into_iter().find(|bundle| bundle.to == site(3)).unwrap();
    bundle.to = site(1);
    left_out(&dealt.remove(&site(1)).unwrap().accept(&[bundle]));
}

#[test]
fn a_bundle_in_another_dealer_s_name_is_refused() {
    let mut world = World::new(4, 1);
    let mut dealt = world.deal_all(EPOCH);
    let bundles = dealt[&site(3)].bundles().to_vec();
    let mut bundle = bundles.into_iter().find(|bundle| bundle.to == site(1)).unwrap();
    bundle.from = site(2);
    left_out(&dealt.remove(&site(1)).unwrap().accept(&[bundle]));
}

#[test]
fn the_own_shares_sent_back_are_refused() {
    let mut world = World::new(4, 1);
    let mut dealt = world.deal_all(EPOCH);
    let one = dealt.remove(&site(1)).unwrap();
    let mut bundle = one.bundles()[0].clone();
    bundle.to = site(1);
    let (_, faults) = one.accept(&[bundle]);
    assert_refused(Err::<(), _>(faults[0].clone()), Check::A3, culprit(1));
}

#[test]
fn key_and_associated_data_are_bound_to_epoch_dealer_and_holder() {
    let shares = std::cell::RefCell::new(Vec::new());
    let record = |holder: SiteIndex, _: u16, _: Kind, share: Scalar| {
        if holder == site(1) {
            shares.borrow_mut().push(share.to_bytes());
        }
        share.to_bytes()
    };
    for wrong in 0..7 {
        shares.borrow_mut().clear();
        let (dealt, mut bundle, forger) = dealt_to(&record);
        let good = (dealt.transcript().digest(), site(2), site(1));
        let bad =
            [(digest(1), site(2), site(1)), (good.0, site(1), site(2)), (good.0, site(2), site(3))];
        let bindings = match wrong {
            0..3 => [bad[wrong], good],
            3..6 => [good, bad[wrong - 3]],
            _ => [good, good],
        };
        let message = shares.borrow().concat();
        let transcript = dealt.transcript();
        bundle.sealed = forger.seal_bound(transcript, site(1), bindings, &message, &bundle.nonce);
        let opened = dealt.accept(&[bundle]);
        if wrong < 6 {
            left_out(&opened);
        } else {
            assert_eq!(opened.1, Vec::new(), "only the bindings were wrong");
        }
    }
}

#[test]
fn shares_of_another_number_of_slots_are_refused() {
    let (dealt, mut bundle, forger) = dealt_to(&honest);
    bundle.sealed = forger.seal(dealt.transcript(), site(1), &[1; 64], &bundle.nonce);
    left_out(&dealt.accept(&[bundle]));
    let (dealt, mut bundle, forger) = dealt_to(&honest);
    bundle.sealed = forger.seal(dealt.transcript(), site(1), &[1; 3 * 64 + 5], &bundle.nonce);
    left_out(&dealt.accept(&[bundle]));
}

/// Leaves are made of whole slots alone, so the tree says nothing of what hangs on behind.
#[test]
fn shares_with_something_behind_them_are_refused() {
    let shares = std::cell::RefCell::new(Vec::new());
    let record = |holder: SiteIndex, _: u16, _: Kind, share: Scalar| {
        if holder == site(1) {
            shares.borrow_mut().push(share.to_bytes());
        }
        share.to_bytes()
    };
    let (dealt, mut bundle, forger) = dealt_to(&record);
    let message = [shares.borrow().concat(), vec![1; 5]].concat();
    bundle.sealed = forger.seal(dealt.transcript(), site(1), &message, &bundle.nonce);
    left_out(&dealt.accept(&[bundle]));
}

#[test]
fn shares_that_are_not_under_the_signed_root_are_refused() {
    let (dealt, mut bundle, forger) = dealt_to(&honest);
    bundle.sealed = forger.seal(dealt.transcript(), site(1), &[1; 2 * 64], &bundle.nonce);
    left_out(&dealt.accept(&[bundle]));
}

#[test]
fn swapped_shares_are_refused() {
    // The tree says root before self; what is sealed says self before root.
    let swapped = std::cell::RefCell::new(Vec::new());
    let record = |holder: SiteIndex, _: u16, _: Kind, share: Scalar| {
        if holder == site(1) {
            swapped.borrow_mut().push(share.to_bytes());
        }
        share.to_bytes()
    };
    let (dealt, mut bundle, forger) = dealt_to(&record);
    let mut shares = swapped.into_inner();
    shares.swap(0, 1);
    bundle.sealed = forger.seal(dealt.transcript(), site(1), &shares.concat(), &bundle.nonce);
    left_out(&dealt.accept(&[bundle]));
}

#[test]
fn scalars_that_are_not_canonical_are_refused() {
    for encoding in [ORDER, [0xff; 32]] {
        let deal = move |holder: SiteIndex, slot: u16, kind: Kind, share: Scalar| {
            let here = holder == site(1) && slot == 1 && kind == Kind::Own;
            if here { encoding } else { share.to_bytes() }
        };
        let (dealt, bundle, _) = dealt_to(&deal);
        left_out(&dealt.accept(&[bundle]));
    }
}

/// A holder could neither release a share of zero nor prove that it was dealt one: a dealer could
/// have kept its secret from being reconstructed, and nobody could have said who did it.
#[test]
fn repro_a_share_of_zero_is_refused() {
    let deal = |holder: SiteIndex, slot: u16, kind: Kind, share: Scalar| {
        let here = holder == site(1) && slot == 1 && kind == Kind::Own;
        if here { [0; 32] } else { share.to_bytes() }
    };
    let (dealt, bundle, _) = dealt_to(&deal);
    left_out(&dealt.accept(&[bundle]));
}

#[test]
fn a_second_bundle_of_one_dealer_changes_nothing() {
    let (dealt, bundle, _) = dealt_to(&honest);
    let (accepted, faults) = dealt.accept(&[bundle.clone(), bundle]);
    assert_eq!(accepted.acceptance().dealers, set([1, 2]));
    assert_refused(Err::<(), _>(faults[0].clone()), Check::A3, culprit(2));
}

#[test]
fn a_dealer_without_a_bundle_is_left_out_silently() {
    let (dealt, _, _) = dealt_to(&honest);
    let (accepted, faults) = dealt.accept(&[]);
    assert_eq!((accepted.acceptance().dealers.clone(), faults), (set([1]), Vec::new()));
}

fn sharing(world: &mut World) -> (Sharing, BTreeMap<SiteIndex, Dealt>) {
    let advertised = world.advertise_all(EPOCH);
    let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
    let adverts = adverts_of(&advertised);
    adverts.iter().for_each(|advert| gathering.receive(advert.clone()).unwrap());
    let share = |(site, state)| (site, world.share(site, state, adverts.clone()).unwrap());
    (gathering.close().unwrap(), advertised.into_iter().map(share).collect())
}

#[test]
fn the_coordinator_takes_one_bundle_for_each_other_holder() {
    let mut world = World::new(4, 1);
    let (mut relay, dealt) = sharing(&mut world);
    let bundles = dealt[&site(1)].bundles().to_vec();
    let twice = [bundles.clone(), bundles[..1].to_vec()].concat();
    let mut doubled = bundles.clone();
    doubled[0] = doubled[1].clone();
    let [mut renamed, mut elsewhere] = [bundles.clone(), bundles.clone()];
    renamed[0].from = site(2);
    elsewhere[0].transcript = digest(1);
    for wrong in [bundles[1..].to_vec(), twice, doubled, renamed, elsewhere, Vec::new()] {
        assert_refused(relay.receive(site(1), wrong), Check::A3, culprit(1));
    }
    assert_refused(relay.receive(site(2), bundles.clone()), Check::A3, culprit(2));
    relay.receive(site(1), bundles.clone()).unwrap();
    relay.receive(site(1), bundles.clone()).unwrap();
    let mut changed = bundles;
    changed[0].nonce[0] ^= 1;
    assert_refused(relay.receive(site(1), changed), Check::A3, culprit(1));
    assert_eq!(relay.dealers(), set([1]));
}

/// Joins site 1 with acceptances that `change` has spoilt.
fn joined(change: impl Fn(&World, &mut Vec<Acceptance>)) -> Result<(), Refusal> {
    let mut world = World::new(4, 1);
    let mut accepted = world.accept_all(EPOCH);
    let mut acceptances: Vec<_> = accepted.values().map(|a| a.acceptance().clone()).collect();
    change(&world, &mut acceptances);
    accepted.remove(&site(1)).unwrap().join(acceptances).map(drop)
}

fn sign(world: &World, acceptance: &mut Acceptance) {
    acceptance.signature = world.members[&acceptance.from].key.sign(&acceptance.digest());
}

#[test]
fn acceptances_are_signed_by_holders_of_this_epoch() {
    joined(|_, _| {}).unwrap();
    let unsigned = joined(|_, all| all[1].dealers = set([2]));
    assert_refused(unsigned, Check::A3, COORDINATOR);
    let elsewhere = joined(|world, all| {
        all[1].transcript = digest(1);
        sign(world, &mut all[1]);
    });
    assert_refused(elsewhere, Check::A3, COORDINATOR);
    let doubled = joined(|_, all| all.push(all[1].clone()));
    assert_refused(doubled, Check::A3, COORDINATOR);
    let stranger = joined(|world, all| {
        all[1].dealers = set([1, 2, 3, 4, 9]);
        sign(world, &mut all[1]);
    });
    assert_refused(stranger, Check::A3, culprit(2));
    let not_itself = joined(|world, all| {
        all[1].dealers = set([1, 3, 4]);
        sign(world, &mut all[1]);
    });
    assert_refused(not_itself, Check::A3, culprit(2));
}

#[test]
fn a_site_that_is_not_in_the_epoch_accepts_nobody() {
    let mut world = World::new(5, 1);
    let mut advertised = world.advertise_all(EPOCH);
    advertised.remove(&site(5));
    let adverts = adverts_of(&advertised);
    let share = |(site, state)| (site, world.share(site, state, adverts.clone()).unwrap());
    let mut accepted = accept_everywhere(advertised.into_iter().map(share).collect());
    let mut all: Vec<_> = accepted.values().map(|a| a.acceptance().clone()).collect();
    let mut foreign = all[0].clone();
    foreign.from = site(5);
    sign(&world, &mut foreign);
    all.push(foreign);
    let joined = accepted.remove(&site(1)).unwrap().join(all);
    assert_refused(joined, Check::A3, COORDINATOR);
}

#[test]
fn the_own_acceptance_must_come_back_unchanged() {
    let missing = joined(|_, all| drop(all.remove(0)));
    assert_refused(missing, Check::A3, COORDINATOR);
    let smaller = joined(|world, all| {
        all[0].dealers = set([1, 2]);
        sign(world, &mut all[0]);
    });
    assert_refused(smaller, Check::A3, COORDINATOR);
}

#[test]
fn the_coordinator_takes_one_acceptance_a_holder() {
    let mut world = World::new(4, 1);
    let (relay, dealt) = sharing(&mut world);
    let mut relay = relay.close();
    let (accepted, _) = dealt.into_values().next().unwrap().accept(&[]);
    let acceptance = accepted.acceptance().clone();
    relay.receive(acceptance.clone()).unwrap();
    relay.receive(acceptance.clone()).unwrap();
    let mut other = acceptance.clone();
    other.dealers = set([1, 2]);
    sign(&world, &mut other);
    assert_refused(relay.receive(other), Check::A3, culprit(1));
    let mut unsigned = acceptance;
    unsigned.from = site(2);
    assert_refused(relay.receive(unsigned), Check::A3, culprit(2));
    assert_eq!(relay.holders(), set([1]));
}
