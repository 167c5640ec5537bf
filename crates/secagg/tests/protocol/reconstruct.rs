//! R4 at the coordinator: shares that are wrong, and who is named for it (check R2).

use curve25519_dalek::Scalar;
use ripieno_identity::Signature;
use ripieno_secagg::Kind;
use ripieno_secagg::coordinator::MemorySpool;
use ripieno_secagg::coordinator::open::{Opening, Reconstruction};
use ripieno_secagg::round::open::{Release, ShareProof, SiteSecret};
use ripieno_study::{Check, Membership, SiteIndex};

use crate::common::refused::{assert_refused, culprit};
use crate::common::scene::{Scene, first};
use crate::common::{digest, set, site};

/// Six sites, the first five of which survived; t = 4.
fn certified() -> (Scene, Opening, MemorySpool) {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (opening, spool) = scene.certified(0, &first(5));
    (scene, opening, spool)
}

fn release_of(scene: &mut Scene, opening: &Opening, index: u16) -> Release {
    scene.open(site(index), opening.certificate(), None).unwrap()
}

fn give(
    scene: &Scene,
    opening: &mut Opening,
    release: Release,
) -> Result<(), ripieno_study::Refusal> {
    opening.release(&scene.world.roster, scene.run.transcript(), release)
}

/// The release, changed and signed again by its holder.
fn changed(scene: &Scene, release: &Release, change: impl FnOnce(&mut Release)) -> Release {
    let mut release = release.clone();
    change(&mut release);
    release.signature = scene.world.members[&release.from].key.sign(&release.digest());
    release
}

fn add_one(share: &mut SiteSecret) {
    let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(share.scalar)).unwrap();
    share.scalar = (scalar + Scalar::ONE).to_bytes();
}

#[test]
fn a_release_that_was_not_asked_for_is_refused() {
    let (mut scene, mut opening, _) = certified();
    let honest = release_of(&mut scene, &opening, 1);
    let changes: [fn(&mut Release); 9] = [
        |r| r.ctx = digest(1),
        |r| r.id.slot = 1,
        |r| r.id.transcript = digest(1),
        |r| r.selfs[0].site = site(6),
        |r| r.selfs.push(SiteSecret { site: site(6), scalar: r.roots[0].scalar }),
        |r| r.roots[0].site = site(1),
        |r| r.selfs.swap(0, 1),
        |r| r.selfs[1] = r.selfs[0].clone(),
        |r| r.selfs[0].scalar = [0xff; 32],
    ];
    for change in changes {
        let release = changed(&scene, &honest, change);
        assert_refused(give(&scene, &mut opening, release), Check::R2, culprit(1));
    }
    assert!(opening.holders().is_empty());
    give(&scene, &mut opening, honest).unwrap();
}

#[test]
fn a_release_is_signed_by_a_holder_and_comes_once() {
    let (mut scene, mut opening, _) = certified();
    let honest = release_of(&mut scene, &opening, 1);
    let mut unsigned = honest.clone();
    unsigned.signature = Signature::from_bytes([0; 64]);
    assert_refused(give(&scene, &mut opening, unsigned), Check::R2, culprit(1));
    let mut renamed = honest.clone();
    renamed.from = site(2);
    assert_refused(give(&scene, &mut opening, renamed), Check::R2, culprit(2));
    let mut stranger = honest.clone();
    stranger.from = site(9);
    assert_refused(give(&scene, &mut opening, stranger), Check::R2, culprit(9));
    give(&scene, &mut opening, honest.clone()).unwrap();
    give(&scene, &mut opening, honest.clone()).unwrap();
    let second = changed(&scene, &honest, |release| add_one(&mut release.selfs[0]));
    assert_refused(give(&scene, &mut opening, second), Check::R2, culprit(1));
}

/// Check R2 comes to no secret: more releases are waited for.
#[test]
fn fewer_than_t_releases_open_nothing() {
    let (mut scene, mut opening, spool) = certified();
    scene.release(&mut opening, &set([1, 3, 6]));
    let found = opening.reconstruct(scene.run.transcript());
    assert!(matches!(found, Reconstruction::MoreReleases), "{found:?}");
    scene.release(&mut opening, &set([4]));
    scene.unmask(opening, &spool);
}

#[test]
fn a_holder_may_lack_a_dealer_s_share() {
    let (mut scene, mut opening, spool) = certified();
    for index in 1..=6 {
        let release = release_of(&mut scene, &opening, index);
        let release = changed(&scene, &release, |r| {
            r.selfs.retain(|share| index < 5 || share.site != site(2));
            r.roots.retain(|_| index > 2);
        });
        give(&scene, &mut opening, release).unwrap();
    }
    scene.unmask(opening, &spool);
}

/// A holder that releases one wrong share is named, and its share is left out.
fn wrong_share(spoil: fn(&mut Release), disputed: (SiteIndex, Kind)) {
    let (mut scene, mut opening, spool) = certified();
    for index in 1..=6 {
        let honest = release_of(&mut scene, &opening, index);
        let release = if index == 2 { changed(&scene, &honest, spoil) } else { honest };
        give(&scene, &mut opening, release).unwrap();
    }
    let found = opening.reconstruct(scene.run.transcript());
    let Reconstruction::Proofs(disputes) = found else { panic!("{found:?}") };
    assert_eq!(disputes, [disputed]);
    // Without proofs no share of the disputed secret counts.
    let found = opening.reconstruct(scene.run.transcript());
    assert!(matches!(found, Reconstruction::MoreReleases), "{found:?}");
    let (dealer, kind) = disputed;
    let (roster, transcript) = (&scene.world.roster, scene.run.transcript());
    for index in 1..=6 {
        let proof = scene.run.epochs[&site(index)].prove(0, dealer, kind).unwrap();
        let taken = opening.proof(roster, transcript, &proof);
        if index != 2 {
            taken.unwrap();
            continue;
        }
        // What it can prove it did not release, and what it released it cannot prove.
        assert_refused(taken, Check::R2, culprit(2));
        let mut lie = proof.share.clone();
        add_one(&mut lie);
        let lie = ShareProof { share: lie, ..proof };
        assert_refused(opening.proof(roster, transcript, &lie), Check::R2, culprit(2));
    }
    scene.unmask(opening, &spool);
}

#[test]
fn a_holder_that_releases_a_wrong_share_is_named_and_the_sum_opens() {
    wrong_share(|release| add_one(&mut release.selfs[2]), (site(3), Kind::Own));
    wrong_share(|release| add_one(&mut release.roots[0]), (site(6), Kind::Root));
}

/// The sum opens as soon as it can. Whoever has not proved its share by then is named only where
/// the share does not fit: an honest holder's proof may be on its way.
#[test]
fn repro_a_holder_whose_proof_is_on_its_way_is_not_named() {
    let spoilt: [fn(&mut Release); 2] =
        [|release| add_one(&mut release.selfs[2]), |release| add_one(&mut release.roots[0])];
    for spoil in spoilt {
        let (mut scene, mut opening, spool) = certified();
        for index in 1..=6 {
            let honest = release_of(&mut scene, &opening, index);
            let release = if index == 2 { changed(&scene, &honest, spoil) } else { honest };
            give(&scene, &mut opening, release).unwrap();
        }
        let transcript = scene.run.relay.transcript();
        let found = opening.reconstruct(transcript);
        let Reconstruction::Proofs(disputes) = found else { panic!("{found:?}") };
        assert_eq!(opening.proofs_wanted().len(), 6);
        for index in [1, 4, 5, 3] {
            let (dealer, kind) = disputes[0];
            let proof = scene.run.epochs[&site(index)].prove(0, dealer, kind).unwrap();
            opening.proof(&scene.world.roster, transcript, &proof).unwrap();
        }
        assert_eq!(opening.misfits(transcript), set([2]), "and not site 6");
        scene.unmask(opening, &spool);
    }
}

#[test]
fn a_proof_leads_from_the_share_to_the_root_that_the_dealer_signed() {
    let (mut scene, mut opening, _) = certified();
    scene.release(&mut opening, &first(6));
    let proof = scene.run.epoch(1).prove(0, site(3), Kind::Own).unwrap();
    let changes: [fn(&mut ShareProof); 10] = [
        |p| p.leaf_path[0] = digest(1),
        |p| p.leaf_path.clear(),
        |p| p.path[0] = digest(1),
        |p| p.path.push(digest(1)),
        |p| p.root = digest(1),
        |p| p.signature = Signature::from_bytes([0; 64]),
        |p| p.id.slot = 1,
        |p| p.id.transcript = digest(1),
        |p| p.kind = Kind::Root,
        |p| p.dealer = site(4),
    ];
    let (roster, transcript) = (&scene.world.roster, scene.run.relay.transcript());
    for change in changes {
        let mut bad = proof.clone();
        change(&mut bad);
        assert_refused(opening.proof(roster, transcript, &bad), Check::R2, culprit(1));
    }
    let mut elsewhere = proof.clone();
    elsewhere.id.transcript = digest(1);
    assert_refused(elsewhere.verify(roster, transcript), Check::R2, culprit(1));
    opening.proof(roster, transcript, &proof).unwrap();
}
