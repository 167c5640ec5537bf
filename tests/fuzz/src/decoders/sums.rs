//! What coordinator and sites compute from opened sums, and the stored form of where they stand.

use std::sync::LazyLock;

use ripieno_analysis::{Analysis, NamedVector, State, Step, Sums, for_study};
use ripieno_study::Study;

use crate::common::studies::{fedavg, glm, vector};
use crate::input::Input;

/// How many rounds are played at the most.
const ROUNDS: usize = 6;

/// The analyses of studies of each kind.
pub(crate) static STUDIES: LazyLock<Vec<Box<dyn Analysis>>> = LazyLock::new(|| {
    let gaussian = glm("").replace("binomial", "gaussian");
    let poisson = glm("").replace("binomial", "poisson");
    let texts = [glm(""), gaussian, poisson, fedavg(""), vector(5, 2, "")];
    let analysis = |text: &String| {
        let study = Study::parse(text).expect("a study");
        for_study(study.manifest()).expect("an analysis")
    };
    texts.iter().map(analysis).collect()
});

/// A state, its own or a stored one, and sums of any values.
pub fn sums(data: &[u8]) {
    let mut input = Input::new(data);
    let analysis = &STUDIES[input.below(STUDIES.len())];
    let survivors = usize::from(input.byte());
    let mut state = match serde_json::from_slice::<State>(input.part()) {
        Ok(state) => state,
        Err(_) => analysis.initial(),
    };
    for _ in 0..ROUNDS {
        let stored = serde_json::to_vec(&state).expect("a state can be stored");
        let again: State = serde_json::from_slice(&stored).expect("a stored state can be read");
        assert_eq!(again.digest(), state.digest(), "storing has changed a state");
        let Ok(specs) = analysis.inputs(&state) else { return };
        let vectors = specs.iter().map(|spec| {
            let values = (0..spec.length).map(|_| input.float()).collect();
            NamedVector::new(&spec.name, values)
        });
        match analysis.combine(&state, &Sums::new(vectors.collect()), survivors) {
            Ok(Step::Continue { state: next, .. }) => state = next,
            Ok(Step::Done(report)) => {
                serde_json::to_string(&report).expect("a report can be written");
                return;
            }
            Err(_) => return,
        }
    }
}
