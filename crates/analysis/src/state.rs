//! The state between two rounds.

use ripieno_study::{Digest, Hasher, Tag};
use serde::{Deserialize, Serialize};

use crate::fedavg::{FedAvgState, Phase};
use crate::glm::GlmState;
use crate::vector::VectorState;

/// Where an analysis stands. Stored forms keep every bit of a float.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Of a generalised linear model.
    Glm(GlmState),
    /// Of federated averaging.
    FedAvg(FedAvgState),
    /// Of a sum of random vectors.
    Vector(VectorState),
}

impl State {
    /// Digest over every field, floats by their bits.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::State);
        match self {
            State::Glm(state) => state.hash_into(hasher.part("glm")),
            State::FedAvg(state) => state.hash_into(hasher.part("fedavg")),
            State::Vector(state) => state.hash_into(hasher.part("vector")),
        }
        .finish()
    }

    /// What the next round does, in a word for people: `newton`, `count`, `train`, `evaluate` or
    /// `sum`.
    #[must_use]
    pub fn step_name(&self) -> &'static str {
        match self {
            State::Glm(_) => "newton",
            State::FedAvg(state) => match state.phase {
                Phase::Count => "count",
                Phase::Train => "train",
                Phase::Evaluate => "evaluate",
            },
            State::Vector(_) => "sum",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glm::Units;

    fn glm(beta: f64) -> State {
        let mut state = GlmState::start(Units { features: vec![3, -2], outcome: 0 });
        state.point = Some(crate::glm::Point { beta: vec![beta, 0.1, -0.0], centre: 0.5 });
        State::Glm(state)
    }

    #[test]
    fn one_bit_changes_the_digest() {
        assert_eq!(glm(1.0).digest(), glm(1.0).digest());
        assert_ne!(glm(1.0).digest(), glm(1.0_f64.next_up()).digest());
        assert_ne!(glm(0.0).digest(), glm(-0.0).digest());
    }

    #[test]
    fn storing_keeps_every_bit() {
        for beta in [0.1 + 0.2, -0.0, 5e-324, 1e300 / 3.0] {
            let text = serde_json::to_string(&glm(beta)).unwrap();
            let back: State = serde_json::from_str(&text).unwrap();
            assert_eq!(back.digest(), glm(beta).digest());
        }
    }
}
