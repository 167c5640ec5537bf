//! Tables of real hospitals, where the folder that RIPIENO_DATA names has them (cases/): each registers, and
//! every column is numeric.

use std::fs;
use std::path::{Path, PathBuf};

use ripieno_catalog::{Catalog, ColumnKind, Source};

fn tables(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tables(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            found.push(path);
        }
    }
}

#[test]
fn real_tables_register() {
    let Some(folder) = std::env::var_os("RIPIENO_DATA") else {
        println!("skipped: RIPIENO_DATA names no folder");
        return;
    };
    let mut found = Vec::new();
    tables(&Path::new(&folder).join("cases"), &mut found);
    assert!(!found.is_empty(), "its folder cases holds no CSV files");
    let source = |path: &PathBuf| Source { name: path.display().to_string(), path: path.clone() };
    let (catalog, _) = Catalog::new("site", found.iter().map(source)).unwrap();
    for set in catalog.data_sets() {
        for column in set.columns() {
            assert_eq!(column.kind(), ColumnKind::Numeric, "{}, {}", set.file(), column.name);
        }
    }
}
