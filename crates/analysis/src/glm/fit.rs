//! From one point to the next.

use super::Glm;
use super::result::{self, Ending};
use super::state::{GlmState, Point, Trial};
use super::totals::Totals;
use crate::linalg::Factor;
use crate::{Members, State, Status, Step};

/// A decrement that is this much below the tolerance needs no second round to confirm it.
const FAR_BELOW: f64 = 1e-8;
/// Below this relative decrement the next round should have the same sites.
const NEAR: f64 = 1e-2;
/// A deviance that rises by more than this, relatively, is no rounding.
const RISE: f64 = 1e-9;
/// Most halvings of one step: beyond, the point does not move any more.
const MAX_HALVINGS: u32 = 30;
/// A decrement below this has left the region in which Newton's method converges slowly towards
/// large but finite coefficients: there the rows concerned still weigh about 1.
const NEGLIGIBLE: f64 = 1e-2;
/// Steps below this fraction of the coefficients are rounding.
const ROUNDING: f64 = 1e-6;
/// So many rounds without shrinking steps are separation.
const STAGNANT_ROUNDS: u32 = 3;

/// Sums at a point, solved.
struct Newton {
    factor: Factor,
    step: Vec<f64>,
    /// `gᵀ H⁻¹ g`: twice the log likelihood that the step promises.
    decrement: f64,
    /// The same, relative to the deviance.
    relative: f64,
}

impl Glm {
    /// From the sums at `point` to the next point, or the end.
    pub(super) fn leave_point(&self, state: &GlmState, point: &Point, totals: &Totals) -> Step {
        let last = state.last.as_ref().filter(|last| last.set == totals.set());
        if let Some(last) = last.filter(|last| rose(totals.deviance, last.deviance)) {
            return self.retreat(state, point, last, totals);
        }
        let newton = match Newton::solve(totals, self.terms.len()) {
            Ok(newton) => newton,
            Err(dependent) => return self.collinear(state, totals, &dependent),
        };
        let stalls = last.is_some_and(|last| newton.stalls(last, &point.beta));
        let stagnant = if stalls { state.stagnant + 1 } else { 0 };
        let ending = if stagnant >= STAGNANT_ROUNDS {
            Some(self.separation(&newton, last, totals))
        } else if self.converged(&newton, last, stalls) {
            Some(Ending { status: Status::Converged, message: self.converged_message(state) })
        } else if state.iterations >= self.spec.max_iterations {
            Some(self.unfinished(newton.relative))
        } else {
            None
        };
        if let Some(ending) = ending {
            return self.done(state, point, totals, &newton.factor, ending);
        }
        let beta = point.beta.iter().zip(&newton.step).map(|(beta, step)| beta + step).collect();
        let trial = Trial {
            beta: point.beta.clone(),
            deviance: totals.deviance,
            decrement: newton.decrement,
            step: newton.step,
            set: totals.set(),
        };
        let near = newton.relative < NEAR;
        let next = GlmState {
            point: Some(Point { beta, centre: point.centre }),
            iterations: state.iterations + 1,
            last: Some(trial),
            halvings: 0,
            stagnant,
            ..state.clone()
        };
        let members = if near { Members::Same } else { Members::Any };
        Step::Continue { state: State::Glm(next), members }
    }

    /// Converged: the decrement is below the tolerance and was so in the round before over the
    /// same sites, or it is far below already. Newton's method squares the distance in each step,
    /// so the coefficients have all digits that the sums have.
    fn converged(&self, newton: &Newton, last: Option<&Trial>, stalls: bool) -> bool {
        let tolerance = self.spec.tolerance;
        let before = last.is_some_and(|last| last.decrement / scale(last.deviance) < tolerance);
        let small = newton.relative < tolerance && before && !stalls;
        small || newton.relative < tolerance * FAR_BELOW
    }

    /// The deviance rose: half of the step, or, after the first point, the null model.
    fn retreat(&self, state: &GlmState, point: &Point, last: &Trial, totals: &Totals) -> Step {
        let spent = state.iterations >= self.spec.max_iterations;
        if spent || state.halvings >= MAX_HALVINGS {
            return self.done_without_fit(state, totals, self.no_descent());
        }
        let from_null = last.step.is_empty();
        let half = |(here, there): (&f64, &f64)| there + (here - there) / 2.0;
        let beta = if from_null {
            last.beta.clone()
        } else {
            point.beta.iter().zip(&last.beta).map(half).collect()
        };
        let next = GlmState {
            point: Some(Point { beta, centre: point.centre }),
            iterations: state.iterations + 1,
            last: if from_null { None } else { state.last.clone() },
            halvings: state.halvings + 1,
            stagnant: 0,
            ..state.clone()
        };
        Step::Continue { state: State::Glm(next), members: Members::Same }
    }

    fn separation(&self, newton: &Newton, last: Option<&Trial>, totals: &Totals) -> Ending {
        let largest = largest(&newton.step);
        let before = last.map_or(&[][..], |last| &last.step);
        let moving = newton.step.iter().zip(before).enumerate().filter(|(_, (step, before))| {
            step.abs() > 0.5 * before.abs() && step.abs() > 0.01 * largest
        });
        let names = result::names(&self.terms, moving.map(|(term, _)| term));
        let rows = if totals.deviance < 0.1 { "all rows" } else { "some rows" };
        result::separated(format!(
            "the data is separated: a combination of {names} predicts the outcome of {rows} \
             without error, so these coefficients grow without bound; leave the terms out or merge \
             categories"
        ))
    }
}

impl Newton {
    fn solve(totals: &Totals, size: usize) -> Result<Self, crate::linalg::Dependent> {
        let factor = Factor::new(totals.information, size)?;
        let step = factor.solve(totals.gradient);
        let gain = step.iter().zip(totals.gradient).fold(0.0, |sum, (step, g)| sum + step * g);
        let decrement = gain.max(0.0);
        let relative = decrement / scale(totals.deviance);
        Ok(Self { factor, step, decrement, relative })
    }

    /// Whether next to nothing is gained, yet the steps do not shrink: so it is where the
    /// likelihood has no maximum and the coefficients go to infinity.
    fn stalls(&self, last: &Trial, beta: &[f64]) -> bool {
        let (step, before) = (largest(&self.step), largest(&last.step));
        self.decrement < NEGLIGIBLE
            && self.decrement < last.decrement
            && before > 0.0
            && step > 0.5 * before
            && step > ROUNDING * largest(beta)
    }
}

/// What a decrement is compared with. R's `glm` adds the same 0.1.
fn scale(deviance: f64) -> f64 {
    deviance.abs() + 0.1
}

fn rose(deviance: f64, before: f64) -> bool {
    deviance - before > RISE * scale(before)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}
