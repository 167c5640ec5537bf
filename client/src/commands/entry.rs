//! `data show`, `rescan` and `set`: what is known of a table.

use std::path::Path;

use clap::Args;
use ripieno_catalog::entry::{Discover, Stamp};
use ripieno_catalog::{Catalog, Entry, Range};
use ripieno_rpc::{DataChange, RecordDataRequest};
use ripieno_terminal::{Exit, Failure, clean, counted, json_to_stdout, line_to_stdout, table};
use serde_json::json;

use super::data::{load, reload, told};
use super::local::{daemon_if_running, said};
use super::{ShowArgs, StewardArgs, wait_for};
use crate::clock::{date, now};
use crate::config::Config;
use crate::{catalog, lineage, program, state};

/// Changes that a daemon is told of at a time: each is a few kilobytes at most.
const AT_A_TIME: usize = 16;
/// Characters of a name that a person is shown.
const SHOWN_NAME: usize = 40;

/// Which table is shown, and to whom.
#[derive(Debug, Args)]
pub struct EntryArgs {
    /// The data set's name
    name: String,
    /// Only what researchers may learn of it
    #[arg(long)]
    as_researcher: bool,
    #[command(flatten)]
    show: ShowArgs,
}

/// Which table is read again.
#[derive(Debug, Args)]
pub struct RescanArgs {
    /// The data set's name
    name: String,
    #[command(flatten)]
    steward: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// What holds for a table.
#[derive(Debug, Args)]
#[command(after_help = "Example: ripieno site data set heart --discover names,types")]
pub struct SetArgs {
    /// The data set's name
    name: String,
    /// What researchers may learn of it: names, types, classes, size, or nothing
    #[arg(long, value_name = "WHAT", value_delimiter = ',', required = true)]
    discover: Vec<String>,
    #[command(flatten)]
    steward: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

pub(super) fn show(args: &EntryArgs) -> Result<Exit, Failure> {
    let config = load(&args.show.dir)?;
    let entry = catalog::entry(&config.layout, &args.name)?;
    if args.as_researcher {
        json_to_stdout(&entry.card())?;
    } else if args.show.json {
        json_to_stdout(&entry)?;
    } else {
        print(&entry)?;
    }
    Ok(Exit::Done)
}

pub(super) fn rescan(args: &RescanArgs) -> Result<Exit, Failure> {
    let RescanArgs { name, steward, show } = args;
    let config = load(&show.dir)?;
    let source = config.sources().into_iter().find(|source| source.name == *name);
    let Some(source) = source else {
        let error = anyhow::anyhow!("no data set {name:?} is registered");
        return Err(Failure::new(Exit::Data, error).next(format!("{} data list", program())));
    };
    let wrong = |error| Failure::new(Exit::Data, error);
    let (scanned, _) =
        Catalog::within(&lineage::read(&config.layout)?, config.roots().as_ref(), [source])
            .map_err(wrong)?;
    let set = scanned.data_set(name).map_err(wrong)?;
    let suggestions = scanned.suggest(name).map_err(wrong)?;
    let stamp = Stamp { by: steward.name(), at: now() };
    let before = catalog::read(&config.layout)?.into_iter().find(|entry| entry.name == *name);
    let mut change = DataChange { action: "data-scanned".into(), ..about(name, &stamp.by) };
    change.after = set.fingerprint().to_string();
    let (entry, changed) = match before.clone() {
        None => (Entry::new(set, &suggestions, stamp), None),
        Some(mut entry) => {
            let changed = entry.rescan(set, &suggestions, stamp);
            (entry, changed)
        }
    };
    if let Some(changed) = &changed {
        change.action = "data-changed".into();
        change.before = changed.before.to_string();
        change.detail = match changed.unconfirmed.as_slice() {
            [] => String::new(),
            columns => format!("to be confirmed: {}", columns.join(", ")),
        };
    }
    record(&config, &[change])?;
    catalog::put(&config.layout, before.as_ref(), entry.clone())?;
    let reloaded = wait_for(reload(&show.dir))?;
    if show.json {
        json_to_stdout(&json!({ "data_set": entry, "change": changed, "reloaded": reloaded }))?;
        return Ok(Exit::Done);
    }
    print(&entry)?;
    let said = match &changed {
        Some(change) => format!("The content changed: {} → {}.", change.before, change.after),
        None => "The content is what it was.".into(),
    };
    line_to_stdout(&format!("\n{said}{}", told(reloaded)))?;
    Ok(Exit::Done)
}

pub(super) fn set(args: &SetArgs) -> Result<Exit, Failure> {
    let SetArgs { name, steward, show, .. } = args;
    let config = load(&show.dir)?;
    let before = catalog::entry(&config.layout, name)?;
    let mut entry = before.clone();
    entry.discover = discover(&args.discover)?;
    let text = |entry: &Entry| {
        let Discover { names, types, classes, size } = entry.discover;
        let all = [(names, "names"), (types, "types"), (classes, "classes"), (size, "size")];
        let shown: Vec<_> = all.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        if shown.is_empty() { "nothing".to_owned() } else { shown.join(",") }
    };
    let mut change = DataChange { action: "data-set".into(), ..about(name, &steward.name()) };
    (change.before, change.after) = (text(&before), text(&entry));
    record(&config, &[change])?;
    catalog::put(&config.layout, Some(&before), entry.clone())?;
    let reloaded = wait_for(reload(&show.dir))?;
    if show.json {
        json_to_stdout(&json!({ "data_set": entry, "reloaded": reloaded }))?;
    } else {
        line_to_stdout(&format!(
            "Researchers may learn of {name}: {}.{}",
            text(&entry),
            told(reloaded)
        ))?;
    }
    Ok(Exit::Done)
}

/// What a person is about to do, before it is done: it stands in the log of people.
pub(super) fn record(config: &Config, changes: &[DataChange]) -> Result<(), Failure> {
    let told = wait_for(tell(config.layout.dir(), changes))?;
    if told {
        return Ok(());
    }
    state::note(&config.layout, changes.iter().map(catalog::event).collect())
}

/// A change that says nothing yet but of which data set and by whom.
pub(super) fn about(name: &str, steward: &str) -> DataChange {
    DataChange { data_set: name.into(), steward: steward.into(), ..DataChange::default() }
}

/// Whether there is a daemon, which has written it down.
async fn tell(dir: &Path, changes: &[DataChange]) -> Result<bool, Failure> {
    let Some(mut daemon) = daemon_if_running(dir).await else { return Ok(false) };
    for changes in changes.chunks(AT_A_TIME) {
        let request = RecordDataRequest { changes: changes.to_vec() };
        daemon.record_data(request).await.map_err(|status| said(&status))?;
    }
    Ok(true)
}

/// An entry for people.
pub(super) fn print(entry: &Entry) -> Result<(), Failure> {
    line_to_stdout(&format!(
        "{}: {} in {}\nread {} by {}, content {}",
        entry.name,
        counted(entry.rows, "row"),
        entry.source,
        date(entry.scanned.at),
        entry.scanned.by,
        entry.fingerprint.short()
    ))?;
    let rows = entry.columns.iter().map(|column| {
        let facts = column.facts();
        let range = column.range.map(Range::ends);
        let confirmed = column.confirmed.as_ref().map(|confirmed| confirmed.said.by.clone());
        [
            clean(&column.name, SHOWN_NAME),
            super::data::kind(column.holds).into(),
            range.map_or_else(String::new, |[least, most]| format!("{least} to {most}")),
            column.missing.to_string(),
            facts.class.to_string(),
            facts.kind.name().into(),
            confirmed.unwrap_or_else(|| "nobody yet".into()),
        ]
    });
    let head = ["column", "holds", "range", "missing", "class", "type", "confirmed by"];
    line_to_stdout(&table(&head, rows))?;
    if entry.columns.iter().any(|column| column.confirmed.is_none()) {
        let (program, name) = (program(), &entry.name);
        line_to_stdout(&format!(
            "\nWhat nobody has confirmed is a suggestion. To confirm: {program} data classify {name} \
             --confirm COLUMN, or --set COLUMN=CLASS:TYPE"
        ))?;
    }
    Ok(())
}

fn discover(words: &[String]) -> Result<Discover, Failure> {
    let mut discover = Discover::default();
    for word in words {
        match word.as_str() {
            "names" => discover.names = true,
            "types" => discover.types = true,
            "classes" => discover.classes = true,
            "size" => discover.size = true,
            "nothing" if words.len() == 1 => {}
            _ => {
                let error = anyhow::anyhow!("{word:?} cannot be discovered");
                let next = "names, types, classes, size, or nothing alone";
                return Err(Failure::new(Exit::Data, error).next(next));
            }
        }
    }
    Ok(discover)
}
