//! Changes to `site.toml` that leave everything else in it as its people wrote it.

use std::fs::File;
use std::path::Path;

use ripieno_files::write_atomically;
use ripieno_terminal::{Exit, Failure};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::config::{Config, Coordinator, DataEntry, SiteFile, read};
use crate::layout::Layout;

/// Registers a data set.
///
/// # Errors
/// Where the file cannot be read or written, or has one of this name.
pub(crate) fn add_data(layout: &Layout, entry: &DataEntry) -> Result<(), Failure> {
    change(layout, |document| {
        let mut table = Table::new();
        table.insert("name", value(entry.name.as_str()));
        table.insert("path", value(entry.path.display().to_string()));
        let missing = || Item::ArrayOfTables(ArrayOfTables::new());
        let item = document.entry("data").or_insert_with(missing);
        if let Some(list) = item.as_array_mut() {
            list.push(table.into_inline_table());
        } else if let Some(list) = item.as_array_of_tables_mut() {
            list.push(table);
        }
        true
    })
    .map(drop)
}

/// Whether a data set could be registered: nothing is changed.
///
/// # Errors
/// Where the file cannot be read, or has one of this name.
pub(crate) fn check_new_data(layout: &Layout, entry: &DataEntry) -> Result<(), Failure> {
    let site = Config::load(layout.dir()).map_err(|error| Failure::new(Exit::Output, error))?.site;
    if site.data.iter().any(|other| other.name == entry.name) {
        let error = anyhow::anyhow!("the data set {:?} stands twice", entry.name);
        return Err(Failure::new(Exit::Output, error).next(format!(
            "{} data rescan {}, or give the other one another name",
            crate::program(),
            entry.name
        )));
    }
    Ok(())
}

/// Takes a data set out; whether there was one.
///
/// # Errors
/// Where the file cannot be read or written.
pub(crate) fn remove_data(layout: &Layout, name: &str) -> Result<bool, Failure> {
    change(layout, |document| {
        let Some(item) = document.get_mut("data") else { return false };
        let named = |found: Option<&str>| found == Some(name);
        let mut removed = false;
        if let Some(list) = item.as_array_mut() {
            list.retain(|entry| {
                let found = entry.as_inline_table().and_then(|table| table.get("name"));
                let hit = named(found.and_then(toml_edit::Value::as_str));
                removed |= hit;
                !hit
            });
        } else if let Some(list) = item.as_array_of_tables_mut() {
            list.retain(|table| {
                let hit = named(table.get("name").and_then(Item::as_str));
                removed |= hit;
                !hit
            });
        }
        removed
    })
}

/// Writes down where the coordinator is and who it is, and under which name it knows this site.
///
/// # Errors
/// Where the file cannot be read or written.
pub(crate) fn set_coordinator(
    layout: &Layout,
    name: &str,
    coordinator: &Coordinator,
) -> Result<(), Failure> {
    change(layout, |document| {
        document.insert("name", value(name));
        let mut table = Table::new();
        table.insert("address", value(coordinator.address.to_string()));
        table.insert("key", value(coordinator.key.to_string()));
        table.insert("federation", value(coordinator.federation.as_str()));
        document.insert("coordinator", Item::Table(table));
        true
    })
    .map(drop)
}

/// Changes the file as a whole, one process after the other, if `with` changed anything.
fn change(layout: &Layout, with: impl FnOnce(&mut DocumentMut) -> bool) -> Result<bool, Failure> {
    let path = layout.config();
    let _lock = lock(layout)?;
    let text = read(&path).map_err(|error| Failure::new(Exit::Output, error))?;
    let mut document: DocumentMut = text.parse().map_err(|_| wrong(&text, &path))?;
    if !with(&mut document) {
        return Ok(false);
    }
    let changed = document.to_string();
    // What is written is what will be read.
    SiteFile::parse(&changed, &path).map_err(|error| Failure::new(Exit::Output, error))?;
    write_atomically(&path, changed.as_bytes(), 0o600).map_err(Failure::output)?;
    Ok(true)
}

/// The mistake, in the words of the reader: the editor's own quote the line.
fn wrong(text: &str, path: &Path) -> Failure {
    match SiteFile::parse(text, path) {
        Err(error) => Failure::new(Exit::Output, error),
        Ok(_) => {
            Failure::new(Exit::Internal, anyhow::anyhow!("{} is read in two ways", path.display()))
        }
    }
}

/// Two commands at a time would lose one change.
pub(crate) fn lock(layout: &Layout) -> Result<File, Failure> {
    let folder = File::open(layout.dir()).map_err(Failure::output)?;
    folder.lock().map_err(Failure::output)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        std::fs::write(layout.config(), text).unwrap();
        (folder, layout)
    }

    fn entry(name: &str) -> DataEntry {
        DataEntry { name: name.into(), path: format!("/srv/{name}.csv").into() }
    }

    #[test]
    fn comments_stay_and_data_sets_come_and_go() {
        let (_folder, layout) = folder("# ours\nname = \"a\" # label\n");
        add_data(&layout, &entry("heart")).unwrap();
        add_data(&layout, &entry("lung")).unwrap();
        assert!(remove_data(&layout, "heart").unwrap());
        assert!(!remove_data(&layout, "heart").unwrap());
        let text = std::fs::read_to_string(layout.config()).unwrap();
        assert!(text.starts_with("# ours\nname = \"a\" # label\n"), "{text}");
        let site = SiteFile::parse(&text, &layout.config()).unwrap();
        assert_eq!(site.data, [entry("lung")]);
    }

    #[test]
    fn inline_lists_are_changed_as_well() {
        let (_folder, layout) =
            folder("name = \"a\"\ndata = [{ name = \"x\", path = \"x.csv\" }]\n");
        add_data(&layout, &entry("heart")).unwrap();
        assert!(remove_data(&layout, "x").unwrap());
        let text = std::fs::read_to_string(layout.config()).unwrap();
        assert_eq!(SiteFile::parse(&text, &layout.config()).unwrap().data, [entry("heart")]);
    }

    #[test]
    fn a_change_that_could_not_be_read_again_is_not_made() {
        let text = "name = \"a\"\n[[data]]\nname = \"heart\"\npath = \"x\"\n";
        let (_folder, layout) = folder(text);
        let failure = add_data(&layout, &entry("heart")).unwrap_err();
        assert!(failure.text().contains("twice"), "{}", failure.text());
        assert_eq!(std::fs::read_to_string(layout.config()).unwrap(), text);
    }
}
