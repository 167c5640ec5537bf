//! `data`: tables come and go.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ripieno_catalog::entry::Stamp;
use ripieno_catalog::{Catalog, ColumnKind, DataSet, Entry, Source};
use ripieno_rpc::{DataChange, ReloadRequest};
use ripieno_terminal::{Exit, Failure, counted, json_to_stdout, line_to_stdout, table};
use serde_json::json;

use super::classify::{self, ClassifyArgs};
use super::entry::{self, EntryArgs, RescanArgs, SetArgs};
use super::local::{daemon_if_running, no_site, said};
use super::preview::{self, PreviewArgs};
use super::{ShowArgs, StewardArgs, wait_for};
use crate::clock::now;
use crate::config::{Config, DataEntry};
use crate::{catalog, edit, gate, lineage, program};

/// What can be done with tables.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Lists the registered tables
    List(ShowArgs),
    /// Registers a table, a CSV or .parquet file, after it was read once
    Add {
        /// The name under which studies find it
        name: String,
        /// The file
        path: PathBuf,
        #[command(flatten)]
        steward: StewardArgs,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Shows what is known of a table, and what was confirmed
    Show(EntryArgs),
    /// Reads a table again, and writes down whether its content changed
    Rescan(RescanArgs),
    /// Says what researchers may learn of a table
    Set(SetArgs),
    /// Takes a table out of the register; the file stays
    Remove {
        /// The name under which studies find it
        name: String,
        #[command(flatten)]
        steward: StewardArgs,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Reads policy and tables once, and lets a running daemon read them again
    Check(ShowArgs),
    /// Counts what a study would compute on here: columns, what is done with them, and rows. Shows
    /// no value of a row
    #[command(after_help = "Example: ripieno-site data preview --as study.toml --dir /srv/site")]
    Preview(PreviewArgs),
    /// Suggests for each column of a CSV file what it means and how far it leads to a person
    Classify(ClassifyArgs),
}

pub(super) fn run(command: &DataCommand) -> Result<Exit, Failure> {
    match command {
        DataCommand::List(show) => list(show),
        DataCommand::Add { name, path, steward, show } => add(name, path, steward, show),
        DataCommand::Show(args) => entry::show(args),
        DataCommand::Rescan(args) => entry::rescan(args),
        DataCommand::Set(args) => entry::set(args),
        DataCommand::Remove { name, steward, show } => remove(name, steward, show),
        DataCommand::Check(show) => check(show),
        DataCommand::Preview(args) => preview::run(args),
        DataCommand::Classify(args) => classify::run(args),
    }
}

fn list(show: &ShowArgs) -> Result<Exit, Failure> {
    let config = load(&show.dir)?;
    if show.json {
        let sets = config.site.data.iter();
        let sets: Vec<_> = sets.map(|set| json!({ "name": set.name, "path": set.path })).collect();
        json_to_stdout(&json!({ "data_sets": sets }))?;
    } else if config.site.data.is_empty() {
        line_to_stdout(&format!(
            "No table is registered.\nnext: {} data add NAME PATH",
            program()
        ))?;
    } else {
        let rows = config.site.data.iter();
        let rows = rows.map(|set| [set.name.clone(), set.path.display().to_string()]);
        line_to_stdout(&table(&["data set", "file"], rows))?;
    }
    Ok(Exit::Done)
}

fn add(name: &str, path: &Path, steward: &StewardArgs, show: &ShowArgs) -> Result<Exit, Failure> {
    let config = load(&show.dir)?;
    let absolute = std::path::absolute(path).map_err(Failure::output)?;
    if absolute.to_str().is_none() {
        let error = anyhow::anyhow!("{}: a path in site.toml is UTF-8", absolute.display());
        return Err(Failure::new(Exit::Data, error).next("rename the file or its folder"));
    }
    let source = Source { name: name.to_owned(), path: absolute.clone() };
    let catalog = scan(&config, source)?;
    let entry = DataEntry { name: name.to_owned(), path: absolute };
    edit::check_new_data(&config.layout, &entry)?;
    write_down(&config, &catalog, name, steward)?;
    edit::add_data(&config.layout, &entry)?;
    let reloaded = wait_for(reload(&show.dir))?;
    let shown: Vec<&DataSet> = catalog.data_sets().collect();
    print(&shown, show, reloaded)?;
    if !show.json {
        let policy = config.policy();
        line_to_stdout(&format!(
            "\nNo study may read it until {} has rules for it.\nnext: {} data show {name}    (and \
             confirm what its columns are)",
            policy.display(),
            program()
        ))?;
    }
    Ok(Exit::Done)
}

/// The first entry of a table, recorded and kept. Where there was one, its table had been removed by
/// hand: what was confirmed of that one does not count for this one.
fn write_down(
    config: &Config,
    scanned: &Catalog,
    name: &str,
    steward: &StewardArgs,
) -> Result<(), Failure> {
    let wrong = |error| Failure::new(Exit::Data, error);
    let set = scanned.data_set(name).map_err(wrong)?;
    let suggestions = scanned.suggest(name).map_err(wrong)?;
    let stamp = Stamp { by: steward.name(), at: now() };
    let change = DataChange {
        action: "data-added".into(),
        after: set.fingerprint().to_string(),
        detail: set.file().into(),
        ..entry::about(name, &stamp.by)
    };
    let before = catalog::read(&config.layout)?.into_iter().find(|entry| entry.name == *name);
    entry::record(config, &[change])?;
    catalog::put(&config.layout, before.as_ref(), Entry::new(set, &suggestions, stamp))
}

fn remove(name: &str, steward: &StewardArgs, show: &ShowArgs) -> Result<Exit, Failure> {
    let config = load(&show.dir)?;
    let known = catalog::read(&config.layout)?.into_iter().find(|entry| entry.name == *name);
    if known.is_some() || config.site.data.iter().any(|set| set.name == *name) {
        let before = known.as_ref().map(|known| known.fingerprint.to_string()).unwrap_or_default();
        let change = entry::about(name, &steward.name());
        let change = DataChange { action: "data-removed".into(), before, ..change };
        entry::record(&config, &[change])?;
    }
    if let Some(known) = &known {
        catalog::remove(&config.layout, known)?;
    }
    if !edit::remove_data(&config.layout, name)? && known.is_none() {
        let error = anyhow::anyhow!("no data set {name:?} is registered");
        let next = format!("{} data list --dir {}", program(), show.dir.display());
        return Err(Failure::new(Exit::Data, error).next(next));
    }
    let reloaded = wait_for(reload(&show.dir))?;
    if show.json {
        json_to_stdout(&json!({ "removed": name, "reloaded": reloaded }))?;
    } else {
        line_to_stdout(&format!("{name} is not registered any more.{}", told(reloaded)))?;
    }
    Ok(Exit::Done)
}

fn check(show: &ShowArgs) -> Result<Exit, Failure> {
    let config = load(&show.dir)?;
    gate::policy(&config)?;
    gate::policies(&config)?;
    let catalog =
        Catalog::within(&lineage::read(&config.layout)?, config.roots().as_ref(), config.sources());
    let (catalog, _) = catalog.map_err(|error| Failure::new(Exit::Data, error))?;
    let reloaded = wait_for(reload(&show.dir))?;
    let shown: Vec<&DataSet> = catalog.data_sets().collect();
    print(&shown, show, reloaded)?;
    Ok(Exit::Done)
}

pub(super) fn load(dir: &Path) -> Result<Config, Failure> {
    Config::load(dir).map_err(|error| no_site(dir, error))
}

fn scan(config: &Config, source: Source) -> Result<Catalog, Failure> {
    let catalog =
        Catalog::within(&lineage::read(&config.layout)?, config.roots().as_ref(), [source]);
    // Nobody gets the authority over it: nothing is opened here.
    catalog.map(|(catalog, _)| catalog).map_err(|error| Failure::new(Exit::Data, error))
}

/// Tells a running daemon; whether there is one.
pub(super) async fn reload(dir: &Path) -> Result<bool, Failure> {
    let Some(mut daemon) = daemon_if_running(dir).await else { return Ok(false) };
    daemon.reload(ReloadRequest {}).await.map_err(|status| said(&status))?;
    Ok(true)
}

fn print(sets: &[&DataSet], show: &ShowArgs, reloaded: bool) -> Result<(), Failure> {
    if show.json {
        let sets: Vec<_> = sets.iter().map(|set| as_json(set)).collect();
        return json_to_stdout(&json!({ "data_sets": sets, "reloaded": reloaded }));
    }
    for set in sets {
        let rows = set.columns().iter().map(|column| {
            [column.name.to_string(), kind(column.kind()).into(), column.missing.to_string()]
        });
        let columns = table(&["column", "holds", "missing"], rows);
        line_to_stdout(&format!(
            "{}: {} in {}\n{columns}\n",
            set.name(),
            counted(set.rows(), "row"),
            set.file()
        ))?;
    }
    line_to_stdout(&format!("Nothing is wrong with the tables.{}", told(reloaded)))
}

fn as_json(set: &DataSet) -> serde_json::Value {
    let columns = set.columns().iter().map(|column| {
        json!({ "name": *column.name, "holds": kind(column.kind()), "missing": column.missing })
    });
    json!({
        "name": set.name(),
        "file": set.file(),
        "rows": set.rows(),
        "columns": columns.collect::<Vec<_>>(),
    })
}

pub(super) fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Numeric => "numbers",
        ColumnKind::Text => "text",
        ColumnKind::Empty => "nothing",
    }
}

pub(super) fn told(reloaded: bool) -> &'static str {
    if reloaded { " The running daemon knows." } else { "" }
}
