//! The folder of `--out`: looked at before the run, written after it, each file in one move.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ripieno_files::write_output;
use tempfile::NamedTempFile;

use ripieno_terminal::Failure;

/// The file that says that a folder was written by this program.
pub(crate) const RESULT: &str = "result.json";
/// The folder of the receipts.
pub(crate) const RECEIPTS: &str = "receipts";

/// A folder that can be written.
#[derive(Debug)]
pub(crate) struct OutFolder {
    path: PathBuf,
}

impl OutFolder {
    /// Checks, before anything runs, that the folder is empty or absent and that its place can be
    /// written. With `force` it may hold what an earlier run wrote, and nothing else.
    pub(crate) fn check(path: &Path, force: bool) -> Result<Self, Failure> {
        let shown = path.display();
        let entries = entries(path).with_context(|| format!("{shown} cannot be used for output"));
        let entries = entries.map_err(|error| {
            Failure::output(error).next("name a folder that is empty or does not exist")
        })?;
        let foreign = entries.iter().find(|name| !is_ours(name));
        match (foreign, force) {
            (Some(name), true) => {
                let error = anyhow!("{shown} holds {name:?}, which no run of ripieno wrote");
                return Err(Failure::output(error).next("name another folder for --out"));
            }
            (_, false) if !entries.is_empty() => {
                let next = if foreign.is_none() {
                    "name another folder, or add --force to replace the earlier run's files"
                } else {
                    "name a folder that is empty or does not exist"
                };
                return Err(Failure::output(anyhow!("{shown} is not empty")).next(next));
            }
            _ => {}
        }
        let existing = path.ancestors().find(|folder| folder.is_dir() || is_here(folder));
        let existing = existing.filter(|f| !is_here(f)).unwrap_or_else(|| Path::new("."));
        NamedTempFile::new_in(existing)
            .with_context(|| format!("{}: no file can be created there", existing.display()))
            .map_err(Failure::output)?;
        Ok(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file as a whole, and the folder that it is in.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let target = self.path.join(name);
        let folder = target.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))
            .map_err(Failure::output)?;
        write_output(&target, bytes).map_err(Failure::output)
    }

    /// Removes files of an earlier run that this one has not written again.
    pub(crate) fn remove_others(&self, written: &[String]) -> Result<(), Failure> {
        let mut old = entries(&self.path).unwrap_or_default();
        let receipts = entries(&self.path.join(RECEIPTS)).unwrap_or_default();
        old.extend(receipts.into_iter().map(|name| format!("{RECEIPTS}/{name}")));
        for name in old.iter().filter(|name| *name != RECEIPTS && !written.contains(name)) {
            let target = self.path.join(name);
            fs::remove_file(&target)
                .with_context(|| format!("{}, of an earlier run, stays", target.display()))
                .map_err(Failure::output)?;
        }
        Ok(())
    }
}

fn is_here(folder: &Path) -> bool {
    folder.as_os_str().is_empty()
}

/// Whether a run writes an entry of this name into its folder.
fn is_ours(name: &str) -> bool {
    [RESULT, RECEIPTS, super::model::FILE, super::charter::FILE].contains(&name)
}

/// Names in a folder; none where it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => {
            entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, force: bool) -> Option<String> {
        OutFolder::check(path, force).err().map(|failure| failure.text())
    }

    #[test]
    fn a_folder_is_used_when_it_is_empty_absent_or_an_earlier_run_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(refused(path, false), None);
        assert_eq!(refused(&path.join("a/b"), false), None);
        assert!(!path.join("a").exists(), "nothing is made before the run");
        fs::write(path.join(RESULT), "{}").unwrap();
        assert!(refused(path, false).unwrap().contains("--force"));
        assert_eq!(refused(path, true), None);
        fs::write(path.join("thesis.docx"), "").unwrap();
        assert!(refused(path, false).unwrap().contains("is not empty"));
        assert!(refused(path, true).unwrap().contains("thesis.docx"));
        assert!(refused(&path.join(RESULT), false).unwrap().contains("cannot be used"));
    }

    #[test]
    fn files_of_an_earlier_run_go_and_nothing_temporary_stays() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutFolder::check(folder.path(), false).unwrap();
        for name in
            [RESULT, "model.safetensors", "receipts/round-001.json", "receipts/round-002.json"]
        {
            out.write(name, b"old").unwrap();
        }
        out.write("receipts/round-001.json", b"new").unwrap();
        out.write(RESULT, b"new").unwrap();
        out.remove_others(&[RESULT.into(), "receipts/round-001.json".into()]).unwrap();
        let mut left = entries(folder.path()).unwrap();
        left.sort();
        assert_eq!(left, [RECEIPTS, RESULT]);
        assert_eq!(entries(&folder.path().join(RECEIPTS)).unwrap(), ["round-001.json"]);
        assert_eq!(fs::read(folder.path().join(RESULT)).unwrap(), b"new");
    }
}
