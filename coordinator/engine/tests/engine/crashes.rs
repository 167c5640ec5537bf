//! The coordinator's process ends at every drain that changes something, one run for each: once
//! with the changes durable and nothing sent, once with neither. Sites notice no more than a lost
//! connection, and the study ends as if nothing had happened.

use std::collections::BTreeSet;
use std::time::Duration;

use ripieno_study::Digest;
use ripieno_wire::{FromSite, ToSite};

use crate::common::crashes::Crash;
use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::oracle::{assert_all_resolved, assert_sums};

/// How a run is set up.
struct Case<'a> {
    sites: u16,
    corrupt: u16,
    slots: u16,
    texts: &'a [&'a str],
    hook: fn() -> Hook,
}

impl Case<'_> {
    /// Runs the studies with these crashes; what each of them gives, as JSON.
    fn run(&self, crashes: Vec<Crash>) -> (Federation, Vec<String>) {
        let mut federation =
            Federation::new(&Settings::new(self.sites, self.corrupt).slots(self.slots));
        federation.network.hook = Some((self.hook)());
        federation.crashes.planned = crashes;
        federation.attend_all();
        let studies: Vec<Digest> = self.texts.iter().map(|text| federation.submit(text)).collect();
        federation.run(&studies);
        let reports = studies.iter().map(|study| report(&federation, study)).collect();
        check_answers(&federation);
        assert_all_resolved(&federation);
        assert_eq!(federation.coordinator.status(&studies[0]).unwrap().undecided.len(), 0);
        (federation, reports)
    }

    /// One run for each drain and either kind of crash; `check` sees every one.
    fn crash_everywhere(&self, check: impl Fn(&Federation, &[String], &str)) {
        let (whole, _) = self.run(Vec::new());
        let drains = whole.crashes.drains;
        assert!(drains > 10, "a study has more drains than {drains}");
        for at in 0..drains {
            for durable in [true, false] {
                let when = format!("at drain {at} of {drains}, durable: {durable}");
                println!("{when}");
                let (federation, reports) = self.run(vec![Crash { at, durable }]);
                assert!(federation.crashes.drains > at, "{when}");
                check(&federation, &reports, &when);
            }
        }
    }
}

fn no_hook() -> Hook {
    Box::new(|_| Fate::Pass)
}

/// Site 3 is lost at its second upload, for half a minute.
fn one_dropout() -> Hook {
    let mut trailers = 0;
    Box::new(move |flight| match flight {
        Flight::Up(from, FromSite::Trailer { .. }) if *from == site(3) => {
            trailers += 1;
            if trailers == 2 { Fate::Lose(Duration::from_secs(30)) } else { Fate::Pass }
        }
        _ => Fate::Pass,
    })
}

#[track_caller]
fn report(federation: &Federation, study: &Digest) -> String {
    let coordinator = &federation.coordinator;
    let status = coordinator.status(study).expect("the study is known");
    let report = coordinator.report_json(study);
    report.unwrap_or_else(|| panic!("no result: {:?}", status.ended)).to_owned()
}

/// No site refused anything of a coordinator that is honest, and merely forgot an epoch that was
/// never usable.
#[track_caller]
pub(crate) fn check_answers(federation: &Federation) {
    let refusals: Vec<_> = federation
        .network
        .answers
        .iter()
        .flat_map(|(site, answers)| answers.iter().map(move |answer| (site, answer)))
        .filter_map(|(site, answer)| match answer {
            FromSite::Refused { id, refusal, .. } => Some((site, id, refusal)),
            _ => None,
        })
        .collect();
    assert!(refusals.is_empty(), "{refusals:?}");
}

fn assert_same_everywhere(federation: &Federation, text: &str, when: &str) {
    let study = ripieno_study::Study::parse(text).unwrap().digest();
    let digests: BTreeSet<Option<Digest>> = federation
        .sites
        .values()
        .map(|site| site.report(&study).map(ripieno_analysis::Report::digest))
        .collect();
    assert!(digests.len() == 1 && !digests.contains(&None), "{when}: {digests:?}");
}

fn same_result(case: &Case<'_>) {
    let (_, whole) = case.run(Vec::new());
    case.crash_everywhere(|federation, reports, when| {
        assert_eq!(reports, whole, "{when}");
        for text in case.texts {
            assert_same_everywhere(federation, text, when);
        }
    });
}

#[test]
fn a_regression_of_a_fixed_set_is_the_same_to_the_bit() {
    let texts = [&*glm("")];
    same_result(&Case { sites: 4, corrupt: 1, slots: 6, texts: &texts, hook: no_hook });
}

#[test]
fn a_fixed_set_with_a_dropout_is_the_same_to_the_bit() {
    let texts = [&*vector(6, 3, "")];
    same_result(&Case { sites: 4, corrupt: 1, slots: 4, texts: &texts, hook: one_dropout });
}

#[test]
fn a_sum_that_is_verified_in_parts_is_the_same_to_the_bit() {
    let texts = [&*vector(17_000, 2, "")];
    same_result(&Case { sites: 4, corrupt: 1, slots: 8, texts: &texts, hook: no_hook });
}

/// Values are rounded by the secrets of the slot: in the same slots they are the same to the bit, and
/// in others close by.
#[test]
fn packed_sums() {
    let text = vector(6, 2, "fields_per_lane = 3\nrange = 4.0").replace("\"wide\"", "\"packed\"");
    let case = Case { sites: 5, corrupt: 1, slots: 8, texts: &[&text], hook: no_hook };
    let (whole, reports) = case.run(Vec::new());
    let slots = |federation: &Federation| -> Vec<Digest> {
        let published = federation.network.published.iter();
        published.map(|published| published.contract.contract.transcript).collect()
    };
    let (slots_of_whole, same) = (slots(&whole), std::cell::Cell::new(0));
    case.crash_everywhere(|federation, found, when| {
        assert_same_everywhere(federation, &text, when);
        if slots(federation) == slots_of_whole {
            assert_eq!(found, reports, "{when}");
            same.set(same.get() + 1);
        }
    });
    assert!(same.get() > 10, "{} runs in the same slots", same.get());
}

#[test]
fn two_studies_at_once() {
    let texts = [&*vector(6, 2, ""), &*vector(7, 2, "")];
    same_result(&Case { sites: 4, corrupt: 1, slots: 32, texts: &texts, hook: no_hook });
}

#[test]
fn changing_membership_with_a_dropout() {
    let text = vector(6, 3, "membership = \"may-change\"");
    let case = Case { sites: 5, corrupt: 0, slots: 4, texts: &[&text], hook: one_dropout };
    case.crash_everywhere(|federation, _, when| {
        assert_sums(federation, &text);
        let rounds: BTreeSet<u32> =
            federation.network.published.iter().map(|p| p.contract.contract.round).collect();
        assert_eq!(rounds.len(), 3, "{when}");
        assert_same_everywhere(federation, &text, when);
    });
}

/// Sites come back one after the other: the first few do not begin the next round without the rest.
#[test]
fn the_next_round_waits_for_the_sites_that_were_there() {
    let text = vector(6, 3, "membership = \"may-change\"");
    let mut federation = Federation::new(&Settings::new(6, 0));
    federation.network.hook = Some(one_dropout());
    let study = federation.begin(&text);
    loop {
        federation.collect();
        let status = federation.coordinator.status(&study).unwrap();
        if status.phase == "waiting" && status.round == 3 {
            break;
        }
        assert!(federation.step(&[study]), "the third round waits for the lost site");
    }
    federation.crash_coordinator();
    federation.run(&[study]);
    let last = federation.network.published.last().expect("a sum");
    assert_eq!(last.contract.contract.round, 3);
    assert!(last.contract.contract.participants.len() >= 5, "all but the lost one, at least");
}

/// The process that goes on ends too, at its first steps.
#[test]
fn a_crash_upon_a_crash() {
    let text = vector(6, 2, "");
    let case = Case { sites: 4, corrupt: 1, slots: 8, texts: &[&text], hook: no_hook };
    let (federation, whole) = case.run(Vec::new());
    for at in 0..federation.crashes.drains {
        for (first, second) in [(true, false), (false, true), (true, true), (false, false)] {
            let crash = |at, durable| Crash { at, durable };
            let crashes = vec![crash(at, first), crash(at + 1, second), crash(at + 2, first)];
            let (federation, reports) = case.run(crashes);
            assert_eq!(reports, whole, "at drain {at}: {first}, {second}");
            assert_same_everywhere(&federation, &text, &format!("at drain {at}"));
        }
    }
}

/// Nothing is announced of what was not durable: the test sees what a site would.
#[test]
fn nothing_leaves_before_it_is_durable() {
    let text = vector(6, 1, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.attend_all();
    let (submission, clock) = (federation.submission(&text), federation.clock());
    federation.coordinator.submit(&text, submission, clock).unwrap();
    let drained = federation.coordinator.drain();
    assert!(!drained.changes.is_empty());
    let offered = |outgoing: &ripieno_coordinator_engine::Outgoing| {
        matches!(outgoing.message, ToSite::Study(_))
    };
    assert!(drained.outgoing.iter().any(offered));
    let again = federation.coordinator.drain();
    assert!(again.changes.is_empty() && again.outgoing.is_empty() && again.events.is_empty());
}
