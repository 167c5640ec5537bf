//! `vector`: the sum of seeded random vectors, for benches and tests of large updates.

use ripieno_study::manifest::{UpdateEncoding, VectorSpec};
use ripieno_study::{Encoding, Hasher, InputSpec, Tag};
use serde::{Deserialize, Serialize};

use crate::bits::hash_floats;
use crate::{Analysis, AnalysisError, Members, Report, State, Step, Sums, VectorReport};

/// Name of the vector that is summed.
pub const VECTOR: &str = "vector";

/// Where a `vector` study stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorState {
    /// Number of the next round, from 1.
    pub round: u32,
    /// Values clipped so far.
    pub clipped: u64,
}

impl VectorState {
    pub(crate) fn hash_into(&self, hasher: Hasher) -> Hasher {
        hasher.number(self.round).number(self.clipped)
    }
}

/// The analysis.
pub(crate) struct Vector {
    spec: VectorSpec,
    encoding: Encoding,
}

impl Vector {
    pub(crate) fn new(spec: &VectorSpec, encoding: UpdateEncoding) -> Result<Self, AnalysisError> {
        if spec.length == 0 || spec.rounds == 0 {
            return Err(AnalysisError::Study("length and rounds must be at least 1".into()));
        }
        Ok(Self { spec: spec.clone(), encoding: encoding_of(encoding) })
    }

    fn state<'a>(&self, state: &'a State) -> Result<&'a VectorState, AnalysisError> {
        match state {
            State::Vector(state) if (1..=self.spec.rounds).contains(&state.round) => Ok(state),
            _ => Err(AnalysisError::State("expected a round of a vector")),
        }
    }
}

impl Analysis for Vector {
    fn terms(&self) -> &[String] {
        &[]
    }

    fn initial(&self) -> State {
        State::Vector(VectorState { round: 1, clipped: 0 })
    }

    fn inputs(&self, state: &State) -> Result<Vec<InputSpec>, AnalysisError> {
        self.state(state)?;
        let (length, encoding) = (self.spec.length, self.encoding);
        Ok(vec![InputSpec { name: VECTOR.into(), length, encoding }])
    }

    fn combine(&self, state: &State, sums: &Sums, survivors: usize) -> Result<Step, AnalysisError> {
        let state = self.state(state)?;
        let sum = sums.get(VECTOR, self.spec.length as usize)?;
        let clipped = state.clipped.saturating_add(sums.clipped(VECTOR) as u64);
        if state.round < self.spec.rounds {
            let state = State::Vector(VectorState { round: state.round + 1, clipped });
            return Ok(Step::Continue { state, members: Members::Any });
        }
        Ok(Step::Done(Report::Vector(VectorReport {
            length: self.spec.length,
            summed_rounds: self.spec.rounds,
            summands: survivors as u64,
            sum_digest: hash_floats(Hasher::new(Tag::State).part("vector-sum"), sum).finish(),
            mean: sum.iter().sum::<f64>() / sum.len() as f64,
            norm: sum.iter().map(|value| value * value).sum::<f64>().sqrt(),
            clipped,
        })))
    }
}

/// The encoding of one vector, for what a study says about its updates.
pub(crate) fn encoding_of(update: UpdateEncoding) -> Encoding {
    match update {
        UpdateEncoding::Wide => Encoding::Wide,
        UpdateEncoding::Packed { packing, range, clip } => {
            Encoding::Packed { packing, range, clip }
        }
    }
}

#[cfg(test)]
mod tests {
    use ripieno_encoding::NamedVector;

    use super::*;

    #[test]
    fn the_last_round_reports_the_sum() {
        let spec = VectorSpec { length: 2, seed: 1, rounds: 2 };
        let vector = Vector::new(&spec, UpdateEncoding::Wide).unwrap();
        let sums = Sums::new(vec![NamedVector::new(VECTOR, vec![3.0, 4.0])]);
        let Step::Continue { state, .. } = vector.combine(&vector.initial(), &sums, 3).unwrap()
        else {
            panic!("two rounds were asked for");
        };
        let Step::Done(Report::Vector(report)) = vector.combine(&state, &sums, 4).unwrap() else {
            panic!("the second round is the last");
        };
        assert_eq!((report.mean, report.norm, report.summands), (3.5, 5.0, 4));
        let digest = |survivors| match vector.combine(&state, &sums, survivors).unwrap() {
            Step::Done(report) => report.digest(),
            Step::Continue { .. } => panic!("the second round is the last"),
        };
        assert_eq!(digest(4), digest(4));
        assert_ne!(digest(4), digest(3));
        let short = Sums::new(vec![NamedVector::new(VECTOR, vec![3.0])]);
        let refused = vector.combine(&state, &short, 4);
        assert_eq!(refused, Err(AnalysisError::Missing { name: VECTOR.into(), length: 2 }));
    }
}
