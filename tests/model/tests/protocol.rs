//! With every check in place, nothing that must not happen can happen.

mod document;

use std::collections::BTreeSet;

use document::documented;
use ripieno_model::bounds::Bounds;
use ripieno_model::checker::{Search, search};
use ripieno_model::message::{Action, Contract, Cut, Outcome, Sites, Transcript};
use ripieno_model::properties::{Goal, Property, judge};
use ripieno_model::scenarios::{APART, LATE, LONG, PIPELINED, SHORT};
use ripieno_model::state::State;
use ripieno_model::words::tell;
use ripieno_model::{Model, Rule, Rules};

/// More states than any scenario has.
const MOST: usize = 100_000_000;

#[test]
fn every_property_holds_in_every_state_of_the_short_form() {
    let mut reached = BTreeSet::new();
    for bounds in SHORT {
        let search = exhaust(*bounds);
        reached.extend(Goal::ALL.into_iter().filter(|goal| search.reaches(*goal)));
    }
    // A model in which nothing can be done would pass as well.
    assert_eq!(reached, Goal::ALL.into_iter().collect());
}

/// `cargo test -p ripieno-model --release -- --ignored --nocapture`
#[test]
#[ignore = "takes ten minutes"]
fn every_property_holds_in_every_state_of_the_long_form() {
    for bounds in LONG {
        exhaust(*bounds);
    }
}

#[test]
fn without_accidents_a_sum_opens_in_every_scenario() {
    for bounds in SHORT {
        let bounds = Bounds { crashes: 0, restores: 0, changes: 0, ..*bounds };
        let search = search(&model(bounds), &Property::ALL, MOST);
        assert!(search.reaches(Goal::Opened), "{}: nothing can be opened", bounds.name);
    }
}

/// Known gaps of check L1 (docs/verification.md): where membership may change, survivors may be in
/// other sums, and only what peers have seen of a ledger tells of a restore.
#[test]
fn gap_under_changing_membership_a_set_up_kept_open_or_a_late_trailer_hides_a_restore() {
    for bounds in [PIPELINED, LATE] {
        let model = model(Bounds { fixed: false, ..bounds });
        let found = search(&model, &Property::HARM, MOST).found.expect("the gap is there");
        println!("{}:\n{}", bounds.name, tell(&model, &found));
        assert_eq!(found.property, Property::Data);
    }
}

/// The sums that trailers name tell of a restore by themselves.
#[test]
fn under_fixed_membership_nothing_that_peers_have_seen_is_needed() {
    let rules = Rules::without(&[Rule::LedgerCount, Rule::LedgerHeads]);
    let search = search(&Model { bounds: PIPELINED, rules }, &Property::HARM, MOST);
    assert!(search.complete && search.found.is_none());
}

/// A known gap of check L1 (docs/verification.md): those who saw a restored site's entry need not
/// be in its next epoch.
#[test]
fn gap_a_restored_site_meets_sites_that_have_seen_nothing_of_it() {
    let model = model(APART);
    let (before, after) = (Sites(0b00111), Sites(0b11001));
    let set_up = |number, holders| Action::SetUp { number, holders, corrupt: 0, lowered: false };
    let mut actions = vec![set_up(1, before)];
    actions.extend(round(Transcript::new(1, before, [0; 5], 0, false), [0, 0, 0]));
    actions.push(Action::Restore { site: 0 });
    actions.push(set_up(2, after));
    actions.extend(round(Transcript::new(2, after, [1, 0, 0, 0, 0], 0, false), [1, 0, 0]));
    let end = play(&model, &actions);
    assert!(judge(&model, &end).violates(Property::Membership));
}

/// The three holders of an epoch upload, and two of them sign; `places` says which of its epochs it
/// is at each.
fn round(transcript: Transcript, places: [usize; 3]) -> Vec<Action> {
    let all = transcript.holders();
    let contract = Contract::new(all, 3, true, 0);
    let upload = |(site, epoch)| Action::Upload { site, epoch, slot: 0, contract, cut: Cut::None };
    let mut actions: Vec<_> = all.iter().zip(places).map(upload).collect();
    let signers = all.iter().take(2).fold(0, |bits, site| bits | 1 << site);
    let (outcome, signers) = (Outcome::new(contract, all), Sites(signers));
    actions.push(Action::Decide { transcript, slot: 0, outcome, signers });
    actions
}

/// Where the steps lead; each of them is one that the model allows.
fn play(model: &Model, actions: &[Action]) -> State {
    actions.iter().fold(model.initial(), |state, action| {
        let mut allowed = Vec::new();
        model.actions(&state, &mut allowed);
        assert!(allowed.contains(action), "not among what can be done: {action:?}");
        model.next(&state, *action).unwrap_or_else(|| panic!("refused: {action:?}"))
    })
}

fn exhaust(bounds: Bounds) -> Search {
    let model = model(bounds);
    let search = search(&model, &Property::ALL, MOST);
    let Search { states, depth, time, .. } = &search;
    println!("| {} | {states} | {depth} | {:.1} |", bounds.name, time.as_secs_f64());
    if let Some(found) = &search.found {
        panic!("{}: {:?}\n{}", bounds.name, found.property, tell(&model, found));
    }
    assert!(search.complete, "{}: not all was visited", bounds.name);
    documented(&format!("| {} |", bounds.name), &format!("| {states} | {depth} |"));
    search
}

fn model(bounds: Bounds) -> Model {
    Model { bounds, rules: Rules::all() }
}
