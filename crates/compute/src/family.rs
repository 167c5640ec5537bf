//! What a row contributes, by the family of its outcome. Canonical links throughout.

use libm::{exp, log, log1p};
use ndarray::ArrayView1;
use ripieno_study::manifest::Family;

use crate::error::RowError;

/// The linear predictor of a count is kept below this: e^22 is 3.6e9, and no sum over any number
/// of rows then leaves the range of wide values. A step that runs further is taken back, because
/// its deviance rose.
const LARGEST_LOG_MEAN: f64 = 22.0;
/// The largest count that an outcome may be; its logarithm is below [`LARGEST_LOG_MEAN`].
const LARGEST_COUNT: f64 = (1_u64 << 31) as f64;
/// As in R: a probability is no nearer to 0 or 1 than 1e-13.
const LARGEST_LOGIT: f64 = 30.0;

/// One row's part of the sums of a fit.
pub(crate) struct Contribution {
    /// W: the row's Fisher information.
    pub(crate) weight: f64,
    /// y − μ, or in the first round W z.
    pub(crate) residual: f64,
    pub(crate) deviance: f64,
    pub(crate) outcome: f64,
    pub(crate) spread: f64,
}

/// Refuses outcomes that the family does not have.
pub(crate) fn check(family: Family, outcome: &ArrayView1<'_, f64>) -> Result<(), RowError> {
    let (suits, expected): (fn(f64) -> bool, _) = match family {
        Family::Gaussian => return Ok(()),
        Family::Binomial => {
            (|y| y == 0.0 || y == 1.0, "the outcome of a binomial model must be 0 or 1")
        }
        Family::Poisson => (
            |y| (0.0..=LARGEST_COUNT).contains(&y) && y.fract() == 0.0,
            "the outcome of a poisson model must be a whole number from 0 to 2147483648",
        ),
    };
    match outcome.iter().position(|y| !suits(*y)) {
        None => Ok(()),
        Some(row) => Err(RowError::Outcome { row, expected }),
    }
}

/// In the first round: R's starting means (`mustart`), with W z in place of the residual.
pub(crate) fn start(family: Family, y: f64) -> Contribution {
    let at = |mean: f64, predictor: f64, weight: f64, spread: f64| Contribution {
        weight,
        residual: weight * predictor + (y - mean),
        deviance: 0.0,
        outcome: y,
        spread,
    };
    match family {
        Family::Gaussian => at(y, y, 1.0, y * y),
        Family::Binomial => {
            let mean = (y + 0.5) / 2.0;
            at(mean, log(mean / (1.0 - mean)), mean * (1.0 - mean), 0.0)
        }
        Family::Poisson => at(y + 0.1, log(y + 0.1), y + 0.1, count_log(y, y)),
    }
}

/// At the linear predictor `eta`.
pub(crate) fn contribution(family: Family, y: f64, eta: f64, centre: f64) -> Contribution {
    match family {
        Family::Gaussian => {
            let (residual, distance) = (y - eta, y - centre);
            Contribution {
                weight: 1.0,
                residual,
                deviance: residual * residual,
                outcome: distance,
                spread: distance * distance,
            }
        }
        Family::Binomial => {
            let eta = eta.clamp(-LARGEST_LOGIT, LARGEST_LOGIT);
            // Both probabilities to full precision, however near to 0.
            let (one, zero) = (logistic(eta), logistic(-eta));
            Contribution {
                weight: one * zero,
                residual: if y > 0.5 { zero } else { -one },
                deviance: 2.0 * log_loss(y, eta),
                outcome: y,
                spread: 0.0,
            }
        }
        Family::Poisson => {
            let mean = mean(family, eta);
            Contribution {
                weight: mean,
                residual: y - mean,
                deviance: 2.0 * (count_log(y, y / mean) - (y - mean)),
                outcome: y,
                spread: count_log(y, y / centre),
            }
        }
    }
}

/// The mean at the linear predictor `eta`.
pub(crate) fn mean(family: Family, eta: f64) -> f64 {
    match family {
        Family::Gaussian => eta,
        Family::Binomial => logistic(eta),
        Family::Poisson => exp(eta.min(LARGEST_LOG_MEAN)),
    }
}

/// Negative log likelihood less what does not depend on `eta`: log loss for binomial, (y − μ)²/2
/// for gaussian, μ − y log μ for poisson.
pub(crate) fn loss(family: Family, y: f64, eta: f64) -> f64 {
    match family {
        Family::Gaussian => (y - eta) * (y - eta) / 2.0,
        Family::Binomial => log_loss(y, eta),
        Family::Poisson => mean(family, eta) - y * eta.min(LARGEST_LOG_MEAN),
    }
}

fn logistic(eta: f64) -> f64 {
    if eta >= 0.0 {
        1.0 / (1.0 + exp(-eta))
    } else {
        let odds = exp(eta);
        odds / (1.0 + odds)
    }
}

/// −log P(y), without cancellation.
fn log_loss(y: f64, eta: f64) -> f64 {
    let towards = if y > 0.5 { eta } else { -eta };
    (-towards).max(0.0) + log1p(exp(-towards.abs()))
}

/// `count · log(ratio)`, 0 for no count.
fn count_log(count: f64, ratio: f64) -> f64 {
    if count > 0.0 { count * log(ratio) } else { 0.0 }
}
