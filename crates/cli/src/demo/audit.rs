//! What each hospital says for itself: what it read, and what it came to.

use std::collections::{BTreeMap, BTreeSet};

use ripieno_analysis::Report;
use ripieno_study::Digest;
use ripieno_terminal::Failure;
use serde_json::Value;

use super::federation::Federation;
use super::wait::until;

/// What was read at one hospital.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reads {
    pub(super) times: usize,
    pub(super) columns: BTreeSet<String>,
    /// Entries of its logs.
    pub(super) entries: usize,
    /// Whether every entry follows from the one before, and signatures hold.
    pub(super) sound: bool,
}

/// The reads in each hospital's audit log.
pub(super) async fn reads(
    federation: &Federation,
    study: &Digest,
) -> Result<BTreeMap<String, Reads>, Failure> {
    let mut all = BTreeMap::new();
    for name in federation.names() {
        let shown = federation.at_site(&name, &["audit", "show"], "").await?;
        let verified = federation.at_site(&name, &["audit", "verify"], "").await?;
        let mut reads = of_entries(&shown["entries"], study);
        reads.sound = verified["sound"] == true;
        all.insert(name, reads);
    }
    Ok(all)
}

/// How many hospitals recomputed every sum and every step, and came to this result.
pub(super) async fn same_results(
    federation: &Federation,
    study: &Digest,
    report: &Report,
) -> Result<usize, Failure> {
    let digest = study.to_string();
    let mut same = 0;
    for name in federation.names() {
        // The last sum may still be on its way there.
        let own = until("every hospital has the result", async || {
            let shown = federation.at_site(&name, &["study", "show", &digest], "").await?;
            Ok(serde_json::from_value::<Report>(shown["report"].clone()).ok())
        })
        .await?;
        same += usize::from(own.digest() == report.digest());
    }
    Ok(same)
}

fn of_entries(entries: &Value, study: &Digest) -> Reads {
    let mut reads = Reads::default();
    let study = study.to_string();
    for entry in entries.as_array().into_iter().flatten() {
        reads.entries += 1;
        let fields = &entry["fields"];
        if entry["kind"] != "data-read" {
            continue;
        }
        // Whatever was read counts; how often, for this study.
        reads.times += usize::from(fields["study"] == study.as_str());
        let columns = fields["columns"].as_str().unwrap_or_default();
        reads.columns.extend(columns.split(", ").map(str::to_owned));
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_of_any_study_show_their_columns() {
        let study = Digest::from_bytes([1; 32]);
        let read = |study: &str, columns: &str| json!({ "kind": "data-read", "fields": { "study": study, "columns": columns } });
        let entries = json!([
            { "kind": "start", "fields": {} },
            read(&study.to_string(), "malignant, mean area"),
            read("another", "name"),
        ]);
        let reads = of_entries(&entries, &study);
        let columns = ["malignant", "mean area", "name"].map(str::to_owned);
        assert_eq!((reads.times, reads.entries), (1, 3));
        assert_eq!(reads.columns, columns.into());
    }
}
