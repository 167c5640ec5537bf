//! R5: receipts and sums that are refused (check P1).

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::coordinator::Opened;
use ripieno_secagg::round::publish::{Receipt, verify_receipt};
use ripieno_secagg::round::upload::{Trailer, trailers_digest};
use ripieno_study::{Check, Contract, Membership, Refusal, SiteIndex};

use crate::common::refused::{COORDINATOR, assert_refused};
use crate::common::scene::{Scene, first};
use crate::common::{digest, set, site};

struct Published {
    scene: Scene,
    opened: Opened,
    receipt: Receipt,
    uploads: BTreeMap<SiteIndex, Vec<u64>>,
}

/// Six sites, the first five of which survived.
fn published() -> Published {
    let mut scene = Scene::new(6, 1, Membership::MayChange);
    let (opening, spool) = scene.certified(0, &first(5));
    let opened = scene.opened(opening, &spool);
    let (receipt, uploads) = (scene.receipt(&opened), opened.uploads(&spool).unwrap());
    Published { scene, opened, receipt, uploads }
}

impl Published {
    fn contract(&self) -> &Contract {
        &self.opened.signed().contract
    }

    /// P1 at site 1, but for the next state.
    fn verify(&self) -> Result<(), Refusal> {
        self.verify_sum(self.opened.sum())
    }

    fn verify_sum(&self, sum: &[u64]) -> Result<(), Refusal> {
        let roster = &self.scene.world.roster;
        let own = self.scene.run.epochs[&site(1)].own_trailer(0);
        let transcript = self.scene.run.transcript();
        verify_receipt(roster, transcript, self.contract(), own, &self.receipt)?
            .sum(sum, &self.uploads)
    }

    /// The coordinator signs what it has changed.
    fn sign(&mut self) {
        let digest = self.receipt.digest(&self.scene.world.roster.charter);
        self.receipt.signature = self.scene.world.coordinator.sign(&digest);
    }

    /// `signers` sign the outcome as it is now.
    fn certify(&mut self, signers: impl IntoIterator<Item = u16>) {
        let digest = self.receipt.certificate.outcome.digest();
        let sign = |index| (site(index), self.scene.world.members[&site(index)].key.sign(&digest));
        self.receipt.certificate.signatures = signers.into_iter().map(sign).collect();
    }
}

fn refuses(change: impl FnOnce(&mut Published)) {
    let mut published = published();
    published.verify().unwrap();
    change(&mut published);
    published.sign();
    assert_refused(published.verify(), Check::P1, COORDINATOR);
}

#[test]
fn a_receipt_changed_on_the_way_is_refused() {
    let changes: [fn(&mut Receipt); 9] = [
        |r| r.signature = Signature::from_bytes([0; 64]),
        |r| r.at += 1,
        |r| r.sum = digest(1),
        |r| r.next_state = digest(1),
        |r| r.selfs[0].scalar[0] ^= 1,
        |r| r.roots.clear(),
        |r| r.trailers.swap(0, 1),
        |r| r.certificate.signatures.retain(|site, _| site.get() != 1),
        |r| r.certificate.outcome.ctx = digest(1),
    ];
    for change in changes {
        let mut published = published();
        change(&mut published.receipt);
        assert_refused(published.verify(), Check::P1, COORDINATOR);
    }
}

#[test]
fn a_receipt_of_another_charter_or_coordinator_is_refused() {
    let mut published = published();
    let digest = published.receipt.digest(&digest(1));
    published.receipt.signature = published.scene.world.coordinator.sign(&digest);
    assert_refused(published.verify(), Check::P1, COORDINATOR);
    let digest = published.receipt.digest(&published.scene.world.roster.charter);
    published.receipt.signature = published.scene.world.member(1).key.sign(&digest);
    assert_refused(published.verify(), Check::P1, COORDINATOR);
}

#[test]
fn a_receipt_without_a_valid_certificate_is_refused() {
    refuses(|p| p.certify(1..=3));
    refuses(|p| p.receipt.certificate.signatures.clear());
    refuses(|p| {
        let one = p.receipt.certificate.signatures[&site(1)];
        p.receipt.certificate.signatures.insert(site(2), one);
    });
}

#[test]
fn a_receipt_of_another_slot_or_round_is_refused() {
    refuses(|p| {
        p.receipt.certificate.outcome.id.slot = 1;
        p.certify(1..=6);
    });
    refuses(|p| {
        p.receipt.certificate.outcome.ctx = digest(1);
        p.certify(1..=6);
    });
}

#[test]
fn a_certified_set_that_breaks_the_contract_is_refused() {
    for survivors in [set([1, 2, 3]), set([1, 2, 3, 4, 9]), set([])] {
        refuses(|p| {
            p.receipt.trailers.retain(|trailer| survivors.contains(trailer.from));
            let digest = trailers_digest(&p.receipt.trailers);
            let outcome = &mut p.receipt.certificate.outcome;
            (outcome.survivors, outcome.trailers) = (survivors, digest);
            p.certify(1..=6);
        });
    }
}

/// The same sum under another contract, for which sites and holders did sign: all of it is good but
/// for what the contract says of its sites.
fn certified_under(change: fn(&mut Contract)) -> Result<(), Refusal> {
    let mut p = published();
    let mut contract = p.contract().clone();
    change(&mut contract);
    for trailer in &mut p.receipt.trailers {
        trailer.ctx = contract.ctx();
        trailer.signature = p.scene.world.members[&trailer.from].key.sign(&trailer.digest());
    }
    let outcome = &mut p.receipt.certificate.outcome;
    outcome.ctx = contract.ctx();
    outcome.trailers = trailers_digest(&p.receipt.trailers);
    p.receipt.roots.retain(|root| contract.participants.contains(root.site));
    p.certify(1..=6);
    p.sign();
    let (roster, transcript) = (&p.scene.world.roster, p.scene.run.transcript());
    verify_receipt(roster, transcript, &contract, None, &p.receipt).map(drop)
}

/// P1 where every signature is given, and the contract alone says no.
#[test]
fn a_certified_set_is_held_against_the_contract_alone() {
    certified_under(|contract| contract.state = digest(1)).unwrap();
    let breaks: [fn(&mut Contract); 3] = [
        |contract| contract.participants = first(4),
        |contract| contract.minimum = 6,
        |contract| contract.membership = Membership::Fixed,
    ];
    for change in breaks {
        assert_refused(certified_under(change), Check::P1, COORDINATOR);
    }
}

#[test]
fn trailers_other_than_the_certified_ones_are_refused() {
    refuses(|p| p.receipt.trailers.swap(0, 1));
    refuses(|p| p.receipt.trailers.truncate(4));
    refuses(|p| p.receipt.trailers[1].root = digest(1));
    refuses(|p| {
        let trailer = &mut p.receipt.trailers[1];
        trailer.audit = digest(1);
        trailer.signature = p.scene.world.members[&trailer.from].key.sign(&trailer.digest());
    });
    refuses(|p| {
        p.receipt.trailers.swap(0, 1);
        p.receipt.certificate.outcome.trailers = trailers_digest(&p.receipt.trailers);
        p.certify(1..=6);
    });
}

/// Changes the trailer at `place`, and lets more than c holders certify it.
fn certified_lie(place: usize, sign: bool, change: fn(&mut Trailer)) {
    refuses(|p| {
        let trailer = &mut p.receipt.trailers[place];
        change(trailer);
        if sign {
            trailer.signature = p.scene.world.members[&trailer.from].key.sign(&trailer.digest());
        }
        p.receipt.certificate.outcome.trailers = trailers_digest(&p.receipt.trailers);
        p.certify(1..=6);
    });
}

#[test]
fn trailers_are_checked_even_where_they_are_certified() {
    certified_lie(1, false, |trailer| trailer.root = digest(1));
    certified_lie(1, false, |trailer| trailer.signature = Signature::from_bytes([0; 64]));
    certified_lie(1, true, |trailer| trailer.ctx = digest(1));
    certified_lie(1, true, |trailer| trailer.lanes += 1);
}

#[test]
fn the_own_trailer_must_be_the_one_that_was_sent() {
    certified_lie(0, true, |trailer| trailer.audit = digest(1));
    certified_lie(0, true, |trailer| trailer.root = digest(1));
}

#[test]
fn secrets_other_than_the_published_ones_are_refused() {
    refuses(|p| p.receipt.selfs[1].scalar[0] ^= 1);
    refuses(|p| p.receipt.roots[0].scalar[0] ^= 1);
    refuses(|p| p.receipt.selfs.swap(0, 1));
    refuses(|p| p.receipt.selfs[1].scalar = p.receipt.selfs[0].scalar);
    refuses(|p| drop(p.receipt.selfs.pop()));
    refuses(|p| p.receipt.roots.clear());
    refuses(|p| {
        let more = p.receipt.selfs[0].clone();
        p.receipt.roots.insert(0, more);
    });
}

#[test]
fn a_sum_that_does_not_recompute_is_refused() {
    let mut published = published();
    let mut sum = published.opened.sum().to_vec();
    sum[0] += 1;
    assert_refused(published.verify_sum(&sum), Check::P1, COORDINATOR);
    assert_refused(published.verify_sum(&sum[1..]), Check::P1, COORDINATOR);
    assert_refused(published.verify_sum(&[]), Check::P1, COORDINATOR);
    // Not even where the coordinator signs its digest.
    let content = ripieno_secagg::round::tiles::Content::Sum;
    published.receipt.sum =
        ripieno_secagg::round::tiles::root(content, &published.contract().plan, &sum);
    published.sign();
    assert_refused(published.verify_sum(&sum), Check::P1, COORDINATOR);
}

/// R2 at a site: the receipt is refused, before a sum is looked at.
#[test]
fn revealed_secrets_are_held_against_the_adverts_alone() {
    let changes: [fn(&mut Receipt); 3] = [
        |receipt| receipt.roots.clear(),
        |receipt| receipt.selfs[0].scalar = receipt.selfs[1].scalar,
        |receipt| drop(receipt.selfs.pop()),
    ];
    for change in changes {
        let mut p = published();
        change(&mut p.receipt);
        p.sign();
        let (roster, transcript) = (&p.scene.world.roster, p.scene.run.transcript());
        let verified = verify_receipt(roster, transcript, p.contract(), None, &p.receipt);
        assert_refused(verified.map(drop), Check::P1, COORDINATOR);
    }
}

/// What every site counts with is the sum that the receipt names.
#[test]
fn a_sum_that_is_not_the_receipt_s_is_refused() {
    refuses(|p| p.receipt.sum = digest(1));
    let p = published();
    let (roster, transcript) = (&p.scene.world.roster, p.scene.run.transcript());
    let verified = verify_receipt(roster, transcript, p.contract(), None, &p.receipt).unwrap();
    let longer = [&**p.opened.sum(), &[0]].concat();
    assert_refused(verified.sum_digest(&longer), Check::P1, COORDINATOR);
}

#[test]
fn uploads_other_than_the_signed_ones_are_refused() {
    refuses(|p| drop(p.uploads.remove(&site(2))));
    refuses(|p| p.uploads.get_mut(&site(2)).unwrap()[0] ^= 1);
    refuses(|p| p.uploads.get_mut(&site(2)).unwrap().clear());
    refuses(|p| p.uploads.get_mut(&site(2)).unwrap().push(0));
    refuses(|p| {
        let (one, two) = (p.uploads[&site(1)].clone(), p.uploads[&site(2)].clone());
        p.uploads.extend([(site(1), two), (site(2), one)]);
    });
}

#[test]
fn another_next_state_is_refused() {
    let mut published = published();
    published.receipt.next_state = digest(1);
    published.sign();
    let roster = &published.scene.world.roster;
    let transcript = published.scene.run.transcript();
    let verified =
        verify_receipt(roster, transcript, published.contract(), None, &published.receipt).unwrap();
    assert_refused(verified.next_state(&digest(2)), Check::P1, COORDINATOR);
    verified.next_state(&digest(1)).unwrap();
}

#[test]
fn a_site_that_is_missing_sees_that_it_is() {
    let published = published();
    let roster = &published.scene.world.roster;
    let transcript = published.scene.run.transcript();
    let own = published.scene.run.epochs[&site(6)].own_trailer(0);
    let verified =
        verify_receipt(roster, transcript, published.contract(), own, &published.receipt).unwrap();
    verified.sum(published.opened.sum(), &published.uploads).unwrap();
    let lost: Vec<_> = published.receipt.roots.iter().map(|secret| secret.site).collect();
    assert_eq!(lost, [site(6)]);
}

#[test]
fn a_certificate_that_does_not_hold_closes_nothing() {
    let mut published = published();
    let mut certificate = published.receipt.certificate.clone();
    certificate.signatures.retain(|site, _| site.get() < 4);
    let scene = &mut published.scene;
    let ledger = &mut scene.world.members.get_mut(&site(1)).unwrap().ledger;
    let epoch = scene.run.epochs.get_mut(&site(1)).unwrap();
    let closed = epoch.close_published(&certificate, ledger);
    assert_refused(closed, Check::U1, COORDINATOR);
    assert!(epoch.contract(0).is_some());
}
