//! Epochs run out in the middle of a study, and take in sites that were not there before.

use ripieno_coordinator::Event;
use ripieno_study::SiteSet;
use ripieno_wire::ToSite;

use crate::common::federation::{Federation, Settings};
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::oracle::{assert_sums, report, rounds, undisturbed};

fn ready(federation: &Federation) -> Vec<(u64, SiteSet)> {
    let ready = |event: &Event| match event {
        Event::EpochReady { epoch, holders, .. } => Some((*epoch, holders.clone())),
        _ => None,
    };
    federation.network.events.iter().filter_map(ready).collect()
}

#[test]
fn a_short_study_takes_one_epoch() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(6, 3, ""));
    federation.run(&[study]);
    report(&federation, &study);
    assert_eq!(ready(&federation), [(1, set(1..=4))]);
}

#[test]
fn a_study_goes_on_over_as_many_epochs_as_it_needs() {
    let text = glm("");
    let whole = undisturbed(&Settings::new(4, 1), &text);
    for slots in [1, 2, 4] {
        let mut federation = Federation::new(&Settings::new(4, 1).slots(slots));
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_eq!(report(&federation, &study).digest(), whole, "{slots} slots");
        let used: Vec<_> =
            rounds(&federation, &study).iter().map(|round| (round.epoch, round.slot)).collect();
        assert!(used.iter().all(|(_, slot)| *slot < slots), "{used:?}");
        assert!(used.windows(2).all(|pair| pair[0] < pair[1]), "{used:?}");
        assert!(used.last().unwrap().0 > 1, "{used:?}");
    }
}

#[test]
fn a_site_absent_at_set_up_is_in_the_next_epoch() {
    let text = vector(6, 5, "membership = \"may-change\"");
    let mut federation = Federation::new(&Settings::new(5, 1).slots(5));
    for index in 1..=4 {
        federation.attend(site(index));
    }
    let study = federation.submit(&text);
    let first = federation.intercept(site(1), |message| matches!(message, ToSite::Contract(_)));
    federation.attend(site(5));
    federation.deliver(site(1), first);
    federation.run(&[study]);
    report(&federation, &study);
    assert_sums(&federation, &text);
    assert_eq!(ready(&federation)[..2], [(1, set(1..=4)), (2, set(1..=5))]);
    let next = vector(6, 4, "");
    let study = federation.submit(&next);
    federation.run(&[study]);
    let last = rounds(&federation, &study).last().copied().unwrap();
    assert_eq!(last.survivors.len(), 5, "{last:?}");
    assert_sums(&federation, &next);
}
