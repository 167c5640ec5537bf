//! A site is lost at every message that goes to it or comes from it, one run for each.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ripieno_study::{Digest, SiteIndex, SiteSet};

use crate::common::federation::{Federation, Settings};
use crate::common::network::Fate;
use crate::common::studies::{glm, vector};
use crate::common::{set, site};
use crate::oracle::{assert_sums, report, rounds, undisturbed, voided};

/// Back within every deadline, and after all of them.
const AWAY: [u64; 2] = [2, 100];

/// Runs a study in which `lost` goes away at its message number `at` for `away` seconds; `None`
/// where it has fewer messages.
fn run_losing(
    settings: &Settings,
    text: &str,
    (lost, at, away): (SiteIndex, usize, u64),
) -> Option<(Federation, Digest)> {
    let mut federation = Federation::new(settings);
    let seen = Rc::new(Cell::new(0));
    let counter = seen.clone();
    federation.network.hook = Some(Box::new(move |flight| {
        if flight.site() != lost {
            return Fate::Pass;
        }
        counter.set(counter.get() + 1);
        match counter.get() == at + 1 {
            true => Fate::Lose(Duration::from_secs(away)),
            false => Fate::Pass,
        }
    }));
    let study = federation.begin(text);
    federation.run(&[study]);
    (seen.get() > at).then_some((federation, study))
}

/// Loses the site at each of its messages, and shows `check` how it went.
fn at_every_message(
    settings: &Settings,
    text: &str,
    lost: SiteIndex,
    check: impl Fn(&Federation, &Digest, &str),
) {
    for away in AWAY {
        let mut at = 0;
        while let Some((federation, study)) = run_losing(settings, text, (lost, at, away)) {
            println!("{lost} is lost at message {at} for {away} s");
            check(&federation, &study, &format!("lost at message {at} for {away} s"));
            at += 1;
        }
        assert!(at > 20, "a site has more messages than {at}");
    }
}

/// Four sites with c = 1: every sum is over all four, or there is none.
#[test]
fn a_fixed_regression_is_the_same_whenever_a_site_was_lost() {
    let (settings, text) = (Settings::new(4, 1), glm(""));
    let whole = undisturbed(&settings, &text);
    at_every_message(&settings, &text, site(3), |federation, study, when| {
        assert_eq!(report(federation, study).digest(), whole, "{when}");
        let all = |site: &crate::common::federation::TestSite| site.report(study).is_some();
        assert!(federation.sites.values().all(all), "{when}: the lost site caught up");
    });
}

/// Five sites with c = 1: the set may begin without the lost one, and then stays as it is.
#[test]
fn a_fixed_set_never_changes_once_a_sum_was_opened() {
    let (settings, text) = (Settings::new(5, 1), vector(6, 2, ""));
    let repeated = Cell::new(0);
    at_every_message(&settings, &text, site(1), |federation, study, when| {
        report(federation, study);
        assert_sums(federation, &text);
        let sets: Vec<&SiteSet> = rounds(federation, study).iter().map(|r| &r.survivors).collect();
        assert!(sets.iter().all(|set| *set == sets[0]), "{when}: {sets:?}");
        assert!(rounds(federation, study).iter().all(|r| r.missing.is_empty()), "{when}");
        repeated.set(repeated.get() + voided(federation));
    });
    assert!(repeated.get() > 0, "some slots were voided and repeated");
}

#[test]
fn changing_membership_goes_on_without_a_lost_site() {
    let settings = Settings::new(4, 0);
    let text = vector(6, 3, "membership = \"may-change\"");
    let recovered = Cell::new(0);
    at_every_message(&settings, &text, site(4), |federation, study, when| {
        report(federation, study);
        assert_sums(federation, &text);
        let rounds = rounds(federation, study);
        assert_eq!(rounds.len(), 3, "{when}");
        assert!(rounds.iter().all(|r| r.survivors.len() >= 3), "{when}");
        let lost = rounds.iter().filter(|r| r.missing == set([4])).count();
        recovered.set(recovered.get() + lost);
    });
    assert!(recovered.get() > 0, "some losses were recovered from shares");
}
