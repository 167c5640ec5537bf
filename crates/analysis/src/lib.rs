//! What an analysis sums and how the sum moves it on. Sees no data.
//!
//! An [`Analysis`] is a small state machine: from a [`State`] it says which vectors the sites sum
//! next ([`Analysis::inputs`]), and from the [`Sums`] it computes the next state or the result
//! ([`Analysis::combine`]). Every site repeats that step and compares digests, so it must give the
//! same bits on every CPU: plain IEEE operations in a fixed order, transcendental functions from
//! `libm`, no fused multiply-add.

pub mod fedavg;
pub mod glm;
pub mod vector;

mod bits;
mod error;
mod figure;
mod linalg;
mod report;
mod state;
mod sums;
mod tails;

pub use error::AnalysisError;
pub use report::{FedAvgReport, GlmReport, Report, Status, VectorReport};
pub use ripieno_encoding::NamedVector;
pub use state::State;
pub use sums::Sums;

use ripieno_encoding::plan_for;
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::plan::STANDARD_TILE;
use ripieno_study::{Digest, InputSpec, Manifest, Plan};

/// The half of an analysis that coordinator and sites share.
pub trait Analysis: Send + Sync {
    /// Names of the coefficients, the intercept first; empty where there are none.
    fn terms(&self) -> &[String];

    /// The state in which the study starts.
    fn initial(&self) -> State;

    /// The vectors that are summed in `state`, without companions for clipped counts. They follow
    /// from study and state alone, so a site can tell whether a contract names the right ones.
    ///
    /// # Errors
    /// [`AnalysisError::State`] for a state of another study.
    fn inputs(&self, state: &State) -> Result<Vec<InputSpec>, AnalysisError>;

    /// Moves the analysis on by the sums over `survivors` sites.
    ///
    /// # Errors
    /// [`AnalysisError`] for a state of another study, or sums that no sites with data have.
    fn combine(&self, state: &State, sums: &Sums, survivors: usize) -> Result<Step, AnalysisError>;
}

/// What the sums of a round lead to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Another round.
    Continue {
        /// The state in which it starts.
        state: State,
        /// Which sites it should have.
        members: Members,
    },
    /// The analysis is over, successfully or not: the report says so.
    Done(Report),
}

impl Step {
    /// Digest of what follows the round: of the next state, or of the report.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Step::Continue { state, .. } => state.digest(),
            Step::Done(report) => report.digest(),
        }
    }
}

/// A wish about the sites of the next round, where membership may change at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// Whoever is there.
    Any,
    /// The sites that were summed in this round: another set would only lengthen the analysis.
    Same,
}

/// The analysis that a study asks for.
///
/// # Errors
/// [`AnalysisError::Study`] for parameters outside of their ranges.
pub fn for_study(manifest: &Manifest) -> Result<Box<dyn Analysis>, AnalysisError> {
    let features = || match &manifest.data {
        Some(data) => Ok(data.features.as_slice()),
        None => Err(AnalysisError::Study("it needs a [data] section".into())),
    };
    Ok(match &manifest.analysis {
        AnalysisSpec::Glm(spec) => Box::new(glm::Glm::new(spec, features()?)?),
        AnalysisSpec::FedAvg(spec) => {
            Box::new(fedavg::FedAvg::new(spec, features()?, manifest.aggregation.encoding)?)
        }
        AnalysisSpec::Vector(spec) => {
            Box::new(vector::Vector::new(spec, manifest.aggregation.encoding)?)
        }
    })
}

/// The plan of the round that starts in `state`. Coordinator and sites must come to the same one, so
/// it is made here alone.
///
/// # Errors
/// [`AnalysisError::State`] for a state of another study.
pub fn plan(analysis: &dyn Analysis, state: &State) -> Result<Plan, AnalysisError> {
    Ok(plan_for(&analysis.inputs(state)?, STANDARD_TILE))
}

/// The name of the first term.
pub(crate) const INTERCEPT: &str = "(Intercept)";

fn terms_of(features: &[String]) -> Vec<String> {
    [INTERCEPT.to_owned()].into_iter().chain(features.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use ripieno_study::Membership;
    use ripieno_study::manifest::{
        Aggregation, DataSpec, Family, FedAvgSpec, GlmSpec, Missing, Standardise, UpdateEncoding,
        VectorSpec,
    };

    use super::*;

    fn manifest(analysis: AnalysisSpec) -> Manifest {
        let data = DataSpec {
            dataset: "heart".into(),
            outcome: "y".into(),
            features: vec!["age".into()],
            missing: Missing::Error,
        };
        let aggregation = Aggregation {
            minimum_sites: 3,
            corrupt: None,
            membership: Membership::Fixed,
            encoding: UpdateEncoding::Wide,
        };
        let (name, purpose) = ("n".into(), "research".into());
        Manifest { name, purpose, data: Some(data), analysis, aggregation }
    }

    fn glm() -> GlmSpec {
        let (family, confidence) = (Family::Poisson, 0.95);
        GlmSpec { family, max_iterations: 25, tolerance: 1e-12, confidence }
    }

    fn fedavg() -> FedAvgSpec {
        FedAvgSpec {
            family: Family::Gaussian,
            rounds: 2,
            local_steps: 1,
            batch_size: None,
            learning_rate: 0.1,
            shuffle: false,
            standardise: Standardise::None,
            seed: 0,
            max_rows: None,
        }
    }

    fn refused(analysis: AnalysisSpec) -> bool {
        matches!(for_study(&manifest(analysis)), Err(AnalysisError::Study(_)))
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(!refused(AnalysisSpec::Glm(glm())) && !refused(AnalysisSpec::FedAvg(fedavg())));
        for (max_iterations, tolerance, confidence) in
            [(0, 1e-12, 0.95), (25, 0.0, 0.95), (25, f64::NAN, 0.95), (25, 1e-12, 1.0)]
        {
            let spec = GlmSpec { max_iterations, tolerance, confidence, ..glm() };
            assert!(refused(AnalysisSpec::Glm(spec)));
        }
        assert!(refused(AnalysisSpec::FedAvg(FedAvgSpec { rounds: 0, ..fedavg() })));
        assert!(refused(AnalysisSpec::FedAvg(FedAvgSpec { batch_size: Some(0), ..fedavg() })));
        let rate = FedAvgSpec { learning_rate: f64::INFINITY, ..fedavg() };
        assert!(refused(AnalysisSpec::FedAvg(rate)));
        let empty = VectorSpec { length: 0, seed: 0, rounds: 1 };
        assert!(refused(AnalysisSpec::Vector(empty)));
        let mut without_data = manifest(AnalysisSpec::Glm(glm()));
        without_data.data = None;
        assert!(for_study(&without_data).is_err());
    }

    #[test]
    fn a_state_of_another_study_is_refused() {
        let glm = for_study(&manifest(AnalysisSpec::Glm(glm()))).unwrap();
        let fedavg = for_study(&manifest(AnalysisSpec::FedAvg(fedavg()))).unwrap();
        for (analysis, state) in [(&glm, fedavg.initial()), (&fedavg, glm.initial())] {
            assert!(matches!(analysis.inputs(&state), Err(AnalysisError::State(_))));
            let combined = analysis.combine(&state, &Sums::new(Vec::new()), 3);
            assert!(matches!(combined, Err(AnalysisError::State(_))));
        }
    }
}
