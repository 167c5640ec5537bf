//! One step of an examination.

use ripieno_terminal::Exit;
use serde_json::json;

/// What was tried, and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) tried: String,
    pub(super) outcome: Outcome,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Bad {
        problem: String,
        /// What to do.
        advice: String,
        /// Words for the network team, where it is theirs to mend.
        ask: Option<String>,
        exit: Exit,
    },
    /// It rests on a step that failed, or is somebody else's to try.
    NotTried,
}

impl Step {
    pub(super) fn good(name: &'static str, tried: impl Into<String>) -> Self {
        Self { name, tried: tried.into(), outcome: Outcome::Good }
    }

    pub(super) fn not_tried(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, tried: why.into(), outcome: Outcome::NotTried }
    }

    pub(super) fn bad(
        name: &'static str,
        tried: impl Into<String>,
        exit: Exit,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (problem, advice) = (problem.into(), advice.into());
        let outcome = Outcome::Bad { problem, advice, ask: None, exit };
        Self { name, tried: tried.into(), outcome }
    }

    /// Adds words for the network team.
    pub(super) fn asking(mut self, words: Option<String>) -> Self {
        if let Outcome::Bad { ask, .. } = &mut self.outcome {
            *ask = words;
        }
        self
    }

    /// The exit code of a step that failed.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.outcome {
            Outcome::Bad { exit, .. } => Some(exit),
            Outcome::Good | Outcome::NotTried => None,
        }
    }

    pub(super) fn as_json(&self) -> serde_json::Value {
        let (ok, problem, advice, ask) = match &self.outcome {
            Outcome::Good => (Some(true), None, None, None),
            Outcome::NotTried => (None, None, None, None),
            Outcome::Bad { problem, advice, ask, .. } => {
                (Some(false), Some(problem), Some(advice), ask.as_ref())
            }
        };
        json!({
            "step": self.name,
            "ok": ok,
            "tried": self.tried,
            "problem": problem,
            "advice": advice,
            "network_team": ask,
        })
    }
}
