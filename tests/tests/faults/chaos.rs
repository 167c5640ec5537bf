//! What becomes of the messages of a run.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use ripieno_study::SiteIndex;

use crate::common::network::{Fate, Flight, Hook};
use crate::scenario::Rates;

/// How many messages of a link are remembered, to come again.
const REMEMBERED: usize = 40;

/// Draws the fate of each message, for as long as `on` says so.
pub(crate) fn hook(seed: u64, rates: Rates, on: Rc<Cell<bool>>) -> Hook {
    let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 0xc4a0_5000);
    let mut links = BTreeMap::<(SiteIndex, bool), VecDeque<Flight>>::new();
    Box::new(move |flight| {
        if !on.get() {
            return Fate::Pass;
        }
        let link = links.entry((flight.site(), matches!(flight, Flight::Up(..)))).or_default();
        let fate = draw(&mut rng, rates, flight, link);
        link.push_back(flight.clone());
        if link.len() > REMEMBERED {
            link.pop_front();
        }
        fate
    })
}

fn draw(rng: &mut ChaCha20Rng, rates: Rates, flight: &Flight, link: &VecDeque<Flight>) -> Fate {
    let at = rng.random_range(0..10_000);
    let mut below = 0;
    let mut falls = |rate: u32| {
        below += rate;
        at < below
    };
    if falls(rates.dropped) {
        Fate::Drop
    } else if falls(rates.lost) {
        Fate::Lose(Duration::from_secs(rng.random_range(1..40)))
    } else if falls(rates.doubled) {
        Fate::Replace(vec![flight.clone(), flight.clone()])
    } else if falls(rates.held) {
        Fate::Hold
    } else if falls(rates.replayed) && !link.is_empty() {
        let older = link[rng.random_range(0..link.len())].clone();
        Fate::Replace(vec![flight.clone(), older])
    } else {
        Fate::Pass
    }
}
