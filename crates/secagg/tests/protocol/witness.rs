//! A site restored from a backup is noticed by its peers (check L1).

use ripieno_secagg::Ledger;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::ledger::Head;
use ripieno_secagg::witness::Witness;
use ripieno_study::{Check, Membership};

use crate::common::refused::{assert_refused, culprit};
use crate::common::scene::{Scene, first};
use crate::common::site;
use crate::common::tape::Tape;
use crate::common::world::adverts_of;

/// Site 2 after a round, restored to the first `kept` records of its ledger.
fn restored(kept: usize) -> Scene {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.round(0, &first(4));
    let records = scene.world.member(2).ledger_tape.records();
    assert_eq!(records.len(), 3, "entered, trailer, opened");
    let ledger = Ledger::open(Tape::default(), &records[..kept]).unwrap();
    scene.world.member(2).ledger = ledger;
    scene
}

#[test]
fn a_ledger_that_went_back_has_no_part_in_the_next_epoch() {
    let mut scene = restored(0);
    let announced = Announcement { epoch: 2, slots: 1 };
    let mut advertised = scene.world.advertise_all(announced);
    let adverts = adverts_of(&advertised);
    for index in [1, 3, 4] {
        let own = advertised.remove(&site(index)).unwrap();
        let shared = scene.world.share(site(index), own, adverts.clone());
        assert_refused(shared, Check::L1, culprit(2));
    }
}

#[test]
fn peers_remember_over_their_own_restart() {
    let mut scene = restored(0);
    let records = scene.world.member(1).witness_tape.records();
    scene.world.member(1).witness = Witness::open(Tape::default(), &records).unwrap();
    let mut advertised = scene.world.advertise_all(Announcement { epoch: 2, slots: 1 });
    let adverts = adverts_of(&advertised);
    let own = advertised.remove(&site(1)).unwrap();
    assert_refused(scene.world.share(site(1), own, adverts), Check::L1, culprit(2));
}

#[test]
fn another_history_of_the_same_length_is_refused_at_the_upload() {
    // Site 2 joins the next epoch, is restored while it lives, and enters the same slot number of
    // its ledger a second time with something else.
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.round(0, &first(4));
    let records = scene.world.member(2).ledger_tape.records();
    scene.world.member(2).ledger = Ledger::open(Tape::default(), &records[..0]).unwrap();
    scene.study.digest = crate::common::digest(77);
    let (deciding, _) = scene.proposed(1, &first(4));
    for index in [1, 3, 4] {
        let signed = scene.decide(site(index), deciding.proposal());
        assert_refused(signed, Check::L1, culprit(2));
    }
    let voiding = deciding.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &first(4));
    assert_eq!(certificate.signatures.len(), 4);
}

#[test]
fn an_advert_with_another_head_at_a_known_count_is_refused() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.round(0, &first(4));
    // Known from the trailer: the head after one record.
    scene.world.member(1).witness.advert(site(3), Head::empty().after(b"other")).unwrap_err();
    let known = scene.world.member(1).witness.highest(site(2)).unwrap();
    assert_eq!(known.count, 1);
    let forked = Head { digest: Head::empty().digest, ..known };
    let refused = scene.world.member(1).witness.advert(site(2), forked);
    assert_refused(refused, Check::L1, culprit(2));
    scene.world.member(1).witness.advert(site(2), known).unwrap();
}

#[test]
fn a_peer_s_largest_count_overflows_nothing() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let last = Head { count: u64::MAX, digest: Head::empty().digest };
    assert_eq!(last.after(b"one more").count, u64::MAX);
    let witness = &mut scene.world.member(1).witness;
    witness.advert(site(2), last).unwrap();
    assert_refused(witness.advert(site(2), Head::empty()), Check::L1, culprit(2));
}

/// Of each site the highest heads are kept: a corrupt one fills no memory, and pushes out neither
/// its own newest heads nor those of another site.
#[test]
fn repro_the_highest_heads_are_kept_however_many_a_site_shows() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let head = |count: u64, n: u64| Head { count, digest: crate::common::digest(n) };
    let witness = &mut scene.world.member(1).witness;
    witness.trailer(site(3), head(1, 1)).unwrap();
    for count in 1..3000 {
        witness.trailer(site(2), head(count, count)).unwrap();
    }
    assert_eq!(witness.highest(site(2)), Some(head(2999, 2999)));
    for known in [2999, 2500, 1976] {
        assert_refused(witness.trailer(site(2), head(known, 7)), Check::L1, culprit(2));
        witness.trailer(site(2), head(known, known)).unwrap();
    }
    // Below, nothing is known any more; an old head pushes out no newer one.
    for _ in 0..3 {
        witness.trailer(site(2), head(5, 8)).unwrap();
    }
    assert_refused(witness.trailer(site(2), head(1976, 7)), Check::L1, culprit(2));
    assert_refused(witness.advert(site(2), head(2998, 2998)), Check::L1, culprit(2));
    assert_refused(witness.trailer(site(3), head(1, 2)), Check::L1, culprit(3));
    let records = scene.world.member(1).witness_tape.records();
    let mut again = Witness::open(Tape::default(), &records).unwrap();
    assert_eq!(again.highest(site(2)), Some(head(2999, 2999)));
    assert_refused(again.trailer(site(2), head(1976, 7)), Check::L1, culprit(2));
}
