//! Verdicts on a large sum: false and forged ones are blamed and not counted, and nobody is needed.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use ripieno_identity::Signature;
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::Check;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings, key};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::vector;
use crate::oracle::{assert_blamed, failure, report, rounds};

/// Site 2 says something else; at first only where it also tells the truth later.
fn run(change: fn(&mut Verdict), and_the_true_one: bool) -> (Federation, ripieno_study::Digest) {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Verdict(verdict)) if *from == site(2) => {
            let mut verdict = verdict.clone();
            change(&mut verdict);
            let lie = Flight::Up(*from, FromSite::Verdict(verdict));
            let truth = and_the_true_one.then(|| flight.clone());
            Fate::Replace([lie].into_iter().chain(truth).collect())
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(40_000, 2, ""));
    federation.run(&[study]);
    (federation, study)
}

fn resign(verdict: &mut Verdict) {
    verdict.signature = key("site-02").sign(&verdict.digest());
}

#[test]
fn a_false_alarm_names_its_site_and_stops_nothing() {
    let (federation, study) = run(
        |verdict| {
            verdict.holds = false;
            resign(verdict);
        },
        false,
    );
    assert_blamed(&federation, site(2), Check::P1);
    report(&federation, &study);
    assert_eq!(rounds(&federation, &study).len(), 2);
}

#[test]
fn a_verdict_that_its_site_did_not_sign_is_refused_and_the_true_one_counts() {
    let lies: [fn(&mut Verdict); 4] = [
        |verdict| verdict.signature = Signature::from_bytes([4; 64]),
        |verdict| verdict.holds = false,
        |verdict| {
            verdict.tiles.clear();
            resign(verdict);
        },
        |verdict| {
            verdict.tiles.push(2_000_000);
            resign(verdict);
        },
    ];
    for lie in lies {
        let (federation, study) = run(lie, true);
        assert_blamed(&federation, site(2), Check::P1);
        report(&federation, &study);
    }
}

#[test]
fn others_verify_the_tiles_of_a_site_that_does_not_answer() {
    let (federation, study) =
        run(|verdict| verdict.signature = Signature::from_bytes([4; 64]), false);
    report(&federation, &study);
    assert!(federation.sites.values().all(|site| site.report(&study).is_some()));
}

#[test]
fn a_sum_that_too_few_verified_leads_nowhere() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Up(from, FromSite::Verdict(_)) if *from != site(2) => Fate::Drop,
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(40_000, 2, ""));
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("was not verified") && reason.contains("lack"), "{reason}");
}

/// A site signs every tile by itself, and then all of them: the next contract carries one verdict of
/// each site, and the one that says most.
#[test]
fn many_small_verdicts_of_a_site_count_as_one() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let (seen, carried) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (small, contracts) = (seen.clone(), carried.clone());
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Verdict(verdict)) if *from == site(2) => {
            let single = |tile: &u32| {
                let mut verdict = verdict.clone();
                verdict.tiles = vec![*tile];
                resign(&mut verdict);
                Flight::Up(*from, FromSite::Verdict(verdict))
            };
            small.set(small.get() + verdict.tiles.len());
            let singles = verdict.tiles.iter().map(single);
            Fate::Replace(singles.chain([flight.clone()]).collect())
        }
        Flight::Down(_, ToSite::Contract(signed)) if signed.contract.round == 2 => {
            let sites: BTreeSet<_> = signed.verdicts.iter().map(|verdict| verdict.from).collect();
            assert_eq!(sites.len(), signed.verdicts.len(), "one verdict a site");
            contracts.set(contracts.get() + 1);
            Fate::Pass
        }
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(40_000, 2, ""));
    federation.run(&[study]);
    report(&federation, &study);
    assert!(seen.get() > 1 && carried.get() > 0, "{} tiles", seen.get());
}
