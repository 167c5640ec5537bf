//! Whether a log is what its owner wrote.

use ripieno_identity::{BadSignature, PublicKey};
use ripieno_study::Digest;
use thiserror::Error;

use crate::head::{Head, SignedHead};
use crate::record::Entry;

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many entries are sound: all of the log, or those before the fault.
    pub entries: u64,
    /// How many of them carry the owner's signature.
    pub signed_heads: u64,
    /// The last of these.
    pub last_signed: Option<SignedHead>,
    /// The first fault; nothing is said of what comes after it.
    pub fault: Option<Fault>,
    /// The chain's digest after each number of sound entries, 0 included.
    digests: Vec<Digest>,
}

/// A record that is not what the owner wrote there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("record {record} of the audit log: {wrong}")]
pub struct Fault {
    /// Number of the record in the order in which they were read, from 1.
    pub record: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// It is no entry.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It has another number than its place.
    #[error("it says that it is entry {0}: entries were removed, inserted or moved")]
    Number(u64),
    /// Its digest does not follow from it and the entries before.
    #[error("it, or what stood before it, was altered")]
    Digest,
    /// The first entry has no signature.
    #[error("it carries no signature, as every first entry does")]
    Unsigned,
    /// The signature is not one of this key.
    #[error("{0}; it or an entry before it was rewritten, or the log is someone else's")]
    Signature(BadSignature),
}

/// Verifies a log, given as its records from the first one on, or as the lines of an export.
pub fn verify<R: AsRef<[u8]>>(records: impl IntoIterator<Item = R>, key: &PublicKey) -> Report {
    let mut checker = Checker::new(*key);
    let mut digests = vec![checker.head.digest];
    let mut fault = None;
    for record in records {
        match checker.take(record.as_ref()) {
            Ok(entry) => digests.push(entry.digest),
            Err(found) => {
                fault = Some(found);
                break;
            }
        }
    }
    let Checker { head, signed_heads, last_signed, .. } = checker;
    Report { entries: head.count, signed_heads, last_signed, fault, digests }
}

impl Report {
    /// The head after the sound entries.
    #[must_use]
    pub fn head(&self) -> Head {
        // The list begins with the digest of the empty log, so it has a last one.
        let digest = self.digests.last().copied().unwrap_or(Head::empty().digest);
        Head { count: self.entries, digest }
    }

    /// Whether the sound entries begin with all those of an earlier moment, of which this head is
    /// left. If not, the log was cut off or written anew since.
    #[must_use]
    pub fn is_extension_of(&self, older: Head) -> bool {
        let digest = usize::try_from(older.count).ok().and_then(|count| self.digests.get(count));
        digest == Some(&older.digest)
    }

    /// How many sound entries come after the last signature: whoever can write the file could
    /// still have rewritten these.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        self.entries - self.last_signed.map_or(0, |signed| signed.head.count)
    }
}

/// Checks records one after the other.
#[derive(Debug)]
pub(crate) struct Checker {
    key: PublicKey,
    pub(crate) head: Head,
    signed_heads: u64,
    pub(crate) last_signed: Option<SignedHead>,
}

impl Checker {
    pub(crate) fn new(key: PublicKey) -> Self {
        Self { key, head: Head::empty(), signed_heads: 0, last_signed: None }
    }

    pub(crate) fn take(&mut self, record: &[u8]) -> Result<Entry, Fault> {
        let number = self.head.count.saturating_add(1);
        let entry = self.check(number, record).map_err(|wrong| Fault { record: number, wrong })?;
        self.head = entry.head();
        if let Some(signed) = entry.signed_head() {
            self.signed_heads += 1;
            self.last_signed = Some(signed);
        }
        Ok(entry)
    }

    fn check(&self, number: u64, record: &[u8]) -> Result<Entry, Wrong> {
        let entry = Entry::decode(record).map_err(Wrong::Unreadable)?;
        if entry.number != number {
            return Err(Wrong::Number(entry.number));
        }
        if !entry.follows(self.head) {
            return Err(Wrong::Digest);
        }
        match entry.signed_head() {
            Some(signed) => signed.verify(&self.key).map_err(Wrong::Signature)?,
            None if number == 1 => return Err(Wrong::Unsigned),
            None => {}
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};
    use ripieno_identity::SigningKey;
    use zeroize::Zeroizing;

    #[test]
    fn a_first_entry_without_signature_is_no_log() {
        let key = SigningKey::from_seed(&Zeroizing::new([1; 32])).public();
        let bare = Entry::following(Head::empty(), Event::new(Kind::Start, 1), false);
        let report = verify([bare.encode().unwrap()], &key);
        assert_eq!(report.fault, Some(Fault { record: 1, wrong: Wrong::Unsigned }));
        assert_eq!(verify([[0_u8; 0]; 0], &key).fault, None, "an empty log has no fault");
    }
}
