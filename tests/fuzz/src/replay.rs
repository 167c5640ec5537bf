//! Every input that is kept, through its target: seeds, and what was once a crash.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::TARGETS;

/// This folder: the test is one of the crate around it.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder, in order; none where there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_passes() {
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let seeds = files(&here().join("corpus").join(name));
        assert!(!seeds.is_empty(), "{name} has no seed");
        for file in seeds.into_iter().chain(files(&here().join("regressions").join(name))) {
            let data = fs::read(&file).expect("an input");
            if catch_unwind(AssertUnwindSafe(|| target(&data))).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_target_has_its_program_and_every_program_its_target() {
    let mut programs: Vec<_> = files(&here().join("targets"));
    programs.iter_mut().for_each(|file| {
        file.set_extension("");
    });
    let mut names: Vec<_> = TARGETS.map(|(name, _)| here().join("targets").join(name)).into();
    names.sort();
    assert_eq!(programs, names);
    let manifest = fs::read_to_string(here().join("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")));
    }
}

/// What is fuzzed is what is built: both lock files name the same versions.
#[test]
fn the_lock_files_agree() {
    let packages = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a lock file");
        let lock: toml::Table = toml::from_str(&text).expect("a lock file is TOML");
        let packages = lock["package"].as_array().expect("packages").clone();
        let word = |package: &toml::Value, key: &str| {
            package.get(key).and_then(|word| word.as_str()).unwrap_or_default().to_owned()
        };
        packages.iter().map(|p| (word(p, "name"), word(p, "version"))).collect::<Vec<_>>()
    };
    let root = packages(here().join("../../Cargo.lock"));
    let own = packages(here().join("Cargo.lock"));
    // Of the root's own crates there is one more here, and libFuzzer with what it is built with.
    let added = ["arbitrary", "jobserver", "getrandom", "libfuzzer-sys", "ripieno-fuzz"];
    let differ: Vec<_> = own
        .iter()
        .filter(|package| !root.contains(package) && !added.contains(&package.0.as_str()))
        .collect();
    assert!(
        differ.is_empty(),
        "tests/fuzz/Cargo.lock has other versions than Cargo.lock, which is to be copied over it \
         before `cargo metadata --manifest-path tests/fuzz/Cargo.toml`: {differ:?}"
    );
}
