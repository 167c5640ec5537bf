//! `glm`: generalised linear models with the canonical link, fitted by Newton–Raphson on secure
//! sums (McCullagh & Nelder 1989, §2.5).
//!
//! The first round starts as R's `glm` does, from means near the outcomes: sites sum `XᵀWX` and
//! `XᵀWz`, whose solution is the first point. Each later round sums gradient, information and
//! deviance at the point; a fit that converged reports the point of its last round, so that all
//! of its figures are of one set of sites.
//!
//! Sums have an absolute precision of 2^-40. So that no figure depends on the unit of a column,
//! the first round also fixes a power of two for each ([`Units`]).

mod fit;
mod result;
mod start;
mod state;
mod totals;

pub use state::{GlmState, Point, Units};

use ripieno_study::manifest::{Family, GlmSpec};
use ripieno_study::{Encoding, InputSpec};

use crate::linalg::packed_length;
use crate::{Analysis, AnalysisError, State, Step, Sums, terms_of};
use totals::Totals;

/// Vector of length p: `Xᵀ(y − μ)`; in the first round `XᵀWz`.
pub const GRADIENT: &str = "gradient";
/// Vector of length p(p+1)/2: the upper triangle of `XᵀWX`, row by row.
pub const INFORMATION: &str = "information";
/// Vector of length 4: rows; deviance (0 in the first round); the outcome's total `Σ(y − c)`
/// (gaussian) or `Σy`; and its spread: `Σ(y − c)²` (gaussian), `Σ y log(y / c)` (poisson) or 0.
/// `c` is [`Point::centre`], in the first round 0 for gaussian and 1 for poisson.
pub const STATISTICS: &str = "statistics";

/// The analysis.
pub(crate) struct Glm {
    spec: GlmSpec,
    terms: Vec<String>,
}

impl Glm {
    pub(crate) fn new(spec: &GlmSpec, features: &[String]) -> Result<Self, AnalysisError> {
        let study = |reason: &str| Err(AnalysisError::Study(reason.into()));
        if spec.max_iterations == 0 {
            return study("max_iterations must be at least 1");
        }
        if !(spec.tolerance.is_finite() && spec.tolerance > 0.0) {
            return study("tolerance must be a positive number");
        }
        if !(spec.confidence > 0.0 && spec.confidence < 1.0) {
            return study("confidence must lie between 0 and 1");
        }
        Ok(Self { spec: spec.clone(), terms: terms_of(features) })
    }

    fn state<'a>(&self, state: &'a State) -> Result<&'a GlmState, AnalysisError> {
        match state {
            State::Glm(state) if state.fits(self.terms.len()) => Ok(state),
            _ => Err(AnalysisError::State("expected coefficients of a glm")),
        }
    }
}

impl Analysis for Glm {
    fn terms(&self) -> &[String] {
        &self.terms
    }

    fn initial(&self) -> State {
        let features = vec![0; self.terms.len() - 1];
        State::Glm(GlmState::start(Units { features, outcome: 0 }))
    }

    fn inputs(&self, state: &State) -> Result<Vec<InputSpec>, AnalysisError> {
        self.state(state)?;
        let size = self.terms.len();
        let lengths = [(GRADIENT, size), (INFORMATION, packed_length(size)), (STATISTICS, 4)];
        let wide = |(name, length): (&str, usize)| InputSpec {
            name: name.into(),
            length: length as u64,
            encoding: Encoding::Wide,
        };
        Ok(lengths.into_iter().map(wide).collect())
    }

    fn combine(&self, state: &State, sums: &Sums, survivors: usize) -> Result<Step, AnalysisError> {
        let state = self.state(state)?;
        let totals = Totals::read(sums, self.terms.len(), survivors, self.spec.family)?;
        Ok(match &state.point {
            None => self.leave_start(state, &totals),
            Some(point) => self.leave_point(state, point, &totals),
        })
    }
}

/// The family's name in manifests and reports.
pub(crate) fn family_name(family: Family) -> &'static str {
    match family {
        Family::Gaussian => "gaussian",
        Family::Binomial => "binomial",
        Family::Poisson => "poisson",
    }
}
