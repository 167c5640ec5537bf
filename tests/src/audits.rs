//! Audit logs of a test, verified.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ripieno_audit::{Head, Report, verify as verify_log};
use ripieno_files::{KeyFile, Limits, read_records};
use ripieno_identity::SigningKey;
use serde_json::Value;

/// The largest record and file that a test reads.
const LIMITS: Limits = Limits { record: 1 << 20, file: 1 << 30 };

/// Whose log, and where.
#[derive(Clone, Debug)]
pub struct Owner {
    /// For messages.
    pub name: String,
    /// The file with its key.
    pub key: PathBuf,
    /// The log.
    pub log: PathBuf,
}

/// A log that was verified.
#[derive(Clone, Debug)]
pub struct Log {
    /// Whose it is.
    pub owner: String,
    report: Report,
    /// Its entries, in order.
    pub entries: Vec<Value>,
}

impl Log {
    /// Its last entry.
    #[must_use]
    pub fn head(&self) -> Head {
        self.report.head()
    }

    /// Whether all of `older` is its beginning.
    #[must_use]
    pub fn goes_on_from(&self, older: &Log) -> bool {
        self.report.is_extension_of(older.head())
    }

    /// Its entries of one kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.entries.iter().filter(move |entry| entry["kind"] == kind)
    }

    /// A field of all entries of one step of a round.
    #[must_use]
    pub fn steps(&self, step: &str) -> Vec<&Value> {
        self.of("round").filter(|entry| entry["fields"]["step"] == step).collect()
    }

    /// Ids of the checks by which something was refused.
    #[must_use]
    pub fn checks(&self) -> BTreeSet<String> {
        let checks = self.of("refusal").filter_map(|entry| entry["fields"]["check"].as_str());
        checks.map(str::to_owned).collect()
    }
}

/// Verifies a log.
///
/// # Panics
/// Where it is not what its owner wrote.
#[must_use]
pub fn verify(owner: &Owner) -> Log {
    let seed = KeyFile::at(&owner.key).read().expect("a key");
    let key = SigningKey::from_seed(&seed).public();
    let records = records(&owner.log);
    let report = verify_log(&records, &key);
    assert_eq!(report.fault, None, "the audit log of {}", owner.name);
    let entries = records.iter().map(|record| serde_json::from_slice(record).expect("JSON"));
    Log { owner: owner.name.clone(), report, entries: entries.collect() }
}

/// The records of a file, less one that is being written.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let contents = read_records(path, LIMITS).unwrap_or_else(|error| panic!("{error}"));
    contents.records
}

/// Asserts over the logs of sites that no slot has two outcomes and no epoch's number stands for
/// two epochs.
///
/// # Panics
/// With the slot or the epoch.
pub fn assert_outcomes_are_unique(logs: &[Log]) {
    let mut epochs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut outcomes: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    let text =
        |entry: &Value, field: &str| entry["fields"][field].as_str().unwrap_or_default().to_owned();
    for log in logs {
        for entry in log.steps("epoch-joined") {
            epochs.entry(text(entry, "number")).or_default().insert(text(entry, "epoch"));
        }
        for (step, outcome) in [("sum-verified", "opened"), ("void", "void")] {
            for entry in log.steps(step) {
                let slot = (text(entry, "epoch"), text(entry, "slot"));
                outcomes.entry(slot).or_default().insert(outcome);
            }
        }
    }
    for (number, digests) in epochs {
        assert_eq!(digests.len(), 1, "the epoch number {number} was used twice");
    }
    for ((epoch, slot), outcomes) in outcomes {
        assert_eq!(outcomes.len(), 1, "slot {slot} of epoch {epoch} is opened and void");
    }
}
