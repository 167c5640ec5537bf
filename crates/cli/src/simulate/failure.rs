//! What a failed simulation is to whoever started it.

use ripieno_simulation::SimulationError;
use ripieno_terminal::{Exit, Failure};

/// With the exit code, and what to do next.
pub(crate) fn failure(error: SimulationError) -> Failure {
    let (exit, next) = match &error {
        SimulationError::Folder { .. } => (Exit::Data, "check the path and its permissions"),
        SimulationError::Table(_) => (Exit::Data, "correct the file, and run again"),
        SimulationError::Name { .. } => (Exit::Data, "rename the file, and run again"),
        SimulationError::Data { .. } => {
            (Exit::Data, "correct the file or the study, and run again; nothing was summed")
        }
        SimulationError::Sites(_) | SimulationError::Charter(_) => {
            (Exit::Refused, "change [aggregation] in the study, or the number of sites")
        }
        SimulationError::Study { .. } => {
            (Exit::Refused, "change what the sites object to; nothing was summed")
        }
        SimulationError::GivenUp { .. } => {
            (Exit::Refused, "try a lower --drop, more sites, or another --seed")
        }
        _ => (Exit::Internal, "please report this, with the study and the command"),
    };
    let details = match &error {
        SimulationError::GivenUp { refusals, .. } => refusals.clone(),
        _ => Vec::new(),
    };
    Failure::new(exit, error).next(next).details(details)
}
