//! Studies that do not run here: refused, withdrawn, ended; and those that wait for the steward.

use std::collections::BTreeMap;

use ripieno_study::{Digest, Refusal};

use crate::progress::{Progress, Taken};
use crate::record::{OfferRecord, PendingRecord, StandingRecord, StudyRecord};

/// The rule by which a steward says no.
pub(crate) const BY_STEWARD: &str = "steward";
/// The rule by which a steward takes a yes back.
pub(crate) const WITHDRAWN: &str = "steward.withdrawn";

/// A study that does not run here.
pub(crate) struct Closed {
    pub(crate) taken: Taken,
    pub(crate) why: Why,
}

/// Why a study does not run here.
#[derive(Clone)]
pub(crate) enum Why {
    /// A rule said no.
    Refused {
        /// Its name.
        rule: String,
        /// In words for whoever asked.
        reason: String,
        /// Who said so, where it was a person: then it is for good.
        steward: Option<String>,
    },
    /// The coordinator gave it up, or its researcher did.
    Ended {
        /// As it was told.
        reason: String,
    },
}

impl Closed {
    /// Whether a person decided so, and no offer changes it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.why, Why::Refused { steward: Some(_), .. })
    }

    pub(crate) fn record(&self) -> StudyRecord {
        let standing = match self.why.clone() {
            Why::Refused { rule, reason, steward } => {
                StandingRecord::Refused { rule, reason, steward }
            }
            Why::Ended { reason } => StandingRecord::Ended { reason },
        };
        let offer = OfferRecord::new(self.taken.offer());
        StudyRecord { offer, since: self.taken.since, standing }
    }
}

/// A study that waits for the steward.
pub(crate) struct Pending {
    pub(crate) taken: Taken,
    /// Why the policy asks.
    pub(crate) reason: String,
}

impl Pending {
    pub(crate) fn record(&self) -> PendingRecord {
        PendingRecord {
            offer: OfferRecord::new(self.taken.offer()),
            reason: self.reason.clone(),
            since: self.taken.since,
        }
    }
}

/// All studies that a site knows: each in one place.
#[derive(Default)]
pub(crate) struct Studies {
    pub(crate) approved: BTreeMap<Digest, Progress>,
    pub(crate) closed: BTreeMap<Digest, Closed>,
    pub(crate) pending: BTreeMap<Digest, Pending>,
}

impl Studies {
    /// What is written down of a study that was decided about.
    pub(crate) fn record(&self, study: &Digest) -> Option<StudyRecord> {
        let approved = self.approved.get(study).map(Progress::record);
        approved.or_else(|| self.closed.get(study).map(Closed::record))
    }

    /// A study that was approved by the policy, and waits for a steward after all.
    pub(crate) fn asked(&self, study: &Digest) -> Option<&Progress> {
        self.approved.get(study).filter(|progress| progress.asks.is_some())
    }

    /// A study that was given up, but not by a person here.
    pub(crate) fn ended(&self, study: &Digest) -> Option<&Taken> {
        let closed = self.closed.get(study)?;
        matches!(closed.why, Why::Ended { .. }).then_some(&closed.taken)
    }

    /// How many were decided about.
    pub(crate) fn decided(&self) -> usize {
        self.approved.len() + self.closed.len()
    }

    /// How many have a next round.
    pub(crate) fn running(&self) -> usize {
        self.approved.values().filter(|progress| !progress.is_over()).count()
    }

    /// The study that can be forgotten first: refused by the policy, ended, or done.
    pub(crate) fn oldest(&self) -> Option<Digest> {
        let closed = self.closed.iter().filter(|(_, closed)| !closed.is_final());
        let closed = closed.map(|(study, closed)| (closed.taken.since, *study));
        let done = self.approved.iter().filter(|(_, progress)| progress.stands());
        let done = done.map(|(study, progress)| (progress.taken.since, *study));
        closed.chain(done).min().map(|(_, study)| study)
    }
}

/// Why a study has no part in a round, as far as this site knows it.
pub(crate) fn not_approved(study: &Digest, closed: Option<&Closed>) -> Refusal {
    let short = study.short();
    let reason = match closed.map(|closed| &closed.why) {
        None => format!("study {short} is not approved here"),
        Some(Why::Refused { rule, reason, .. }) => format!("{rule}: {reason}"),
        Some(Why::Ended { reason }) => {
            format!("study {short} has ended ({reason}); it must be offered again")
        }
    };
    Refusal::own(ripieno_study::Check::S2, reason)
}
