//! The records of an inventory, and what they say together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ripieno_files::{AppendFile, FileError, Follower, Tip, remove, write_atomically};
use ripieno_study::Digest;
use serde::{Deserialize, Serialize};

use super::super::accept::must_stay;
use super::super::limits::{INVENTORY, LARGE_INVENTORY};
use super::{BadFolder, Files};
use crate::layout;

/// A shorter inventory while it is being made.
pub(super) const NEXT: &str = "inventory.next";
/// Records that are read at a time.
const BATCH: usize = 256;

#[derive(Debug)]
pub(super) struct Book {
    pub(super) file: AppendFile,
    pub(super) dir: PathBuf,
    /// What each file is; `None` where it was removed.
    pub(super) files: BTreeMap<String, Option<Digest>>,
    /// The file that the last record names, and what it was before.
    last: Option<(String, Option<Digest>)>,
    /// How far the files of records had come.
    pub(super) logs: BTreeMap<String, End>,
    pub(super) followed: BTreeMap<String, Follower>,
    pub(super) stale: Option<String>,
    pub(super) failed: Option<String>,
    /// It is shortened when it is longer, in bytes.
    pub(super) most: u64,
}

/// So many records, and the check of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) records: u64,
    pub(super) check: Digest,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<FileRecord>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) logs: BTreeMap<String, End>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stale: Option<String>,
    /// All files that are there, in place of the records before; the first record alone has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshot: Option<Files>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRecord {
    name: String,
    /// SHA-256 of its bytes; of `site.key`, of the public key. `None` where it is removed.
    digest: Option<Digest>,
}

impl Book {
    pub(super) fn new(file: AppendFile, dir: PathBuf) -> Self {
        Self {
            file,
            dir,
            files: BTreeMap::new(),
            last: None,
            logs: BTreeMap::new(),
            followed: BTreeMap::new(),
            stale: None,
            failed: None,
            most: LARGE_INVENTORY,
        }
    }

    /// Takes all records of the file, some at a time.
    pub(super) fn read(&mut self) -> Result<(), BadFolder> {
        let count = self.file.count();
        for first in (0..count).step_by(BATCH) {
            let records = self.file.records(first..first.saturating_add(BATCH as u64))?;
            for (number, bytes) in (first + 1..).zip(&records) {
                let bad = |error: serde_json::Error| BadFolder::Record {
                    path: self.file.path().to_owned(),
                    number,
                    reason: error.to_string(),
                };
                let record: Record = serde_json::from_slice(bytes).map_err(bad)?;
                if record.snapshot.is_some() && number != 1 {
                    let reason = "a snapshot that is not the first".to_owned();
                    let path = self.file.path().to_owned();
                    return Err(BadFolder::Record { path, number, reason });
                }
                self.take(record);
            }
        }
        Ok(())
    }

    /// Announces a change, durably, and makes it. After a failure nobody knows what is on the disk:
    /// nothing more is changed.
    pub(super) fn change(
        &mut self,
        name: &str,
        digest: Option<Digest>,
        make: impl FnOnce(&Path) -> Result<(), FileError>,
    ) -> Result<(), BadFolder> {
        let file = Some(FileRecord { name: name.to_owned(), digest });
        self.append(Record { file, ..Record::default() })?;
        let made = make(&self.dir.join(name));
        made.inspect_err(|error| self.failed = Some(error.to_string()))?;
        self.keep_short()
    }

    /// The coordinator may cause changes without an end: one day's run must not fill the disk. Only
    /// behind a change that was made: what the file was before is forgotten.
    fn keep_short(&mut self) -> Result<(), BadFolder> {
        let length = self.length();
        let length = length.inspect_err(|error| self.failed = Some(error.to_string()))?;
        if length <= self.most {
            return Ok(());
        }
        // Where it fails, nobody knows which of the two files has the name.
        let shortened = self.shorten(self.most);
        shortened.inspect_err(|error| self.failed = Some(error.to_string()))?;
        // One that cannot be made shorter is not tried again at every change.
        self.most = LARGE_INVENTORY.max(self.length()?.saturating_mul(2));
        Ok(())
    }

    fn length(&self) -> Result<u64, FileError> {
        let path = self.file.path();
        let failed = |error| FileError::System { doing: "look at", path: path.to_owned(), error };
        Ok(std::fs::metadata(path).map_err(failed)?.len())
    }

    pub(super) fn append(&mut self, mut record: Record) -> Result<(), BadFolder> {
        if let Some(failed) = &self.failed {
            return Err(BadFolder::Poisoned(failed.clone()));
        }
        let ends =
            self.followed.iter().map(|(name, follower)| (name.clone(), follower.tip().into()));
        record.logs = ends.filter(|(name, end)| self.logs.get(name) != Some(end)).collect();
        // Names, numbers and digests are always JSON.
        let bytes = serde_json::to_vec(&record).unwrap_or_default();
        let appended = self.file.append(&bytes);
        appended.inspect_err(|error| self.failed = Some(error.to_string()))?;
        self.take(record);
        Ok(())
    }

    /// Replaces the file by one that says the same in one record, where it is longer than that.
    pub(super) fn shorten(&mut self, above: u64) -> Result<(), BadFolder> {
        if self.length()? <= above {
            return Ok(());
        }
        let path = self.file.path().to_owned();
        // Made beside it, and then put in its place as a whole: a crash leaves the old or the new.
        let beside = self.dir.join(NEXT);
        remove(&beside)?;
        let mut file = AppendFile::create(&beside, INVENTORY)?;
        let made = file.append(&self.snapshot());
        drop(file);
        // Too many files for one record: it stays as it is.
        if matches!(made, Err(FileError::TooLarge { .. })) {
            return remove(&beside).map_err(BadFolder::from);
        }
        made?;
        let bytes = std::fs::read(&beside).map_err(|error| FileError::System {
            doing: "read",
            path: beside.clone(),
            error,
        })?;
        write_atomically(&path, &bytes, 0o600)?;
        remove(&beside)?;
        self.file = AppendFile::open(&path, INVENTORY)?.file;
        self.last = None;
        Ok(())
    }

    /// What all records say.
    pub(super) fn snapshot(&self) -> Vec<u8> {
        let there = |(name, digest): (&String, &Option<Digest>)| Some((name.clone(), (*digest)?));
        let record = Record {
            file: None,
            logs: self.logs.clone(),
            stale: self.stale.clone(),
            snapshot: Some(self.files.iter().filter_map(there).collect()),
        };
        // Names, numbers and digests are always JSON.
        serde_json::to_vec(&record).unwrap_or_default()
    }

    fn take(&mut self, record: Record) {
        let all = record.snapshot.unwrap_or_default();
        self.files.extend(all.into_iter().map(|(name, digest)| (name, Some(digest))));
        self.last = record.file.map(|FileRecord { name, digest }| {
            let before = self.files.insert(name.clone(), digest).flatten();
            (name, before)
        });
        self.logs.extend(record.logs);
        self.stale = record.stale.or(self.stale.take());
    }

    /// The file of the last record, where it still is what it was before.
    pub(super) fn undone(&self, found: &Files) -> Option<String> {
        let (name, before) = self.last.as_ref()?;
        // What is adopted was there before it was written down.
        let found = found.get(name).copied();
        let undone = name != layout::KEY && found == *before;
        (undone && !self.is_as(name, found)).then(|| name.clone())
    }

    fn is_as(&self, name: &str, found: Option<Digest>) -> bool {
        self.files.get(name).copied().flatten() == found
    }

    pub(super) fn is_as_written(&self, name: &str, found: &Files) -> bool {
        self.is_as(name, found.get(name).copied())
    }

    pub(super) fn differences(&self, found: &Files) -> Vec<(String, BadFolder)> {
        let names: BTreeSet<&String> = self.files.keys().chain(found.keys()).collect();
        let differing = names.into_iter().filter(|name| !self.is_as_written(name, found));
        let fault = |name: &String| {
            let path = self.dir.join(name);
            let fault = match (self.files.get(name).copied().flatten(), found.get(name)) {
                (Some(_), Some(_)) => BadFolder::Changed(path),
                (Some(_), None) => BadFolder::Missing(path),
                (None, _) if must_stay(name) => BadFolder::Older(path),
                (None, _) => BadFolder::Foreign(path),
            };
            (name.clone(), fault)
        };
        differing.map(fault).collect()
    }
}

impl From<Tip> for End {
    fn from(tip: Tip) -> Self {
        Self { records: tip.records, check: Digest::from_bytes(tip.check) }
    }
}
