//! What was seen of the sites' ledgers (check L1), also before a restart.

use std::collections::BTreeMap;

use ripieno_secagg::journal::{Journal, JournalError};
use ripieno_secagg::ledger::{Head, LedgerError};
use ripieno_secagg::witness::{Counts, Witness};
use ripieno_study::{Refusal, SiteIndex, SiteSet};

use crate::changes::Change;
use crate::records::{self, SeenRecord};

/// Heads of a site that outlive a restart, the highest ones. Sites remember more, and refuse by
/// what they remember.
const KEPT_HEADS: usize = 8;

/// What is stored goes with the coordinator's other changes.
#[derive(Debug, Default)]
struct Elsewhere;

impl Journal for Elsewhere {
    fn append(&mut self, _record: &[u8]) -> Result<(), JournalError> {
        Ok(())
    }
}

/// The heads that were seen of each site.
#[derive(Default)]
pub(crate) struct Seen {
    witness: Witness<Elsewhere>,
    highest: BTreeMap<SiteIndex, BTreeMap<u64, Head>>,
    changed: SiteSet,
}

impl Seen {
    /// How many records of each site's ledger were seen, at this moment.
    pub(crate) fn counts(&self) -> Counts {
        self.witness.counts()
    }

    /// Takes the head of an advert of a set-up that began when `before` was known.
    pub(crate) fn advert_since(
        &mut self,
        before: &Counts,
        site: SiteIndex,
        head: Head,
    ) -> Result<(), Refusal> {
        refusal_of(self.witness.advert_since(before, site, head))?;
        self.keep(site, head);
        Ok(())
    }

    /// Takes the head of a trailer.
    pub(crate) fn trailer(&mut self, site: SiteIndex, head: Head) -> Result<(), Refusal> {
        refusal_of(self.witness.trailer(site, head))?;
        self.keep(site, head);
        Ok(())
    }

    /// Takes what was stored of a site.
    pub(crate) fn restore(&mut self, site: SiteIndex, record: &SeenRecord) -> Result<(), String> {
        for head in record.heads()? {
            self.trailer(site, head).map_err(|refusal| refusal.to_string())?;
        }
        self.changed.remove(site);
        Ok(())
    }

    /// What is to be stored since the last call.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        let record = |site: SiteIndex| {
            let heads = self.highest.get(&site)?.values();
            Some(Change::Seen { site, record: records::seal(&SeenRecord::new(heads)) })
        };
        changed.iter().filter_map(record).collect()
    }

    fn keep(&mut self, site: SiteIndex, head: Head) {
        let heads = self.highest.entry(site).or_default();
        if heads.contains_key(&head.count) {
            return;
        }
        heads.insert(head.count, head);
        if heads.len() > KEPT_HEADS {
            heads.pop_first();
        }
        self.changed.insert(site);
    }
}

/// The refusal in a witness's answer. A witness that writes elsewhere has no other error.
fn refusal_of(result: Result<(), LedgerError>) -> Result<(), Refusal> {
    match result {
        Err(LedgerError::Refused(refusal)) => Err(refusal),
        _ => Ok(()),
    }
}
