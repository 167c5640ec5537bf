//! A coordinator that restarts goes on from what it stored, as far as its uploads survived.

use ripieno_secagg::coordinator::open::Opening;
use ripieno_secagg::coordinator::restore::{LostUpload, check_certified};
use ripieno_secagg::coordinator::{Collecting, Deciding, Epoch, MemorySpool, Opened, Spool};
use ripieno_secagg::round::upload::Trailer;
use ripieno_study::{Check, Culprit, Membership};

use crate::common::refused::{COORDINATOR, assert_refused};
use crate::common::scene::{Scene, first};
use crate::common::study;
use crate::common::{digest, set, site};

fn scene() -> Scene {
    Scene::new(6, 1, Membership::MayChange)
}

/// The spool, with the first tile of site 2 changed or gone.
fn spoilt(spool: &MemorySpool, gone: bool) -> MemorySpool {
    let mut other = MemorySpool::default();
    for index in 1..=6 {
        let tiles = (0..).map_while(|tile| Some((tile, spool.get(site(index), tile).ok()?)));
        for (tile, mut lanes) in tiles {
            match (index, tile) {
                (2, 0) if gone => continue,
                (2, 0) => lanes[0] ^= 1,
                _ => {}
            }
            other.put(site(index), tile, lanes).unwrap();
        }
    }
    other
}

#[test]
fn an_epoch_is_verified_again() {
    let scene = scene();
    let relay = &scene.run.relay;
    let adverts: Vec<_> = relay.transcript().adverts().map(|(_, a)| a.clone()).collect();
    let numbers = (relay.transcript().epoch(), relay.transcript().params().slots());
    let roster = scene.world.roster.clone();
    let again =
        Epoch::restore(roster.clone(), numbers, adverts.clone(), relay.acceptances()).unwrap();
    assert_eq!(again.transcript().digest(), relay.transcript().digest());
    assert_eq!((again.joined(), again.roster().charter), (relay.joined(), roster.charter));
    let mut acceptances = relay.acceptances();
    acceptances[0].transcript = digest(1);
    let refused = Epoch::restore(roster.clone(), numbers, adverts.clone(), acceptances);
    assert_refused(refused, Check::A3, COORDINATOR);
    let refused = Epoch::restore(roster, (9, numbers.1), adverts, relay.acceptances());
    assert_refused(refused, Check::A1, COORDINATOR);
}

#[test]
fn uploads_that_survived_still_count_and_the_others_are_named() {
    let mut scene = scene();
    let mut slot = scene.started(0);
    scene.collect(&mut slot, &first(5));
    let trailers: Vec<Trailer> = slot.collecting.trailers().cloned().collect();
    let signed = slot.collecting.signed().clone();
    let (again, lost) = Collecting::restore(signed.clone(), trailers.clone(), &slot.spool);
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!((again.complete(), again.id()), (first(5), slot.collecting.id()));
    assert!(again.can_propose());
    for (gone, changed) in [(true, false), (false, true)] {
        let spool = spoilt(&slot.spool, gone);
        let (again, lost) = Collecting::restore(signed.clone(), trailers.clone(), &spool);
        assert_eq!(again.complete(), set([1, 3, 4, 5]));
        let [lost] = &lost[..] else { panic!("{lost:?}") };
        assert_eq!(lost.site(), site(2));
        assert_eq!(*lost == LostUpload::Changed(site(2)), changed, "{lost}");
    }
}

#[test]
fn each_step_goes_on_where_its_uploads_survived() {
    let mut scene = scene();
    let (deciding, spool) = scene.proposed(0, &first(5));
    let proposal = deciding.proposal().clone();
    let deciding = Deciding::restore(proposal.clone(), &spool).unwrap();
    assert!(deciding.signers().is_empty(), "the ballots are given again");
    let all = scene.all();
    let opening = scene.certify(deciding, &all);
    let certificate = opening.certificate().clone();
    check_certified(&proposal, &certificate).unwrap();
    let opening = Opening::restore(proposal.clone(), certificate.clone(), &spool).unwrap();
    let opened = scene.opened(opening, &spool);
    let receipt = scene.receipt(&opened);
    let (signed, sum) = (opened.signed().clone(), opened.sum().clone());
    let again = Opened::restore(signed.clone(), &receipt, sum.clone(), &spool).unwrap();
    assert_eq!(*again.sum(), study::one_hot(&signed.contract.plan, &first(5)));
    assert_eq!(again.certificate(), opened.certificate());
    assert_eq!(scene.receipt(&again), receipt);
    for gone in [true, false] {
        let spool = spoilt(&spool, gone);
        let lost = [
            Deciding::restore(proposal.clone(), &spool).map(drop),
            Opening::restore(proposal.clone(), certificate.clone(), &spool).map(drop),
            Opened::restore(signed.clone(), &receipt, sum.clone(), &spool).map(drop),
        ];
        assert!(lost.iter().all(|lost| lost.as_ref().unwrap_err().site() == site(2)), "{lost:?}");
    }
}

/// What does not fit together is the store's fault, and no site's (U1).
#[test]
fn a_stored_certificate_is_for_the_stored_proposal() {
    let mut scene = scene();
    let (opening, _) = scene.certified(0, &first(5));
    let mut other = opening.certificate().clone();
    other.outcome.trailers = digest(1);
    assert_refused(check_certified(opening.proposal(), &other), Check::U1, Culprit::Own);
}
