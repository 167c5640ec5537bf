//! What is printed: on stdout with errors as values, never with a panic when a reader goes away.

mod result;
mod style;
mod tables;

pub(crate) use result::{Results, RoundOut, name_of, refusals, rounds};
pub(crate) use style::Style;
pub(crate) use tables::{bytes, figure, human, percent, table, wrap};

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// Prints a text and a line end.
pub(crate) fn line_to_stdout(text: &str) -> Result<(), Failure> {
    bytes_to_stdout(format!("{text}\n").as_bytes())
}

/// Prints bytes.
pub(crate) fn bytes_to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::output)
}

/// Prints one JSON object.
pub(crate) fn json_to_stdout(value: &impl Serialize) -> Result<(), Failure> {
    line_to_stdout(&json(value)?)
}

/// JSON with line ends, for people as well as programs.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Internal, error))
}

/// Prints a line on stderr. Where nobody reads it there is nobody to tell.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
