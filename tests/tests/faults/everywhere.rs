//! One run that has everything in it, ended at each of its writes and commits in turn. The points
//! are counted in a run that ends nowhere, not chosen.

use std::time::Duration;

use crate::common::crashes::Crash;
use crate::common::site;
use crate::common::studies::vector;
use crate::play::{Points, play, points};
use crate::scenario::{Act, Rates, Scenario};

/// A study whose set changes, one whose set does not, a site that is away for a round, a charter
/// that follows, and an epoch of two slots, so that several are set up.
fn whole() -> Scenario {
    let away = Duration::from_secs(12);
    Scenario {
        seed: 1,
        sites: 5,
        corrupt: 0,
        slots: 2,
        texts: vec![vector(5, 2, "membership = \"may-change\""), vector(6, 2, "")],
        rates: Rates::NONE,
        acts: vec![
            (70, Act::Part { sites: vec![site(4)], away }),
            (160, Act::Succeed { leaves: None }),
        ],
        crashes: Vec::new(),
        shuffled: false,
    }
}

/// Every `stride`-th point; all of them in the long form.
fn stride() -> usize {
    if std::env::var_os("RIPIENO_FAULT_SEEDS").is_some() { 1 } else { 29 }
}

#[test]
fn the_run_has_everything_in_it() {
    let seen = play(&whole());
    assert_eq!((seen.results, seen.given_up, seen.successions), (2, 0, 1), "{seen:#?}");
    assert!(seen.recovered > 0 && seen.voided > 0, "{seen:#?}");
}

/// A site goes on with the folder of before its first upload. Its peers have seen what it forgot.
#[test]
fn a_folder_of_yesterday_is_noticed() {
    let acts = vec![(0, Act::Copy(site(2))), (110, Act::GoBack(site(2)))];
    let texts = vec![vector(5, 4, "membership = \"may-change\"")];
    let seen = play(&Scenario { acts, texts, ..whole() });
    assert_eq!((seen.results, seen.went_back), (1, 1), "{seen:#?}");
    assert!(seen.refusals.contains_key("L1"), "{seen:#?}");
}

#[test]
fn the_coordinator_ends_at_each_commit() {
    let Points { commits, .. } = points(&whole());
    assert!(commits > 20, "{commits} commits");
    for at in (0..commits).step_by(stride()) {
        for durable in [false, true] {
            println!("at commit {at} of {commits}, durable: {durable}");
            let seen = play(&Scenario { crashes: vec![Crash { at, durable }], ..whole() });
            assert_eq!((seen.results, seen.given_up), (2, 0), "{seen:#?}");
        }
    }
}

#[test]
fn each_site_ends_at_each_write() {
    for (site, writes) in points(&whole()).writes {
        assert!(writes > 20, "{writes} writes of {site}");
        // Every site begins at another point, so that together they have more of them.
        for writes in (usize::from(site.get()) % stride()..writes).step_by(stride()) {
            for at_once in [false, true] {
                println!("{site} ends at write {writes}, at once: {at_once}");
                let mut scenario = whole();
                scenario.acts.insert(0, (0, Act::EndSite { site, writes, at_once }));
                // A fixed set waits for its site, and never without end.
                let seen = play(&scenario);
                assert_eq!(seen.results + seen.given_up, 2, "{seen:#?}");
                assert!(seen.site_ends > 0, "the site did not end");
            }
        }
    }
}

/// The process goes on when its disk is full, and is started anew when there is room: meanwhile it
/// takes part in nothing, and what it could not write down was not promised.
#[test]
fn each_site_s_disk_is_full_from_each_write() {
    let mut quiet = whole();
    // A site that cannot write takes no charter over either; its daemon says so and waits.
    quiet.acts.retain(|(_, act)| !matches!(act, Act::Succeed { .. }));
    let (mut tried, mut failed) = (0, 0);
    let step = if stride() == 1 { 1 } else { 2 * stride() };
    for (site, writes) in points(&quiet).writes {
        for writes in (usize::from(site.get())..writes).step_by(step) {
            println!("the disk of {site} is full from write {writes} on");
            let mut scenario = quiet.clone();
            scenario.acts.insert(0, (0, Act::FillDisk { site, writes }));
            scenario.acts.push((150, Act::MendDisk(site)));
            let seen = play(&scenario);
            assert_eq!(seen.results + seen.given_up, 2, "{seen:#?}");
            // The last writes come when nobody waits for the disk any more.
            (tried, failed) = (tried + 1, failed + seen.full_disks);
            let said = seen.refusals.contains_key("S8");
            assert!(said || seen.full_disks == 0, "it did not say so: {seen:#?}");
        }
    }
    assert!(failed * 4 > tried, "{failed} of {tried} disks were full");
}
