//! A site's process ends at each of its writes in turn, and another one goes on: the study ends as
//! if nothing had happened, and nothing is said that is not so.

use std::collections::{BTreeMap, BTreeSet};

use ripieno_analysis::Report;
use ripieno_coordinator_engine::Event;
use ripieno_secagg::SlotId;
use ripieno_study::{Check, Digest, SiteIndex};
use ripieno_wire::FromSite;

use crate::common::federation::{Federation, Settings};
use crate::common::site;
use crate::common::studies::{fedavg, glm, vector};

const MAY_CHANGE: &str = "membership = \"may-change\"";

/// Runs a study whose site 2 ends after so many writes: with the last of them, or at the next one.
fn run(sites: u16, text: &str, end: Option<(usize, bool)>) -> (Federation, Digest) {
    let mut federation = Federation::new(&Settings::new(sites, 1));
    if let Some((writes, at_once)) = end {
        federation.tapes[&site(2)].fuse().set(writes, at_once);
    }
    let study = federation.begin(text);
    federation.run(&[study]);
    (federation, study)
}

fn result<'a>(federation: &'a Federation, study: &Digest, context: &str) -> &'a Report {
    match federation.result(study) {
        Some(Ok(report)) => report,
        other => panic!("{context}: {other:?}"),
    }
}

/// Nobody is told anything by site 2 but that it is not in an epoch any more.
fn assert_no_false_refusals(federation: &Federation, context: &str) {
    for event in &federation.network.events {
        if let Event::Refused { site: from, refusal, .. } = event {
            let left = *from == site(2)
                && refusal.check == Check::S4
                && refusal.reason.contains("is not in that epoch");
            assert!(left, "{context}: {from}: {refusal}");
        }
    }
}

/// One outcome is signed for a slot, and one kind of share released for a dealer in it.
fn assert_one_outcome(federation: &Federation, context: &str) {
    let mut votes: BTreeMap<(SiteIndex, SlotId), Digest> = BTreeMap::new();
    let mut selfs: BTreeSet<(SlotId, SiteIndex)> = BTreeSet::new();
    let mut roots = selfs.clone();
    for (from, answers) in &federation.network.answers {
        for answer in answers {
            match answer {
                FromSite::Ballot(ballot) => {
                    let first = *votes.entry((*from, ballot.id)).or_insert(ballot.digest());
                    assert_eq!(first, ballot.digest(), "{context}: {from} signed twice");
                }
                FromSite::Release(release) => {
                    let of =
                        |share: &ripieno_secagg::round::open::SiteSecret| (release.id, share.site);
                    selfs.extend(release.selfs.iter().map(of));
                    roots.extend(release.roots.iter().map(of));
                }
                _ => {}
            }
        }
    }
    assert!(selfs.is_disjoint(&roots), "{context}: both kinds of shares");
}

fn assert_nothing_left(federation: &Federation, study: &Digest, own: bool, context: &str) {
    let expected = result(federation, study, context).digest();
    for (index, party) in &federation.sites {
        assert_eq!(party.hello().unresolved, [], "{context}: {index}");
        if own || *index != site(2) {
            assert_eq!(party.report_digest(study), Some(expected), "{context}: {index}");
        }
    }
}

/// What a crash may change.
#[derive(Clone, Copy, PartialEq)]
enum Same {
    /// Nothing: not a bit of the result.
    Bits,
    /// How values were rounded in the slot: that is drawn anew.
    Rounding,
    /// The sites of a round.
    Nothing,
}

fn assert_same(same: Same, whole: &Report, found: &Report, context: &str) {
    match (same, whole, found) {
        (Same::Bits, _, _) => assert_eq!(whole.digest(), found.digest(), "{context}"),
        (Same::Rounding, Report::FedAvg(whole), Report::FedAvg(found)) => {
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-3;
            let pairs = whole.parameters.iter().zip(&found.parameters);
            assert!(pairs.into_iter().all(close), "{context}: {whole:?} {found:?}");
            assert_eq!((whole.n, whole.training_rounds), (found.n, found.training_rounds));
        }
        (Same::Rounding, _, _) => panic!("{context}: another analysis"),
        (Same::Nothing, _, _) => {}
    }
}

/// Ends site 2 at every write of a study.
fn everywhere(sites: u16, text: &str, same: Same) {
    let (whole, study) = run(sites, text, None);
    let expected = result(&whole, &study, "undisturbed");
    let writes = whole.tapes[&site(2)].fuse().writes();
    assert!(writes > 20, "{writes}");
    for end in 0..writes {
        for at_once in [true, false].into_iter().filter(|at_once| end > 0 || !at_once) {
            let context = format!("{end} of {writes} writes, at once: {at_once}");
            let (federation, study) = run(sites, text, Some((end, at_once)));
            assert_eq!(federation.network.crashes, 1, "{context}");
            assert_no_false_refusals(&federation, &context);
            assert_one_outcome(&federation, &context);
            assert_same(same, expected, result(&federation, &study, &context), &context);
            assert_nothing_left(&federation, &study, same != Same::Nothing, &context);
        }
    }
}

#[test]
fn a_regression_with_fixed_membership_ends_with_the_same_result() {
    everywhere(4, &glm(""), Same::Bits);
}

#[test]
fn packed_averaging_with_fixed_membership_ends_with_the_same_result() {
    everywhere(4, &fedavg(""), Same::Rounding);
}

#[test]
fn packed_averaging_whose_membership_may_change_has_a_result() {
    everywhere(5, &fedavg(MAY_CHANGE), Same::Nothing);
}

#[test]
fn a_sum_that_is_verified_in_parts_has_its_verdicts() {
    everywhere(4, &vector(17_000, 2, ""), Same::Bits);
}
