//! How a command ends: exit codes, and errors with what to do next.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use ripieno_simulation::SimulationError;

/// The exit codes, as `--help` lists them. Code 2 is clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Internal = 1,
    Study = 3,
    Data = 4,
    Refused = 5,
    NoEstimate = 6,
    Output = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Lines of detail that an error shows.
const MOST_DETAILS: usize = 10;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    details: Vec<String>,
    next: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), details: Vec::new(), next: None }
    }

    /// Says what to do next.
    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// A failure to write a file or to stdout.
    pub(crate) fn output(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Output, error)
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether whoever reads our output went away: then there is nobody to tell.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let broken = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
        self.error.chain().any(|cause| cause.downcast_ref().is_some_and(broken))
    }

    /// The whole chain of causes, and what to do next.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}", self.error);
        let mut last = self.error.to_string();
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            // Many errors show their source already.
            if !last.contains(&cause) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\n  because: {cause}");
            }
            last = cause;
        }
        for detail in self.details.iter().take(MOST_DETAILS) {
            let _ = write!(text, "\n  {detail}");
        }
        let more = self.details.len().saturating_sub(MOST_DETAILS);
        if more > 0 {
            let _ = write!(text, "\n  and {more} more");
        }
        if let Some(next) = &self.next {
            let _ = write!(text, "\n  next: {next}");
        }
        text
    }
}

impl From<SimulationError> for Failure {
    fn from(error: SimulationError) -> Self {
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
        Self { details, ..Self::new(exit, error).next(next) }
    }
}
