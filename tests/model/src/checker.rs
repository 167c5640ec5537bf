//! Visits every state that can be reached, nearest first, so that the first violation that it meets
//! is one that fewest steps lead to.
//!
//! Written here because `stateright` uses symmetry only when it searches depth first, where traces are
//! not the shortest, and cannot be built without its web server.
//!
//! Of a visited state a digest of 64 bits is kept. Two of N states have the same one with a
//! probability of about N²/2^65, 10^-6 for six million; then a state could be missed.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::message::Action;
use crate::model::Model;
use crate::properties::{Goal, Property, Verdict, judge};
use crate::state::State;
use crate::symmetry::canonical;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// Different states, the names of honest sites aside.
    pub states: usize,
    /// Steps to the farthest state.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// Whether nothing was left to visit.
    pub complete: bool,
    /// By number of the goal.
    reached: u8,
    /// The first violation.
    pub found: Option<Counterexample>,
}

impl Search {
    /// Whether some state reaches the goal.
    #[must_use]
    pub fn reaches(&self, goal: Goal) -> bool {
        self.reached >> goal as u8 & 1 == 1
    }
}

/// How a property is violated, in as few steps as there can be.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The property.
    pub property: Property,
    /// The steps from the beginning.
    pub actions: Vec<Action>,
    /// Where they lead.
    pub end: State,
}

/// Digests are spread already.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

type Digests = HashSet<u64, BuildHasherDefault<Plain>>;

/// One visited state: where it came from, and its digest.
struct Visited {
    from: u32,
    digest: u64,
}

/// Searches until a property of `forbidden` is violated, all is visited, or there are `most` states.
#[must_use]
pub fn search(model: &Model, forbidden: &[Property], most: usize) -> Search {
    let begun = Instant::now();
    let mut seen = Digests::default();
    let mut visited = Vec::new();
    let initial = canonical(&model.initial(), &model.bounds);
    seen.insert(digest(&initial));
    visited.push(Visited { from: 0, digest: digest(&initial) });
    let mut level = vec![(0_u32, initial)];
    let (mut depth, mut reached) = (0, 0);
    let mut actions = Vec::new();
    let done = |visited: &[Visited], depth, reached, complete, found| Search {
        states: visited.len(),
        depth,
        time: begun.elapsed(),
        complete,
        reached,
        found,
    };
    while !level.is_empty() {
        let mut next_level = Vec::new();
        for (from, state) in &level {
            actions.clear();
            model.actions(state, &mut actions);
            for action in &actions {
                let Some(next) = model.next(state, *action) else { continue };
                let next = canonical(&next, &model.bounds);
                let digest = digest(&next);
                if !seen.insert(digest) {
                    continue;
                }
                let place = visited.len() as u32;
                visited.push(Visited { from: *from, digest });
                let verdict = judge(model, &next);
                reached |= verdict.reached;
                if let Some(property) = first(verdict, forbidden) {
                    let found = trace(model, &visited, place, property);
                    return done(&visited, depth + 1, reached, false, Some(found));
                }
                next_level.push((place, next));
            }
            if visited.len() >= most {
                return done(&visited, depth + 1, reached, false, None);
            }
        }
        depth += usize::from(!next_level.is_empty());
        level = next_level;
    }
    done(&visited, depth, reached, true, None)
}

fn first(verdict: Verdict, forbidden: &[Property]) -> Option<Property> {
    forbidden.iter().copied().find(|property| verdict.violates(*property))
}

/// Goes the way again with the names that sites had in the beginning.
fn trace(model: &Model, visited: &[Visited], place: u32, property: Property) -> Counterexample {
    let mut way = Vec::new();
    let mut at = place;
    while at != 0 {
        let Visited { from, digest } = visited[at as usize];
        way.push(digest);
        at = from;
    }
    let mut state = model.initial();
    let mut taken = Vec::new();
    let mut actions = Vec::new();
    for wanted in way.into_iter().rev() {
        actions.clear();
        model.actions(&state, &mut actions);
        let step = actions.iter().find_map(|action| {
            let next = model.next(&state, *action)?;
            let same = digest(&canonical(&next, &model.bounds)) == wanted;
            same.then_some((*action, next))
        });
        // The states of one name are those of every other.
        let Some((action, next)) = step else { break };
        taken.push(action);
        state = next;
    }
    Counterexample { property, actions: taken, end: state }
}

fn digest(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut bytes = Vec::with_capacity(512);
    state.write(&mut bytes);
    bytes.hash(&mut hasher);
    hasher.finish()
}
