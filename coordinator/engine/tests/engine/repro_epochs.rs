//! Set-ups that one site once spoilt: late, lost, lying, or for nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ripieno_coordinator_engine::Event;
use ripieno_secagg::SlotId;
use ripieno_secagg::ledger::Head;
use ripieno_study::{Check, Digest, Refusal, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings, key};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::studies::vector;
use crate::common::{set, site};
use crate::oracle::{
    assert_all_resolved, assert_blamed, assert_no_other_blamed, assert_sums, blames, failure,
    report, rounds,
};

const MAY_CHANGE: &str = "membership = \"may-change\"";

/// Counts the set-ups that are announced to the last site.
fn counting(mut hook: Hook, last: u16) -> (Hook, Rc<Cell<usize>>) {
    let announced = Rc::new(Cell::new(0));
    let counter = announced.clone();
    let hook: Hook = Box::new(move |flight| {
        if matches!(flight, Flight::Down(to, ToSite::Announce(_)) if *to == site(last)) {
            counter.set(counter.get() + 1);
        }
        hook(flight)
    });
    (hook, announced)
}

/// The holders of every epoch that could be used.
fn ready(federation: &Federation) -> Vec<SiteSet> {
    let ready = |event: &Event| match event {
        Event::EpochReady { holders, .. } => Some(holders.clone()),
        _ => None,
    };
    federation.network.events.iter().filter_map(ready).collect()
}

#[test]
fn repro_a_late_advert_blames_nobody() {
    let text = vector(6, 14, MAY_CHANGE);
    let mut federation = Federation::new(&Settings::new(6, 1).slots(8));
    let mut held = None;
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Advert(advert)) if *from == site(1) && advert.epoch == 2 => {
            held = Some(flight.clone());
            Fate::Drop
        }
        Flight::Down(_, ToSite::Contract(signed)) if signed.contract.round == 8 => {
            Fate::Replace(held.take().into_iter().chain([flight.clone()]).collect())
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert_eq!(blames(&federation).count(), 0);
    assert_eq!(ready(&federation)[..2], [set(1..=6), set(1..=6)]);
    assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
}

/// An advert of the epoch before, which arrives in the next set-up, keeps nobody out of it.
#[test]
fn repro_an_advert_of_a_set_up_that_is_over_is_passed_over() {
    let text = vector(6, 12, MAY_CHANGE);
    let mut federation = Federation::new(&Settings::new(6, 1).slots(6));
    let mut held = None;
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Advert(advert)) if *from == site(6) && advert.epoch == 1 => {
            held = Some(flight.clone());
            Fate::Drop
        }
        Flight::Up(_, FromSite::Advert(advert)) if advert.epoch == 2 => {
            Fate::Replace(held.take().into_iter().chain([flight.clone()]).collect())
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(blames(&federation).count(), 0);
    assert_eq!(ready(&federation)[..2], [set(1..=5), set(1..=6)]);
}

#[test]
fn repro_an_acceptance_that_is_lost_costs_one_more_set_up() {
    let text = vector(6, 3, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    let mut lost = false;
    let hook: Hook = Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Acceptance(_)) if *from == site(2) && !lost => {
            lost = true;
            Fate::Drop
        }
        _ => Fate::Pass,
    });
    let (hook, announced) = counting(hook, 4);
    federation.network.hook = Some(hook);
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert!(rounds(&federation, &study).iter().all(|round| round.survivors == set(1..=4)));
    assert_eq!((announced.get(), blames(&federation).count()), (2, 0));
}

/// Whatever a site misses of a set-up, it follows the sums of that epoch, and is in the next one.
#[test]
fn repro_a_site_that_is_away_in_a_set_up_follows_its_sums() {
    type Kind = fn(&Flight) -> bool;
    let kinds: [(&str, Kind); 7] = [
        ("announcement", |f| matches!(f, Flight::Down(_, ToSite::Announce(a)) if a.epoch == 2)),
        ("advert", |f| matches!(f, Flight::Up(_, FromSite::Advert(a)) if a.epoch == 2)),
        ("adverts", |f| matches!(f, Flight::Down(_, ToSite::Adverts { epoch: 2, .. }))),
        ("own bundles", |f| matches!(f, Flight::Up(_, FromSite::Bundles(_)))),
        ("bundles", |f| matches!(f, Flight::Down(_, ToSite::Bundles { epoch: 2, .. }))),
        ("acceptance", |f| matches!(f, Flight::Up(_, FromSite::Acceptance(_)))),
        ("acceptances", |f| matches!(f, Flight::Down(_, ToSite::Acceptances { epoch: 2, .. }))),
    ];
    let text = vector(6, 14, MAY_CHANGE);
    for (what, kind) in kinds {
        // Messages that name no epoch: the second one of their kind.
        let named = !matches!(what, "own bundles" | "acceptance");
        let mut seen = usize::from(named);
        let mut federation = Federation::new(&Settings::new(6, 1).slots(5));
        let hook: Hook = Box::new(move |flight| {
            let lost = flight.site() == site(2) && kind(flight);
            seen += usize::from(lost);
            if lost && seen == 2 { Fate::Lose(Duration::from_secs(20)) } else { Fate::Pass }
        });
        let (hook, announced) = counting(hook, 6);
        federation.network.hook = Some(hook);
        let study = federation.begin(&text);
        federation.run(&[study]);
        report(&federation, &study);
        assert_sums(&federation, &text);
        let blamed: Vec<_> = blames(&federation).collect();
        assert!(blamed.is_empty(), "{what}: {blamed:?}");
        assert!(announced.get() <= 5, "{what}: {} set-ups", announced.get());
        assert!(federation.sites.values().all(|site| site.report(&study).is_some()), "{what}");
        // Nobody waits for a site that only misses the last step: no time goes by.
        let last = rounds(&federation, &study).last().copied().unwrap();
        assert!(last.survivors.contains(site(2)) || what == "acceptances", "{what}: {last:?}");
        assert_all_resolved(&federation);
    }
}

/// From the second epoch on, site 1 advertises an empty ledger.
fn gone_back() -> Hook {
    Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Advert(advert)) if *from == site(1) && advert.epoch > 1 => {
            let mut advert = advert.clone();
            advert.ledger = Head::empty();
            advert.signature = key("site-01").sign(&advert.digest());
            Fate::Replace(vec![Flight::Up(*from, FromSite::Advert(advert))])
        }
        _ => Fate::Pass,
    })
}

#[test]
fn repro_a_ledger_that_went_back_keeps_only_its_own_site_out() {
    let text = vector(6, 20, MAY_CHANGE);
    let mut federation = Federation::new(&Settings::new(6, 1).slots(8));
    let (hook, announced) = counting(gone_back(), 6);
    federation.network.hook = Some(hook);
    let study = federation.begin(&text);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert_eq!(rounds(&federation, &study).len(), 20);
    assert_blamed(&federation, site(1), Check::L1);
    assert_no_other_blamed(&federation, &[1]);
    assert_eq!(ready(&federation)[..2], [set(1..=6), set(2..=6)]);
    assert!(announced.get() <= 4, "{} set-ups", announced.get());
}

#[test]
fn repro_a_fixed_set_whose_member_is_kept_out_of_every_epoch_is_not_tried_for_ever() {
    let mut federation = Federation::new(&Settings::new(6, 1).slots(8));
    let (hook, announced) = counting(gone_back(), 6);
    federation.network.hook = Some(hook);
    let study = federation.begin(&vector(6, 20, ""));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("{1} could take no part"), "{reason}");
    assert_blamed(&federation, site(1), Check::L1);
    assert_no_other_blamed(&federation, &[1]);
    assert!(announced.get() <= 6, "{} set-ups", announced.get());
    assert_all_resolved(&federation);
}

/// Sites that are connected, and answer nothing: set-ups end with the study that wanted them.
#[test]
fn repro_a_set_up_that_fails_is_not_begun_again_for_nobody() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let hook: Hook = Box::new(|flight| match flight {
        Flight::Up(_, FromSite::Advert(_)) => Fate::Drop,
        _ => Fate::Pass,
    });
    let (hook, announced) = counting(hook, 4);
    federation.network.hook = Some(hook);
    let study = federation.begin(&vector(6, 1, ""));
    federation.run(&[study]);
    failure(&federation, &study);
    let until = announced.get();
    federation.pass_time_until(Duration::from_secs(24 * 3600));
    assert!(announced.get() <= until + 1, "{until}, then {}", announced.get());
}

#[test]
fn repro_a_fixed_set_is_not_begun_without_sites_that_came_after_the_set_up() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    (1..=4).for_each(|index| federation.attend(site(index)));
    let first = federation.submit(&vector(6, 1, MAY_CHANGE));
    federation.run(&[first]);
    assert_eq!(ready(&federation), [set(1..=4)]);
    federation.attend(site(5));
    let text = vector(6, 2, "");
    let study = federation.submit(&text);
    federation.run(&[study]);
    assert!(rounds(&federation, &study).iter().all(|round| round.survivors == set(1..=5)));
    assert_sums(&federation, &text);
    assert_eq!(ready(&federation), [set(1..=4), set(1..=5)]);
}

/// A site that is there, and gets through no set-up, is waited for a few times only.
#[test]
fn repro_a_site_that_never_accepts_does_not_hold_a_fixed_study_up() {
    let text = vector(6, 2, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    let hook: Hook = Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Acceptance(_)) if *from == site(5) => Fate::Drop,
        _ => Fate::Pass,
    });
    let (hook, announced) = counting(hook, 5);
    federation.network.hook = Some(hook);
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert!(rounds(&federation, &study).iter().all(|round| round.survivors == set(1..=4)));
    assert!(announced.get() <= 5, "{} set-ups", announced.get());
}

/// Another encoding of a key is another value for the same secret.
#[test]
fn repro_a_key_in_another_encoding_is_refused() {
    for of_slot in [false, true] {
        let text = vector(6, 2, "");
        let mut federation = Federation::new(&Settings::new(5, 1));
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(from, FromSite::Advert(advert)) if *from == site(2) => {
                let mut advert = advert.clone();
                let key_of_site = match of_slot {
                    true => &mut advert.slots[3].mask_key,
                    false => &mut advert.channel_key,
                };
                key_of_site[31] |= 0x80;
                advert.signature = key("site-02").sign(&advert.digest());
                Fate::Replace(vec![Flight::Up(*from, FromSite::Advert(advert))])
            }
            _ => Fate::Pass,
        }));
        let study = federation.begin(&text);
        federation.run(&[study]);
        report(&federation, &study);
        assert_sums(&federation, &text);
        assert_blamed(&federation, site(2), Check::A1);
        assert_no_other_blamed(&federation, &[2]);
    }
}

/// Site 1 refuses with S4 slots that are unknown, over, or of another study, and studies without a
/// slot; where `its_own`, also those that it is asked for.
fn spam(its_own: bool) -> Hook {
    let mut known: BTreeMap<Digest, Vec<SlotId>> = BTreeMap::new();
    Box::new(move |flight| match flight {
        Flight::Down(to, ToSite::Contract(signed)) if *to == site(1) => {
            let contract = &signed.contract;
            let id = SlotId { transcript: contract.transcript, slot: contract.slot };
            known.entry(contract.study).or_default().push(id);
            Fate::Pass
        }
        Flight::Up(from, FromSite::Tile { .. }) if *from == site(1) => {
            let lies = lies(&known, its_own).into_iter().map(|lie| Flight::Up(*from, lie));
            Fate::Replace(lies.chain((!its_own).then(|| flight.clone())).collect())
        }
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(1) && its_own => Fate::Drop,
        _ => Fate::Pass,
    })
}

fn lies(known: &BTreeMap<Digest, Vec<SlotId>>, its_own: bool) -> Vec<FromSite> {
    let refusal = || Refusal::coordinator(Check::S4, "this site is not in that epoch");
    let refused = |id, study| FromSite::Refused { id, study, refusal: refusal() };
    let mut lies = Vec::new();
    for (study, slots) in known {
        let unknown = SlotId { transcript: *study, slot: 0 };
        lies.push(refused(Some(unknown), Some(*study)));
        lies.push(refused(Some(unknown), None));
        lies.push(refused(None, Some(*study)));
        for (other, slots) in known {
            let foreign = slots.iter().filter(|_| other != study);
            lies.extend(foreign.map(|id| refused(Some(*id), Some(*study))));
        }
        let over = slots.len() - usize::from(!its_own);
        lies.extend(slots[..over].iter().map(|id| refused(Some(*id), Some(*study))));
    }
    lies
}

/// Two studies at once, while site 1 refuses; how many epochs were set up, and how many of the 12
/// sums have its part.
fn refusing(its_own: bool) -> (usize, usize) {
    let mut federation = Federation::new(&Settings::new(6, 1).slots(64));
    let (hook, announced) = counting(spam(its_own), 6);
    federation.network.hook = Some(hook);
    let texts = [vector(6, 6, MAY_CHANGE), vector(7, 6, MAY_CHANGE)];
    let studies = [federation.begin(&texts[0]), federation.submit(&texts[1])];
    federation.run(&studies);
    let mut with_its_part = 0;
    for (study, text) in studies.iter().zip(&texts) {
        report(&federation, study);
        assert_sums(&federation, text);
        let rounds = rounds(&federation, study);
        assert_eq!(rounds.len(), 6);
        with_its_part += rounds.iter().filter(|round| round.survivors.contains(site(1))).count();
    }
    assert_all_resolved(&federation);
    (announced.get(), with_its_part)
}

#[test]
fn repro_refusals_of_foreign_slots_renew_no_epoch() {
    assert_eq!(refusing(false), (1, 12));
}

#[test]
fn repro_refusals_of_own_slots_renew_few_epochs() {
    let (announced, with_its_part) = refusing(true);
    assert_eq!(with_its_part, 0);
    assert!(announced <= 1 + 2 * 2, "two for each study, then it is out: {announced} set-ups");
}
