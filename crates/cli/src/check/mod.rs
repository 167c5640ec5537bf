//! `ripieno study check`: what a study would do, or what is wrong with it.

mod facts;
mod text;

use std::path::Path;

use ripieno_study::Study;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::simulate::{read_text, wrong_study};

use facts::Facts;

/// Reads the study and tells.
pub(crate) fn run(path: &Path, as_json: bool) -> Result<Exit, Failure> {
    let text = read_text(path)?;
    let study = match Study::parse(&text) {
        Ok(study) => study,
        Err(error) => {
            if as_json {
                output::json_to_stdout(&json!({
                    "ok": false, "file": path, "line": error.line, "column": error.column,
                    "reason": error.reason,
                }))?;
            }
            return Err(wrong_study(path, &error));
        }
    };
    let facts = Facts::of(&study)?;
    if as_json {
        output::json_to_stdout(&facts)?;
    } else {
        output::line_to_stdout(&text::of(&study, &facts))?;
    }
    Ok(Exit::Done)
}
