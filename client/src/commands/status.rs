//! `status`.

use std::path::Path;

use ripieno_rpc::{StewardStatusRequest, StewardStatusResponse};
use ripieno_terminal::{Exit, Failure, Style, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::local::{daemon, said};
use super::{ShowArgs, wait_for};
use crate::clock::date;
use crate::program;

pub(super) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let status = wait_for(async {
        let mut daemon = daemon(&args.dir).await?;
        let status = daemon.status(StewardStatusRequest {}).await;
        status.map(tonic::Response::into_inner).map_err(|status| said(&status))
    })?;
    if args.json {
        json_to_stdout(&as_json(&status))?;
    } else {
        line_to_stdout(&text(&status, &args.dir))?;
    }
    Ok(Exit::Done)
}

fn text(status: &StewardStatusResponse, dir: &Path) -> String {
    let style = Style::of_stdout();
    let mut lines = vec![style.bold(format!("{} in {}", status.site, named(&status.federation)))];
    let mut line = |name: &str, value: String| lines.push(format!("  {name:<12} {value}"));
    let through =
        if status.proxy.is_empty() { String::new() } else { format!(" through {}", status.proxy) };
    line("coordinator", format!("{}{through}", named(&status.coordinator)));
    line("connection", connection(status));
    if !status.problem.is_empty() {
        line("", status.problem.clone());
    }
    line("ready", if is_ready(status) { "yes" } else { "no" }.into());
    line("charter", charter(status, dir));
    line("epoch", status.epoch.map_or_else(|| "none yet".into(), |epoch| epoch.to_string()));
    let (running, pending) = (status.studies_running, status.studies_pending);
    line("studies", format!("{running} running, {pending} waiting for the steward"));
    line("data sets", named(&status.data_sets.join(", ")));
    if status.certificate_ends > 0 {
        line("certificate", format!("ends on {}", date(status.certificate_ends)));
    }
    let (ledger, audit) = (status.ledger_records, status.audit_entries);
    line("records", format!("{ledger} in the ledger, {audit} in the logs"));
    line("program", format!("{}, up {}", status.program, hours(status.up_seconds)));
    if !status.trouble.is_empty() {
        line(&style.bad("silent"), status.trouble.clone());
    }
    for slot in &status.unresolved {
        line("unresolved", slot.clone());
    }
    if !status.unresolved.is_empty() {
        line("", format!("next: {} slot list --dir {}", program(), dir.display()));
    }
    let under_way = status.slots.iter().filter(|slot| slot.under_way).count();
    if under_way > 0 {
        line("under way", format!("{under_way} of this site's slots, resolved by themselves"));
    }
    for alarm in &status.alarms {
        line(&style.bad("alarm"), alarm.clone());
    }
    lines.join("\n")
}

/// Whether it takes part when a round comes.
fn is_ready(status: &StewardStatusResponse) -> bool {
    status.trouble.is_empty() && status.charter_version > 0 && status.connection == "connected"
}

fn named(text: &str) -> String {
    if text.is_empty() { "none yet".into() } else { text.to_owned() }
}

fn connection(status: &StewardStatusResponse) -> String {
    match status.connection.as_str() {
        "waiting" => format!("waiting, next attempt in {} s", status.next_attempt_seconds),
        other => other.to_owned(),
    }
}

fn charter(status: &StewardStatusResponse, dir: &Path) -> String {
    let held = match status.charter_version {
        0 => "none yet".to_owned(),
        version => format!("version {version}, this is site {}", status.index),
    };
    if status.charter_to_sign {
        let dir = dir.display();
        format!("{held}; one waits for your signature: {} charter show --dir {dir}", program())
    } else {
        held
    }
}

fn hours(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn as_json(status: &StewardStatusResponse) -> serde_json::Value {
    json!({
        "site": status.site,
        "federation": status.federation,
        "program": status.program,
        "up_seconds": status.up_seconds,
        "coordinator": status.coordinator,
        "proxy": status.proxy,
        "ready": is_ready(status),
        "connection": status.connection,
        "problem": status.problem,
        "next_attempt_seconds": status.next_attempt_seconds,
        "charter_version": status.charter_version,
        "index": status.index,
        "charter_to_sign": status.charter_to_sign,
        "epoch": status.epoch,
        "ledger_records": status.ledger_records,
        "audit_entries": status.audit_entries,
        "studies_running": status.studies_running,
        "studies_pending": status.studies_pending,
        "certificate_ends": status.certificate_ends,
        "unresolved": status.unresolved,
        "slots_under_way": status.slots.iter().filter(|slot| slot.under_way).count(),
        "trouble": (!status.trouble.is_empty()).then_some(&status.trouble),
        "alarms": status.alarms,
        "data_sets": status.data_sets,
    })
}
