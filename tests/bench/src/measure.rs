//! Subject, reference and reference again, in turns.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a slice of a kernel should take.
const SLICE: Duration = Duration::from_millis(1);

/// Costs of the rounds: the same place is the same round.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Of the subject.
    pub subject: Vec<f64>,
    /// Of the reference.
    pub reference: Vec<f64>,
    /// Of the reference once more.
    pub again: Vec<f64>,
}

/// The orders in which a round may go: all there are, so that nothing always comes first.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1], [0, 2, 1], [1, 2, 0]];

/// Runs `rounds` rounds of closures that say what they cost.
pub fn turns(
    rounds: usize,
    mut subject: impl FnMut() -> f64,
    mut reference: impl FnMut() -> f64,
) -> Samples {
    let mut samples = Samples::default();
    for order in ORDERS.iter().cycle().take(rounds) {
        for who in order {
            match who {
                0 => samples.subject.push(subject()),
                1 => samples.reference.push(reference()),
                _ => samples.again.push(reference()),
            }
        }
    }
    samples
}

/// Runs a kernel in slices of about a millisecond, or of one call where that takes longer, for
/// about `budget` in all and at least 12 rounds. Costs are in nanoseconds a call, of this thread alone: what
/// others run meanwhile does not count, as far as the system can tell.
pub fn slices(budget: Duration, mut subject: impl FnMut(), mut reference: impl FnMut()) -> Samples {
    let mine = calibrate(&mut subject);
    let limits = calibrate(&mut reference);
    let start = Instant::now();
    repeat(mine, &mut subject);
    repeat(limits, &mut reference);
    repeat(limits, &mut reference);
    let round = start.elapsed().as_secs_f64().max(1e-6);
    let rounds = ((budget.as_secs_f64() / round) as usize).clamp(12, 20_000);
    turns(rounds, || repeat(mine, &mut subject), || repeat(limits, &mut reference))
}

/// Nanoseconds that `call` took by the clock on the wall.
pub fn wall(call: impl FnOnce()) -> f64 {
    let start = Instant::now();
    call();
    start.elapsed().as_nanos() as f64
}

/// Nanoseconds for which this thread ran.
pub fn thread_time(call: impl FnOnce()) -> f64 {
    spent(ClockId::ThreadCPUTime, call)
}

/// Nanoseconds for which threads of this process ran, together.
pub fn process_time(call: impl FnOnce()) -> f64 {
    spent(ClockId::ProcessCPUTime, call)
}

fn spent(clock: ClockId, call: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(clock);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let start = now();
    call();
    now() - start
}

/// Nanoseconds a call over `count` of them.
fn repeat(count: u32, call: &mut impl FnMut()) -> f64 {
    thread_time(|| (0..count).for_each(|_| call())) / f64::from(count)
}

/// How many calls make a slice. The first call is not counted: it pays for what is cold.
fn calibrate(call: &mut impl FnMut()) -> u32 {
    call();
    let (mut count, start) = (0_u32, Instant::now());
    while start.elapsed() < 2 * SLICE {
        call();
        count += 1;
    }
    (count / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_all_three_and_nobody_is_always_first() {
        let order = std::cell::RefCell::new(Vec::new());
        let say = |who: f64| {
            order.borrow_mut().push(who);
            who
        };
        let samples = turns(6, || say(1.0), || say(2.0));
        assert_eq!((samples.subject.len(), samples.again.len()), (6, 6));
        assert!(samples.subject.iter().all(|cost| *cost == 1.0));
        let places = |place: usize| order.borrow()[place..].iter().step_by(3).sum::<f64>();
        assert_eq!((places(0), places(1), places(2)), (10.0, 10.0, 10.0));
    }

    #[test]
    fn short_calls_are_repeated_and_long_ones_are_not() {
        assert!(calibrate(&mut || {}) > 100);
        assert_eq!(calibrate(&mut || std::thread::sleep(3 * SLICE)), 1);
    }
}
