//! How many sites may be arriving at a time. Who comes on top of them is told when to come back: so
//! a crowd that lost the coordinator at the same time comes in one after the other, and the rounds
//! under way are heard between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ripieno_transport::Serial;

/// How long an arrival is taken to last before any was measured.
const FIRST: Duration = Duration::from_millis(2);
/// The part of the newest measurement in the mean.
const NEWEST: f64 = 0.125;
/// The shortest and the longest wait that a site is told.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// The longest that an arrival counts for: what keeps the coordinator busy otherwise is no measure.
const SLOWEST: f64 = 0.5;

/// The places of sites that arrive.
#[derive(Debug)]
pub(super) struct Admission {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// One place for each certificate: nobody takes those of others.
    arriving: BTreeSet<Serial>,
    /// Seconds from one arrival to the next, while there is a crowd.
    pace: f64,
    /// When those that were sent away were told to come back, one after the other.
    turns: BTreeMap<Serial, Instant>,
    /// The last of them.
    promised: Option<Instant>,
}

/// The place of one site, until it has arrived.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Admission>,
    serial: Serial,
    began: Instant,
    /// With it, so many were arriving.
    among: usize,
}

impl Admission {
    /// For so many at a time.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let pace = FIRST.as_secs_f64();
        let (arriving, turns) = (BTreeSet::new(), BTreeMap::new());
        Arc::new(Self { most, state: Mutex::new(State { arriving, pace, turns, promised: None }) })
    }

    /// A place; or how long to stay away. Each that is sent away is given a moment of its own behind
    /// those before it, at the pace at which sites do arrive: the longer the queue, the longer the
    /// wait. Who asks again before that moment is told the same, and takes no other's.
    pub(super) fn enter(self: &Arc<Self>, serial: Serial, now: Instant) -> Result<Place, Duration> {
        let mut state = self.state();
        if state.arriving.contains(&serial) {
            return Err(SHORTEST);
        }
        if state.arriving.len() < self.most {
            state.turns.remove(&serial);
            state.arriving.insert(serial.clone());
            let among = state.arriving.len();
            drop(state);
            return Ok(Place { of: self.clone(), serial, began: now, among });
        }
        if let Some(turn) = state.turns.get(&serial).filter(|turn| **turn > now) {
            return Err((*turn - now).max(SHORTEST));
        }
        let pace = Duration::from_secs_f64(state.pace);
        let arriving = u32::try_from(state.arriving.len()).unwrap_or(u32::MAX);
        let free = now + pace.saturating_mul(arriving).min(LONGEST);
        let last = now + LONGEST;
        let turn = state.promised.map_or(free, |promised| (promised + pace).max(free)).min(last);
        state.promised = Some(turn);
        state.turns.insert(serial, turn);
        Err((turn - now).max(SHORTEST))
    }

    fn left(&self, place: &Place, now: Instant) {
        let mut state = self.state();
        state.arriving.remove(&place.serial);
        // Only a crowd shows at what pace a crowd arrives.
        if place.among * 2 >= self.most {
            let each = (now - place.began).as_secs_f64() / place.among as f64;
            state.pace += NEWEST * (each.min(SLOWEST) - state.pace);
        }
        if state.arriving.is_empty() {
            state.turns.clear();
            state.promised = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.left(self, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(number: u8) -> Serial {
        Serial::from_bytes(&[1, number]).unwrap()
    }

    #[test]
    fn a_place_comes_back_when_a_site_has_arrived() {
        let (admission, now) = (Admission::new(2), Instant::now());
        let first = admission.enter(serial(1), now).unwrap();
        let _second = admission.enter(serial(2), now).unwrap();
        assert!(admission.enter(serial(3), now).is_err());
        drop(first);
        admission.enter(serial(3), now).unwrap();
    }

    #[test]
    fn the_longer_the_queue_the_later_a_site_may_come_back() {
        let (admission, now) = (Admission::new(1), Instant::now());
        admission.state().pace = 0.5;
        let place = admission.enter(serial(1), now).unwrap();
        let told = |number, at| admission.enter(serial(number), at).unwrap_err();
        let waits: Vec<_> = (2..7).map(|number| told(number, now).as_millis()).collect();
        assert_eq!(waits, [1000, 1000, 1500, 2000, 2500]);
        // Who comes later still comes behind them, and the longest wait is the longest.
        let later = now + Duration::from_secs(2);
        assert_eq!(told(7, later).as_millis(), 1000);
        admission.state().pace = 200.0;
        assert_eq!(told(8, later).as_secs(), 201);
        assert_eq!(told(9, later), LONGEST);
        assert_eq!(told(10, later), LONGEST);
        drop(place);
        admission.enter(serial(11), later).unwrap();
    }

    #[test]
    fn repro_one_site_takes_no_more_than_its_own_place_and_turn() {
        let (admission, now) = (Admission::new(2), Instant::now());
        admission.state().pace = 10.0;
        let place = admission.enter(serial(1), now).unwrap();
        for _ in 0..100 {
            assert_eq!(admission.enter(serial(1), now).unwrap_err(), SHORTEST);
        }
        let _other = admission.enter(serial(2), now).unwrap();
        let first = admission.enter(serial(3), now).unwrap_err();
        for _ in 0..100 {
            assert_eq!(admission.enter(serial(3), now).unwrap_err(), first);
        }
        let next = admission.enter(serial(4), now).unwrap_err();
        assert_eq!(next - first, Duration::from_secs(10));
        drop(place);
        admission.enter(serial(3), now).unwrap();
    }

    #[test]
    fn the_pace_is_what_was_measured() {
        let (admission, now) = (Admission::new(10), Instant::now());
        let places: Vec<_> = (0..10).map(|n| admission.enter(serial(n), now).unwrap()).collect();
        // Ten that arrive together within a second: ten a second.
        for place in &places {
            let each = now + Duration::from_millis(100 * place.among as u64);
            admission.left(place, each);
        }
        let pace = admission.state().pace;
        assert!((0.05..0.1).contains(&pace), "{pace}");
        // One by itself, for which the coordinator had no time, says nothing of a crowd.
        let alone = admission.enter(serial(20), now).unwrap();
        admission.left(&alone, now + Duration::from_secs(20));
        assert_eq!(admission.state().pace, pace);
    }
}
