//! A site's ledger: the durable record of every slot that its data entered (docs/protocol.md §6).
//!
//! Append-only and hash-chained. An entry is durable before the first masked byte leaves, so no
//! crash makes a site forget that a slot of its data may have been opened.

use std::collections::{BTreeMap, BTreeSet};

use ripieno_study::{Check, Contract, Digest, Hasher, Membership, Refusal, SiteSet, Tag};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::journal::{Journal, JournalError};
use crate::roster::Roster;
use crate::round::outcome::{Certificate, VoidCertificate};

/// How many records a ledger holds and the digest of their chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Records so far.
    pub count: u64,
    /// H("ledger", digest before, record), from H("ledger") on.
    pub digest: Digest,
}

impl Head {
    /// The head of an empty chain.
    #[must_use]
    pub fn empty() -> Self {
        Self { count: 0, digest: Hasher::new(Tag::Ledger).finish() }
    }

    /// The head after one more record.
    #[must_use]
    pub fn after(self, record: &[u8]) -> Self {
        let digest = Hasher::new(Tag::Ledger).part(self.digest).part(record).finish();
        Self { count: self.count.saturating_add(1), digest }
    }

    /// Adds the head to a hash.
    #[must_use]
    pub fn hash_into(&self, hasher: Hasher) -> Hasher {
        hasher.number(self.count).part(self.digest)
    }
}

/// A slot, over all epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotId {
    /// `T` of its epoch.
    pub transcript: Digest,
    /// Its number there.
    pub slot: u16,
}

impl SlotId {
    /// The slot that a contract uses up.
    #[must_use]
    pub fn of(contract: &Contract) -> Self {
        Self { transcript: contract.transcript, slot: contract.slot }
    }
}

impl std::fmt::Display for SlotId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "slot {} of epoch {}", self.slot, self.transcript.short())
    }
}

/// What is written down when own data enters a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The slot.
    pub id: SlotId,
    /// `ctx` of the round.
    pub ctx: Digest,
    /// The study.
    pub study: Digest,
    /// The data set's stable local lineage.
    pub lineage: Digest,
    /// Of the bytes that were read: every sum of a study on a data set is over the same rows. `None`
    /// where nothing was read, and in records that are older than this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
    /// The epoch's share-holders: with `threshold` and `void_quorum` they say who can resolve it.
    pub holders: SiteSet,
    /// `t` of the epoch.
    pub threshold: u16,
    /// `v` of the epoch.
    pub void_quorum: u16,
    /// `P`.
    pub participants: SiteSet,
    /// The study's membership rule.
    pub membership: Membership,
    /// Releases reserved: given back on a VOID certificate only.
    pub reserved: u64,
}

/// How a slot ended, as far as this site knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Neither certificate has come: it may have been opened.
    Unresolved,
    /// A certificate names a survivor set: it counts as opened.
    Opened,
    /// A VOID certificate: it can never be opened.
    Void,
}

// The variant's name stands outside: within a tagged map, serde cannot read the certificates' site
// numbers back from JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Record {
    Entered { entry: Entry },
    Trailer { id: SlotId, trailer: Digest },
    Opened { id: SlotId, certificate: Certificate },
    Void { id: SlotId, certificate: VoidCertificate },
    Decided { id: SlotId, opened: bool, steward: String },
}

/// Why a ledger could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record, or one before it, could not be made durable.
    #[error("the ledger could not be written; mend the cause, then restart the site: {0}")]
    Journal(#[from] JournalError),
    /// A record is not of this format, or does not follow from the ones before.
    #[error("record {number} of the ledger is damaged: {reason}")]
    Damaged {
        /// Number of the record, from 1.
        number: u64,
        /// What is wrong.
        reason: String,
    },
    /// The slot has no entry, or is resolved already.
    #[error("{0} is not an unresolved entry of the ledger")]
    NotUnresolved(SlotId),
}

/// The ledger over a journal that makes records durable.
#[derive(Debug)]
pub struct Ledger<J> {
    journal: J,
    /// What the journal said when it failed: then nobody knows whether the record is on the disk,
    /// so nothing is appended behind it until the ledger has been read again.
    failed: Option<JournalError>,
    head: Head,
    entries: BTreeMap<SlotId, (Entry, Standing)>,
    /// Slots whose standing is a steward's decision: a certificate outranks it.
    decided: BTreeSet<SlotId>,
}

impl<J: Journal> Ledger<J> {
    /// Reads the records that the journal holds and goes on from there.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] at the first record that cannot be read.
    pub fn open(journal: J, records: &[Vec<u8>]) -> Result<Self, LedgerError> {
        let (head, entries) = (Head::empty(), BTreeMap::new());
        let decided = BTreeSet::new();
        let mut ledger = Self { journal, failed: None, head, entries, decided };
        for bytes in records {
            let number = ledger.head.count + 1;
            let damaged = |reason: String| LedgerError::Damaged { number, reason };
            let record = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
            ledger.apply(record).map_err(|e| damaged(e.to_string()))?;
            ledger.head = ledger.head.after(bytes);
        }
        Ok(ledger)
    }

    /// Count and digest of the records so far.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// How a slot stands, or `None` where this site's data never entered it.
    #[must_use]
    pub fn standing(&self, id: SlotId) -> Option<Standing> {
        self.entries.get(&id).map(|(_, standing)| *standing)
    }

    /// Slots for which a certificate would still change something: the unresolved ones, and those
    /// that a steward has decided about.
    pub fn without_certificate(&self) -> impl Iterator<Item = &Entry> {
        self.entries.keys().filter_map(|id| self.open_entry(*id))
    }

    /// Slots of this site's data that have neither certificate.
    pub fn unresolved(&self) -> impl Iterator<Item = &Entry> {
        let open = |(_, standing): &&(Entry, Standing)| *standing == Standing::Unresolved;
        self.entries.values().filter(open).map(|(entry, _)| entry)
    }

    /// Releases of a study on a data set that are spent or reserved.
    #[must_use]
    pub fn spent(&self, study: &Digest, lineage: &Digest) -> u64 {
        let entries = self.counted(study, lineage);
        entries.map(|entry| entry.reserved).fold(0, u64::saturating_add)
    }

    /// Fingerprint of the data that a study's sums are over, on the data set of this lineage: its
    /// next sum is over the same bytes, or there is none.
    #[must_use]
    pub fn fingerprint(&self, study: &Digest, lineage: &Digest) -> Option<Digest> {
        self.counted(study, lineage).find_map(|entry| entry.fingerprint)
    }

    /// What counts as opened, or may have been.
    fn counted(&self, study: &Digest, lineage: &Digest) -> impl Iterator<Item = &Entry> {
        let (study, lineage) = (*study, *lineage);
        let counts = move |(entry, standing): &&(Entry, Standing)| {
            (entry.study, entry.lineage) == (study, lineage) && *standing != Standing::Void
        };
        self.entries.values().filter(counts).map(|(entry, _)| entry)
    }

    /// Sums of a study that count as opened, on whatever data.
    #[must_use]
    pub fn sums_of(&self, study: &Digest) -> u64 {
        let opened = |(entry, standing): &&(Entry, Standing)| {
            entry.study == *study && *standing == Standing::Opened
        };
        self.entries.values().filter(opened).count() as u64
    }

    /// What a trailer names of a study: H("history", list(T, slot)) over the slots of the study, on
    /// whatever data, that count as opened, in order: by a certificate for survivors, or by a
    /// steward's decision. A coordinator that withholds a certificate until stewards decide must not
    /// make their ledgers look like one that has forgotten the slot.
    #[must_use]
    pub fn history(&self, study: &Digest) -> Digest {
        let opened = |(_, (entry, standing)): &(&SlotId, &(Entry, Standing))| {
            entry.study == *study && *standing == Standing::Opened
        };
        let slots: Vec<_> = self.entries.iter().filter(opened).map(|(id, _)| id).collect();
        let add = |hasher: Hasher, id: &SlotId| hasher.part(id.transcript).number(id.slot);
        Hasher::new(Tag::History).list(slots.into_iter(), add).finish()
    }

    /// Other studies that opened another set of sites on the same data: two such sums differ by
    /// those sites' parts, so a steward must see it before the study is approved.
    #[must_use]
    pub fn other_sets(&self, study: &Digest, lineage: &Digest, sites: &SiteSet) -> Vec<Digest> {
        let differs = |entry: &Entry, standing: Standing| {
            entry.lineage == *lineage
                && entry.study != *study
                && standing != Standing::Void
                && entry.participants != *sites
        };
        let entries = self.entries.values().filter(|(entry, standing)| differs(entry, *standing));
        let mut studies: Vec<_> = entries.map(|(entry, _)| entry.study).collect();
        studies.sort_unstable();
        studies.dedup();
        studies
    }

    /// Checks S4, S7 and S8: whether the entry may be made, under a limit of releases for the study
    /// on this data set. Two sums of one study over other bytes of one data set would give away how
    /// the rows differ.
    ///
    /// # Errors
    /// The refusal, which names the slot that stands in the way.
    pub fn admit(&self, entry: &Entry, limit: u64) -> Result<(), Refusal> {
        self.check_new(entry)?;
        self.check_fingerprint(entry)?;
        let mut spent = 0_u64;
        for (other, standing) in self.entries.values() {
            if (other.study, other.lineage) != (entry.study, entry.lineage) {
                continue;
            }
            match standing {
                Standing::Void => continue,
                Standing::Unresolved => {
                    let reason = format!(
                        "{} of this study is unresolved: it needs a certificate, or the steward's \
                         decision",
                        other.id
                    );
                    return Err(Refusal::own(Check::S8, reason));
                }
                Standing::Opened => spent = spent.saturating_add(other.reserved),
            }
            let fixed = [entry.membership, other.membership].contains(&Membership::Fixed);
            if fixed && other.participants != entry.participants {
                let reason = format!(
                    "membership is fixed: {} was opened with {}, this round asks for {}",
                    other.id, other.participants, entry.participants
                );
                return Err(Refusal::coordinator(Check::S8, reason));
            }
        }
        if spent.saturating_add(entry.reserved) > limit {
            let reason = format!("{spent} of {limit} approved releases of this study are spent");
            return Err(Refusal::own(Check::S7, reason));
        }
        Ok(())
    }

    /// Runs [`Self::admit`] and makes the entry durable, in one step.
    ///
    /// # Errors
    /// The refusal, or the journal's error; then nothing may be sent.
    pub fn enter(&mut self, entry: Entry, limit: u64) -> Result<(), LedgerError> {
        self.admit(&entry, limit)?;
        self.write(Record::Entered { entry })
    }

    /// Makes the digest of a trailer durable, before the trailer is sent.
    ///
    /// # Errors
    /// Where the slot is not an unresolved entry, or the journal fails.
    pub fn trailer(&mut self, id: SlotId, trailer: Digest) -> Result<(), LedgerError> {
        self.write(Record::Trailer { id, trailer })
    }

    /// Records that a certificate names survivors.
    ///
    /// # Errors
    /// Where the slot is not an unresolved entry, or the journal fails.
    pub fn opened(&mut self, certificate: Certificate) -> Result<(), LedgerError> {
        self.write(Record::Opened { id: certificate.outcome.id, certificate })
    }

    /// Records that a certificate voids a slot, and gives its reservation back.
    ///
    /// # Errors
    /// Where the slot is not an unresolved entry, or the journal fails.
    pub fn voided(&mut self, certificate: VoidCertificate) -> Result<(), LedgerError> {
        self.write(Record::Void { id: certificate.id, certificate })
    }

    /// Takes a certificate for survivors by what the entry says of its epoch: also of an epoch that
    /// this site has left. Whether the ledger changed: not where own data never entered the slot,
    /// or where the outcome is known.
    ///
    /// # Errors
    /// Check U1 where the certificate does not hold, or the journal's error.
    pub fn take_opened(
        &mut self,
        roster: &Roster,
        certificate: &Certificate,
    ) -> Result<bool, LedgerError> {
        let id = certificate.outcome.id;
        let Some(entry) = self.open_entry(id) else { return Ok(false) };
        if certificate.outcome.ctx != entry.ctx {
            let reason = format!("the certificate is for another contract of {id}");
            return Err(Refusal::coordinator(Check::U1, reason).into());
        }
        certificate.verify_by(roster, &entry.holders, entry.threshold)?;
        self.opened(certificate.clone()).map(|()| true)
    }

    /// The same for a VOID certificate.
    ///
    /// # Errors
    /// Check U1 where the certificate does not hold, or the journal's error.
    pub fn take_void(
        &mut self,
        roster: &Roster,
        certificate: &VoidCertificate,
    ) -> Result<bool, LedgerError> {
        let Some(entry) = self.open_entry(certificate.id) else { return Ok(false) };
        certificate.verify_by(roster, &entry.holders, entry.void_quorum)?;
        self.voided(certificate.clone()).map(|()| true)
    }

    /// The entry of a slot that has no certificate.
    fn open_entry(&self, id: SlotId) -> Option<&Entry> {
        let (entry, standing) = self.entries.get(&id)?;
        let open = *standing == Standing::Unresolved || self.decided.contains(&id);
        open.then_some(entry)
    }

    /// Records a steward's decision on a slot for which no certificate can be had: whether it is
    /// to count as opened.
    ///
    /// # Errors
    /// Where the slot is not an unresolved entry, or the journal fails.
    pub fn decided(&mut self, id: SlotId, opened: bool, steward: &str) -> Result<(), LedgerError> {
        self.write(Record::Decided { id, opened, steward: steward.to_owned() })
    }

    fn write(&mut self, record: Record) -> Result<(), LedgerError> {
        self.check(&record)?;
        let bytes = serde_json::to_vec(&record).map_err(|e| JournalError::new(e.to_string()))?;
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        self.journal.append(&bytes).inspect_err(|error| self.failed = Some(error.clone()))?;
        self.head = self.head.after(&bytes);
        self.apply(record)
    }

    fn check(&self, record: &Record) -> Result<(), LedgerError> {
        let id = match record {
            Record::Entered { entry } => return Ok(self.check_new(entry)?),
            Record::Trailer { id, .. }
            | Record::Opened { id, .. }
            | Record::Void { id, .. }
            | Record::Decided { id, .. } => *id,
        };
        let certificate = matches!(record, Record::Opened { .. } | Record::Void { .. });
        match self.standing(id) {
            Some(Standing::Unresolved) => Ok(()),
            Some(_) if certificate && self.decided.contains(&id) => Ok(()),
            _ => Err(LedgerError::NotUnresolved(id)),
        }
    }

    /// Check S4: a slot is entered once.
    fn check_new(&self, entry: &Entry) -> Result<(), Refusal> {
        if self.entries.contains_key(&entry.id) {
            let reason = format!("{} is in the ledger already", entry.id);
            return Err(Refusal::coordinator(Check::S4, reason));
        }
        Ok(())
    }

    /// Check S8: the data is that of the study's sums so far.
    fn check_fingerprint(&self, entry: &Entry) -> Result<(), Refusal> {
        let held = self.fingerprint(&entry.study, &entry.lineage);
        match (held, entry.fingerprint) {
            (Some(held), Some(now)) if held != now => {
                let reason = "the data has changed since a sum of this study: a study on the new \
                              data is another one";
                Err(Refusal::own(Check::S8, reason))
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, record: Record) -> Result<(), LedgerError> {
        self.check(&record)?;
        match record {
            Record::Entered { entry } => {
                self.entries.insert(entry.id, (entry, Standing::Unresolved));
            }
            Record::Trailer { .. } => {}
            Record::Opened { id, .. } => {
                self.decided.remove(&id);
                self.resolve(id, Standing::Opened);
            }
            Record::Void { id, .. } => {
                self.decided.remove(&id);
                self.resolve(id, Standing::Void);
            }
            Record::Decided { id, opened, .. } => {
                self.resolve(id, if opened { Standing::Opened } else { Standing::Void });
                self.decided.insert(id);
            }
        }
        Ok(())
    }

    fn resolve(&mut self, id: SlotId, to: Standing) {
        if let Some((_, standing)) = self.entries.get_mut(&id) {
            *standing = to;
        }
    }
}
