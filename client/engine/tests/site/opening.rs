//! R4: nothing is released without a certificate for the outcome that was signed.

use ripieno_identity::Signature;
use ripieno_secagg::Kind;
use ripieno_secagg::round::outcome::{Certificate, Proposal};
use ripieno_study::Check;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::studies::glm;
use crate::common::{set, site};
use crate::lies::{COORDINATOR, assert_refused, assert_silent, is_open, is_proposal};

/// The certificate on which site 3 is to release; it has signed the outcome where `signed`.
fn certified(signed: bool) -> (Federation, Certificate, Proposal) {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm("membership = \"may-change\""));
    let proposal = federation.intercept(site(3), is_proposal);
    if signed {
        federation.deliver(site(3), proposal);
    }
    match federation.intercept(site(3), is_open) {
        ToSite::Open { certificate, proposal: Some(proposal) } => {
            (federation, certificate, proposal)
        }
        other => panic!("{other:?}"),
    }
}

/// Certificates that do not hold: each differs in one thing from `honest`.
fn forgeries(honest: &Certificate) -> Vec<Certificate> {
    let with = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = honest.clone();
        change(&mut certificate);
        certificate
    };
    let first = *honest.signatures.first_key_value().unwrap().0;
    let copied = honest.signatures[&first];
    vec![
        with(&|c| c.signatures.clear()),
        with(&|c| c.signatures.retain(|holder, _| *holder != first)),
        with(&|c| c.signatures.values_mut().for_each(|s| *s = Signature::from_bytes([3; 64]))),
        with(&|c| {
            c.signatures.remove(&first);
            c.signatures.insert(site(9), copied);
        }),
        with(&|c| c.signatures.values_mut().for_each(|signature| *signature = copied)),
        with(&|c| c.outcome.survivors = set(1..=4)),
        with(&|c| c.outcome.trailers = c.outcome.ctx),
        with(&|c| c.outcome.ctx = c.outcome.trailers),
    ]
}

#[test]
fn a_forged_certificate() {
    for signed in [true, false] {
        let (mut federation, honest, proposal) = certified(signed);
        for certificate in forgeries(&honest) {
            let lie = ToSite::Open { certificate, proposal: Some(proposal.clone()) };
            assert_refused(&mut federation, site(3), lie, Check::U1, COORDINATOR);
        }
        let open = ToSite::Open { certificate: honest, proposal: Some(proposal) };
        let answers = federation.tell(site(3), open.clone());
        assert!(matches!(answers.as_slice(), [FromSite::Release(_)]), "{answers:?}");
        assert_eq!(federation.tell(site(3), open), answers, "the same shares again");
    }
}

#[test]
fn no_certificate_without_the_proposal_for_a_site_that_has_signed_nothing() {
    let (mut federation, certificate, proposal) = certified(false);
    // It is recorded, and opens nothing.
    let bare = ToSite::Open { certificate: certificate.clone(), proposal: None };
    assert_silent(&mut federation, site(3), bare.clone());
    assert_eq!(federation.sites[&site(3)].hello().unresolved, []);
    assert_refused(&mut federation, site(3), bare, Check::U1, COORDINATOR);
    let open = ToSite::Open { certificate, proposal: Some(proposal) };
    let answers = federation.tell(site(3), open);
    assert!(matches!(answers.as_slice(), [FromSite::Release(_)]), "{answers:?}");
}

#[test]
fn a_certificate_in_a_slot_that_this_site_voided() {
    let (mut federation, certificate, proposal) = certified(false);
    let ballot = federation.tell(site(3), ToSite::VoidRequest(certificate.outcome.id));
    assert!(matches!(ballot.as_slice(), [FromSite::Ballot(_)]));
    let late = ToSite::Open { certificate, proposal: Some(proposal) };
    assert_refused(&mut federation, site(3), late, Check::U1, COORDINATOR);
}

#[test]
fn after_a_release_nothing_else_is_released() {
    let (mut federation, honest, proposal) = certified(true);
    let id = honest.outcome.id;
    let missing = ToSite::Prove { id, dealer: site(2), kind: Kind::Own };
    assert_refused(&mut federation, site(3), missing, Check::U2, COORDINATOR);
    let open = ToSite::Open { certificate: honest.clone(), proposal: Some(proposal.clone()) };
    federation.tell(site(3), open);
    // Everybody survived: self shares went out, so no root share ever will.
    for forged in forgeries(&honest).into_iter().filter(|c| c.outcome != honest.outcome) {
        let lie = ToSite::Open { certificate: forged, proposal: Some(proposal.clone()) };
        assert_refused(&mut federation, site(3), lie, Check::U2, COORDINATOR);
    }
    let root = ToSite::Prove { id, dealer: site(2), kind: Kind::Root };
    assert_refused(&mut federation, site(3), root, Check::U2, COORDINATOR);
    let own = ToSite::Prove { id, dealer: site(2), kind: Kind::Own };
    let answers = federation.tell(site(3), own);
    assert!(matches!(answers.as_slice(), [FromSite::Proof(_)]), "{answers:?}");
    let void = ToSite::VoidRequest(id);
    assert_refused(&mut federation, site(3), void, Check::C3, COORDINATOR);
}
