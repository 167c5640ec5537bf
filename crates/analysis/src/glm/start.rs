//! The first round: units, and the first point.

use ripieno_study::manifest::Family;

use super::state::{GlmState, Point, Trial, Units};
use super::totals::Totals;
use super::{Glm, result};
use crate::linalg::{Factor, packed_index};
use crate::{Members, State, Step};

/// A sum of squares below this has lost digits to the precision of sums (2^-40), so the round is
/// repeated in larger units.
const COARSE: f64 = 0.1;
/// The exponent for a column whose squares vanish altogether.
const VANISHED: i32 = 40;

impl Glm {
    /// From the sums of the first round to the first point, the same round in other units, or the
    /// end.
    pub(super) fn leave_start(&self, state: &GlmState, totals: &Totals) -> Step {
        if self.spec.family != Family::Gaussian && totals.null_predictor().is_none() {
            return self.constant_outcome(state, totals);
        }
        let fitting = self.fitting_units(totals);
        if fitting.coarse && !state.repeated {
            let units = state.units.plus(&fitting.change);
            let state = GlmState { repeated: true, ..GlmState::start(units) };
            return Step::Continue { state: State::Glm(state), members: Members::Any };
        }
        let factor = match Factor::new(totals.information, self.terms.len()) {
            Ok(factor) => factor,
            Err(dependent) => return self.collinear(state, totals, &dependent),
        };
        let first = fitting.change.convert(&factor.solve(totals.gradient));
        let point = Point { beta: first, centre: self.centre(totals, fitting.change.outcome) };
        let state = GlmState {
            iterations: 1,
            last: self.null_model(totals),
            point: Some(point),
            ..GlmState::start(state.units.plus(&fitting.change))
        };
        Step::Continue { state: State::Glm(state), members: Members::Any }
    }

    fn constant_outcome(&self, state: &GlmState, totals: &Totals) -> Step {
        let all = if totals.outcome > 0.0 { "1" } else { "0" };
        let message = format!(
            "the outcome is {all} in every row, so the intercept has no finite estimate: check the \
             outcome column"
        );
        self.done_without_fit(state, totals, result::separated(message))
    }

    /// Where to go back to if the first point turns out worse: the intercept alone.
    fn null_model(&self, totals: &Totals) -> Option<Trial> {
        let mut beta = vec![0.0; self.terms.len()];
        beta[0] = totals.null_predictor()?;
        Some(Trial {
            beta,
            step: Vec::new(),
            deviance: totals.null_deviance(1.0),
            decrement: f64::INFINITY,
            set: totals.set(),
        })
    }

    fn centre(&self, totals: &Totals, change: i32) -> f64 {
        match self.spec.family {
            Family::Gaussian => libm::scalbn(totals.outcome / totals.rows, change),
            Family::Binomial => 0.0,
            Family::Poisson => totals.outcome / totals.rows,
        }
    }

    /// Powers of two that bring each column's mean square, and the outcome's variance, near 1.
    fn fitting_units(&self, totals: &Totals) -> Fitting {
        let size = self.terms.len();
        let square = |term| totals.information[packed_index(size, term, term)];
        let vanishes = |sum: f64| sum <= totals.survivors as f64 * 2_f64.powi(-40);
        let exponent = |sum: f64, mean: f64| if vanishes(sum) { VANISHED } else { half_log2(mean) };
        let features = (1..size).map(|term| exponent(square(term), square(term) / square(0)));
        let mut change = Units { features: features.collect(), outcome: 0 };
        let mut coarse = (1..size).any(|term| square(term) < COARSE);
        if self.spec.family == Family::Gaussian {
            let variance = totals.null_deviance(0.0).max(totals.spread * 2_f64.powi(-40));
            change.outcome = exponent(totals.spread, variance / totals.rows);
            coarse |= totals.spread < COARSE;
        }
        Fitting { change, coarse }
    }
}

struct Fitting {
    change: Units,
    coarse: bool,
}

/// The exponent `k` for which `mean · 4^k` lies in [1, 4).
fn half_log2(mean: f64) -> i32 {
    if mean > 0.0 { -libm::ilogb(mean).div_euclid(2) } else { 0 }
}

impl Units {
    fn plus(&self, change: &Units) -> Units {
        let features = self.features.iter().zip(&change.features).map(|(old, new)| old + new);
        Units { features: features.collect(), outcome: self.outcome + change.outcome }
    }

    /// Coefficients in units that this changes.
    fn convert(&self, beta: &[f64]) -> Vec<f64> {
        let convert =
            |(term, beta): (usize, &f64)| libm::scalbn(*beta, self.outcome - self.of_term(term));
        beta.iter().enumerate().map(convert).collect()
    }
}
