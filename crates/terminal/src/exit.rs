//! How a command ends: exit codes, and errors with what to do next.

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// The exit codes, as `--help` lists them. Code 2 is clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for is done.
    Done = 0,
    /// The program contradicts itself, or the system failed it.
    Internal = 1,
    /// The study cannot be read, or is wrong.
    Study = 3,
    /// The data cannot be used.
    Data = 4,
    /// The federation refused, had too few sites, or gave up.
    Refused = 5,
    /// The analysis ended without an estimate.
    NoEstimate = 6,
    /// A file or folder cannot be written or read, or is in use: state folders too.
    Output = 7,
    /// The other end cannot be reached: network, TLS, a daemon that is not running.
    Unreachable = 8,
    /// Denied: invitation, certificate, credential or charter.
    Denied = 9,
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
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
    details: Vec<String>,
    next: Option<String>,
}

impl Failure {
    /// A failure that ends the command with this code.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), details: Vec::new(), next: None }
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// Adds lines of detail, of which the first few are shown.
    #[must_use]
    pub fn details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// A failure to write a file or to stdout.
    #[must_use]
    pub fn output(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Output, error)
    }

    /// The code with which the command ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether whoever reads our output went away: then there is nobody to tell.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        let broken = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
        self.error.chain().any(|cause| cause.downcast_ref().is_some_and(broken))
    }

    /// The whole chain of causes, and what to do next.
    #[must_use]
    pub fn text(&self) -> String {
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
