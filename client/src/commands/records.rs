//! `records`: the files of a site's folder, where one is gone or changed and no copy is left.

use clap::Subcommand;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::local::no_site;
use super::{ShowArgs, StewardArgs};
use crate::config::Config;
use crate::program;
use crate::state::accept;

const EXPLAINED: &str = "\
A site does not start where a file is gone, changed or an older copy, for it would forget what it \
promised. Restore the newest copy. Only where there is none, and the daemon is stopped: this takes the \
files for what they are now, and writes down which they were. The site's key, its label, what it signed, \
its last epoch, ledger, witness and logs are never taken so: without them it comes back as a new site.";

/// What can be done with the files.
#[derive(Debug, Subcommand)]
pub enum RecordsCommand {
    /// Takes files that are gone or changed for what they are now
    #[command(after_help = EXPLAINED)]
    Accept(AcceptArgs),
}

/// Who takes them, and why.
#[derive(Debug, clap::Args)]
pub struct AcceptArgs {
    /// Why there is no copy, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    steward: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(command: &RecordsCommand) -> Result<Exit, Failure> {
    let RecordsCommand::Accept(AcceptArgs { reason, steward, show }) = command;
    let config = Config::load(&show.dir).map_err(|error| no_site(&show.dir, error))?;
    let accepted = accept(&config.layout, &steward.name(), reason)?;
    if show.json {
        json_to_stdout(&json!({ "accepted": accepted }))?;
        return Ok(Exit::Done);
    }
    if accepted.is_empty() {
        line_to_stdout("Every file is what this site wrote last.")?;
    }
    for name in &accepted {
        line_to_stdout(&format!("{name}: taken for what it is now"))?;
    }
    line_to_stdout(&format!("\nnext: {} run --dir {}", program(), show.dir.display()))?;
    Ok(Exit::Done)
}
