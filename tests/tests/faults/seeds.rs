//! Many seeds, some at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::invariants::Seen;
use crate::play::play;
use crate::scenario::Scenario;

/// Seeds of the short form.
const SEEDS: u64 = 60;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Plays the seeds on all cores; what they had in them together, and which of them failed.
fn play_all(seeds: u64) -> (Seen, Vec<u64>) {
    let next = AtomicU64::new(1);
    let found = Mutex::new((Seen::default(), Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return;
            }
            let played = catch_unwind(AssertUnwindSafe(|| play(&Scenario::of(seed))));
            let mut found = found.lock().expect("nobody panics with it");
            match played {
                Ok(seen) => found.0.add(seen),
                Err(_) => {
                    println!("seed {seed} FAILED; RIPIENO_FAULT_SEED={seed} plays it alone");
                    found.1.push(seed);
                }
            }
            if seed.is_multiple_of(100) {
                println!("{seed} of {seeds} seeds, {} failed", found.1.len());
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    found.into_inner().expect("nobody panicked with it")
}

#[test]
fn seeds() {
    if let Some(seed) = number("RIPIENO_FAULT_SEED") {
        let scenario = Scenario::of(seed);
        println!("{scenario:#?}");
        println!("{:#?}", play(&scenario));
        return;
    }
    let (seen, failed) = play_all(number("RIPIENO_FAULT_SEEDS").unwrap_or(SEEDS));
    println!("{seen:#?}");
    assert_eq!(failed, [0; 0], "seeds that failed");
    // A simulation in which nothing goes wrong shows nothing.
    assert!(seen.results > seen.given_up, "most studies come to a result");
    let all = [
        seen.recovered,
        seen.voided,
        seen.site_ends,
        seen.went_back,
        seen.successions,
        seen.refusals.get("L1").copied().unwrap_or_default(),
        seen.refusals.get("S4").copied().unwrap_or_default(),
    ];
    assert!(all.iter().all(|count| *count > 0), "{seen:#?}");
}
