//! The sums of a round, read once.

use ripieno_study::manifest::Family;

use super::{GRADIENT, INFORMATION, STATISTICS};
use crate::linalg::packed_length;
use crate::sums::row_count;
use crate::{AnalysisError, Sums};

/// What the sites sum in a round, in the study's units.
pub(crate) struct Totals<'a> {
    pub(crate) gradient: &'a [f64],
    pub(crate) information: &'a [f64],
    pub(crate) rows: f64,
    pub(crate) deviance: f64,
    pub(crate) outcome: f64,
    pub(crate) spread: f64,
    pub(crate) survivors: usize,
    family: Family,
}

impl<'a> Totals<'a> {
    /// Takes the vectors of a fit with `size` coefficients.
    pub(crate) fn read(
        sums: &'a Sums,
        size: usize,
        survivors: usize,
        family: Family,
    ) -> Result<Self, AnalysisError> {
        let statistics = sums.get(STATISTICS, 4)?;
        let (rows, outcome) = (row_count(statistics[0], STATISTICS)?, statistics[2]);
        let counts = match family {
            Family::Gaussian => true,
            Family::Binomial => outcome >= 0.0 && outcome <= rows,
            Family::Poisson => outcome >= 0.0,
        };
        if !counts {
            let reason = "outcomes of this family do not add up to it";
            return Err(AnalysisError::Impossible { name: STATISTICS, reason });
        }
        Ok(Self {
            gradient: sums.get(GRADIENT, size)?,
            information: sums.get(INFORMATION, packed_length(size))?,
            rows,
            deviance: statistics[1],
            outcome,
            spread: statistics[3],
            survivors,
            family,
        })
    }

    /// Deviance of the model with an intercept alone, where sites compared outcomes with `centre`.
    pub(crate) fn null_deviance(&self, centre: f64) -> f64 {
        let (n, total) = (self.rows, self.outcome);
        let log = |count: f64, ratio: f64| if count > 0.0 { count * libm::log(ratio) } else { 0.0 };
        let deviance = match self.family {
            Family::Gaussian => self.spread - total * total / n,
            Family::Binomial => -2.0 * (log(total, total / n) + log(n - total, (n - total) / n)),
            Family::Poisson => 2.0 * (self.spread - log(total, total / n / centre)),
        };
        deviance.max(0.0)
    }

    /// The linear predictor of that model; `None` where it is infinite, or the family is gaussian.
    pub(crate) fn null_predictor(&self) -> Option<f64> {
        let (n, total) = (self.rows, self.outcome);
        match self.family {
            Family::Gaussian => None,
            Family::Binomial => (total > 0.0 && total < n).then(|| libm::log(total / (n - total))),
            Family::Poisson => (total > 0.0).then(|| libm::log(total / n)),
        }
    }

    /// What tells this set of sites from another.
    pub(crate) fn set(&self) -> [u64; 3] {
        [self.survivors as u64, self.rows.to_bits(), self.outcome.to_bits()]
    }
}
