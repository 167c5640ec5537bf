//! No secret shows itself in a log line.

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::Membership;

use crate::common::scene::{Scene, first};
use crate::common::site;
use crate::common::world::World;

#[test]
fn what_holds_secrets_does_not_print_them() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let (mut opening, _) = scene.certified(0, &first(4));
    let release = scene.open(site(1), opening.certificate(), None).unwrap();
    scene.release(&mut opening, &first(4));
    // The slot is open; its shares are in the epoch, in the release and in the opening.
    let share = format!("{:?}", release.selfs[0].scalar);
    let digits = share.trim_matches(['[', ']']);
    let texts = [
        format!("{release:?}"),
        format!("{:?}", scene.run.epochs),
        format!("{opening:?}"),
        format!("{:?}", opening.reconstruct(scene.run.transcript())),
    ];
    for text in texts {
        assert!(text.contains("<redacted>"), "{text}");
        assert!(!text.contains(digits), "{text}");
    }
}

#[test]
fn an_epoch_on_its_way_prints_no_secret() {
    let announced = Announcement { epoch: 1, slots: 1 };
    let advertised = World::new(4, 1).advertise_all(announced);
    let dealt = World::new(4, 1).deal_all(announced);
    let accepted = World::new(4, 1).accept_all(announced);
    for text in [format!("{advertised:?}"), format!("{dealt:?}"), format!("{accepted:?}")] {
        assert!(text.contains("Vault(") && text.contains("<redacted>"), "{text}");
    }
}

#[test]
fn the_secrets_of_an_epoch_lie_in_locked_memory() {
    let mut world = World::new(4, 1);
    let advertised = world.advertise(site(1), Announcement { epoch: 1, slots: 2 });
    assert_eq!(advertised.is_locked(), ripieno_secagg::locked::Vault::new(1).unwrap().is_locked());
}
