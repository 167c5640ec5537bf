//! The opened sums of a round.

use ripieno_encoding::{NamedVector, clipped_name};

use crate::error::AnalysisError;

/// What the sites' vectors add up to, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums(Vec<NamedVector>);

impl Sums {
    /// Takes decoded vectors, companions for clipped counts included.
    #[must_use]
    pub fn new(vectors: Vec<NamedVector>) -> Self {
        Self(vectors)
    }

    /// The sum of vector `name`, which has `length` finite values.
    pub(crate) fn get(&self, name: &str, length: usize) -> Result<&[f64], AnalysisError> {
        self.find(name)
            .filter(|values| values.len() == length && values.iter().all(|v| v.is_finite()))
            .ok_or_else(|| AnalysisError::Missing { name: name.into(), length: length as u64 })
    }

    /// The sum of a vector of length 1.
    pub(crate) fn scalar(&self, name: &str) -> Result<f64, AnalysisError> {
        self.get(name, 1).map(|values| values[0])
    }

    /// How many values of vector `name` were clipped; 0 where the plan does not clip.
    pub(crate) fn clipped(&self, name: &str) -> f64 {
        self.find(&clipped_name(name)).and_then(<[f64]>::first).copied().unwrap_or(0.0)
    }

    fn find(&self, name: &str) -> Option<&[f64]> {
        self.0.iter().find(|vector| vector.name == name).map(|vector| vector.values.as_slice())
    }
}

/// A sum of row counts: a whole number, at least 1.
pub(crate) fn row_count(value: f64, name: &'static str) -> Result<f64, AnalysisError> {
    // Beyond 2^53 a float no longer counts.
    if value >= 1.0 && value <= (1_u64 << 53) as f64 && value.fract() == 0.0 {
        Ok(value)
    } else {
        Err(AnalysisError::Impossible { name, reason: "it is not a number of rows" })
    }
}
