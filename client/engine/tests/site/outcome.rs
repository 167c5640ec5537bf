//! R3: one outcome is signed for a slot, and only one that is what this site knows.

use ripieno_identity::Signature;
use ripieno_secagg::SlotId;
use ripieno_secagg::round::outcome::{Proposal, VoidCertificate};
use ripieno_study::{Check, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::lies::{COORDINATOR, assert_refused, is_proposal};

/// The proposal that site 3 is to sign, and what it is a proposal of.
fn proposed(text: &str, corrupt: u16) -> (Federation, Proposal) {
    let mut federation = Federation::new(&Settings::new(5, corrupt));
    federation.begin(text);
    match federation.intercept(site(3), is_proposal) {
        ToSite::Propose(proposal) => (federation, proposal),
        other => panic!("{other:?}"),
    }
}

fn id(proposal: &Proposal) -> SlotId {
    let contract = &proposal.contract.contract;
    SlotId { transcript: contract.transcript, slot: contract.slot }
}

/// The same proposal with fewer survivors.
fn only(proposal: &Proposal, survivors: SiteSet) -> Proposal {
    let mut proposal = proposal.clone();
    proposal.trailers.retain(|trailer| survivors.contains(trailer.from));
    proposal.survivors = survivors;
    proposal
}

fn may_change() -> String {
    glm("membership = \"may-change\"\ncorrupt = 0")
}

#[test]
fn a_proposal_with_an_altered_trailer() {
    let (mut federation, honest) = proposed(&glm(""), 1);
    for changed in [2, 3] {
        let mut lie = honest.clone();
        let at = lie.trailers.iter().position(|t| t.from == site(changed)).unwrap();
        lie.trailers[at].root = lie.trailers[at].audit;
        // First as anybody can write it, then as if the site's key were stolen.
        let unsigned = ToSite::Propose(lie.clone());
        assert_refused(&mut federation, site(3), unsigned, Check::C2, COORDINATOR);
        let digest = lie.trailers[at].digest();
        lie.trailers[at].signature = federation.keys[&site(changed)].sign(&digest);
        if changed == 3 {
            let signed = ToSite::Propose(lie);
            assert_refused(&mut federation, site(3), signed, Check::C2, COORDINATOR);
        }
    }
    let answers = federation.tell(site(3), ToSite::Propose(honest));
    assert!(matches!(answers.as_slice(), [FromSite::Ballot(_)]), "{answers:?}");
}

#[test]
fn a_proposal_of_survivors_that_the_contract_does_not_allow() {
    let (mut federation, honest) = proposed(&glm(""), 1);
    let cases = [
        (only(&honest, set(1..=4)), Check::C1, "fixed"),
        (only(&honest, set(1..=3)), Check::C1, "too few"),
        (Proposal { survivors: set([1, 2, 3, 4, 5, 6]), ..honest.clone() }, Check::C1, "no member"),
        (Proposal { trailers: Vec::new(), ..honest.clone() }, Check::C2, "no trailers"),
    ];
    for (lie, check, why) in cases {
        let refusal =
            assert_refused(&mut federation, site(3), ToSite::Propose(lie), check, COORDINATOR);
        assert!(!refusal.reason.is_empty(), "{why}");
    }
    let mut other = honest.clone();
    other.contract.contract.cohort = 7;
    let lie = ToSite::Propose(other);
    assert_refused(&mut federation, site(3), lie, Check::S4, COORDINATOR);
}

#[test]
fn two_survivor_sets_for_one_slot() {
    let (mut federation, honest) = proposed(&may_change(), 0);
    let other = only(&honest, set([1, 2, 3, 4]));
    let answers = federation.tell(site(3), ToSite::Propose(honest.clone()));
    assert!(matches!(answers.as_slice(), [FromSite::Ballot(_)]), "{answers:?}");
    let lie = ToSite::Propose(other.clone());
    assert_refused(&mut federation, site(3), lie, Check::C3, COORDINATOR);
    let void = ToSite::VoidRequest(id(&honest));
    assert_refused(&mut federation, site(3), void, Check::C3, COORDINATOR);
    // The same one again gets the same ballot.
    assert_eq!(federation.tell(site(3), ToSite::Propose(honest)), answers);
}

#[test]
fn another_set_at_every_site_gets_no_certificate() {
    let (mut federation, honest) = proposed(&may_change(), 0);
    let sets = [set([1, 2, 3]), set([1, 3, 4]), set([2, 3, 4, 5])];
    for (holder, survivors) in [3, 4, 5].map(site).into_iter().zip(sets) {
        // Sites 4 and 5 may have signed the honest set: then they refuse this one.
        let answers = federation.tell(holder, ToSite::Propose(only(&honest, survivors)));
        let [FromSite::Ballot(ballot)] = answers.as_slice() else { continue };
        assert_eq!(ballot.from, holder);
        let lie = ToSite::Propose(honest.clone());
        assert_refused(&mut federation, holder, lie, Check::C3, COORDINATOR);
    }
}

#[test]
fn survivors_after_void() {
    let (mut federation, honest) = proposed(&glm(""), 1);
    let void = ToSite::VoidRequest(id(&honest));
    let ballot = federation.tell(site(3), void.clone());
    assert!(matches!(ballot.as_slice(), [FromSite::Ballot(_)]));
    let late = ToSite::Propose(honest);
    assert_refused(&mut federation, site(3), late, Check::C3, COORDINATOR);
    assert_eq!(federation.tell(site(3), void), ballot, "the same request, the same ballot");
}

#[test]
fn a_void_certificate_that_nobody_signed() {
    let (mut federation, honest) = proposed(&vector(8, 2, ""), 1);
    let id = id(&honest);
    let key = |index: u16| &federation.keys[&site(index)];
    let digest = ripieno_secagg::round::outcome::void_digest(id);
    let enough = (1..=3).map(|i| (site(i), key(i).sign(&digest))).collect();
    let few = (1..=2).map(|i| (site(i), key(i).sign(&digest))).collect();
    let forged = (1..=5).map(|i| (site(i), Signature::from_bytes([9; 64]))).collect();
    for signatures in [few, forged] {
        let lie = ToSite::Voided(VoidCertificate { id, signatures });
        assert_refused(&mut federation, site(3), lie, Check::U1, COORDINATOR);
    }
    let unresolved = federation.sites[&site(3)].hello().unresolved;
    assert_eq!(unresolved, [id], "the slot may still be opened");
    let real = ToSite::Voided(VoidCertificate { id, signatures: enough });
    assert_eq!(federation.tell(site(3), real), []);
    assert_eq!(federation.sites[&site(3)].hello().unresolved, []);
}
