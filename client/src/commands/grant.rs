//! `grant`, `revoke`, `grants`: what the owners of data sets allow.

use clap::Args;
use ripieno_access::{Grant, Grantee};
use ripieno_audit::Event;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout, table};
use serde_json::{Value, json};

use super::data::reload;
use super::local::{daemon_if_running, no_site};
use super::{ShowArgs, StewardArgs, wait_for};
use crate::clock::{date, now};
use crate::config::Config;
use crate::{gate, grants, program, state};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// What is granted, and to whom.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: ripieno site grant heart --role researcher --column age --days 90 \
    --steward \"Grace\"\n\nThe owner of a data set is named in policy.toml: docs/policy.md"
)]
pub struct GrantArgs {
    /// The data set
    #[arg(value_name = "DATA_SET")]
    dataset: String,
    /// To the researcher with this public key: 64 hexadecimal digits
    #[arg(long, value_name = "HEX", required_unless_present = "role", conflicts_with = "role")]
    key: Option<String>,
    /// To every researcher of this role
    #[arg(long, value_name = "TEXT")]
    role: Option<String>,
    /// This column alone [default: all columns]
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// For how many days [default: until it is revoked]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: Option<u32>,
    #[command(flatten)]
    owner: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// What is taken back.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The grant's number, as `grants` lists it
    #[arg(value_name = "NUMBER")]
    number: u64,
    #[command(flatten)]
    owner: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn give(args: &GrantArgs) -> Result<Exit, Failure> {
    let config = load(&args.show)?;
    let by = args.owner.name();
    check_owner(&config, &args.dataset, &by)?;
    let to = match (&args.key, &args.role) {
        (Some(key), _) => Grantee::Researcher(key.to_lowercase()),
        (None, role) => Grantee::Role(role.clone().unwrap_or_default()),
    };
    let since = now();
    let grant = Grant {
        number: 0,
        owner: by,
        dataset: args.dataset.clone(),
        column: args.column.clone(),
        to,
        since,
        expires: args.days.map(|days| since.saturating_add(u64::from(days) * DAY)),
    };
    let given = grants::change(
        &config.layout,
        |grants| grants.give(grant).cloned(),
        |events| note(&config, events),
    )?;
    let reloaded = wait_for(reload(&args.show.dir))?;
    if args.show.json {
        json_to_stdout(&json!({ "grant": as_json(&given), "reloaded": reloaded }))?;
    } else {
        line_to_stdout(&format!("Grant {}: {}", given.number, words(&given)))?;
    }
    Ok(Exit::Done)
}

pub(super) fn revoke(args: &RevokeArgs) -> Result<Exit, Failure> {
    let config = load(&args.show)?;
    let (policy, by) = (gate::policy(&config)?, args.owner.name());
    let revoked = grants::change(
        &config.layout,
        |grants| {
            let of_today = |grant: &Grant| policy.owner(&grant.dataset) == Some(by.as_str());
            grants.revoke(args.number, &by, of_today)
        },
        |events| note(&config, events),
    )?;
    let reloaded = wait_for(reload(&args.show.dir))?;
    if args.show.json {
        json_to_stdout(&json!({ "revoked": as_json(&revoked), "reloaded": reloaded }))?;
    } else {
        line_to_stdout(&format!("Grant {} is taken back: {}", revoked.number, words(&revoked)))?;
    }
    Ok(Exit::Done)
}

pub(super) fn list(show: &ShowArgs) -> Result<Exit, Failure> {
    let grants = grants::read(&load(show)?.layout)?;
    if show.json {
        let all: Vec<_> = grants.all().map(as_json).collect();
        json_to_stdout(&json!({ "grants": all }))?;
        return Ok(Exit::Done);
    }
    if grants.all().next().is_none() {
        line_to_stdout("Nobody has granted anything.")?;
        return Ok(Exit::Done);
    }
    let rows = grants.all().map(|grant| {
        [
            grant.number.to_string(),
            grant.dataset.clone(),
            grant.column.clone().unwrap_or_else(|| "all".into()),
            grants::grantee(&grant.to),
            grant.owner.clone(),
            grant.expires.map_or_else(|| "never".into(), date),
        ]
    });
    line_to_stdout(&table(&["grant", "data set", "column", "to", "by", "ends"], rows))?;
    Ok(Exit::Done)
}

fn load(show: &ShowArgs) -> Result<Config, Failure> {
    Config::load(&show.dir).map_err(|error| no_site(&show.dir, error))
}

/// A grant of anybody else would grant nothing.
fn check_owner(config: &Config, dataset: &str, by: &str) -> Result<(), Failure> {
    let policy = gate::policy(config)?;
    let (said, next) = match policy.owner(dataset) {
        Some(owner) if owner == by => return Ok(()),
        Some(_) => (
            format!("{by} is not the owner of the data set {dataset:?}"),
            format!("{} grant {dataset} --steward OWNER …    (its owner)", program()),
        ),
        None => (
            format!("the data set {dataset:?} has no owner in the policy"),
            format!("write owner = \"{by}\" into its rules in {}", config.policy().display()),
        ),
    };
    Err(Failure::new(Exit::Refused, anyhow::anyhow!(said)).next(next))
}

/// Into the log of people: a running daemon does it when it reads the grants again.
fn note(config: &Config, events: &[Event]) -> Result<(), Failure> {
    let dir = config.layout.dir();
    let runs = wait_for(async { Ok(daemon_if_running(dir).await.is_some()) })?;
    if runs { Ok(()) } else { state::note(&config.layout, events.to_vec()) }
}

fn words(grant: &Grant) -> String {
    let column = grant.column.as_deref().map_or("all columns".into(), |c| format!("column {c:?}"));
    let end = grant.expires.map_or_else(String::new, |end| format!(", until {}", date(end)));
    format!("{column} of {:?} for {}{end}", grant.dataset, grants::grantee(&grant.to))
}

fn as_json(grant: &Grant) -> Value {
    let (key, role) = match &grant.to {
        Grantee::Researcher(key) => (Some(key), None),
        Grantee::Role(role) => (None, Some(role)),
    };
    json!({
        "number": grant.number,
        "owner": grant.owner,
        "data_set": grant.dataset,
        "column": grant.column,
        "key": key,
        "role": role,
        "since": grant.since,
        "expires": grant.expires,
    })
}
