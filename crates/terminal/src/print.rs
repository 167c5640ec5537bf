//! Output on stdout with errors as values: never a panic when a reader goes away.

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// Prints a text and a line end.
///
/// # Errors
/// [`Failure::output`] where stdout takes no more, [`Failure::is_broken_pipe`] among it.
pub fn line_to_stdout(text: &str) -> Result<(), Failure> {
    bytes_to_stdout(format!("{text}\n").as_bytes())
}

/// Prints bytes.
///
/// # Errors
/// [`Failure::output`] where stdout takes no more, [`Failure::is_broken_pipe`] among it.
pub fn bytes_to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::output)
}

/// Prints one JSON object.
///
/// # Errors
/// As [`line_to_stdout`] and [`json`].
pub fn json_to_stdout(value: &impl Serialize) -> Result<(), Failure> {
    line_to_stdout(&json(value)?)
}

/// JSON with line ends, for people as well as programs.
///
/// # Errors
/// With [`Exit::Internal`] where the value has no form in JSON.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Internal, error))
}

/// Prints a line on stderr. Where nobody reads it there is nobody to tell.
pub fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
