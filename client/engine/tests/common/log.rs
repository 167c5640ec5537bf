//! A site's audit log, as text.

use ripieno_audit::Entry;
use ripieno_study::SiteIndex;

use super::federation::{Federation, TestSite};

/// All entries of a site's audit log, oldest first.
pub(crate) fn entries(site: &TestSite) -> Vec<Entry> {
    let log = site.audit();
    log.entries(1..log.head().count + 1).expect("a tape can be read")
}

/// An entry as a line: its kind, and its fields by name.
pub(crate) fn line(entry: &Entry) -> String {
    let fields = entry.fields.iter().map(|(name, value)| format!(" {name}={value:?}"));
    entry.kind.to_string() + &fields.collect::<String>()
}

impl Federation {
    /// A site's audit log, one line an entry.
    pub(crate) fn log(&self, site: SiteIndex) -> Vec<String> {
        entries(&self.sites[&site]).iter().map(line).collect()
    }
}
