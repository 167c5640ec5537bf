//! What a violating test asserts: which check refused, and whom it names.

use std::fmt::Debug;

use ripieno_secagg::coordinator::collect::CollectError;
use ripieno_secagg::ledger::LedgerError;
use ripieno_study::{Check, Culprit, Refusal};

use super::site;

/// An error that may hold a refusal.
pub(crate) trait IntoRefusal: Debug {
    fn into_refusal(self) -> Option<Refusal>;
}

impl IntoRefusal for Refusal {
    fn into_refusal(self) -> Option<Refusal> {
        Some(self)
    }
}

impl IntoRefusal for LedgerError {
    fn into_refusal(self) -> Option<Refusal> {
        match self {
            LedgerError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl IntoRefusal for CollectError {
    fn into_refusal(self) -> Option<Refusal> {
        match self {
            CollectError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

pub(crate) const COORDINATOR: Culprit = Culprit::Coordinator;

pub(crate) fn culprit(index: u16) -> Culprit {
    Culprit::Site(site(index))
}

/// Asserts that `result` is a refusal by `check` that names `culprit`.
#[track_caller]
pub(crate) fn assert_refused<T: Debug, E: IntoRefusal>(
    result: Result<T, E>,
    check: Check,
    culprit: Culprit,
) {
    let refusal = match result {
        Ok(value) => panic!("check {check} let it pass: {value:?}"),
        Err(error) => error.into_refusal().expect("a refusal"),
    };
    assert_eq!((refusal.check, refusal.culprit), (check, culprit), "{refusal}");
}
