//! What a site decided, in order: a hash chain whose head travels in every trailer.

use ripieno_study::{Digest, Hasher, Tag};

/// Entries that are kept at least; the head covers the older ones too.
const KEPT: usize = 4096;

/// The site's own record of decisions, refusals, reads and rounds. Its entries name studies,
/// rules, slots, files and columns, never values.
#[derive(Clone, Debug)]
pub struct Trail {
    entries: Vec<String>,
    head: Digest,
}

impl Trail {
    /// An empty record.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: Vec::new(), head: Hasher::new(Tag::Audit).finish() }
    }

    /// Adds an entry.
    pub fn note(&mut self, entry: impl Into<String>) {
        let entry = entry.into();
        self.head = Hasher::new(Tag::Audit).part(self.head).part(&entry).finish();
        if self.entries.len() >= 2 * KEPT {
            self.entries.drain(..KEPT);
        }
        self.entries.push(entry);
    }

    /// The newest entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Digest of the chain.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.head
    }
}

impl Default for Trail {
    fn default() -> Self {
        Self::new()
    }
}
