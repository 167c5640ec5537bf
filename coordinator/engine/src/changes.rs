//! What a coordinator must not forget, as changes to be made durable.

use std::collections::BTreeMap;

use bytes::Bytes;
use ripieno_secagg::SlotId;
use ripieno_study::{Digest, SiteIndex};

use crate::coordinator::Outgoing;
use crate::event::Event;

/// What one or several calls led to. The driver makes all `changes` durable, in one transaction,
/// before it sends any of `outgoing` or shows any of `events`; where it cannot, it ends, and another
/// coordinator is restored from what was durable before. The next call of
/// [`Coordinator::drain`](crate::Coordinator::drain) says that it was done.
#[derive(Debug, Default)]
pub struct Drained {
    /// To be made durable first.
    pub changes: Vec<Change>,
    /// To be sent then, in order.
    pub outgoing: Vec<Outgoing>,
    /// To be shown then, in order.
    pub events: Vec<Event>,
}

/// One change of what is stored. Records are opaque: they name their version, and a change in any
/// of their bytes is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Highest epoch number announced.
    LastEpoch(u64),
    /// An epoch that was set up (adverts, acceptances): inserted.
    Epoch {
        /// Its number.
        number: u64,
        /// What is stored.
        record: Bytes,
    },
    /// An epoch that nothing needs any more.
    EpochGone {
        /// Its number.
        number: u64,
    },
    /// Where a study stands: inserted or replaced.
    Study {
        /// The study.
        study: Digest,
        /// What is stored.
        record: Bytes,
    },
    /// A certificate of one of its slots: kept for sites that were away.
    Outcome {
        /// The study.
        study: Digest,
        /// The slot.
        slot: SlotId,
        /// What is stored.
        record: Bytes,
    },
    /// An opened sum: contract, receipt, sum.
    Sum {
        /// The study.
        study: Digest,
        /// Number of the round.
        round: u32,
        /// What is stored.
        record: Bytes,
    },
    /// A sum that no site needs any more.
    SumGone {
        /// The study.
        study: Digest,
        /// Number of the round.
        round: u32,
    },
    /// What was last seen of a site's ledger: inserted or replaced.
    Seen {
        /// The site.
        site: SiteIndex,
        /// What is stored.
        record: Bytes,
    },
}

/// Everything that was made durable: what a coordinator is restored from. No key is there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Highest epoch number announced.
    pub last_epoch: u64,
    /// By number.
    pub epochs: Vec<(u64, Bytes)>,
    /// By study.
    pub studies: Vec<(Digest, Bytes)>,
    /// By study and slot.
    pub outcomes: Vec<(Digest, SlotId, Bytes)>,
    /// By study and round.
    pub sums: Vec<(Digest, u32, Bytes)>,
    /// By site.
    pub seen: Vec<(SiteIndex, Bytes)>,
}

impl Saved {
    /// Takes changes, as a store does: for tests, and where nothing outlives the process.
    pub fn apply(&mut self, changes: &[Change]) {
        let mut outcomes: BTreeMap<_, _> =
            self.outcomes.drain(..).map(|(study, slot, record)| ((study, slot), record)).collect();
        let mut sums: BTreeMap<_, _> =
            self.sums.drain(..).map(|(study, round, record)| ((study, round), record)).collect();
        for change in changes {
            match change {
                Change::LastEpoch(number) => self.last_epoch = *number,
                Change::Epoch { number, record } => put(&mut self.epochs, *number, record),
                Change::EpochGone { number } => self.epochs.retain(|(known, _)| known != number),
                Change::Study { study, record } => put(&mut self.studies, *study, record),
                Change::Outcome { study, slot, record } => {
                    outcomes.insert((*study, *slot), record.clone());
                }
                Change::Sum { study, round, record } => {
                    sums.insert((*study, *round), record.clone());
                }
                Change::SumGone { study, round } => {
                    sums.remove(&(*study, *round));
                }
                Change::Seen { site, record } => put(&mut self.seen, *site, record),
            }
        }
        self.outcomes = outcomes.into_iter().map(|((study, slot), r)| (study, slot, r)).collect();
        self.sums = sums.into_iter().map(|((study, round), r)| (study, round, r)).collect();
    }
}

fn put<K: PartialEq>(list: &mut Vec<(K, Bytes)>, key: K, record: &Bytes) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = record.clone(),
        None => list.push((key, record.clone())),
    }
}
