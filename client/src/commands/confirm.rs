//! `data classify NAME --confirm` and `--set`: a steward says what the columns of a table are.

use ripieno_catalog::entry::{Confirmed, Stamp};
use ripieno_catalog::{Class, Entry, SemanticType, UnknownName};
use ripieno_rpc::DataChange;
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::classify::ConfirmArgs;
use super::data::{load, reload, told};
use super::entry::{about, print, record};
use super::wait_for;
use crate::clock::now;
use crate::{catalog, program};

/// What is said of a column.
struct Said {
    column: String,
    class: Class,
    kind: SemanticType,
}

pub(super) fn run(name: &str, args: &ConfirmArgs, json: bool) -> Result<Exit, Failure> {
    let config = load(&args.dir)?;
    let before = catalog::entry(&config.layout, name)?;
    let stamp = Stamp { by: args.steward.name(), at: now() };
    let said = said(args, &before)?;
    let mut entry = before.clone();
    let mut changes = Vec::new();
    for said in said {
        changes.extend(confirm(&mut entry, said, &stamp));
    }
    record(&config, &changes)?;
    catalog::put(&config.layout, Some(&before), entry.clone())?;
    let reloaded = wait_for(reload(&args.dir))?;
    if json {
        let columns: Vec<_> = changes.iter().map(|change| &change.column).collect();
        let shown = json!({ "data_set": entry, "confirmed": columns, "reloaded": reloaded });
        json_to_stdout(&shown)?;
    } else {
        print(&entry)?;
        let columns = ripieno_terminal::counted(changes.len() as u64, "column");
        line_to_stdout(&format!("\n{columns} confirmed by {}.{}", stamp.by, told(reloaded)))?;
    }
    Ok(Exit::Done)
}

/// What `--set` says, and of the other columns that `--confirm` means what is suggested.
fn said(args: &ConfirmArgs, entry: &Entry) -> Result<Vec<Said>, Failure> {
    let mut said: Vec<_> =
        args.set.iter().map(|text| verdict(text, entry)).collect::<Result<_, _>>()?;
    let Some(columns) = &args.confirm else { return Ok(said) };
    if let Some(column) = columns.iter().find(|column| entry.column(column).is_none()) {
        return Err(no_column(entry, column));
    }
    for column in &entry.columns {
        let all = columns.is_empty() && column.confirmed.is_none();
        let set = said.iter().any(|said| said.column == column.name);
        if (all || columns.contains(&column.name)) && !set {
            let (class, kind) = (column.suggested.class, column.suggested.kind);
            said.push(Said { column: column.name.clone(), class, kind });
        }
    }
    Ok(said)
}

/// Confirms a column, and says so for the log.
fn confirm(entry: &mut Entry, said: Said, stamp: &Stamp) -> Option<DataChange> {
    let (of, mut change) = (entry.fingerprint, about(&entry.name, &stamp.by));
    let Said { column, class, kind } = said;
    let found = entry.column_mut(&column)?;
    let facts = found.facts();
    let was = if facts.confirmed { "" } else { "suggested " };
    change.action = "column-confirmed".into();
    change.before = format!("{was}{}:{}", facts.class, facts.kind.name());
    change.after = format!("{class}:{}", kind.name());
    change.column = column;
    if class >= Class::Quasi {
        found.range = None;
    }
    found.confirmed = Some(Confirmed { class, kind, said: stamp.clone(), of });
    Some(change)
}

/// Reads `COLUMN=CLASS` or `COLUMN=CLASS:TYPE`; a column's name may have a sign of these in it.
fn verdict(text: &str, entry: &Entry) -> Result<Said, Failure> {
    let (column, verdict) = text.rsplit_once('=').unwrap_or((text, ""));
    let (class, kind) = match verdict.split_once(':') {
        Some((class, kind)) => (class, Some(kind)),
        None => (verdict, None),
    };
    let found = entry.column(column).ok_or_else(|| no_column(entry, column))?;
    let wrong = |error: UnknownName| {
        let next = format!("{} data classify {} --set COLUMN=CLASS:TYPE", program(), entry.name);
        Failure::new(Exit::Data, error).next(next)
    };
    let class = class.parse().map_err(wrong)?;
    let kind = kind.map_or(Ok(found.suggested.kind), str::parse).map_err(wrong)?;
    Ok(Said { column: column.into(), class, kind })
}

fn no_column(entry: &Entry, column: &str) -> Failure {
    let error = anyhow::anyhow!("{:?} has no column {column:?}", entry.name);
    Failure::new(Exit::Data, error).next(format!("{} data show {}", program(), entry.name))
}
