//! Epochs that slots without an outcome hold.

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::{Check, Culprit, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::vector;
use crate::lies::{assert_refused, next_contract};

/// Epochs of one slot each. Site 2 sends its part of so many rounds, and never hears what became of
/// it: each of its slots holds an epoch.
fn with_held(slots: u64) -> Federation {
    let mut federation = Federation::new(&Settings::new(4, 1).slots(1));
    federation.attend_all();
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Down(to, message) if *to == site(2) => match message {
            ToSite::Announce(_)
            | ToSite::Adverts { .. }
            | ToSite::Bundles { .. }
            | ToSite::Acceptances { .. }
            | ToSite::Study(_)
            | ToSite::Contract(_) => Fate::Pass,
            _ => Fate::Drop,
        },
        _ => Fate::Pass,
    }));
    for length in 1..=slots {
        let study = federation.submit(&vector(length, 1, ""));
        federation.run(&[study]);
    }
    federation.network.hook = None;
    let held = federation.sites[&site(2)].unresolved();
    let epochs: Vec<_> = held.map(|entry| entry.id.transcript).collect();
    let distinct: std::collections::BTreeSet<_> = epochs.iter().collect();
    assert_eq!((epochs.len() as u64, distinct.len() as u64), (slots, slots), "{epochs:?}");
    federation
}

/// Slots without an outcome hold two older epochs: the one just joined is kept all the same, for the
/// next round is in it.
#[test]
fn repro_an_epoch_just_joined_is_kept_beside_older_ones_that_slots_hold() {
    let mut federation = with_held(2);
    let study = federation.submit(&vector(9, 1, ""));
    let contract = next_contract(&mut federation, site(2));
    let joined = federation.sites[&site(2)].newest_epoch();
    assert_eq!(joined, federation.sites[&site(3)].newest_epoch());
    federation.deliver(site(2), ToSite::Contract(contract));
    federation.run(&[study]);
    assert!(matches!(federation.result(&study), Some(Ok(_))));
    let receipt = &federation.network.published.last().unwrap().receipt;
    let survivors: SiteSet = receipt.trailers.iter().map(|trailer| trailer.from).collect();
    assert!(survivors.contains(site(2)), "{survivors:?}");
}

/// Check A2: each epoch holds secrets in locked memory, so there is a bound.
#[test]
fn a_site_whose_slots_hold_all_its_epochs_joins_no_further_one() {
    let mut federation = with_held(7);
    let last = federation.sites[&site(2)].hello().last_epoch;
    let announce = |more| ToSite::Announce(Announcement { epoch: last + more, slots: 1 });
    let refusal = assert_refused(&mut federation, site(2), announce(1), Check::A2, Culprit::Own);
    assert!(refusal.reason.contains("slots without an outcome"), "{refusal}");
    // One is decided: there is room for the next.
    let id = federation.sites[&site(2)].unresolved().next().unwrap().id;
    let now = federation.network.unix();
    let steward = federation.sites.get_mut(&site(2)).unwrap();
    steward.decide_slot(&id, true, "Grace", "the certificate was lost", now).unwrap();
    steward.tick(now);
    let answers = federation.tell(site(2), announce(2));
    assert!(matches!(answers.as_slice(), [FromSite::Advert(_)]), "{answers:?}");
}
