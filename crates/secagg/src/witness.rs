//! What a site remembers of its peers' ledgers (check L1, docs/protocol.md §6).
//!
//! Count and head of a ledger travel in adverts and trailers. A site restored from a backup shows
//! a lower count than its peers have seen, or another head at a count they know: it is refused
//! until its steward has looked.

use std::collections::BTreeMap;

use ripieno_study::{Check, Refusal, SiteIndex};
use serde::{Deserialize, Serialize};

use crate::journal::{Journal, JournalError};
use crate::ledger::{Head, LedgerError};

/// Heads that are kept of one site, the highest ones.
const MAX_HEADS: usize = 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    site: SiteIndex,
    head: Head,
}

/// The heads that a site has seen of each peer.
#[derive(Debug)]
pub struct Witness<J> {
    journal: J,
    seen: BTreeMap<SiteIndex, BTreeMap<u64, Head>>,
}

/// How many records of each site's ledger had been seen at some moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<SiteIndex, u64>);

impl Counts {
    /// Refuses a head that is below what had been seen of its site.
    fn admits(&self, site: SiteIndex, head: Head) -> Result<(), Refusal> {
        match self.0.get(&site).filter(|highest| head.count < **highest) {
            None => Ok(()),
            Some(highest) => {
                let reason = format!(
                    "its ledger ends at record {}, and record {highest} was seen before: was it \
                     restored from a backup?",
                    head.count
                );
                Err(Refusal::site(Check::L1, site, reason))
            }
        }
    }
}

impl<J: Journal + Default> Default for Witness<J> {
    fn default() -> Self {
        Self { journal: J::default(), seen: BTreeMap::new() }
    }
}

impl<J: Journal> Witness<J> {
    /// Reads the records that the journal holds.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] at the first record that cannot be read.
    pub fn open(journal: J, records: &[Vec<u8>]) -> Result<Self, LedgerError> {
        let mut witness = Self { journal, seen: BTreeMap::new() };
        for (number, bytes) in (1..).zip(records) {
            let seen: Seen = serde_json::from_slice(bytes)
                .map_err(|e| LedgerError::Damaged { number, reason: e.to_string() })?;
            witness.keep(seen.site, seen.head);
        }
        Ok(witness)
    }

    /// The highest count seen of a site.
    #[must_use]
    pub fn highest(&self, site: SiteIndex) -> Option<Head> {
        self.seen.get(&site)?.last_key_value().map(|(_, head)| *head)
    }

    /// The highest count seen of every site, at this moment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let highest = |(site, heads): (&SiteIndex, &BTreeMap<u64, Head>)| {
            heads.last_key_value().map(|(count, _)| (*site, *count))
        };
        Counts(self.seen.iter().filter_map(highest).collect())
    }

    /// Takes the head of an advert: it must not be below the highest one.
    ///
    /// # Errors
    /// Check L1 with the site as culprit, or the journal's error.
    pub fn advert(&mut self, site: SiteIndex, head: Head) -> Result<(), LedgerError> {
        let counts = self.counts();
        self.advert_since(&counts, site, head)
    }

    /// Takes the head of an advert that was gathered while rounds of the epoch before went on: it
    /// must not be below the highest one of the moment when this site advertised itself. (The
    /// trailers that came since then may show records that are younger than the advert.)
    ///
    /// # Errors
    /// Check L1 with the site as culprit, or the journal's error.
    pub fn advert_since(
        &mut self,
        before: &Counts,
        site: SiteIndex,
        head: Head,
    ) -> Result<(), LedgerError> {
        self.adverts_since(before, [(site, head)])
    }

    /// The same of several, which are written down together: up to the first that is refused.
    ///
    /// # Errors
    /// As [`Self::advert_since`].
    pub fn adverts_since(
        &mut self,
        before: &Counts,
        heads: impl IntoIterator<Item = (SiteIndex, Head)>,
    ) -> Result<(), LedgerError> {
        self.take(heads.into_iter().map(|(site, head)| {
            before.admits(site, head)?;
            Ok((site, head))
        }))
    }

    /// Takes the head of a trailer. Slots of several studies may end in another order than they
    /// began, so a lower count is no fault here; another head at a known count is.
    ///
    /// # Errors
    /// Check L1 with the site as culprit, or the journal's error.
    pub fn trailer(&mut self, site: SiteIndex, head: Head) -> Result<(), LedgerError> {
        self.trailers([(site, head)])
    }

    /// The same of several, which are written down together: up to the first that is refused.
    ///
    /// # Errors
    /// As [`Self::trailer`].
    pub fn trailers(
        &mut self,
        heads: impl IntoIterator<Item = (SiteIndex, Head)>,
    ) -> Result<(), LedgerError> {
        self.take(heads.into_iter().map(Ok))
    }

    /// Takes heads up to the first that is refused: those before it are kept, for they were seen.
    fn take(
        &mut self,
        heads: impl Iterator<Item = Result<(SiteIndex, Head), Refusal>>,
    ) -> Result<(), LedgerError> {
        let (mut new, mut records) = (BTreeMap::new(), Vec::new());
        let mut refused = Ok(());
        for head in heads {
            match head.and_then(|(site, head)| Ok((site, head, self.is_new(&new, site, head)?))) {
                Ok((site, head, true)) => {
                    let bytes = serde_json::to_vec(&Seen { site, head });
                    records.push(bytes.map_err(|e| JournalError::new(e.to_string()))?);
                    new.insert((site, head.count), head);
                }
                Ok(_) => {}
                Err(refusal) => {
                    refused = Err(refusal.into());
                    break;
                }
            }
        }
        self.journal.append_all(&records)?;
        new.into_iter().for_each(|((site, _), head)| self.keep(site, head));
        refused
    }

    /// Whether a head was not seen before; refused where another one was at its count.
    fn is_new(
        &self,
        new: &BTreeMap<(SiteIndex, u64), Head>,
        site: SiteIndex,
        head: Head,
    ) -> Result<bool, Refusal> {
        let kept = || self.seen.get(&site).and_then(|heads| heads.get(&head.count));
        match new.get(&(site, head.count)).or_else(kept) {
            None => Ok(true),
            Some(known) if *known == head => Ok(false),
            Some(_) => {
                let reason = format!("its ledger shows two heads at record {}", head.count);
                Err(Refusal::site(Check::L1, site, reason))
            }
        }
    }

    fn keep(&mut self, site: SiteIndex, head: Head) {
        let heads = self.seen.entry(site).or_default();
        heads.insert(head.count, head);
        if heads.len() > MAX_HEADS {
            heads.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemoryJournal;

    fn site() -> SiteIndex {
        SiteIndex::new(2).unwrap()
    }

    fn check_of(error: LedgerError) -> Check {
        match error {
            LedgerError::Refused(refusal) => refusal.check,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_ledger_that_went_back_is_refused_also_after_a_restart() {
        let mut witness = Witness::open(MemoryJournal::default(), &[]).unwrap();
        let one = Head::empty().after(b"one");
        let two = one.after(b"two");
        witness.advert(site(), two).unwrap();
        witness.advert(site(), two).unwrap();
        assert_eq!(check_of(witness.advert(site(), one).unwrap_err()), Check::L1);
        let other = one.after(b"another history");
        assert_eq!(check_of(witness.trailer(site(), other).unwrap_err()), Check::L1);
        let records = witness.journal.records().to_vec();
        assert_eq!(records.len(), 1, "a known head is not written again");
        let mut again = Witness::open(MemoryJournal::default(), &records).unwrap();
        assert_eq!(again.highest(site()), Some(two));
        assert_eq!(check_of(again.advert(site(), one).unwrap_err()), Check::L1);
        again.trailer(site(), one).unwrap();
    }

    #[test]
    fn heads_that_come_together_are_kept_up_to_the_one_that_is_refused() {
        let index = |number| SiteIndex::new(number).unwrap();
        let (one, other) = (Head::empty().after(b"one"), Head::empty().after(b"other"));
        let two = one.after(b"two");
        let mut witness = Witness::<MemoryJournal>::default();
        witness.trailers([(index(1), one), (index(2), two), (index(1), one)]).unwrap();
        assert_eq!(witness.journal.records().len(), 2);
        let twice = [(index(4), one), (index(4), other), (index(5), one)];
        assert_eq!(check_of(witness.trailers(twice).unwrap_err()), Check::L1);
        assert_eq!((witness.highest(index(4)), witness.highest(index(5))), (Some(one), None));
        let counts = witness.counts();
        let back = [(index(3), two), (index(2), one), (index(1), two)];
        assert_eq!(check_of(witness.adverts_since(&counts, back).unwrap_err()), Check::L1);
        let highest = [1, 2, 3, 4].map(|site| witness.highest(index(site)).unwrap().count);
        assert_eq!((highest, witness.journal.records().len()), ([1, 2, 2, 1], 4));
    }
}
