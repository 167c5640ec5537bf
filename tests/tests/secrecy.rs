//! Everything that a site sends in a run, searched for what must not be in it; and the same search
//! where the masks are left away, so that it is known to find things.

#[path = "../../client/engine/tests/common/mod.rs"]
mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_access::{Decision, Policy, Request, Requester};
use ripieno_analysis::for_study;
use ripieno_encoding::encode;
use ripieno_secagg::SlotId;
use ripieno_study::{SiteIndex, Study};
use ripieno_wire::FromSite;

use common::federation::{Federation, START, Settings};
use common::network::{Fate, Flight};
use common::site;
use common::studies::glm;

/// The only row of the site that is listened to: x1, x2.
const ROW: [f64; 2] = [1.371_093_75, 4.218_752_5];

/// What stands in columns of that row which the study does not read.
const NUMBER: f64 = 60_413.279_1;
const NAME: &str = "Zqxcanary";

fn victim() -> SiteIndex {
    site(2)
}

/// What the site sent in a whole run, and the lanes of its first update before the mask.
struct Captured {
    sent: Vec<FromSite>,
    plain: Vec<u64>,
}

fn capture() -> Captured {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let table = format!("id,x1,x2,y,name\n{NUMBER},{},{},1,{NAME}\n", ROW[0], ROW[1]);
    std::fs::write(federation.table(victim()), table).expect("the table can be replaced");
    federation.restart(victim());
    let sent = Rc::new(RefCell::new(Vec::new()));
    let tap = Rc::clone(&sent);
    federation.network.hook = Some(Box::new(move |flight| {
        if let Flight::Up(from, message) = flight
            && *from == victim()
        {
            tap.borrow_mut().push(message.clone());
        }
        Fate::Pass
    }));
    let text = glm("");
    let study = federation.begin(&text);
    federation.run(&[study]);
    assert!(federation.result(&study).is_some_and(|result| result.is_ok()), "a whole run");
    let plain = first_update(&federation, &text);
    let sent = sent.take();
    Captured { sent, plain }
}

/// What the site computed for the first round, in lanes: wide values are not rounded at random, so
/// anyone who has its table comes to the same.
fn first_update(federation: &Federation, text: &str) -> Vec<u64> {
    let study = Study::parse(text).expect("a study");
    let analysis = for_study(study.manifest()).expect("an analysis");
    let state = analysis.initial();
    let plan = ripieno_analysis::plan(analysis.as_ref(), &state).expect("a plan");
    let gate = federation.gate(victim(), Policy::laboratory());
    let requester =
        Requester { name: "Ada".into(), role: "researcher".into(), ..Requester::default() };
    let decision = gate.decide(&Request::new(&study, requester, START)).expect("a decision");
    let Decision::Approved(permit) = decision else { panic!("a laboratory approves") };
    let view = gate.open(&permit, START).expect("a view");
    let vectors = ripieno_compute::local(study.manifest(), &state, &view).expect("vectors");
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    encode(&plan, &vectors, 4, &mut rng).expect("lanes").lanes
}

/// What is found in the bytes that were sent.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Lanes of the update, as they are.
    lanes: usize,
    /// Values of the row, as ratios of two values of an update: the gradient of one sample is the
    /// sample, but for a factor.
    values: usize,
}

fn search(sent: &[FromSite], plain: &[u64]) -> Found {
    let bytes: Vec<u8> = sent.iter().flat_map(|message| message.clone().encode()).collect();
    // A lane of zeros, or of a small number, stands anywhere.
    let telling = |lane: &&u64| (1 << 24..u64::MAX - (1 << 24)).contains(*lane);
    let is_there = |lane: &&u64| {
        let (little, big) = (lane.to_le_bytes(), lane.to_be_bytes());
        bytes.windows(8).any(|window| window == little || window == big)
    };
    let lanes = plain.iter().filter(telling).filter(is_there).count();
    let mut updates = BTreeMap::<SlotId, Vec<f64>>::new();
    for message in sent {
        if let FromSite::Tile { id, lanes, .. } = message {
            updates.entry(*id).or_default().extend(wide_values(lanes));
        }
    }
    let is_ratio = |value: &&f64| updates.values().any(|update| has_ratio(update, **value));
    Found { lanes, values: ROW.iter().filter(is_ratio).count() }
}

/// The values of wide lanes: 128 bits each, of which 40 stand behind the point.
fn wide_values(lanes: &[u64]) -> Vec<f64> {
    let value = |pair: &[u64]| {
        let bits = u128::from(pair[0]) | u128::from(pair[1]) << 64;
        bits as i128 as f64 / f64::from(2.0_f32.powi(40))
    };
    lanes.chunks_exact(2).map(value).collect()
}

fn has_ratio(values: &[f64], wanted: f64) -> bool {
    let close = |ratio: f64| (ratio / wanted - 1.0).abs() < 1e-9;
    values.iter().any(|above| values.iter().any(|below| close(above / below)))
}

/// The same messages as they would be without a mask.
fn unmasked(captured: &Captured) -> Vec<FromSite> {
    let mut first = None;
    let mut rest = captured.plain.as_slice();
    let unmask = |message: &FromSite| match message {
        FromSite::Tile { id, number, lanes } if *first.get_or_insert(*id) == *id => {
            let tile = rest.split_off(..lanes.len()).expect("as many lanes as were sent");
            FromSite::Tile { id: *id, number: *number, lanes: tile.to_vec().into() }
        }
        other => other.clone(),
    };
    captured.sent.iter().map(unmask).collect()
}

#[test]
fn nothing_that_a_site_sends_gives_its_only_row_away() {
    let captured = capture();
    assert!(captured.sent.len() > 20, "a whole run was heard");
    assert_eq!(search(&captured.sent, &captured.plain), Found { lanes: 0, values: 0 });
    // The search is not blind: without masks it finds the update, and in it the row.
    let found = search(&unmasked(&captured), &captured.plain);
    assert!(found.lanes >= 3, "{found:?}");
    assert_eq!(found.values, ROW.len(), "{found:?}");
}

#[test]
fn no_column_of_the_row_is_in_what_a_site_sends() {
    let captured = capture();
    let bytes: Vec<u8> = captured.sent.iter().flat_map(|m| m.clone().encode()).collect();
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    for value in ROW.into_iter().chain([NUMBER]) {
        assert!(!has(&value.to_le_bytes()) && !has(&value.to_be_bytes()), "{value}");
        assert!(!has(value.to_string().as_bytes()), "{value}");
    }
    assert!(!has(NAME.as_bytes()));
    // The search finds what is there.
    let tile = captured.sent.iter().find_map(|message| match message {
        FromSite::Tile { lanes, .. } => lanes.first().copied(),
        _ => None,
    });
    assert!(has(&tile.expect("a tile was sent").to_le_bytes()));
}
