//! From one point to the next.

use super::Glm;
use super::result::{self, Ending};
use super::state::{GlmState, Point, Trial};
use super::totals::Totals;
use crate::linalg::{Dependent, Factor};
use crate::{Members, State, Status, Step};

/// With a decrement of this times the tolerance, in squared standard errors, nothing is left to
/// gain: at a tolerance of 1e-12 the estimates are off by 1e-10 standard errors.
const FAR_BELOW: f64 = 1e-8;
/// A decrement within the tolerance that falls by less than this factor is rounding.
const LEAST_GAIN: f64 = 100.0;
/// Below this relative decrement the next round should have the same sites.
const NEAR: f64 = 1e-2;
/// A fit that takes more steps than this has met changing sets of sites: from then on it asks for
/// the same ones, so that the set settles, if only on the fewest that may be summed.
const PATIENCE: u32 = 8;
/// A deviance that rises by more than this, relatively, is no rounding.
const RISE: f64 = 1e-9;
/// The least fraction of a step: below, the point hardly moves any more.
const LEAST_FRACTION: f64 = 1e-6;
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
        // Retreats are bounded too, so that a study can say how many sums it opens at most.
        let spent = state.iterations.max(state.retreats) >= self.spec.max_iterations;
        let risen = last.filter(|last| rose(totals.deviance, last.deviance));
        if let Some(last) = risen.filter(|_| !spent) {
            return self.retreat(state, point, last, totals);
        }
        let newton = match Newton::solve(totals, self.terms.len()) {
            Ok(newton) => newton,
            Err(dependent) => return self.singular(state, totals, &dependent, last.is_some()),
        };
        let stalls = last.is_some_and(|last| newton.stalls(last, &point.beta));
        let stagnant = if stalls { state.stagnant + 1 } else { 0 };
        let ending = if stagnant >= STAGNANT_ROUNDS {
            Some(self.separation(&newton, last, totals))
        } else if risen.is_none() && self.converged(&newton, last, stalls, spent) {
            Some(Ending { status: Status::Converged, message: self.converged_message(state) })
        } else if spent {
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
        let settle = newton.relative < NEAR || state.iterations >= PATIENCE;
        let next = GlmState {
            point: Some(Point { beta, centre: point.centre }),
            iterations: state.iterations + 1,
            last: Some(trial),
            fraction: 1.0,
            stagnant,
            ..state.clone()
        };
        let members = if settle { Members::Same } else { Members::Any };
        Step::Continue { state: State::Glm(next), members }
    }

    /// Converged: the decrement, relative to the deviance, is below the tolerance, and there is
    /// nothing left to gain. Newton's method squares the distance in each step, so waiting for that
    /// takes a round or two, and then the coefficients have all digits that the sums have. Where the
    /// rounds are `spent`, the tolerance alone decides.
    fn converged(&self, newton: &Newton, last: Option<&Trial>, stalls: bool, spent: bool) -> bool {
        let nothing_left = newton.decrement < self.spec.tolerance * FAR_BELOW || spent;
        let rounding =
            last.is_some_and(|last| newton.decrement > last.decrement / LEAST_GAIN) && !stalls;
        newton.relative < self.spec.tolerance && (nothing_left || rounding)
    }

    /// The deviance rose: less of the step, or, after the first point, the null model.
    fn retreat(&self, state: &GlmState, point: &Point, last: &Trial, totals: &Totals) -> Step {
        let from_null = last.step.is_empty();
        let fraction = if from_null { 1.0 } else { shorter(state.fraction, last, totals.deviance) };
        if fraction < LEAST_FRACTION {
            return self.done_without_fit(state, totals, self.no_descent());
        }
        let beta = if from_null {
            last.beta.clone()
        } else {
            let along = |(from, step): (&f64, &f64)| from + fraction * step;
            last.beta.iter().zip(&last.step).map(along).collect()
        };
        let next = GlmState {
            point: Some(Point { beta, centre: point.centre }),
            last: if from_null { None } else { state.last.clone() },
            fraction,
            stagnant: 0,
            retreats: state.retreats + 1,
            ..state.clone()
        };
        Step::Continue { state: State::Glm(next), members: Members::Same }
    }

    /// The end where the information is singular. Where it was not over the same sites before, it
    /// is the weights that vanished, as they do for rows that are predicted without error.
    fn singular(
        &self,
        state: &GlmState,
        totals: &Totals,
        dependent: &Dependent,
        before: bool,
    ) -> Step {
        if !before {
            return self.collinear(state, totals, dependent);
        }
        let column = result::names(&self.terms, [dependent.column].into_iter());
        let message = format!(
            "the data is separated: the model predicts so many rows without error that those left \
             say nothing about {column}; ask for fewer terms or merge categories"
        );
        self.done_without_fit(state, totals, result::separated(message))
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
    fn solve(totals: &Totals, size: usize) -> Result<Self, Dependent> {
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

/// Where along the step the deviance is least, if it is a parabola through what is known of it: its
/// value and slope (−2 · decrement) before the step, its value at `fraction`. Within a tenth and a
/// half of `fraction`.
fn shorter(fraction: f64, last: &Trial, deviance: f64) -> f64 {
    let fall = 2.0 * last.decrement * fraction;
    let bend = (deviance - last.deviance + fall) / (fraction * fraction);
    (last.decrement / bend).clamp(0.1 * fraction, 0.5 * fraction)
}

fn rose(deviance: f64, before: f64) -> bool {
    deviance - before > RISE * scale(before)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

#[cfg(test)]
mod tests {
    use ripieno_encoding::NamedVector;
    use ripieno_study::manifest::{Family, GlmSpec};

    use super::*;
    use crate::glm::{GRADIENT, INFORMATION, STATISTICS, Units};
    use crate::{Analysis, Report, Sums};

    fn glm() -> Glm {
        let (family, confidence) = (Family::Binomial, 0.95);
        let spec = GlmSpec { family, max_iterations: 40, tolerance: 1e-12, confidence };
        Glm::new(&spec, &[]).unwrap()
    }

    /// Ten rows with four events, at a given deviance and gradient; the information is 4.
    fn sums(deviance: f64, gradient: f64) -> Sums {
        with_information(4.0, deviance, gradient)
    }

    fn with_information(information: f64, deviance: f64, gradient: f64) -> Sums {
        Sums::new(vec![
            NamedVector::new(GRADIENT, vec![gradient]),
            NamedVector::new(INFORMATION, vec![information]),
            NamedVector::new(STATISTICS, vec![10.0, deviance, 4.0, 0.0]),
        ])
    }

    fn at(beta: f64) -> GlmState {
        let mut state = GlmState::start(Units { features: Vec::new(), outcome: 0 });
        state.point = Some(Point { beta: vec![beta], centre: 0.0 });
        state
    }

    fn moved(state: &GlmState, sums: &Sums, survivors: usize) -> (GlmState, Members) {
        match glm().combine(&State::Glm(state.clone()), sums, survivors) {
            Ok(Step::Continue { state: State::Glm(next), members }) => (next, members),
            other => panic!("{other:?}"),
        }
    }

    fn beta(state: &GlmState) -> f64 {
        state.point.as_ref().unwrap().beta[0]
    }

    #[test]
    fn a_rise_over_the_same_sites_shortens_the_step_until_it_falls() {
        // From 1 by a step of 4 with a decrement of 64.
        let (first, _) = moved(&at(1.0), &sums(12.0, 16.0), 3);
        assert_eq!(beta(&first), 5.0);
        // 12 − 128 t + 256 t² is 140 at 1 and least at 1/4.
        let (quarter, members) = moved(&first, &sums(140.0, 1.0), 3);
        assert_eq!((beta(&quarter), members), (2.0, Members::Same));
        // 12 − 128 t + 1024 t² is 44 at 1/4 and least at 1/16.
        let (sixteenth, _) = moved(&quarter, &sums(44.0, 1.0), 3);
        assert_eq!((beta(&sixteenth), sixteenth.iterations), (1.25, first.iterations));
        let (on, _) = moved(&sixteenth, &sums(11.0, 1.0), 3);
        assert_eq!((beta(&on), on.fraction), (1.5, 1.0));
    }

    #[test]
    fn a_rise_over_other_sites_says_nothing() {
        let (first, _) = moved(&at(1.0), &sums(12.0, 8.0), 4);
        let (next, _) = moved(&first, &sums(13.0, 2.0), 3);
        assert_eq!(beta(&next), 3.5);
    }

    #[test]
    fn weights_that_vanish_are_separation_and_not_collinearity() {
        let vanished = with_information(0.0, 11.0, 0.0);
        let status = |state: &GlmState, sums: &Sums| match glm().combine(
            &State::Glm(state.clone()),
            sums,
            3,
        ) {
            Ok(Step::Done(Report::Glm(report))) => report.status,
            other => panic!("{other:?}"),
        };
        let (next, _) = moved(&at(1.0), &sums(12.0, 8.0), 3);
        assert_eq!(status(&next, &vanished), Status::Separated);
        assert_eq!(status(&at(1.0), &vanished), Status::Collinear);
    }

    #[test]
    fn whatever_the_sums_a_fit_ends_within_its_rounds() {
        use rand::rngs::ChaCha20Rng;
        use rand::{RngExt, SeedableRng};
        for seed in 0..300 {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let mut state = State::Glm(GlmState::start(Units { features: vec![], outcome: 0 }));
            let ended = (0..82).any(|_| {
                let sums = with_information(
                    rng.random_range(0.01..4.0),
                    rng.random_range(0.0..20.0),
                    rng.random_range(-3.0..3.0),
                );
                match glm().combine(&state, &sums, 3 + usize::from(rng.random::<bool>())) {
                    Ok(Step::Continue { state: next, .. }) => state = next,
                    _ => return true,
                }
                false
            });
            assert!(ended, "seed {seed}: 40 steps and 40 retreats open at most 82 sums");
        }
    }

    #[test]
    fn a_step_that_never_helps_ends_the_fit() {
        let (mut state, _) = moved(&at(1.0), &sums(12.0, 8.0), 3);
        for _ in 0..30 {
            match glm().combine(&State::Glm(state), &sums(13.0, 1.0), 3).unwrap() {
                Step::Continue { state: State::Glm(next), .. } => state = next,
                Step::Done(Report::Glm(report)) => {
                    return assert_eq!(report.status, Status::NotConverged);
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("thirty times the same step");
    }
}
