//! R5: a sum that is not what the cohort signed and opened moves no site on.

use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::Check;
use ripieno_wire::{FromSite, Parts, Published, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::{
    COORDINATOR, assert_refused, assert_silent, next_contract, next_published, sign, sign_receipt,
};

type Change = fn(&Federation, &mut Published);

/// Tells site 4 a changed sum of the first round, signed as the coordinator can; then the honest
/// contract of the second round, which it refuses because it did not see the first one end.
#[track_caller]
fn assert_lie_stops_the_study(name: &str, change: Change) {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let honest = next_published(&mut federation, site(4));
    let mut lie = honest.clone();
    change(&federation, &mut lie);
    sign_receipt(&federation, &mut lie.receipt);
    let lie = ToSite::Published(lie);
    let refusal = assert_refused(&mut federation, site(4), lie, Check::P1, COORDINATOR);
    assert!(!refusal.reason.is_empty(), "{name}");
    let second = ToSite::Contract(next_contract(&mut federation, site(4)));
    for _ in 0..2 {
        assert_refused(&mut federation, site(4), second.clone(), Check::S5, COORDINATOR);
    }
    // The true sum mends it.
    let answers = federation.tell(site(4), ToSite::Published(honest));
    assert!(matches!(answers.as_slice(), [FromSite::State { .. }]), "{name}: {answers:?}");
    let answers = federation.tell(site(4), second);
    assert!(matches!(answers.last(), Some(FromSite::Trailer { .. })), "{name}: {answers:?}");
}

#[test]
fn an_altered_sum() {
    assert_lie_stops_the_study("sum, old digest", |_, lie| lie.sum[0] ^= 1);
    assert_lie_stops_the_study("sum, new digest", |_, lie| {
        lie.sum[0] ^= 1;
        lie.receipt.sum = tiles::root(Content::Sum, &lie.contract.contract.plan, &lie.sum);
    });
    assert_lie_stops_the_study("shorter sum", |_, lie| lie.sum = lie.sum.part(0..1));
}

#[test]
fn altered_uploads() {
    assert_lie_stops_the_study("one lane", |_, lie| {
        let Parts::Whole(uploads) = &mut lie.parts else { panic!() };
        uploads.get_mut(&site(2)).unwrap()[0] ^= 1;
    });
    assert_lie_stops_the_study("an upload less", |_, lie| {
        let Parts::Whole(uploads) = &mut lie.parts else { panic!() };
        uploads.remove(&site(2));
    });
    assert_lie_stops_the_study("in the wrong form", |_, lie| {
        lie.parts = Parts::Tiles(std::collections::BTreeMap::new());
    });
}

#[test]
fn an_altered_receipt() {
    assert_lie_stops_the_study("next state", |_, lie| {
        lie.receipt.next_state = lie.receipt.sum;
    });
    assert_lie_stops_the_study("a signature less", |_, lie| {
        lie.receipt.certificate.signatures.pop_first();
        lie.receipt.certificate.signatures.pop_first();
    });
    assert_lie_stops_the_study("fewer survivors", |_, lie| {
        lie.receipt.certificate.outcome.survivors = (1..=4).map(site).collect();
        lie.receipt.trailers.pop();
    });
    assert_lie_stops_the_study("another secret", |_, lie| {
        lie.receipt.selfs[0].scalar[0] ^= 1;
    });
    assert_lie_stops_the_study("a secret less", |_, lie| drop(lie.receipt.selfs.pop()));
    assert_lie_stops_the_study("own trailer of another audit log", |federation, lie| {
        let own = lie.receipt.trailers.iter_mut().find(|t| t.from == site(4)).unwrap();
        own.audit = own.root;
        own.signature = federation.keys[&site(4)].sign(&own.digest());
    });
}

#[test]
fn an_altered_contract() {
    assert_lie_stops_the_study("another round", |federation, lie| {
        lie.contract.contract.round = 2;
        lie.contract = sign(federation, lie.contract.contract.clone());
    });
    assert_lie_stops_the_study("another ctx", |federation, lie| {
        lie.contract.contract.cohort = 2;
        lie.contract = sign(federation, lie.contract.contract.clone());
    });
    assert_lie_stops_the_study("an unsigned contract", |_, lie| {
        lie.contract.contract.cohort = 2;
    });
    assert_lie_stops_the_study("the right contract, with another signature", |_, lie| {
        lie.contract.signature = lie.receipt.signature;
    });
}

#[test]
fn a_receipt_that_the_coordinator_did_not_sign() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let mut lie = next_published(&mut federation, site(4));
    lie.receipt.at += 1;
    let lie = ToSite::Published(lie);
    assert_refused(&mut federation, site(4), lie, Check::P1, COORDINATOR);
}

#[test]
fn a_sum_of_a_study_that_is_not_approved() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let mut lie = next_published(&mut federation, site(4));
    lie.contract.contract.study = lie.contract.contract.state;
    let lie = ToSite::Published(lie);
    assert_refused(&mut federation, site(4), lie, Check::P1, COORDINATOR);
}

#[test]
fn a_replayed_sum_gets_the_same_answer_and_changes_nothing() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&vector(8, 2, ""));
    let first = next_published(&mut federation, site(4));
    let replay = ToSite::Published(first.clone());
    federation.deliver(site(4), ToSite::Published(first));
    let before = (federation.sites[&site(4)].hello(), federation.sites[&site(4)].audit().head());
    let said = federation.network.answers.last().unwrap().1.clone();
    assert!(matches!(said.as_slice(), [FromSite::State { .. }]), "{said:?}");
    assert_eq!(federation.tell(site(4), replay.clone()), said);
    let after = (federation.sites[&site(4)].hello(), federation.sites[&site(4)].audit().head());
    assert_eq!(before, after);
    federation.run(&[study]);
    assert_silent(&mut federation, site(4), replay);
    assert!(federation.sites[&site(4)].report(&study).is_some());
}
