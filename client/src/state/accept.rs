//! What a steward may take for what it is now, where a file is gone or changed and no copy is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ripieno_audit::{AuditLog, Event, Kind};
use ripieno_files::{AppendFile, FileError, StateDir};
use ripieno_terminal::Failure;

use super::inventory::{BadFolder, Files, Inventory};
use super::small::found;
use super::{Opening, STUDIES, limits, signing_key};
use crate::clock::now;
use crate::layout::{self, Layout};
use crate::program;

/// Without these, or with older ones, a site would count its data anew, sign two charters of one
/// version, or go back to an earlier epoch.
const NEVER: [&str; 3] = [layout::KEY, layout::LINEAGE, layout::CONSENTS];

/// The field of the log of people that says why a folder is an older one.
pub(crate) const CONDEMNED: &str = "older-folder";
/// Entries that are read at a time.
const ENTRIES: usize = 256;

/// Of these another one is never taken; nor may one be taken away.
pub(super) fn must_stay(name: &str) -> bool {
    NEVER.contains(&name) || *name == epochs()
}

/// The same of a file's path.
pub(super) fn must_stay_at(path: &Path) -> bool {
    NEVER.iter().any(|name| path.ends_with(name)) || path.ends_with(epochs())
}

fn epochs() -> String {
    format!("{STUDIES}/{}", super::shelf::LAST_EPOCH)
}

/// Writes into the inventory of a folder what its files are now; the names of those that were
/// something else. Where there is no inventory, one is made.
///
/// # Errors
/// Where the folder is in use or a file must not be another than it was: the error names it.
pub(crate) fn accept(layout: &Layout, steward: &str, reason: &str) -> Result<Vec<String>, Failure> {
    let _dir = StateDir::open(layout.dir()).map_err(Failure::output)?;
    let key = Arc::new(signing_key(layout)?);
    let found = found(layout, key.public())?;
    let inventory = match Inventory::open(layout) {
        Ok((inventory, _)) => inventory,
        Err(BadFolder::File(FileError::Missing(_))) => {
            Inventory::ensure(layout).map_err(Failure::output)?
        }
        Err(error) => return Err(Failure::output(error)),
    };
    inventory.check_fresh().map_err(Failure::output)?;
    inventory.settle(&found).map_err(Failure::output)?;
    let mut differing = inventory.differing(&found);
    // Where an inventory is made, the key is written last: until then it is being made.
    let fresh = !inventory.knows(layout::KEY);
    let mut opening = Opening { inventory, mended: Vec::new() };
    if !fresh && let Some(name) = forbidden(&differing) {
        return Err(never(layout, &name));
    }
    let (ledger, _) = opening.records(layout::LEDGER, layout.ledger(), limits::LEDGER)?;
    let (witness, _) = opening.records(layout::WITNESS, layout.witness(), limits::WITNESS)?;
    opening.log(layout::AUDIT, &layout.audit(), &key)?;
    let mut people = opening.log(layout::PEOPLE, &layout.people(), &key)?;
    if fresh {
        let took_part = ledger.count() + witness.count() > 0;
        if let Some(name) = lacking(&found, took_part) {
            return Err(never(layout, &name));
        }
        check_not_condemned(layout, &people)?;
    }
    let key = differing.take(layout::KEY);
    let accepted: Vec<String> = differing.into_iter().chain(key).collect();
    for name in &accepted {
        let event = Event::new(Kind::OperatorAction, now())
            .with("action", "records-accepted")
            .with("file", name)
            .with("is-there", found.contains_key(name))
            .with("steward", steward)
            .with("reason", reason);
        people.append(event).map_err(Failure::output)?;
        opening.inventory.adopt(name, found.get(name).copied()).map_err(Failure::output)?;
    }
    people.seal(now()).map_err(Failure::output)?;
    opening.inventory.mark().map_err(Failure::output)?;
    Ok(accepted)
}

/// What is another one than it was, and must not be.
fn forbidden(differing: &BTreeSet<String>) -> Option<String> {
    differing.iter().find(|name| must_stay(name)).cloned()
}

/// What must be there for an inventory to be made: whoever holds charters has signed or confirmed
/// one; whoever has a ledger or a witness with records also had an epoch.
fn lacking(found: &Files, took_part: bool) -> Option<String> {
    let epochs = epochs();
    let has_charters = found.contains_key(layout::CHARTERS);
    let needed = |name: &&str| match *name {
        layout::CONSENTS => took_part || has_charters,
        name if name == epochs => took_part,
        _ => true,
    };
    let mut names = NEVER.into_iter().chain([epochs.as_str()]).filter(needed);
    names.find(|name| !found.contains_key(*name)).map(str::to_owned)
}

/// The log of people also says that a folder is an older one, where the inventory that said so is
/// gone.
fn check_not_condemned(layout: &Layout, people: &AuditLog<AppendFile>) -> Result<(), Failure> {
    let count = people.head().count;
    for first in (1..=count).step_by(ENTRIES) {
        let entries = people.entries(first..first.saturating_add(ENTRIES as u64));
        let reason = entries.map_err(Failure::output)?.into_iter();
        if let Some(reason) = reason.filter_map(|mut entry| entry.fields.remove(CONDEMNED)).next() {
            let folder = layout.dir().to_owned();
            return Err(Failure::output(BadFolder::Stale { folder, reason }));
        }
    }
    Ok(())
}

fn never(layout: &Layout, name: &str) -> Failure {
    let path = layout.dir().join(name);
    let error = anyhow::anyhow!(
        "{}: another one than the last would forget what this site promised, or count its data anew",
        path.display()
    );
    Failure::output(error).next(format!(
        "restore the newest copy of it, or, where the inventory is the older copy, move that away; \
         without one, come back as a new site: {} init --dir NEW",
        program()
    ))
}

#[cfg(test)]
mod tests {
    use ripieno_client_engine::ENTRIES_PER_SIGNATURE;

    use super::*;

    /// A folder with all that is never taken for another one.
    fn folder() -> (tempfile::TempDir, Layout) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("site");
        crate::init::init(&dir, &"a".parse().unwrap()).unwrap();
        let layout = Layout::at(dir);
        let (inventory, _) = Inventory::open(&layout).unwrap();
        for name in [layout::CONSENTS, &epochs()] {
            inventory.write(name, b"what it promised", 0o600).unwrap();
        }
        (root, layout)
    }

    fn refused(layout: &Layout, name: &str) {
        let text = accept(layout, "Eve", "the disk lost it").unwrap_err().text();
        assert!(text.contains(name), "{name}: {text}");
    }

    fn take_part(layout: &Layout, path: std::path::PathBuf, limits: ripieno_files::Limits) {
        AppendFile::open(path, limits).unwrap().file.append(b"a record").unwrap();
        std::fs::remove_file(layout.inventory()).unwrap();
    }

    #[test]
    fn repro_what_it_promised_is_never_taken_for_another() {
        for name in [layout::KEY, layout::LINEAGE, layout::CONSENTS, &epochs()] {
            let (_root, layout) = folder();
            accept(&layout, "Eve", "nothing is lost").unwrap();
            let path = layout.dir().join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[0] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            refused(&layout, name);
            let text = accept(&layout, "Eve", "still").unwrap_err().text();
            assert!(text.contains("where the inventory is the older copy"), "{text}");
            std::fs::remove_file(&path).unwrap();
            refused(&layout, name);
        }
    }

    /// A ledger that holds something is never without an epoch and a consent.
    #[test]
    fn repro_without_an_inventory_all_that_it_promised_must_be_there() {
        for name in [layout::LINEAGE, layout::CONSENTS, &epochs()] {
            for log in [Layout::ledger, Layout::witness] {
                let (_root, layout) = folder();
                let limits = limits::LEDGER;
                take_part(&layout, log(&layout), limits);
                let path = layout.dir().join(name);
                let kept = std::fs::read(&path).unwrap();
                std::fs::remove_file(&path).unwrap();
                refused(&layout, name);
                std::fs::write(&path, kept).unwrap();
                accept(&layout, "Eve", "it is there again").unwrap();
            }
        }
        // A site that has seen nothing yet has promised nothing.
        let (_root, layout) = folder();
        for gone in [layout.consents(), layout.dir().join(epochs()), layout.inventory()] {
            std::fs::remove_file(gone).unwrap();
        }
        accept(&layout, "Eve", "it is a new one").unwrap();
    }

    #[test]
    fn repro_an_older_folder_stays_one_without_its_inventory() {
        let (_root, layout) = folder();
        let key = Arc::new(signing_key(&layout).unwrap());
        let file = AppendFile::open(layout.people(), limits::AUDIT).unwrap().file;
        let mut people = AuditLog::open(file, key, ENTRIES_PER_SIGNATURE).unwrap();
        let event = Event::new(Kind::Alarm, now()).with(CONDEMNED, "a slot is missing");
        people.append(event).unwrap();
        drop(people);
        std::fs::remove_file(layout.inventory()).unwrap();
        refused(&layout, "a slot is missing");
        refused(&layout, "a slot is missing");
    }
}
