//! A site that has left an epoch learns from certificates alone what became of its slot there.

use ripieno_identity::Signature;
use ripieno_secagg::SlotId;
use ripieno_secagg::round::outcome::{
    Certificate, Outcome, Proposal, VoidCertificate, void_digest,
};
use ripieno_study::{Check, SiteSet};
use ripieno_wire::ToSite;

use crate::common::federation::{Federation, Settings};
use crate::common::studies::glm;
use crate::common::{set, site};
use crate::lies::{COORDINATOR, assert_refused, assert_silent, is_proposal};

/// Five sites, c = 1: t = 4, v = 3. Site 3 has uploaded, is asked to sign, and restarts.
fn restarted() -> (Federation, Proposal, SlotId) {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let ToSite::Propose(proposal) = federation.intercept(site(3), is_proposal) else { panic!() };
    let id = Outcome::of(&proposal).id;
    federation.restart(site(3));
    assert_eq!(unresolved(&federation), [id], "it knows from its records");
    (federation, proposal, id)
}

fn unresolved(federation: &Federation) -> Vec<SlotId> {
    federation.sites[&site(3)].hello().unresolved
}

fn void(federation: &Federation, id: SlotId, signers: &SiteSet) -> VoidCertificate {
    let sign = |site| (site, federation.keys[&site].sign(&void_digest(id)));
    VoidCertificate { id, signatures: signers.iter().map(sign).collect() }
}

fn certificate(federation: &Federation, outcome: Outcome, signers: &SiteSet) -> Certificate {
    let digest = outcome.digest();
    let sign = |site| (site, federation.keys[&site].sign(&digest));
    Certificate { signatures: signers.iter().map(sign).collect(), outcome }
}

#[test]
fn repro_a_void_certificate_of_an_epoch_that_the_site_has_left() {
    let (mut federation, _, id) = restarted();
    let few = void(&federation, id, &set(1..=2));
    let mut forged = void(&federation, id, &set(1..=4));
    forged.signatures.insert(site(4), Signature::from_bytes([7; 64]));
    let mut foreign = void(&federation, SlotId { slot: id.slot + 1, ..id }, &set(1..=4));
    foreign.id = id;
    let mut stranger = void(&federation, id, &set(1..=2));
    stranger.signatures.insert(site(9), stranger.signatures[&site(1)]);
    for lie in [few, forged, foreign, stranger] {
        assert_refused(&mut federation, site(3), ToSite::Voided(lie), Check::U1, COORDINATOR);
        assert_eq!(unresolved(&federation), [id]);
    }
    // Of a slot that its data never entered: of no interest.
    let other = SlotId { slot: id.slot + 1, ..id };
    let other = void(&federation, other, &set(1..=4));
    assert_silent(&mut federation, site(3), ToSite::Voided(other));
    let honest = void(&federation, id, &set(1..=3));
    assert_silent(&mut federation, site(3), ToSite::Voided(honest.clone()));
    assert_eq!(unresolved(&federation), []);
    let records = federation.tapes[&site(3)].ledger.len();
    assert_silent(&mut federation, site(3), ToSite::Voided(honest));
    assert_eq!(federation.tapes[&site(3)].ledger.len(), records, "recorded once");
    federation.restart(site(3));
    assert_eq!(unresolved(&federation), [], "and durably");
}

#[test]
fn repro_a_survivors_certificate_of_an_epoch_that_the_site_has_left() {
    let (mut federation, proposal, id) = restarted();
    let outcome = Outcome::of(&proposal);
    let few = certificate(&federation, outcome.clone(), &set([1, 2, 4]));
    let mut forged = certificate(&federation, outcome.clone(), &set([1, 2, 4, 5]));
    forged.signatures.insert(site(5), Signature::from_bytes([7; 64]));
    let other = Outcome { ctx: outcome.trailers, ..outcome.clone() };
    let other = certificate(&federation, other, &set([1, 2, 4, 5]));
    let mut changed = certificate(&federation, outcome.clone(), &set([1, 2, 4, 5]));
    changed.outcome.survivors = set(1..=4);
    for lie in [few, forged, other, changed] {
        let lie = ToSite::Open { certificate: lie, proposal: Some(proposal.clone()) };
        assert_refused(&mut federation, site(3), lie, Check::U1, COORDINATOR);
        assert_eq!(unresolved(&federation), [id]);
    }
    let honest = certificate(&federation, outcome, &set([1, 2, 4, 5]));
    let open = ToSite::Open { certificate: honest, proposal: None };
    assert_silent(&mut federation, site(3), open);
    assert_eq!(unresolved(&federation), []);
    federation.restart(site(3));
    assert_eq!(unresolved(&federation), []);
    let late = void(&federation, id, &set([1, 2, 4, 5]));
    let records = federation.tapes[&site(3)].ledger.len();
    assert_silent(&mut federation, site(3), ToSite::Voided(late));
    assert_eq!(federation.tapes[&site(3)].ledger.len(), records, "its outcome is known");
}
