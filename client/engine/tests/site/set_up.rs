//! E1–E4: an epoch is set up once, in order, with what this site advertised.

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Advert};
use ripieno_secagg::ledger::Head;
use ripieno_study::Check;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::site;
use crate::common::studies::vector;
use crate::lies::{COORDINATOR, assert_refused, assert_silent, culprit, next_contract};

fn federation() -> Federation {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.begin(&vector(8, 2, ""));
    federation
}

fn is_adverts(message: &ToSite) -> bool {
    matches!(message, ToSite::Adverts { .. })
}

fn is_bundles(message: &ToSite) -> bool {
    matches!(message, ToSite::Bundles { .. })
}

fn is_acceptances(message: &ToSite) -> bool {
    matches!(message, ToSite::Acceptances { .. })
}

/// Once it is in an epoch, no other adverts are that epoch's.
#[test]
fn the_adverts_of_an_epoch_do_not_change() {
    let mut federation = federation();
    let ToSite::Adverts { epoch, slots, adverts } = federation.intercept(site(2), is_adverts)
    else {
        panic!()
    };
    let message = |adverts: &[Advert]| ToSite::Adverts { epoch, slots, adverts: adverts.to_vec() };
    federation.deliver(site(2), message(&adverts));
    next_contract(&mut federation, site(2));
    let mut others = adverts.clone();
    others[2].slots.swap(0, 1);
    others[2].signature = federation.keys[&site(3)].sign(&others[2].digest());
    for lie in [message(&others), message(&adverts[..3])] {
        assert_refused(&mut federation, site(2), lie, Check::A2, COORDINATOR);
    }
    assert_silent(&mut federation, site(2), message(&adverts));
}

#[test]
fn an_epoch_is_announced_once() {
    let mut federation = federation();
    let adverts = federation.intercept(site(2), is_adverts);
    for (epoch, slots) in [(1, 16), (0, 16), (2, 0), (2, 65)] {
        let lie = ToSite::Announce(Announcement { epoch, slots });
        assert_refused(&mut federation, site(2), lie, Check::A2, COORDINATOR);
    }
    // The set-up that is under way goes on.
    let answers = federation.tell(site(2), adverts);
    assert!(matches!(answers.as_slice(), [FromSite::Bundles(_)]), "{answers:?}");
}

#[test]
fn messages_out_of_order() {
    let mut federation = federation();
    let adverts = federation.intercept(site(2), is_adverts);
    let bundles = || ToSite::Bundles { epoch: 1, bundles: Vec::new() };
    let acceptances = |epoch| ToSite::Acceptances { epoch, acceptances: Vec::new() };
    assert_refused(&mut federation, site(2), bundles(), Check::A2, COORDINATOR);
    assert_refused(&mut federation, site(2), acceptances(2), Check::A2, COORDINATOR);
    assert_silent(&mut federation, site(2), acceptances(1));
    federation.deliver(site(2), adverts.clone());
    let honest = federation.intercept(site(2), is_bundles);
    assert_refused(&mut federation, site(2), acceptances(2), Check::A2, COORDINATOR);
    federation.deliver(site(2), honest);
    let last = federation.intercept(site(2), is_acceptances);
    federation.deliver(site(2), last.clone());
    assert_refused(&mut federation, site(2), bundles(), Check::A2, COORDINATOR);
    // With a sum of this epoch, adverts come to a site that might have restarted.
    assert_silent(&mut federation, site(2), adverts.clone());
    let ToSite::Adverts { epoch, slots, mut adverts } = adverts else { panic!() };
    adverts.pop();
    let lie = ToSite::Adverts { epoch, slots, adverts };
    assert_refused(&mut federation, site(2), lie, Check::A2, COORDINATOR);
    assert_silent(&mut federation, site(2), last);
    let joined = federation.log(site(2));
    assert_eq!(joined.iter().filter(|entry| entry.contains("epoch-joined")).count(), 1);
}

#[test]
fn the_same_message_again_gets_the_same_answer() {
    let mut federation = federation();
    let adverts = federation.intercept(site(2), is_adverts);
    let dealt = federation.tell(site(2), adverts.clone());
    assert_eq!(federation.tell(site(2), adverts.clone()), dealt);
    let ToSite::Adverts { epoch, slots, adverts } = adverts else { panic!() };
    let fewer = ToSite::Adverts { epoch, slots, adverts: adverts[..3].to_vec() };
    assert_refused(&mut federation, site(2), fewer, Check::A2, COORDINATOR);
}

#[test]
fn adverts_that_are_not_what_the_sites_sent() {
    type Change = fn(&Federation, &mut Vec<Advert>);
    let cases: [(Change, Check, ripieno_study::Culprit); 5] = [
        (|_, adverts| adverts[1].slots.swap(0, 1), Check::A1, COORDINATOR),
        (
            |federation, adverts| {
                // Even where the lie has this site's own signature.
                adverts[1].slots.swap(0, 1);
                adverts[1].signature = federation.keys[&site(2)].sign(&adverts[1].digest());
            },
            Check::A1,
            COORDINATOR,
        ),
        (|_, adverts| adverts[2].slots.swap(0, 1), Check::A1, COORDINATOR),
        (
            |federation, adverts| {
                // Which of the two copied, nobody can see here.
                adverts[2].slots[0] = adverts[3].slots[0];
                adverts[2].signature = federation.keys[&site(3)].sign(&adverts[2].digest());
            },
            Check::A1,
            COORDINATOR,
        ),
        (|_, adverts| adverts.truncate(2), Check::A2, COORDINATOR),
    ];
    for (change, check, culprit) in cases {
        let mut federation = federation();
        let ToSite::Adverts { epoch, slots, mut adverts } =
            federation.intercept(site(2), is_adverts)
        else {
            panic!()
        };
        let honest = ToSite::Adverts { epoch, slots, adverts: adverts.clone() };
        change(&federation, &mut adverts);
        let lie = ToSite::Adverts { epoch, slots, adverts };
        assert_refused(&mut federation, site(2), lie, check, culprit);
        // The epoch is given up: nothing is dealt under any other transcript.
        assert_silent(&mut federation, site(2), honest);
    }
}

#[test]
fn a_bundle_that_was_tampered_with_names_its_dealer_and_leaves_it_out() {
    let mut federation = federation();
    let ToSite::Bundles { epoch, mut bundles } = federation.intercept(site(2), is_bundles) else {
        panic!()
    };
    bundles[0].sealed[0] ^= 1;
    let dealer = bundles[0].from;
    let answers = federation.tell(site(2), ToSite::Bundles { epoch, bundles });
    let [FromSite::Acceptance(Acceptance { dealers, .. }), FromSite::Refused { refusal, .. }] =
        answers.as_slice()
    else {
        panic!("{answers:?}");
    };
    assert!(!dealers.contains(dealer));
    assert_eq!((refusal.check, refusal.culprit), (Check::A3, culprit(dealer.get())));
}

#[test]
fn a_ledger_that_went_back_is_noticed() {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(8));
    federation.begin(&vector(8, 8, ""));
    let second = |message: &ToSite| matches!(message, ToSite::Adverts { epoch: 2, .. });
    let ToSite::Adverts { epoch, slots, mut adverts } = federation.intercept(site(2), second)
    else {
        panic!()
    };
    assert!(adverts[2].ledger.count > 0, "site 3 was in a round before");
    adverts[2].ledger = Head::empty();
    adverts[2].signature = federation.keys[&site(3)].sign(&adverts[2].digest());
    let lie = ToSite::Adverts { epoch, slots, adverts };
    assert_refused(&mut federation, site(2), lie, Check::L1, culprit(3));
}
