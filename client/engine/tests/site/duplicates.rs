//! A message that comes twice, or late, is no lie: it changes nothing.

use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::lies::{is_proposal, next_contract};

#[test]
fn a_contract_again_gets_the_frozen_upload_and_then_nothing() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&glm(""));
    let contract = ToSite::Contract(next_contract(&mut federation, site(2)));
    federation.deliver(site(2), contract.clone());
    let (_, upload) = federation.network.answers.last().unwrap().clone();
    assert!(matches!(upload.last(), Some(FromSite::Trailer { .. })), "{upload:?}");
    assert_eq!(federation.tell(site(2), contract.clone()), upload, "identical bytes");
    let proposal = federation.intercept(site(2), is_proposal);
    federation.tell(site(2), proposal);
    assert_eq!(federation.tell(site(2), contract), [], "it has signed: nobody waits for it");
}

#[test]
fn a_resumed_upload_is_the_rest_of_the_frozen_one() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.begin(&vector(20_000, 1, ""));
    let contract = next_contract(&mut federation, site(2));
    let resume = |taken| ToSite::Resume { contract: contract.clone(), taken };
    // It has sent nothing yet: that something is there cannot be.
    federation.deliver(site(2), resume(1));
    let (_, upload) = federation.network.answers.last().unwrap().clone();
    assert_eq!(upload.len(), 4, "three tiles and a trailer");
    for taken in 0..4 {
        assert_eq!(federation.tell(site(2), resume(taken)), upload[taken as usize..]);
    }
    assert_eq!(federation.tell(site(2), resume(1 << 21)), upload[3..], "the trailer");
    let proposal = federation.intercept(site(2), is_proposal);
    federation.tell(site(2), proposal);
    assert_eq!(federation.tell(site(2), resume(1)), [], "it has signed: nobody waits for it");
}

#[test]
fn every_message_twice_leads_to_the_same_result() {
    let run = |twice: bool| {
        let mut federation = Federation::new(&Settings::new(4, 1));
        if twice {
            federation.network.hook =
                Some(Box::new(|flight| Fate::Replace(vec![flight.clone(), flight.clone()])));
        }
        let study = federation.begin(&glm(""));
        federation.run(&[study]);
        assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
        federation.result(&study).unwrap().unwrap().digest()
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn an_advert_on_its_way_while_rounds_go_on_does_not_look_like_a_backup() {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(6));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(_, FromSite::Advert(advert)) if advert.epoch == 2 => Fate::Hold,
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(8, 9, ""));
    federation.run(&[study]);
    assert!(federation.result(&study).unwrap().is_ok());
    for site in federation.sites.keys() {
        let refused = |entry: &String| entry.starts_with("refusal");
        assert_eq!(federation.log(*site).into_iter().find(refused), None);
    }
}
