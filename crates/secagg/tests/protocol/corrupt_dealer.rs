//! A corrupt dealer, written after the specification: with honest shares its update is summed like
//! any other; with inconsistent ones it is named and the slot is lost (check R2).

use curve25519_dalek::Scalar;
use ripieno_secagg::Kind;
use ripieno_secagg::coordinator::open::{Opening, Reconstruction};
use ripieno_secagg::coordinator::{Gathering, MemorySpool};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::{Check, Membership, SiteIndex, SiteSet};

use crate::common::forger::{Deal, Forger};
use crate::common::refused::{assert_refused, culprit};
use crate::common::scene::{Scene, first, without};
use crate::common::site;
use crate::common::study::{self, Study};
use crate::common::world::{Run, World, adverts_of};

const EPOCH: Announcement = Announcement { epoch: 1, slots: 1 };

/// Six sites, of which site 2 deals as `deal` says. Everyone joins.
fn scene_with(deal: Deal<'_>) -> (Scene, Forger) {
    let mut world = World::new(6, 1);
    let forger = Forger::new(&mut world, EPOCH, site(2));
    let mut advertised = world.advertise_all(EPOCH);
    advertised.remove(&site(2));
    let mut adverts = adverts_of(&advertised);
    adverts.insert(1, forger.advert.clone());
    let mut gathering = Gathering::new(world.roster.clone(), EPOCH);
    adverts.iter().for_each(|advert| gathering.receive(advert.clone()).unwrap());
    let mut sharing = gathering.close().unwrap();
    let bundles = forger.bundles(&mut world, sharing.transcript(), deal);
    sharing.receive(forger.site, bundles).unwrap();
    let mut dealt = Vec::new();
    for (site, state) in advertised {
        let state = world.share(site, state, adverts.clone()).unwrap();
        sharing.receive(site, state.bundles().to_vec()).unwrap();
        dealt.push((site, state));
    }
    let bundles: Vec<_> = dealt.iter().map(|(site, _)| sharing.bundles_for(*site)).collect();
    let mut accepting = sharing.close();
    accepting.receive(forger.acceptance(accepting_transcript(&dealt))).unwrap();
    let mut accepted = Vec::new();
    for ((site, state), bundles) in dealt.into_iter().zip(bundles) {
        let (state, faults) = state.accept(&bundles);
        assert_eq!(faults, Vec::new(), "nobody can see it yet");
        accepting.receive(state.acceptance().clone()).unwrap();
        accepted.push((site, state));
    }
    let relay = accepting.close();
    let join = |(site, state): (SiteIndex, ripieno_secagg::epoch::Accepted)| {
        (site, state.join(relay.acceptances()).unwrap())
    };
    let epochs = accepted.into_iter().map(join).collect();
    let study = Study::new(1, Membership::MayChange, study::plan(ripieno_study::Packing::Three, 6));
    (Scene { world, run: Run { relay, epochs }, study }, forger)
}

fn accepting_transcript(
    dealt: &[(SiteIndex, ripieno_secagg::epoch::Dealt)],
) -> &ripieno_secagg::epoch::Transcript {
    dealt.first().expect("there are honest sites").1.transcript()
}

/// R1 to R4 with `survivors`, the corrupt site among them or not: all honest sites release.
fn opening(scene: &mut Scene, forger: &Forger, survivors: &SiteSet) -> (Opening, MemorySpool) {
    let honest = without(&first(6), 2);
    let mut slot = scene.slot_with(scene.contract(0));
    for site in honest.iter() {
        scene.start(site, &slot.signed).unwrap();
    }
    scene.collect(&mut slot, &without(survivors, 2));
    if survivors.contains(forger.site) {
        let lanes = study::one_hot(&scene.study.plan, &[forger.site].into_iter().collect());
        let transcript = scene.run.transcript();
        let upload = forger.upload(transcript, &slot.signed.contract, lanes);
        scene.deliver(&mut slot, &upload).unwrap();
    }
    let (deciding, spool) = (slot.collecting.propose().unwrap(), slot.spool);
    let mut opening = scene.certify(deciding, &honest);
    scene.release(&mut opening, &honest);
    (opening, spool)
}

fn honest(_: SiteIndex, _: u16, _: Kind, share: Scalar) -> [u8; 32] {
    share.to_bytes()
}

#[test]
fn a_site_written_after_the_specification_is_summed_like_any_other() {
    let (mut scene, forger) = scene_with(&honest);
    let (opening, spool) = opening(&mut scene, &forger, &first(5));
    scene.unmask(opening, &spool);
}

#[test]
fn a_site_written_after_the_specification_is_recovered_when_it_is_lost() {
    let (mut scene, forger) = scene_with(&honest);
    let (opening, spool) = opening(&mut scene, &forger, &without(&first(6), 2));
    scene.unmask(opening, &spool);
}

fn inconsistent(spoilt: Kind, survivors: &SiteSet) {
    let deal = move |holder: SiteIndex, _: u16, kind: Kind, share: Scalar| {
        let wrong = kind == spoilt && holder == site(3);
        (if wrong { share + Scalar::ONE } else { share }).to_bytes()
    };
    let (mut scene, forger) = scene_with(&deal);
    let (mut opening, _) = opening(&mut scene, &forger, survivors);
    let transcript = scene.run.transcript();
    let found = opening.reconstruct(transcript);
    let Reconstruction::Proofs(disputes) = found else { panic!("{found:?}") };
    assert_eq!(disputes, [(site(2), spoilt)]);
    for epoch in scene.run.epochs.values() {
        let proof = epoch.prove(0, site(2), spoilt).unwrap();
        opening.proof(&scene.world.roster, transcript, &proof).unwrap();
    }
    match opening.reconstruct(transcript) {
        Reconstruction::Lost(refusal) => {
            assert_refused(Err::<(), _>(refusal), Check::R2, culprit(2));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dealer_whose_proven_shares_do_not_fit_is_named_and_the_slot_is_lost() {
    inconsistent(Kind::Own, &first(5));
    inconsistent(Kind::Root, &without(&first(6), 2));
}

#[test]
fn shares_of_another_secret_than_the_committed_one_name_the_dealer() {
    // Every share is moved by one: they fit together, and give another secret.
    let deal = |_: SiteIndex, _: u16, _: Kind, share: Scalar| (share + Scalar::ONE).to_bytes();
    for (survivors, kind) in [(first(5), Kind::Own), (without(&first(6), 2), Kind::Root)] {
        let (mut scene, forger) = scene_with(&deal);
        let (mut opening, _) = opening(&mut scene, &forger, &survivors);
        let transcript = scene.run.transcript();
        assert!(matches!(opening.reconstruct(transcript), Reconstruction::Proofs(_)));
        for epoch in scene.run.epochs.values() {
            let proof = epoch.prove(0, site(2), kind).unwrap();
            opening.proof(&scene.world.roster, transcript, &proof).unwrap();
        }
        match opening.reconstruct(transcript) {
            Reconstruction::Lost(refusal) => {
                assert_refused(Err::<(), _>(refusal), Check::R2, culprit(2));
            }
            other => panic!("{other:?}"),
        }
    }
}
