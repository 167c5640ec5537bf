//! What a decider does with each row before anything of it is kept.

use crate::field::Fields;

/// Takes rows out, and makes values of the rest: a row that it takes out is not kept anywhere.
pub trait Sieve {
    /// How many values it makes of a row.
    fn width(&self) -> usize;

    /// Adds [`Sieve::width`] values of a row to `values`, NaN for one that is missing, and says
    /// `true`; or adds nothing, and says `false`.
    ///
    /// # Errors
    /// Which column does not fit, and why.
    fn sift(&mut self, row: &dyn Fields, values: &mut Vec<f64>) -> Result<bool, Unfit>;
}

/// A value that does not fit what is done with its column. Never says the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The column, from 0 in [`Permit::reads`](crate::Permit::reads).
    pub column: usize,
    /// What the value is not.
    pub why: Why,
}

/// What a value is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A finite number.
    NotANumber,
    /// Something else: completes "the value is not …".
    Not(&'static str),
}
