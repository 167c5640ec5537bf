//! Holders that release wrong shares: proofs name them, and the rest still opens the sum.

use std::rc::Rc;

use ripieno_identity::SigningKey;
use ripieno_secagg::round::open::Release;
use ripieno_study::Check;
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings, key};
use crate::common::network::{Fate, Flight};
use crate::common::studies::vector;
use crate::common::{set, site};
use crate::oracle::{assert_blamed, assert_sums, failure, report, rounds, undisturbed};

/// A canonical scalar that nobody dealt.
const WRONG: [u8; 32] = {
    let mut scalar = [0; 32];
    scalar[0] = 7;
    scalar
};

/// These sites sign a change of what they release.
fn lying(liars: &'static [u16], change: fn(&mut Release)) -> crate::common::network::Hook {
    let keys: Rc<Vec<SigningKey>> =
        Rc::new(liars.iter().map(|index| key(&format!("site-{index:02}"))).collect());
    Box::new(move |flight| {
        let Flight::Up(from, FromSite::Release(release)) = flight else { return Fate::Pass };
        let Some(at) = liars.iter().position(|liar| *liar == from.get()) else {
            return Fate::Pass;
        };
        let mut release = release.clone();
        change(&mut release);
        release.signature = keys[at].sign(&release.digest());
        Fate::Replace(vec![Flight::Up(*from, FromSite::Release(release))])
    })
}

#[test]
fn one_wrong_share_is_found_and_the_sum_is_opened_all_the_same() {
    let (settings, text) = (Settings::new(5, 1), vector(6, 2, ""));
    let whole = undisturbed(&settings, &text);
    let lies: [fn(&mut Release); 3] = [
        |release| release.selfs[0].scalar = WRONG,
        |release| release.selfs[4].scalar = WRONG,
        |release| release.selfs.iter_mut().for_each(|share| share.scalar = WRONG),
    ];
    for change in lies {
        // The first to release, or the last: the others' proofs are asked for either way.
        for liar in [&[1_u16], &[5]] {
            let mut federation = Federation::new(&settings);
            federation.network.hook = Some(lying(liar, change));
            let study = federation.begin(&text);
            federation.run(&[study]);
            assert_eq!(report(&federation, &study).digest(), whole);
            assert_sums(&federation, &text);
            if liar[0] == 1 {
                assert_blamed(&federation, site(1), Check::R2);
            }
        }
    }
}

#[test]
fn a_wrong_root_share_of_a_lost_site() {
    let text = vector(6, 1, "membership = \"may-change\"");
    let mut federation = Federation::new(&Settings::new(6, 1));
    let mut lie = lying(&[1], |release| release.roots[0].scalar = WRONG);
    federation.network.hook = Some(Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(6) => Fate::Drop,
        _ => lie(flight),
    }));
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert_eq!(rounds(&federation, &study)[0].missing, set([6]));
    assert_blamed(&federation, site(1), Check::R2);
    assert_sums(&federation, &text);
}

#[test]
fn shares_of_another_kind_or_number_are_refused_at_once() {
    let (settings, text) = (Settings::new(5, 1), vector(6, 1, ""));
    let whole = undisturbed(&settings, &text);
    let lies: [fn(&mut Release); 4] = [
        |release| std::mem::swap(&mut release.selfs, &mut release.roots),
        |release| release.selfs.swap(0, 1),
        |release| release.selfs[0].scalar = [255; 32],
        |release| release.ctx = release.id.transcript,
    ];
    for change in lies {
        let mut federation = Federation::new(&settings);
        federation.network.hook = Some(lying(&[2], change));
        let study = federation.begin(&text);
        federation.run(&[study]);
        assert_blamed(&federation, site(2), Check::R2);
        assert_eq!(report(&federation, &study).digest(), whole);
    }
}

#[test]
fn more_liars_than_the_charter_assumes_stall_the_round_and_open_nothing() {
    let text = vector(6, 1, "");
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.network.hook = Some(lying(&[1, 2], |release| release.selfs[0].scalar = WRONG));
    let study = federation.begin(&text);
    federation.run(&[study]);
    let reason = failure(&federation, &study);
    assert!(reason.contains("round 1"), "{reason}");
    assert_blamed(&federation, site(1), Check::R2);
    assert_blamed(&federation, site(2), Check::R2);
    assert!(federation.network.published.is_empty());
}
