//! Where a fit stands.

use ripieno_study::Hasher;
use serde::{Deserialize, Serialize};

use crate::bits::{self, hash_floats};

/// Where a fit stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlmState {
    /// The units in which sites compute.
    pub units: Units,
    /// The point at which the next sums are taken; `None` for the first round.
    pub point: Option<Point>,
    /// Whether the first round was repeated in other units.
    pub(crate) repeated: bool,
    /// Newton steps taken.
    pub(crate) iterations: u32,
    /// Rounds in which a step was shortened.
    pub(crate) retreats: u32,
    /// The point that the last step was taken from.
    pub(crate) last: Option<Trial>,
    /// How much of that step was taken: 1, less where the deviance rose.
    #[serde(with = "bits::one")]
    pub(crate) fraction: f64,
    /// Rounds in a row in which the steps did not shrink although the gain did.
    pub(crate) stagnant: u32,
}

/// Powers of two by which sites multiply columns before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// Exponent of each feature.
    pub features: Vec<i32>,
    /// Exponent of the outcome; 0 unless the family is gaussian.
    pub outcome: i32,
}

/// Coefficients in the study's [`Units`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The coefficients, the intercept first.
    #[serde(with = "bits::list")]
    pub beta: Vec<f64>,
    /// What outcomes are compared with for the null deviance: near their mean.
    #[serde(with = "bits::one")]
    pub centre: f64,
}

/// A point that was left, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    #[serde(with = "bits::list")]
    pub(crate) beta: Vec<f64>,
    /// The Newton step from there; empty for the null model.
    #[serde(with = "bits::list")]
    pub(crate) step: Vec<f64>,
    #[serde(with = "bits::one")]
    pub(crate) deviance: f64,
    /// What the step promised to gain, twice in log likelihood; infinite for the null model.
    #[serde(with = "bits::one")]
    pub(crate) decrement: f64,
    /// Tells the set of sites from others by what it sums to: survivors, rows, outcome.
    pub(crate) set: [u64; 3],
}

impl GlmState {
    /// Before the first round.
    pub(crate) fn start(units: Units) -> Self {
        Self {
            units,
            point: None,
            repeated: false,
            iterations: 0,
            retreats: 0,
            last: None,
            fraction: 1.0,
            stagnant: 0,
        }
    }

    /// Whether every list has a place for each of `size` coefficients.
    pub(crate) fn fits(&self, size: usize) -> bool {
        let trial = |last: &Trial| {
            last.beta.len() == size && (last.step.is_empty() || last.step.len() == size)
        };
        self.units.features.len() + 1 == size
            && self.point.as_ref().is_none_or(|point| point.beta.len() == size)
            && self.last.as_ref().is_none_or(trial)
    }

    pub(crate) fn hash_into(&self, hasher: Hasher) -> Hasher {
        let exponent = |hasher: Hasher, exponent: &i32| hasher.part(exponent.to_le_bytes());
        let hasher = hasher.list(self.units.features.iter(), exponent);
        let hasher = exponent(hasher, &self.units.outcome);
        let hasher = hasher.list(self.point.iter(), |hasher, point| {
            hash_floats(hasher, &point.beta).number(point.centre.to_bits())
        });
        let hasher = hasher.list(self.last.iter(), |hasher, last| {
            let hasher = hash_floats(hash_floats(hasher, &last.beta), &last.step);
            let hasher = hash_floats(hasher, &[last.deviance, last.decrement]);
            last.set.iter().fold(hasher, |hasher, part| hasher.number(*part))
        });
        hasher
            .number(self.repeated)
            .number(self.iterations)
            .number(self.retreats)
            .number(self.fraction.to_bits())
            .number(self.stagnant)
    }
}

impl Units {
    /// The power of two by which column `term` is multiplied; term 0 is the intercept, never
    /// scaled.
    pub(crate) fn of_term(&self, term: usize) -> i32 {
        term.checked_sub(1).and_then(|feature| self.features.get(feature)).copied().unwrap_or(0)
    }
}
