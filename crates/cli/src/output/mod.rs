//! Results: as JSON, as people read them, and as files.

mod charter;
mod fit;
mod folder;
mod model;
mod result;
mod summary;

pub(crate) use charter::{FILE as CHARTER, charter};
pub(crate) use folder::{OutFolder, RECEIPTS, RESULT};
pub(crate) use model::{FILE as MODEL, bytes as model};
pub(crate) use result::{Protection, Results, Round, SiteTraffic, Voided};
pub(crate) use summary::text;

use std::fmt::Write as _;

use ripieno_analysis::Report;
use ripieno_terminal::{Exit, Failure};

/// How a command ends that has a result.
pub(crate) fn exit_of(report: &Report) -> Exit {
    match report {
        Report::Glm(report) if !report.converged => Exit::NoEstimate,
        _ => Exit::Done,
    }
}

/// A file's text: JSON with a line end.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(ripieno_terminal::json(value)? + "\n")
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
