//! Rounds with nothing amiss, over all slots of an epoch and into the next one.

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::Membership;

use crate::common::scene::{Scene, first};

#[test]
fn a_round_opens_exactly_the_sum_of_the_survivors() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    scene.round(0, &first(4));
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    scene.round(0, &first(4));
}

#[test]
fn rounds_go_on_over_all_slots_and_into_the_next_epoch() {
    let mut scene = Scene::new(5, 1, Membership::Fixed);
    for epoch in 2..4 {
        for slot in 0..3 {
            scene.round(slot, &first(5));
        }
        scene.run = scene.world.set_up(epoch, 3);
    }
    scene.round(0, &first(5));
    assert_eq!(scene.study.round, 8);
}

/// The next epoch is set up while the current one is in use, so trailers come between an advert
/// and its check. They show younger ledger records than the advert, which is no fault.
#[test]
fn repro_a_round_between_advert_and_share_is_no_fault() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let announced = Announcement { epoch: 2, slots: 3 };
    scene.round(0, &first(4));
    let advertised = scene.world.advertise_all(announced);
    scene.round(1, &first(4));
    let next = scene.world.finish_set_up(announced, advertised);
    scene.round(2, &first(4));
    scene.run = next;
    scene.round(0, &first(4));
}
