//! The tables of a simulation: every CSV file of a folder is a site.

use std::path::{Path, PathBuf};

use crate::error::SimulationError;

/// A site's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteTable {
    /// The site's name: the file's stem.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// The CSV files of a folder, in the order of their names. Files with another ending are passed
/// over.
///
/// # Errors
/// Where the folder cannot be read, holds no CSV file, or one whose name cannot be a site's.
pub fn tables_in(folder: &Path) -> Result<Vec<SiteTable>, SimulationError> {
    let unreadable = |source| SimulationError::Folder { path: folder.to_owned(), source };
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
        if is_csv {
            tables.push(table(path)?);
        }
    }
    if tables.is_empty() {
        let reason =
            format!("{}: there is no .csv file, each of which is a site", folder.display());
        return Err(SimulationError::Sites(reason));
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

fn table(path: PathBuf) -> Result<SiteTable, SimulationError> {
    match path.file_stem().and_then(|stem| stem.to_str()).filter(|name| is_name(name)) {
        Some(name) => Ok(SiteTable { name: name.to_owned(), path }),
        None => {
            let name = path.file_stem().map(|s| s.to_string_lossy().into_owned());
            Err(SimulationError::Name { name: name.unwrap_or_default(), path })
        }
    }
}

/// What a charter accepts as the name of a site.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._ -".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}
