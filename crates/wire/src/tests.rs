//! Tests of the codecs.

mod any;
mod bad_fields;
mod bytes;
mod cohort;
mod history;
mod invitation;
mod known;
mod limits;
mod membership;
mod protocol;
mod round_trip;
mod sums;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// Some value of a strategy, the same one every time.
fn sample<S: Strategy>(strategy: S) -> S::Value {
    let mut runner = TestRunner::deterministic();
    strategy.new_tree(&mut runner).expect("the strategies reject nothing").current()
}
