//! Tables lie in the folders that they are confined to, whichever way a path takes.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use ripieno_catalog::{Catalog, CatalogError, Roots, Source};
use tempfile::TempDir;

struct Folders {
    all: TempDir,
}

impl Folders {
    fn new() -> Self {
        let all = tempfile::tempdir().unwrap();
        for folder in ["tables/deep", "other"] {
            fs::create_dir_all(all.path().join(folder)).unwrap();
        }
        for file in ["tables/t.csv", "tables/deep/t.csv", "other/t.csv"] {
            fs::write(all.path().join(file), "y,x\n1,2\n").unwrap();
        }
        Self { all }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.all.path().join(name)
    }

    fn register(&self, path: &Path) -> Result<Catalog, CatalogError> {
        let roots = Roots::new([self.at("tables")]);
        let source = Source { name: "t".into(), path: path.to_owned() };
        Catalog::within("va", Some(&roots), [source]).map(|(catalog, _)| catalog)
    }

    fn refused(&self, name: &str) -> CatalogError {
        self.register(&self.at(name)).expect_err(name)
    }
}

#[test]
fn tables_in_the_folders_are_read() {
    let folders = Folders::new();
    for name in ["tables/t.csv", "tables/deep/t.csv", "tables/./deep/t.csv"] {
        let catalog = folders.register(&folders.at(name)).unwrap();
        assert_eq!(catalog.data_set("t").unwrap().rows(), 1);
        assert_eq!(catalog.suggest("t").unwrap().len(), 2);
    }
}

#[test]
fn a_path_that_leaves_the_folders_is_refused() {
    let folders = Folders::new();
    for name in [
        "other/t.csv",
        "tables/../other/t.csv",
        "tables/deep/../t.csv",
        "tables2/t.csv",
        "tables/../tables/t.csv",
    ] {
        let error = folders.refused(name);
        assert!(matches!(error, CatalogError::Outside { .. }), "{name}: {error}");
    }
}

#[test]
fn no_symbolic_link_is_followed() {
    let folders = Folders::new();
    symlink(folders.at("other/t.csv"), folders.at("tables/link.csv")).unwrap();
    symlink(folders.at("other"), folders.at("tables/folder")).unwrap();
    symlink("t.csv", folders.at("tables/inside.csv")).unwrap();
    for name in ["tables/link.csv", "tables/folder/t.csv", "tables/inside.csv"] {
        let error = folders.refused(name);
        assert!(matches!(error, CatalogError::Link { .. }), "{name}: {error}");
    }
    // Nor one that came since.
    let path = folders.at("tables/t.csv");
    let catalog = folders.register(&path).unwrap();
    fs::remove_file(&path).unwrap();
    symlink(folders.at("other/t.csv"), &path).unwrap();
    assert!(matches!(catalog.suggest("t"), Err(CatalogError::Link { .. })));
}

#[test]
fn what_is_no_file_is_refused() {
    let folders = Folders::new();
    let _socket = UnixListener::bind(folders.at("tables/socket")).unwrap();
    for name in ["tables", "tables/deep", "tables/socket"] {
        let error = folders.refused(name);
        assert!(matches!(error, CatalogError::NotAFile { .. }), "{name}: {error}");
    }
    let roots = Roots::new(["/dev".into()]);
    let source = Source { name: "t".into(), path: "/dev/zero".into() };
    let error = Catalog::within("va", Some(&roots), [source]).unwrap_err().to_string();
    assert!(error.contains("a pipe or a device"), "{error}");
    assert!(matches!(folders.refused("tables/no.csv"), CatalogError::NotFound { .. }));
}
