//! `fedavg`: federated averaging of generalised linear models (McMahan et al. 2017), weighted by
//! rows.
//!
//! Each training round a site takes gradient steps from the common parameters and sums the
//! difference δ times its number of rows w. Wide: `w·δ` and `w`. Packed: `δ·w / W_max`, so that
//! the range of a field bounds δ, and `w` in a wide vector of its own. `W_max` is the study's
//! `max_rows`, or else the number of rows of all sites, summed in a first round.

use std::collections::BTreeMap;

use ripieno_study::manifest::{Family, FedAvgSpec, UpdateEncoding};
use ripieno_study::{Encoding, Hasher, InputSpec};
use serde::{Deserialize, Serialize};

use crate::bits::{self, hash_floats};
use crate::sums::row_count;
use crate::vector::encoding_of;
use crate::{Analysis, AnalysisError, FedAvgReport, Members, Report, State, Step, Sums, terms_of};

/// Vector of length 1 in a counting round: a site's rows.
pub const ROWS: &str = "rows";
/// Vector of a training round: the weighted difference of the parameters.
pub const UPDATE: &str = "update";
/// Vector of length 1 in a training round: a site's rows.
pub const WEIGHT: &str = "weight";
/// Vector of the evaluation: rows, total loss, correct predictions (0 unless binomial).
pub const EVALUATION: &str = "evaluation";

/// Where federated averaging stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FedAvgState {
    /// What the next round does.
    pub phase: Phase,
    /// Number of the next training round, from 1; after the last one, one more.
    pub round: u32,
    /// The common parameters, the intercept first.
    #[serde(with = "bits::list")]
    pub parameters: Vec<f64>,
    /// `W_max` of packed updates, in rows; 0 until it is known and where updates are wide.
    pub max_rows: u64,
    /// Values clipped so far.
    pub clipped: u64,
}

/// The kinds of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Rows are summed.
    Count,
    /// Updates are averaged.
    Train,
    /// The final parameters are evaluated.
    Evaluate,
}

impl FedAvgState {
    pub(crate) fn hash_into(&self, hasher: Hasher) -> Hasher {
        let phase = match self.phase {
            Phase::Count => "count",
            Phase::Train => "train",
            Phase::Evaluate => "evaluate",
        };
        let hasher = hasher.part(phase).number(self.round);
        hash_floats(hasher, &self.parameters).number(self.max_rows).number(self.clipped)
    }
}

/// The analysis.
pub(crate) struct FedAvg {
    spec: FedAvgSpec,
    encoding: UpdateEncoding,
    terms: Vec<String>,
}

impl FedAvg {
    pub(crate) fn new(
        spec: &FedAvgSpec,
        features: &[String],
        encoding: UpdateEncoding,
    ) -> Result<Self, AnalysisError> {
        let study = |reason: &str| Err(AnalysisError::Study(reason.into()));
        if spec.rounds == 0 || spec.local_steps == 0 || spec.batch_size == Some(0) {
            return study("rounds, local_steps and batch_size must be at least 1");
        }
        if !(spec.learning_rate.is_finite() && spec.learning_rate > 0.0) {
            return study("learning_rate must be a positive number");
        }
        if spec.max_rows == Some(0) {
            return study("max_rows must be at least 1");
        }
        Ok(Self { spec: spec.clone(), encoding, terms: terms_of(features) })
    }

    fn packed(&self) -> bool {
        matches!(self.encoding, UpdateEncoding::Packed { .. })
    }

    fn state<'a>(&self, state: &'a State) -> Result<&'a FedAvgState, AnalysisError> {
        match state {
            State::FedAvg(state) if state.parameters.len() == self.terms.len() => Ok(state),
            _ => Err(AnalysisError::State("expected parameters of a fedavg")),
        }
    }

    fn count(&self, state: &FedAvgState, sums: &Sums) -> Result<Step, AnalysisError> {
        let max_rows = row_count(sums.scalar(ROWS)?, ROWS)? as u64;
        Ok(next(FedAvgState { phase: Phase::Train, max_rows, ..state.clone() }))
    }

    fn train(&self, state: &FedAvgState, sums: &Sums) -> Result<Step, AnalysisError> {
        let update = sums.get(UPDATE, self.terms.len())?;
        let weight = row_count(sums.scalar(WEIGHT)?, WEIGHT)?;
        let unit = if self.packed() { state.max_rows as f64 } else { 1.0 };
        let moved = |(old, sum): (&f64, &f64)| old + sum * unit / weight;
        let last = state.round >= self.spec.rounds;
        Ok(next(FedAvgState {
            phase: if last { Phase::Evaluate } else { Phase::Train },
            round: state.round + 1,
            parameters: state.parameters.iter().zip(update).map(moved).collect(),
            max_rows: state.max_rows,
            clipped: state.clipped.saturating_add(sums.clipped(UPDATE) as u64),
        }))
    }

    fn evaluate(&self, state: &FedAvgState, sums: &Sums) -> Result<Step, AnalysisError> {
        let evaluation = sums.get(EVALUATION, 3)?;
        let n = row_count(evaluation[0], EVALUATION)?;
        let mut metrics = BTreeMap::from([("loss".into(), evaluation[1] / n), ("n".into(), n)]);
        if self.spec.family == Family::Binomial {
            metrics.insert("accuracy".into(), evaluation[2] / n);
        }
        Ok(Step::Done(Report::FedAvg(FedAvgReport {
            family: crate::glm::family_name(self.spec.family).into(),
            n: n as u64,
            terms: self.terms.clone(),
            parameters: state.parameters.clone(),
            metrics,
            training_rounds: self.spec.rounds,
            clipped: state.clipped,
        })))
    }
}

impl Analysis for FedAvg {
    fn terms(&self) -> &[String] {
        &self.terms
    }

    fn initial(&self) -> State {
        let max_rows = if self.packed() { self.spec.max_rows.unwrap_or(0) } else { 0 };
        let unknown = self.packed() && max_rows == 0;
        State::FedAvg(FedAvgState {
            phase: if unknown { Phase::Count } else { Phase::Train },
            round: 1,
            parameters: vec![0.0; self.terms.len()],
            max_rows,
            clipped: 0,
        })
    }

    fn inputs(&self, state: &State) -> Result<Vec<InputSpec>, AnalysisError> {
        let wide =
            |name: &str, length| InputSpec { name: name.into(), length, encoding: Encoding::Wide };
        let update = || InputSpec {
            name: UPDATE.into(),
            length: self.terms.len() as u64,
            encoding: encoding_of(self.encoding),
        };
        Ok(match self.state(state)?.phase {
            Phase::Count => vec![wide(ROWS, 1)],
            Phase::Train => vec![update(), wide(WEIGHT, 1)],
            Phase::Evaluate => vec![wide(EVALUATION, 3)],
        })
    }

    fn combine(
        &self,
        state: &State,
        sums: &Sums,
        _survivors: usize,
    ) -> Result<Step, AnalysisError> {
        let state = self.state(state)?;
        match state.phase {
            Phase::Count => self.count(state, sums),
            Phase::Train => self.train(state, sums),
            Phase::Evaluate => self.evaluate(state, sums),
        }
    }
}

fn next(state: FedAvgState) -> Step {
    Step::Continue { state: State::FedAvg(state), members: Members::Any }
}

#[cfg(test)]
mod tests {
    use ripieno_encoding::NamedVector;
    use ripieno_study::Packing;
    use ripieno_study::manifest::Standardise;
    use ripieno_study::plan::Clip;

    use super::*;

    const PACKED: UpdateEncoding =
        UpdateEncoding::Packed { packing: Packing::Three, range: 1.0, clip: Clip::Coordinate };

    fn fedavg(encoding: UpdateEncoding, max_rows: Option<u64>) -> FedAvg {
        let spec = FedAvgSpec {
            family: Family::Binomial,
            rounds: 1,
            local_steps: 1,
            batch_size: None,
            learning_rate: 0.1,
            shuffle: false,
            standardise: Standardise::None,
            seed: 0,
            max_rows,
        };
        FedAvg::new(&spec, &["x".into()], encoding).unwrap()
    }

    fn sums(vectors: &[(&str, &[f64])]) -> Sums {
        Sums::new(vectors.iter().map(|(n, v)| NamedVector::new(*n, v.to_vec())).collect())
    }

    fn continues(step: Result<Step, AnalysisError>) -> State {
        match step {
            Ok(Step::Continue { state, .. }) => state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn packed_updates_are_weighted_by_a_count_of_rows() {
        let fedavg = fedavg(PACKED, None);
        let state = fedavg.initial();
        assert_eq!(state.step_name(), "count");
        let state = continues(fedavg.combine(&state, &sums(&[(ROWS, &[100.0])]), 3));
        let trained =
            sums(&[(UPDATE, &[0.5, -0.25]), ("update.clipped", &[2.0]), (WEIGHT, &[50.0])]);
        let state = continues(fedavg.combine(&state, &trained, 3));
        assert_eq!(state.step_name(), "evaluate");
        let evaluated = sums(&[(EVALUATION, &[50.0, 25.0, 40.0])]);
        let Ok(Step::Done(Report::FedAvg(report))) = fedavg.combine(&state, &evaluated, 3) else {
            panic!("the evaluation is the last round");
        };
        assert_eq!(report.parameters, [1.0, -0.5]);
        assert_eq!((report.n, report.clipped), (50, 2));
        assert_eq!((report.metrics["loss"], report.metrics["accuracy"]), (0.5, 0.8));
    }

    #[test]
    fn known_weights_and_wide_updates_need_no_count() {
        assert_eq!(fedavg(PACKED, Some(9)).initial().step_name(), "train");
        let wide = fedavg(UpdateEncoding::Wide, None);
        let trained = sums(&[(UPDATE, &[100.0, -50.0]), (WEIGHT, &[50.0])]);
        let state = continues(wide.combine(&wide.initial(), &trained, 3));
        assert!(matches!(state, State::FedAvg(s) if s.parameters == [2.0, -1.0]));
    }

    #[test]
    fn impossible_weights_are_refused() {
        let wide = fedavg(UpdateEncoding::Wide, None);
        for weight in [0.0, -3.0, 2.5] {
            let trained = sums(&[(UPDATE, &[1.0, 1.0]), (WEIGHT, &[weight])]);
            let refused = wide.combine(&wide.initial(), &trained, 3);
            assert!(matches!(refused, Err(AnalysisError::Impossible { .. })), "{refused:?}");
        }
    }
}
