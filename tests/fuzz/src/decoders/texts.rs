//! The texts that people write: studies and policies.

use ripieno_access::Policy;
use ripieno_analysis::{for_study, plan};
use ripieno_study::Study;

use super::fair;
use crate::allocations::within;
use crate::input::Input;

/// A study or a policy. A study that can be read says what is summed first, or why it cannot be.
pub fn texts(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 2;
    let Ok(text) = str::from_utf8(input.rest()) else { return };
    // A reader of TOML keeps what it read, and where each word stood.
    within(fair(16 * data.len()), || match kind {
        0 => study(text),
        _ => {
            if let Err(error) = Policy::parse(text) {
                assert!(error.line >= 1 && error.column >= 1, "{error}");
            }
        }
    });
}

fn study(text: &str) {
    let Ok(study) = Study::parse(text) else { return };
    let again = Study::parse(text).expect("it was read before");
    assert_eq!(again.digest(), study.digest());
    let Ok(analysis) = for_study(study.manifest()) else { return };
    let plan = plan(analysis.as_ref(), &analysis.initial()).expect("it is its own first state");
    let _ = plan.check(3);
}
