//! R2 at the coordinator: uploads that are refused (check R1).

use ripieno_identity::Signature;
use ripieno_secagg::merkle;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_secagg::round::upload::{Trailer, Upload};
use ripieno_study::{Check, Contract, Membership, Packing};

use crate::common::refused::{assert_refused, culprit};
use crate::common::scene::{Scene, Slot, first};
use crate::common::study::{self, Study};
use crate::common::{digest, set, site};

/// Five sites; the plan has four tiles. Everyone has started.
fn started() -> (Scene, Slot) {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    scene.study = Study::new(1, Membership::MayChange, study::plan(Packing::One, 600));
    let slot = scene.started(0);
    assert_eq!(tiles::tiles(&slot.signed.contract.plan).count(), 5);
    (scene, slot)
}

fn tiles_of(slot: &Slot, upload: &Upload) -> Vec<Vec<u64>> {
    let plan = &slot.signed.contract.plan;
    tiles::tiles(plan).map(|tile| tile.of(&upload.lanes).to_vec()).collect()
}

#[test]
fn an_upload_of_a_stranger_is_refused() {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    let contract = Contract { participants: first(4), ..scene.contract(0) };
    let mut slot = scene.slot_with(contract);
    let lanes = study::one_hot(&scene.study.plan, &first(5));
    let first_tile = tiles::tiles(&scene.study.plan).next().unwrap();
    for from in [5, 9] {
        let lanes = first_tile.of(&lanes).to_vec();
        let tile = slot.collecting.tile(site(from), 0, lanes, &mut slot.spool);
        assert_refused(tile, Check::R1, culprit(from));
    }
    scene.start(site(1), &slot.signed).unwrap();
    let mut trailer = scene.upload(site(1), 0).unwrap().trailer;
    trailer.from = site(5);
    trailer.signature = scene.world.member(5).key.sign(&trailer.digest());
    let taken = slot.collecting.trailer(&scene.world.roster, trailer);
    assert_refused(taken, Check::R1, culprit(5));
    assert!(slot.collecting.complete().is_empty());
}

#[test]
fn tiles_come_in_order_and_whole() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    let tiles = tiles_of(&slot, &upload);
    let cut = tiles[0][1..].to_vec();
    for (number, lanes) in [(1, &tiles[1]), (0, &cut), (7, &tiles[0]), (usize::MAX, &tiles[0])] {
        let taken = slot.collecting.tile(site(1), number, lanes.clone(), &mut slot.spool);
        assert_refused(taken, Check::R1, culprit(1));
    }
    scene.deliver(&mut slot, &upload).unwrap();
}

#[test]
fn a_tile_that_came_is_not_replaced() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    let mut tile = tiles_of(&slot, &upload).swap_remove(0);
    slot.collecting.tile(site(1), 0, tile.clone(), &mut slot.spool).unwrap();
    slot.collecting.tile(site(1), 0, tile.clone(), &mut slot.spool).unwrap();
    tile[0] ^= 1;
    let taken = slot.collecting.tile(site(1), 0, tile, &mut slot.spool);
    assert_refused(taken, Check::R1, culprit(1));
    scene.deliver(&mut slot, &upload).unwrap();
    assert_eq!(slot.collecting.complete(), set([1]));
}

#[test]
fn tiles_hash_to_the_root_of_the_trailer() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    let mut lanes = upload.lanes.to_vec();
    *lanes.last_mut().unwrap() ^= 1;
    let spoilt = Upload { lanes: lanes.into(), ..upload };
    assert_refused(scene.deliver(&mut slot, &spoilt), Check::R1, culprit(1));
    assert!(slot.collecting.complete().is_empty());
}

/// What a site sends after an interruption belongs to the tiles that are here, or nothing of it counts.
#[test]
fn a_resumed_upload_with_other_tiles_is_refused() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    let tiles = tiles_of(&slot, &upload);
    assert!(tiles.len() > 1 && slot.collecting.taken(site(1)) == 0);
    slot.collecting.tile(site(1), 0, tiles[0].clone(), &mut slot.spool).unwrap();
    assert_eq!((slot.collecting.taken(site(1)), slot.collecting.taken(site(2))), (1, 0));
    for (number, lanes) in tiles.iter().enumerate().skip(1) {
        let other = lanes.iter().map(|lane| lane ^ 1).collect::<Vec<_>>();
        slot.collecting.tile(site(1), number, other, &mut slot.spool).unwrap();
    }
    assert_eq!(slot.collecting.taken(site(1)), tiles.len());
    let taken = slot.collecting.trailer(&scene.world.roster, upload.trailer.clone());
    assert_refused(taken, Check::R1, culprit(1));
    assert!(slot.collecting.complete().is_empty());
}

#[test]
fn a_trailer_before_its_tiles_is_refused() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    for tile in [None, Some(tiles_of(&slot, &upload).swap_remove(0))] {
        if let Some(lanes) = tile {
            slot.collecting.tile(site(1), 0, lanes, &mut slot.spool).unwrap();
        }
        let taken = slot.collecting.trailer(&scene.world.roster, upload.trailer.clone());
        assert_refused(taken, Check::R1, culprit(1));
    }
}

/// A site signs what it likes: also the root over those tiles alone that it has sent.
#[test]
fn a_trailer_over_the_first_tiles_alone_is_refused() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    let lanes = tiles_of(&slot, &upload).swap_remove(0);
    let leaf = tiles::leaf(Content::Masked, 0, &lanes);
    slot.collecting.tile(site(1), 0, lanes, &mut slot.spool).unwrap();
    let root = merkle::root(Content::Masked.node(), &[leaf]);
    let mut trailer = Trailer { root, ..upload.trailer };
    trailer.signature = scene.world.member(1).key.sign(&trailer.digest());
    let taken = slot.collecting.trailer(&scene.world.roster, trailer);
    assert_refused(taken, Check::R1, culprit(1));
}

#[test]
fn a_trailer_is_signed_and_of_this_round() {
    type Change = fn(&mut Trailer);
    let changes: [(Change, bool); 4] = [
        (|t| t.signature = Signature::from_bytes([0; 64]), false),
        (|t| t.root = digest(1), false),
        (|t| t.ctx = digest(1), true),
        (|t| t.lanes -= 1, true),
    ];
    for (change, signed) in changes {
        let (mut scene, mut slot) = started();
        let mut upload = scene.upload(site(1), 0).unwrap();
        change(&mut upload.trailer);
        if signed {
            let key = &scene.world.members[&site(1)].key;
            upload.trailer.signature = key.sign(&upload.trailer.digest());
        }
        assert_refused(scene.deliver(&mut slot, &upload), Check::R1, culprit(1));
    }
}

#[test]
fn one_upload_a_site() {
    let (mut scene, mut slot) = started();
    let upload = scene.upload(site(1), 0).unwrap();
    scene.deliver(&mut slot, &upload).unwrap();
    scene.deliver(&mut slot, &upload).unwrap();
    let mut second = upload.trailer;
    second.audit = digest(1);
    second.signature = scene.world.member(1).key.sign(&second.digest());
    let taken = slot.collecting.trailer(&scene.world.roster, second);
    assert_refused(taken, Check::R1, culprit(1));
}

#[test]
fn a_resumed_upload_sends_identical_bytes() {
    let (mut scene, _) = started();
    let first = scene.upload(site(1), 0).unwrap();
    let lanes = vec![7; first.lanes.len()];
    let study = scene.study.clone();
    let ledger = &mut scene.world.members.get_mut(&site(1)).unwrap().ledger;
    let count = ledger.head().count;
    let epoch = scene.run.epochs.get_mut(&site(1)).unwrap();
    let again = epoch.upload(0, &study.approved(), lanes, digest(8), ledger).unwrap();
    assert_eq!((&again.lanes, &again.trailer), (&first.lanes, &first.trailer));
    assert_eq!(ledger.head().count, count);
}
