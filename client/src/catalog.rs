//! What a site knows of its tables, in one file of its folder: entries as JSON, replaced as a whole.
//!
//! It belongs to the site's people, as `site.toml` does: commands write it, the daemon reads it. Before
//! a change is made it stands in the log of people. Where the file is lost, nothing of any table is
//! confirmed.

use ripieno_audit::{Event, Kind};
use ripieno_catalog::Entry;
use ripieno_files::write_atomically;
use ripieno_rpc::DataChange;
use ripieno_terminal::{Exit, Failure};

use crate::clock::now;
use crate::edit;
use crate::layout::Layout;
use crate::program;
use crate::state::{limits, read_small};

/// All entries, in the order in which they came.
///
/// # Errors
/// Where the file cannot be read, or is damaged.
pub(crate) fn read(layout: &Layout) -> Result<Vec<Entry>, Failure> {
    let path = layout.catalog();
    let Some(bytes) = read_small(&path, limits::CATALOG)? else { return Ok(Vec::new()) };
    serde_json::from_slice(&bytes).map_err(|error| {
        // The place alone: the whole error may quote what stands there.
        let (line, column) = (error.line(), error.column());
        let error = anyhow::anyhow!("{}, line {line}, column {column}: damaged", path.display());
        Failure::new(Exit::Output, error).next(format!(
            "restore it from the backup; without one, move it away, and {} data rescan NAME for each \
             table",
            program()
        ))
    })
}

/// The entry of one table.
///
/// # Errors
/// Where there is none, with how to make it; and as [`read`].
pub(crate) fn entry(layout: &Layout, name: &str) -> Result<Entry, Failure> {
    let found = read(layout)?.into_iter().find(|entry| entry.name == name);
    found.ok_or_else(|| {
        let error = anyhow::anyhow!("nothing is written down of a data set {name:?}");
        Failure::new(Exit::Data, error).next(format!("{} data rescan {name}", program()))
    })
}

/// Writes the entry of a table, in place of the one of its name.
///
/// # Errors
/// Where another command has changed that one since `before` was read, and where the file cannot be
/// read or written.
pub(crate) fn put(layout: &Layout, before: Option<&Entry>, entry: Entry) -> Result<(), Failure> {
    change(layout, &entry.name.clone(), before, Some(entry))
}

/// Takes the entry of a table out.
///
/// # Errors
/// As [`put`].
pub(crate) fn remove(layout: &Layout, before: &Entry) -> Result<(), Failure> {
    change(layout, &before.name, Some(before), None)
}

/// What stands in the log of people of a change.
pub(crate) fn event(change: &DataChange) -> Event {
    let event = Event::new(Kind::OperatorAction, now()).with("action", &change.action);
    let fields = [
        ("data-set", &change.data_set),
        ("steward", &change.steward),
        ("column", &change.column),
        ("before", &change.before),
        ("after", &change.after),
        ("detail", &change.detail),
    ];
    let said = fields.into_iter().filter(|(_, value)| !value.is_empty());
    said.fold(event, |event, (name, value)| event.with(name, value))
}

fn change(
    layout: &Layout,
    name: &str,
    before: Option<&Entry>,
    after: Option<Entry>,
) -> Result<(), Failure> {
    let _lock = edit::lock(layout)?;
    let mut entries = read(layout)?;
    let at = entries.iter().position(|entry| entry.name == name);
    if at.and_then(|at| entries.get(at)) != before {
        let error = anyhow::anyhow!("another command has changed what is known of {name:?}");
        return Err(Failure::new(Exit::Data, error).next("look at it, then type this one again"));
    }
    match (at.and_then(|at| entries.get_mut(at)), after) {
        (Some(entry), Some(after)) => *entry = after,
        (None, Some(after)) => entries.push(after),
        (_, None) => entries.retain(|entry| entry.name != name),
    }
    let bytes = serde_json::to_vec_pretty(&entries).map_err(Failure::output)?;
    write_atomically(&layout.catalog(), &bytes, 0o600).map_err(Failure::output)
}
