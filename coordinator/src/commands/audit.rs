//! `audit show` and `audit verify`: from the folder, also while the coordinator runs.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use ripieno_audit::{Report, verify};
use ripieno_files::{Contents, read_records};
use ripieno_identity::PublicKey;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, moment};
use serde_json::{Value, json};

use super::ShowArgs;
use crate::folder::Folder;
use crate::keys;
use crate::log::LIMITS;

/// A command about the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prints the last entries
    Show(ShowLogArgs),
    /// Verifies every entry and signature
    Verify(ShowArgs),
}

/// The arguments of `audit show`.
#[derive(Debug, Args)]
pub struct ShowLogArgs {
    /// How many entries
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// Only entries of this kind, such as membership or round
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn run(command: &AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Show(args) => show(args),
        AuditCommand::Verify(args) => check(args),
    }
}

fn show(args: &ShowLogArgs) -> Result<Exit, Failure> {
    let (contents, _) = read(&args.show.folder.folder())?;
    let entry = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).ok();
    let wanted = |entry: &Value| args.kind.as_deref().is_none_or(|kind| entry["kind"] == kind);
    let entries: Vec<_> = contents.records.iter().filter_map(entry).filter(wanted).collect();
    let shown = entries.get(entries.len().saturating_sub(args.last)..).unwrap_or_default();
    if args.show.json {
        json_to_stdout(&json!({ "entries": shown }))?;
    } else {
        for entry in shown {
            line_to_stdout(&line(entry))?;
        }
    }
    Ok(Exit::Done)
}

fn check(args: &ShowArgs) -> Result<Exit, Failure> {
    let (contents, key) = read(&args.folder.folder())?;
    let report = verify(&contents.records, &key);
    if args.json {
        json_to_stdout(&json!({
            "sound": report.fault.is_none(), "entries": report.entries,
            "signatures": report.signed_heads, "unsigned": report.unsigned(),
            "head": report.head(), "fault": report.fault.as_ref().map(ToString::to_string),
        }))?;
    }
    if let Some(fault) = &report.fault {
        return Err(Failure::new(Exit::Output, anyhow!("{fault}"))
            .next("keep a copy of the log, and look who could write it"));
    }
    if !args.json {
        line_to_stdout(&sound(&report))?;
    }
    Ok(Exit::Done)
}

fn read(folder: &Folder) -> Result<(Contents, PublicKey), Failure> {
    let failed = |error| Failure::new(Exit::Output, error);
    let key = keys::read(folder).map_err(failed)?.public();
    Ok((read_records(&folder.audit(), LIMITS).map_err(failed)?, key))
}

fn sound(report: &Report) -> String {
    format!(
        "The log is sound: {} entries, {} of them signed; {} after the last signature.\n  head {}",
        report.entries,
        report.signed_heads,
        report.unsigned(),
        report.head()
    )
}

fn line(entry: &Value) -> String {
    let fields = entry["fields"].as_object();
    let fields = fields.into_iter().flatten().filter(|(name, _)| *name != "what");
    let fields = fields.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("")));
    let what = entry["fields"].get("what").and_then(Value::as_str).unwrap_or("");
    let kind = entry["kind"].as_str().unwrap_or("");
    let rest: Vec<_> = fields.collect();
    let text = format!(
        "{:>6}  {}  {kind} {what}  {}",
        entry["number"],
        entry["time"].as_u64().map(moment).unwrap_or_default(),
        rest.join(" ")
    );
    text.trim_end().to_owned()
}
