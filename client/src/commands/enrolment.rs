//! `enroll`, as it is typed.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, to_stderr};
use zeroize::Zeroizing;

use super::{read_text, wait_for};
use crate::clock::date;
use crate::program;

/// The longest invitation, in bytes.
const MAX_TEXT: u64 = 16 << 10;

/// What `enroll` is told.
#[derive(Debug, clap::Args)]
pub struct EnrollArgs {
    /// The invitation; without it and without --file it is read from stdin, where it does not show
    /// in the list of processes
    #[arg(value_name = "INVITATION", conflicts_with = "file")]
    invitation: Option<String>,
    /// Read the invitation from this file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The site's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &EnrollArgs) -> Result<Exit, Failure> {
    let text = match &args.invitation {
        Some(text) => Zeroizing::new(text.clone()),
        None => {
            if args.file.is_none() && std::io::stdin().is_terminal() {
                to_stderr("Paste the invitation, then Ctrl-D:");
            }
            read_text(args.file.as_deref(), MAX_TEXT)?
        }
    };
    let enrolled = wait_for(async { crate::enroll(&args.dir, &text).await.map_err(Into::into) })?;
    if args.json {
        json_to_stdout(&serde_json::json!({
            "site": enrolled.site,
            "federation": enrolled.federation,
            "coordinator": enrolled.coordinator,
            "certificate_ends": enrolled.certificate_ends,
            "again": enrolled.again,
        }))?;
        return Ok(Exit::Done);
    }
    let (program, dir) = (program(), args.dir.display());
    let then = if enrolled.again {
        "Charters, ledger and studies are as they were; certificates before this one count no more."
            .to_owned()
    } else {
        format!(
            "then: {program} charter show --dir {dir}    (when the operator has proposed the charter)"
        )
    };
    line_to_stdout(&format!(
        "{} is enrolled in the federation {} at {}.\n\
         Its certificate ends on {} and is renewed before.\n\n\
         next: {program} run --dir {dir}    (or the service: systemctl start ripieno-site)\n\
         {then}",
        enrolled.site,
        enrolled.federation,
        enrolled.coordinator,
        date(enrolled.certificate_ends),
    ))?;
    Ok(Exit::Done)
}
