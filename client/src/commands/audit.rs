//! `audit`: what the site decided, and what its people did. Works while the daemon runs, and on a
//! copy.

use std::sync::Arc;

use clap::Subcommand;
use ripieno_audit::{AuditLog, Entry, MemoryStorage, Report, verify};
use ripieno_client_engine::ENTRIES_PER_SIGNATURE;
use ripieno_files::{FileError, read_records};
use ripieno_identity::SigningKey;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::ShowArgs;
use super::local::no_site;
use crate::clock::date;
use crate::config::Config;
use crate::state::{limits, signing_key};

/// What can be done with the logs.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Shows the entries of both logs, oldest first
    Show {
        /// Only the last so many
        #[arg(long, value_name = "N")]
        last: Option<usize>,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Verifies both logs from their first entry on
    Verify(ShowArgs),
}

/// A log that was read and verified.
struct Log {
    name: &'static str,
    report: Report,
    entries: Vec<Entry>,
    torn: bool,
}

pub(super) fn run(command: &AuditCommand) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Show { last, show: args } => show(*last, args),
        AuditCommand::Verify(args) => verified(args),
    }
}

fn show(last: Option<usize>, args: &ShowArgs) -> Result<Exit, Failure> {
    let mut entries: Vec<_> = read(args)?
        .into_iter()
        .flat_map(|log| log.entries.into_iter().map(move |entry| (log.name, entry)))
        .collect();
    entries.sort_by_key(|(_, entry)| entry.time);
    let skipped = entries.len().saturating_sub(last.unwrap_or(usize::MAX));
    let shown = entries.iter().skip(skipped);
    if args.json {
        let entries: Vec<_> = shown.map(|(log, entry)| as_json(log, entry)).collect();
        json_to_stdout(&json!({ "entries": entries }))?;
        return Ok(Exit::Done);
    }
    for (_, entry) in shown {
        let fields: Vec<_> =
            entry.fields.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        line_to_stdout(&format!(
            "{}  {:<15} {}",
            date(entry.time),
            entry.kind.name(),
            fields.join(" ")
        ))?;
    }
    Ok(Exit::Done)
}

fn verified(args: &ShowArgs) -> Result<Exit, Failure> {
    let logs = read(args)?;
    let bad: Vec<String> = logs
        .iter()
        .filter_map(|log| log.report.fault.as_ref().map(|fault| format!("{}: {fault}", log.name)))
        .collect();
    if args.json {
        let logs: Vec<_> = logs.iter().map(report).collect();
        json_to_stdout(&json!({ "logs": logs, "sound": bad.is_empty() }))?;
    } else {
        for log in &logs {
            let report = &log.report;
            let torn = if log.torn { ", one more is being written" } else { "" };
            line_to_stdout(&format!(
                "{}: {} entries{torn}, {} after the last signature\n  head {}",
                log.name,
                report.entries,
                report.unsigned(),
                report.head()
            ))?;
        }
    }
    if bad.is_empty() {
        return Ok(Exit::Done);
    }
    let error = anyhow::anyhow!("the site's record was altered, or is damaged");
    Err(Failure::new(Exit::Output, error)
        .details(bad)
        .next("keep a copy of the folder, and compare it with the backup"))
}

fn read(args: &ShowArgs) -> Result<Vec<Log>, Failure> {
    let config = Config::load(&args.dir).map_err(|error| no_site(&args.dir, error))?;
    let key = Arc::new(signing_key(&config.layout)?);
    let files = [("audit.log", config.layout.audit()), ("people.log", config.layout.people())];
    let read = |(name, path): (&'static str, std::path::PathBuf)| {
        let contents = read_records(&path, limits::AUDIT).map_err(|error| match error {
            FileError::Damaged { .. } => {
                let next = "keep a copy of the folder, and compare it with the backup";
                Failure::output(error).next(next)
            }
            other => Failure::output(other),
        })?;
        let report = verify(&contents.records, &key.public());
        let sound = usize::try_from(report.entries).unwrap_or(usize::MAX);
        let entries = entries(contents.records.into_iter().take(sound).collect(), &key)?;
        Ok(Log { name, report, entries, torn: contents.torn.is_some() })
    };
    files.into_iter().map(read).collect()
}

/// The entries of sound records.
fn entries(records: Vec<Vec<u8>>, key: &Arc<SigningKey>) -> Result<Vec<Entry>, Failure> {
    let storage = MemoryStorage::from(records);
    let log = AuditLog::open(storage, key.clone(), ENTRIES_PER_SIGNATURE);
    let log = log.map_err(|error| Failure::new(Exit::Output, error))?;
    log.entries(1..u64::MAX).map_err(|error| Failure::new(Exit::Output, error))
}

fn report(log: &Log) -> serde_json::Value {
    json!({
        "log": log.name,
        "entries": log.report.entries,
        "unsigned": log.report.unsigned(),
        "head": log.report.head().digest.to_string(),
        "fault": log.report.fault.as_ref().map(ToString::to_string),
    })
}

fn as_json(log: &str, entry: &Entry) -> serde_json::Value {
    json!({
        "log": log,
        "number": entry.number,
        "time": entry.time,
        "kind": entry.kind,
        "fields": entry.fields,
        "digest": entry.digest.to_string(),
    })
}
