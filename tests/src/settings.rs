//! Changes of configuration files.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// Changes a file of settings.
pub(crate) fn change(path: &Path, change: impl FnOnce(&mut Table)) {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut table: Table = text.parse().expect("settings are TOML");
    change(&mut table);
    fs::write(path, toml::to_string(&table).expect("settings as text")).expect("an own file");
}

/// Sets keys in one table of a file.
pub(crate) fn set(path: &Path, section: &str, values: &[(&str, Value)]) {
    change(path, |table| {
        let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        let section = entry.as_table_mut().expect("a section is a table");
        for (key, value) in values {
            section.insert((*key).to_owned(), value.clone());
        }
    });
}

/// Tells a site where the coordinator is.
pub(crate) fn set_coordinator(dir: &Path, address: &str) {
    set(&dir.join("site.toml"), "coordinator", &[("address", address.into())]);
}
