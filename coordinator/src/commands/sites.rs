//! `sites`.

use ripieno_rpc::{OperatorSite, SitesRequest};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table};
use serde_json::json;

use super::office::{connect, refused};
use super::{ShowArgs, block_on};
use crate::clock::unix_now;

pub(super) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let response = block_on(async {
        connect(&args.folder).await?.sites(SitesRequest {}).await.map_err(refused)
    })?;
    let sites = response.into_inner().sites;
    if args.json {
        let sites: Vec<_> = sites.iter().map(as_json).collect();
        json_to_stdout(&json!({ "sites": sites }))?;
    } else if sites.is_empty() {
        line_to_stdout(&format!("No site was invited yet: {} invite SITE", crate::program()))?;
    } else {
        let header = [
            "site",
            "standing",
            "index",
            "there",
            "address",
            "program",
            "clock",
            "certificate",
            "seen",
        ];
        line_to_stdout(&table(&header, sites.iter().map(row)))?;
    }
    Ok(Exit::Done)
}

fn as_json(site: &OperatorSite) -> serde_json::Value {
    json!({
        "name": site.name, "standing": site.standing, "index": site.index,
        "present": site.present, "address": site.address, "program": site.program,
        "clock_offset": site.clock_offset, "certificate_ends": site.certificate_ends,
        "seen": site.seen, "charter_version": site.charter_version,
        "ledger_behind": site.ledger_behind,
    })
}

fn row(site: &OperatorSite) -> [String; 9] {
    let dash = |text: String, there: bool| if there { text } else { "–".to_owned() };
    [
        site.name.clone(),
        standing(site),
        dash(site.index.to_string(), site.index > 0),
        if site.present { "yes" } else { "no" }.to_owned(),
        dash(site.address.clone(), site.present),
        dash(site.program.clone(), site.present),
        dash(format!("{:+} s", site.clock_offset), site.seen > 0),
        dash(until(site.certificate_ends), site.certificate_ends > 0),
        dash(since(site.seen), site.seen > 0),
    ]
}

fn standing(site: &OperatorSite) -> String {
    match site.ledger_behind {
        true => format!("{}, old ledger", site.standing),
        false => site.standing.clone(),
    }
}

/// How long until a time, in words.
pub(super) fn until(time: u64) -> String {
    match time.checked_sub(unix_now()) {
        Some(seconds) if seconds > 0 => format!("in {}", span(seconds)),
        _ => "ended".to_owned(),
    }
}

fn since(time: u64) -> String {
    match unix_now().saturating_sub(time) {
        0..=5 => "now".to_owned(),
        seconds => format!("{} ago", span(seconds)),
    }
}

/// A span of time in its largest unit.
pub(super) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3600, "h"), (60, "min")];
    match UNITS.iter().find(|(unit, _)| seconds >= 2 * *unit) {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}
