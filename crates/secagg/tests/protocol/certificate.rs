//! R3 and R4: certificates that open nothing (checks U1, U2).

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::Kind;
use ripieno_secagg::round::open::Release;
use ripieno_secagg::round::outcome::{
    Certificate, Outcome, Proposal, VoidCertificate, void_digest,
};
use ripieno_study::{Check, Contract, Membership, SiteSet};

use crate::common::refused::{COORDINATOR, assert_refused, culprit};
use crate::common::scene::{Scene, first};
use crate::common::{digest, set, site};

/// Six sites, the first five of which survived; everyone has signed. t = 4.
fn certified() -> (Scene, Certificate, Proposal) {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (opening, _) = scene.certified(0, &first(5));
    let (certificate, proposal) = (opening.certificate().clone(), opening.proposal().clone());
    (scene, certificate, proposal)
}

/// A certificate that these sites did sign.
fn signed_by(scene: &Scene, outcome: Outcome, signers: &SiteSet) -> Certificate {
    let digest = outcome.digest();
    let sign = |site| (site, scene.world.members[&site].key.sign(&digest));
    Certificate { outcome, signatures: signers.iter().map(sign).collect() }
}

/// Site 1 refuses what `change` makes of the certificate, and opens with the honest one.
fn refuses(change: impl FnOnce(&Scene, &mut Certificate)) {
    let (mut scene, honest, _) = certified();
    let mut certificate = honest.clone();
    change(&scene, &mut certificate);
    assert_refused(scene.open(site(1), &certificate, None), Check::U1, COORDINATOR);
    assert!(scene.run.epoch(1).prove(0, site(2), Kind::Own).is_none(), "nothing is released");
    scene.open(site(1), &honest, None).unwrap();
}

#[test]
fn fewer_than_t_signatures_open_nothing() {
    refuses(|_, certificate| {
        while certificate.signatures.len() > 3 {
            certificate.signatures.pop_last();
        }
    });
    refuses(|_, certificate| certificate.signatures.clear());
}

/// It has no entry in its ledger by which a certificate would be looked at a second time.
#[test]
fn a_holder_outside_of_the_participants_counts_the_signatures_too() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let contract = Contract { participants: first(5), ..scene.contract(0) };
    let mut slot = scene.started_with(contract);
    scene.collect(&mut slot, &first(5));
    let deciding = slot.collecting.propose().unwrap();
    let opening = scene.certify(deciding, &first(6));
    let honest = opening.certificate().clone();
    let mut certificate = honest.clone();
    certificate.signatures.retain(|signer, _| *signer < site(4));
    assert_refused(scene.open(site(6), &certificate, None), Check::U1, COORDINATOR);
    scene.open(site(6), &honest, None).unwrap();
}

/// Where own data never entered the slot, the ledger has nothing to verify a certificate by.
#[test]
fn a_slot_without_an_entry_is_not_closed_by_too_few_signatures() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    // v = 4 of six holders with c = 1.
    let [few, enough] = [3, 4].map(|signers| void_by(&scene, &first(signers)));
    let ledger = &mut scene.world.members.get_mut(&site(1)).unwrap().ledger;
    let epoch = scene.run.epochs.get_mut(&site(1)).unwrap();
    assert_refused(epoch.close_void(&few, ledger), Check::U1, COORDINATOR);
    epoch.close_void(&enough, ledger).unwrap();
}

#[test]
fn a_certificate_counts_in_its_epoch_alone() {
    let (mut scene, certificate, _) = certified();
    let other = scene.world.set_up(2, 3);
    let (roster, transcript) = (&scene.world.roster, other.transcript());
    assert_refused(certificate.verify(roster, transcript), Check::U1, COORDINATOR);
    let void = void_by(&scene, &first(6));
    assert_refused(void.verify(roster, transcript), Check::U1, COORDINATOR);
    void.verify(roster, scene.run.transcript()).unwrap();
}

#[test]
fn a_forged_or_doubled_signature_opens_nothing() {
    refuses(|_, certificate| {
        certificate.signatures.insert(site(2), Signature::from_bytes([0; 64]));
    });
    // One holder's signature under two names.
    refuses(|_, certificate| {
        let one = certificate.signatures[&site(3)];
        certificate.signatures.insert(site(2), one);
    });
}

/// Seven sites, six of which are in the epoch.
fn six_of_seven() -> Scene {
    let mut world = crate::common::world::World::new(7, 1);
    let announced = ripieno_secagg::epoch::advertise::Announcement { epoch: 1, slots: 3 };
    let mut advertised = world.advertise_all(announced);
    advertised.remove(&site(7));
    let run = world.finish_set_up(announced, advertised);
    let six = Scene::new(6, 1, Membership::MayChange);
    Scene { world, run, study: six.study }
}

#[test]
fn signatures_of_sites_outside_of_the_epoch_do_not_count() {
    let mut scene = six_of_seven();
    let (opening, _) = scene.certified(0, &first(5));
    let honest = opening.certificate().clone();
    let foreign = signed_by(&scene, honest.outcome.clone(), &set([1, 2, 3, 7]));
    assert_refused(scene.open(site(1), &foreign, None), Check::U1, COORDINATOR);
    scene.open(site(1), &honest, None).unwrap();
}

#[test]
fn a_certificate_for_another_outcome_opens_nothing() {
    let other: [fn(&mut Outcome); 5] = [
        |outcome| outcome.survivors = first(4),
        |outcome| outcome.trailers = digest(1),
        |outcome| outcome.ctx = digest(1),
        |outcome| outcome.id.slot = 1,
        |outcome| outcome.id.transcript = digest(1),
    ];
    for change in other {
        refuses(|scene, certificate| {
            let mut outcome = certificate.outcome.clone();
            change(&mut outcome);
            *certificate = signed_by(scene, outcome, &first(6));
        });
    }
}

#[test]
fn a_holder_that_signed_nothing_needs_the_proposal() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (deciding, _) = scene.proposed(0, &first(5));
    let opening = scene.certify(deciding, &first(4));
    let (certificate, proposal) = (opening.certificate(), opening.proposal());
    assert_refused(scene.open(site(6), certificate, None), Check::U1, COORDINATOR);
    scene.open(site(6), certificate, Some(proposal)).unwrap();
    scene.open(site(5), certificate, Some(proposal)).unwrap();
}

/// A certificate that does not hold must not make a holder sign what is proposed with it.
#[test]
fn repro_nothing_is_signed_for_a_certificate_that_does_not_hold() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (deciding, _) = scene.proposed(0, &first(5));
    let opening = scene.certify(deciding, &first(4));
    let (honest, proposal) = (opening.certificate().clone(), opening.proposal().clone());
    let mut small = honest.clone();
    small.signatures.pop_last();
    assert_refused(scene.open(site(6), &small, Some(&proposal)), Check::U1, COORDINATOR);
    let mut other = proposal.clone();
    other.trailers[1].root = digest(1);
    let key = &scene.world.members[&site(2)].key;
    other.trailers[1].signature = key.sign(&other.trailers[1].digest());
    assert_refused(scene.open(site(6), &honest, Some(&other)), Check::U1, COORDINATOR);
    scene.run.epoch(6).void(0).unwrap();
}

#[test]
fn a_holder_that_proposes_to_itself_still_checks_the_proposal() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (deciding, _) = scene.proposed(0, &first(5));
    // Four colluding holders certify a set that is too small.
    let mut small = deciding.proposal().clone();
    small.survivors = first(3);
    small.trailers.truncate(3);
    let certificate = signed_by(&scene, Outcome::of(&small), &set([2, 3, 4, 5]));
    assert_refused(scene.open(site(1), &certificate, Some(&small)), Check::C1, COORDINATOR);
    let mut altered = deciding.proposal().clone();
    altered.trailers[0].root = digest(1);
    let certificate = signed_by(&scene, Outcome::of(&altered), &set([2, 3, 4, 5]));
    assert_refused(scene.open(site(1), &certificate, Some(&altered)), Check::C2, COORDINATOR);
    scene.decide(site(1), deciding.proposal()).unwrap();
}

#[test]
fn nothing_is_released_after_signing_void() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (deciding, _) = scene.proposed(0, &first(5));
    scene.run.epoch(6).void(0).unwrap();
    let opening = scene.certify(deciding, &first(5));
    let (certificate, proposal) = (opening.certificate(), opening.proposal());
    for proposal in [None, Some(proposal)] {
        assert_refused(scene.open(site(6), certificate, proposal), Check::U1, COORDINATOR);
    }
}

fn sites(release: &Release, kind: Kind) -> SiteSet {
    release.of(kind).iter().map(|share| share.site).collect()
}

/// Check U2: what is released holds no site twice.
#[test]
fn one_kind_of_share_is_released_for_each_site() {
    let (mut scene, certificate, _) = certified();
    for site in first(6).iter() {
        let release = scene.open(site, &certificate, None).unwrap();
        assert_eq!(sites(&release, Kind::Own), first(5));
        assert_eq!(sites(&release, Kind::Root), set([6]));
        let epoch = &scene.run.epochs[&site];
        for dealer in first(6).iter() {
            let lost = dealer.get() == 6;
            assert_eq!(epoch.prove(0, dealer, Kind::Own).is_some(), !lost);
            assert_eq!(epoch.prove(0, dealer, Kind::Root).is_some(), lost);
            assert!(epoch.prove(1, dealer, Kind::Own).is_none(), "another slot");
        }
    }
}

#[test]
fn a_second_release_is_the_first_one_or_none() {
    let (mut scene, certificate, proposal) = certified();
    let release = scene.open(site(1), &certificate, None).unwrap();
    assert_eq!(scene.open(site(1), &certificate, None).unwrap(), release);
    assert_eq!(scene.open(site(1), &certificate, Some(&proposal)).unwrap(), release);
    // A certificate for another set, signed by all: more than c holders broke the rules.
    let outcome = Outcome { survivors: first(4), ..certificate.outcome.clone() };
    let second = signed_by(&scene, outcome, &first(6));
    for proposal in [None, Some(&proposal)] {
        assert_refused(scene.open(site(1), &second, proposal), Check::U2, COORDINATOR);
    }
    assert_refused(scene.run.epoch(1).void(0), Check::C3, COORDINATOR);
}

#[test]
fn nothing_is_released_for_a_closed_slot() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (opening, spool) = scene.certified(0, &first(5));
    let certificate = opening.certificate().clone();
    let opened = scene.opened(opening, &spool);
    scene.close(&opened, &spool);
    assert_refused(scene.open(site(1), &certificate, None), Check::U1, COORDINATOR);
    assert_refused(scene.run.epoch(1).void(0), Check::C3, COORDINATOR);
}

fn void_by(scene: &Scene, signers: &SiteSet) -> VoidCertificate {
    let id = ripieno_secagg::SlotId { transcript: scene.run.transcript().digest(), slot: 0 };
    let digest = void_digest(id);
    let sign = |site| (site, scene.world.members[&site].key.sign(&digest));
    VoidCertificate { id, signatures: signers.iter().map(sign).collect::<BTreeMap<_, _>>() }
}

#[test]
fn a_void_certificate_needs_v_signatures_of_holders() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    scene.proposed(0, &first(5));
    let good = void_by(&scene, &first(4));
    let mut few = good.clone();
    few.signatures.pop_last();
    let mut forged = good.clone();
    forged.signatures.insert(site(1), Signature::from_bytes([0; 64]));
    let mut elsewhere = good.clone();
    elsewhere.id.transcript = digest(1);
    for bad in [few, forged, elsewhere] {
        let ledger = &mut scene.world.members.get_mut(&site(1)).unwrap().ledger;
        let closed = scene.run.epochs.get_mut(&site(1)).unwrap().close_void(&bad, ledger);
        assert_refused(closed, Check::U1, COORDINATOR);
        assert_eq!(scene.world.member(1).ledger.unresolved().count(), 1);
    }
    scene.close_void(&good);
    assert_refused(scene.upload(site(6), 0), Check::S4, COORDINATOR);
}

#[test]
fn an_opened_slot_is_never_void() {
    let (mut scene, certificate, _) = certified();
    scene.open(site(1), &certificate, None).unwrap();
    let void = void_by(&scene, &first(6));
    let ledger = &mut scene.world.members.get_mut(&site(1)).unwrap().ledger;
    let closed = scene.run.epochs.get_mut(&site(1)).unwrap().close_void(&void, ledger);
    assert_refused(closed, Check::C3, COORDINATOR);
}

#[test]
fn the_coordinator_counts_good_ballots_alone() {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (mut deciding, _) = scene.proposed(0, &first(5));
    let ballot = scene.decide(site(1), deciding.proposal()).unwrap();
    let void = scene.run.epoch(2).void(0).unwrap();
    let (roster, transcript) = (&scene.world.roster, scene.run.relay.transcript());
    assert_refused(deciding.ballot(roster, transcript, &void), Check::U1, culprit(2));
    let mut forged = ballot;
    forged.from = site(3);
    assert_refused(deciding.ballot(roster, transcript, &forged), Check::U1, culprit(3));
    let mut elsewhere = ballot;
    elsewhere.id.slot = 1;
    assert_refused(deciding.ballot(roster, transcript, &elsewhere), Check::U1, culprit(1));
    deciding.ballot(roster, transcript, &ballot).unwrap();
    deciding.ballot(roster, transcript, &ballot).unwrap();
    let deciding = deciding.certify(transcript).expect_err("one ballot, not two");
    assert_eq!(deciding.signers(), set([1]));
    let mut voiding = deciding.give_up(transcript);
    assert_refused(voiding.ballot(roster, transcript, &ballot), Check::U1, culprit(1));
    let mut forged = void;
    forged.from = site(3);
    assert_refused(voiding.ballot(roster, transcript, &forged), Check::U1, culprit(3));
    voiding.ballot(roster, transcript, &void).unwrap();
    assert!(voiding.certificate().is_none());
}

/// A site of the charter that is not in the epoch holds no shares: its release is refused (R2).
#[test]
fn a_release_of_a_site_outside_of_the_epoch_is_refused() {
    let mut scene = six_of_seven();
    let (mut opening, _) = scene.certified(0, &first(5));
    let mut release = scene.open(site(1), opening.certificate(), None).unwrap();
    release.from = site(7);
    release.signature = scene.world.member(7).key.sign(&release.digest());
    let taken = opening.release(&scene.world.roster, scene.run.transcript(), release);
    assert_refused(taken, Check::R2, culprit(7));
}

#[test]
fn ballots_of_sites_outside_of_the_epoch_do_not_count() {
    let mut scene = six_of_seven();
    let (mut deciding, _) = scene.proposed(0, &first(5));
    let mut ballot = scene.decide(site(1), deciding.proposal()).unwrap();
    let mut void = scene.run.epoch(2).void(0).unwrap();
    for foreign in [&mut ballot, &mut void] {
        foreign.from = site(7);
        foreign.signature = scene.world.member(7).key.sign(&foreign.digest());
    }
    let (roster, transcript) = (&scene.world.roster, scene.run.relay.transcript());
    assert_refused(deciding.ballot(roster, transcript, &ballot), Check::U1, culprit(7));
    let mut voiding = deciding.give_up(transcript);
    assert_refused(voiding.ballot(roster, transcript, &void), Check::U1, culprit(7));
    assert!(deciding.signers().is_empty() && voiding.signers().is_empty());
}
