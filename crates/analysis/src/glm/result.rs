//! How a fit ends, and its report.

use ripieno_study::manifest::Family;

use super::state::{GlmState, Point};
use super::totals::Totals;
use super::{Glm, family_name};
use crate::linalg::{Dependent, Factor};
use crate::tails::Reference;
use crate::{GlmReport, Report, Status, Step};

/// How a fit ended.
pub(super) struct Ending {
    pub(super) status: Status,
    pub(super) message: String,
}

pub(super) fn separated(message: String) -> Ending {
    Ending { status: Status::Separated, message }
}

/// A list of term names for a sentence.
pub(super) fn names(terms: &[String], which: impl Iterator<Item = usize>) -> String {
    let names: Vec<&str> = which.filter_map(|term| terms.get(term)).map(String::as_str).collect();
    names.join(", ")
}

impl Glm {
    pub(super) fn converged_message(&self, state: &GlmState) -> String {
        let steps = if state.iterations == 1 { "step" } else { "steps" };
        format!("converged after {} Newton {steps}", state.iterations)
    }

    pub(super) fn unfinished(&self, relative: f64) -> Ending {
        let message = format!(
            "not converged after {} steps: the last one still promised {relative:e} of the \
             deviance; raise max_iterations, or check the columns for extreme values",
            self.spec.max_iterations
        );
        Ending { status: Status::NotConverged, message }
    }

    pub(super) fn no_descent(&self) -> Ending {
        let message = "not converged: no step lowers the deviance any more; raise max_iterations, \
                       or check the columns for extreme values"
            .to_owned();
        Ending { status: Status::NotConverged, message }
    }

    /// The end where the information matrix is singular.
    pub(super) fn collinear(
        &self,
        state: &GlmState,
        totals: &Totals,
        dependent: &Dependent,
    ) -> Step {
        let column = names(&self.terms, [dependent.column].into_iter());
        let message = if dependent.on.is_empty() {
            format!("column {column} is zero at every site: leave it out")
        } else {
            let others = names(&self.terms, dependent.on.iter().copied());
            format!("column {column} is a linear combination of {others}: leave one of them out")
        };
        self.done_without_fit(state, totals, Ending { status: Status::Collinear, message })
    }

    /// The end at a point whose information matrix could be inverted.
    pub(super) fn done(
        &self,
        state: &GlmState,
        point: &Point,
        totals: &Totals,
        factor: &Factor,
        ending: Ending,
    ) -> Step {
        let freedom = totals.rows - self.terms.len() as f64;
        let dispersion = match self.spec.family {
            Family::Gaussian if freedom > 0.0 => totals.deviance / freedom,
            Family::Gaussian => f64::NAN,
            Family::Binomial | Family::Poisson => 1.0,
        };
        // Back from the study's units: y·2^o = x·2^k·b means y = x·b·2^(k − o).
        let original = |(term, value): (usize, f64)| {
            libm::scalbn(value, state.units.of_term(term) - state.units.outcome)
        };
        let error = |variance: f64| (dispersion * variance).sqrt();
        let coefficients = point.beta.iter().copied().enumerate().map(original).collect();
        let errors = factor.inverse_diagonal().into_iter().map(error).enumerate().map(original);
        let fitted = Fitted {
            coefficients,
            standard_errors: errors.collect(),
            dispersion: libm::scalbn(dispersion, -2 * state.units.outcome),
            deviance: totals.deviance,
            null_deviance: totals.null_deviance(point.centre),
        };
        self.finish(state, totals, fitted, ending)
    }

    /// The end without one: rows and steps are all there is to report.
    pub(super) fn done_without_fit(
        &self,
        state: &GlmState,
        totals: &Totals,
        ending: Ending,
    ) -> Step {
        let nothing = vec![f64::NAN; self.terms.len()];
        let fitted = Fitted {
            coefficients: nothing.clone(),
            standard_errors: nothing,
            dispersion: f64::NAN,
            deviance: f64::NAN,
            null_deviance: f64::NAN,
        };
        self.finish(state, totals, fitted, ending)
    }

    fn finish(&self, state: &GlmState, totals: &Totals, fitted: Fitted, ending: Ending) -> Step {
        let gaussian = self.spec.family == Family::Gaussian;
        let size = self.terms.len() as i64;
        let rows = totals.rows as i64;
        let reference =
            if gaussian { Reference::t((rows - size) as f64) } else { Some(Reference::normal()) };
        let inference = Inference::new(&fitted, reference.as_ref(), self.spec.confidence);
        let deviance = |deviance| libm::scalbn(deviance, -2 * state.units.outcome);
        Step::Done(Report::Glm(Box::new(GlmReport {
            family: family_name(self.spec.family).into(),
            converged: ending.status == Status::Converged,
            status: ending.status,
            message: ending.message,
            n: totals.rows as u64,
            terms: self.terms.clone(),
            statistic: if gaussian { "t" } else { "z" }.into(),
            statistics: inference.statistics,
            p_values: inference.p_values,
            confidence: self.spec.confidence,
            confidence_intervals: inference.intervals,
            deviance: deviance(fitted.deviance),
            null_deviance: deviance(fitted.null_deviance),
            dispersion: fitted.dispersion,
            coefficients: fitted.coefficients,
            standard_errors: fitted.standard_errors,
            df_residual: rows - size,
            df_null: rows - 1,
            iterations: state.iterations,
        })))
    }
}

/// Figures of a fit; deviances still in the study's units.
struct Fitted {
    coefficients: Vec<f64>,
    standard_errors: Vec<f64>,
    dispersion: f64,
    deviance: f64,
    null_deviance: f64,
}

/// Wald tests and intervals.
struct Inference {
    statistics: Vec<f64>,
    p_values: Vec<f64>,
    intervals: Vec<[f64; 2]>,
}

impl Inference {
    /// Without a reference (no degrees of freedom) p-values and intervals are not numbers.
    fn new(fitted: &Fitted, reference: Option<&Reference>, confidence: f64) -> Self {
        let pairs = || fitted.coefficients.iter().zip(&fitted.standard_errors);
        let statistics: Vec<f64> = pairs().map(|(estimate, error)| estimate / error).collect();
        let p_value = |z: &f64| reference.map_or(f64::NAN, |reference| reference.two_sided(*z));
        let quantile = reference.map_or(f64::NAN, |reference| reference.quantile(confidence));
        let interval = |(estimate, error): (&f64, &f64)| {
            [estimate - quantile * error, estimate + quantile * error]
        };
        Self {
            p_values: statistics.iter().map(p_value).collect(),
            intervals: pairs().map(interval).collect(),
            statistics,
        }
    }
}
