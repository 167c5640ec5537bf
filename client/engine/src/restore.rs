//! What a site remembers when it starts, and how it keeps that up to date.

use ripieno_audit::{Kind, Storage};
use ripieno_secagg::Roster;
use ripieno_secagg::epoch::Epoch;
use ripieno_study::{Digest, Refusal};
use serde::Serialize;
use thiserror::Error;

use crate::closed::{Closed, Pending, Studies, Why};
use crate::progress::{Progress, Taken};
use crate::record::{self, EpochRecord, Known, PendingRecord, StandingRecord, StudyRecord};
use crate::shelf::{Key, Shelf, ShelfError};
use crate::site::Site;

/// Why a site does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The charter does not list this key at this index (check H1).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A record is not what was written.
    #[error(
        "the record of {key} is damaged: {reason}. Restore the newest copy of it; without one, {}",
        without(key)
    )]
    Damaged {
        /// Which one.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// The shelf failed.
    #[error("the site's records could not be put in order: {0}")]
    Shelf(#[from] ShelfError),
}

/// What is left to do without a record.
fn without(key: &Key) -> &'static str {
    match key {
        Key::LastEpoch => {
            "come back as a new site: this one would go back to epochs that it has used"
        }
        Key::Study(_) | Key::Pending(_) => "remove it, and have the study submitted again",
    }
}

/// What lay on the shelf.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) epochs: Known,
    pub(crate) studies: Studies,
}

/// Reads the records. A study that was decided about waits no more: where both records are there,
/// the site ended between the two writes, and the older one is removed.
pub(crate) fn restore(
    saved: &[(Key, Vec<u8>)],
    roster: &Roster,
    shelf: &mut impl Shelf,
) -> Result<Restored, StartError> {
    let mut restored = Restored::default();
    for (key, bytes) in saved {
        let damaged = |reason| StartError::Damaged { key: *key, reason };
        restored.take(*key, bytes, roster).map_err(damaged)?;
    }
    let Studies { approved, closed, pending } = &mut restored.studies;
    let decided = |study: &Digest| approved.contains_key(study) || closed.contains_key(study);
    let stale: Vec<_> = pending.keys().filter(|study| decided(study)).copied().collect();
    for study in stale {
        shelf.remove(&Key::Pending(study))?;
        pending.remove(&study);
    }
    Ok(restored)
}

impl Restored {
    fn take(&mut self, key: Key, bytes: &[u8], roster: &Roster) -> Result<(), String> {
        match key {
            Key::LastEpoch => {
                let record: EpochRecord = record::decode(bytes)?;
                self.epochs = record.open(roster)?;
            }
            Key::Pending(study) => {
                let PendingRecord { offer, reason, since } = record::decode(bytes)?;
                let (text, offer) = offer.open(&study)?;
                let taken = Taken { study: text, submission: offer.submission, since };
                self.studies.pending.insert(study, Pending { taken, reason });
            }
            Key::Study(study) => {
                let StudyRecord { offer, since, standing } = record::decode(bytes)?;
                let (text, offer) = offer.open(&study)?;
                let taken = Taken { study: text, submission: offer.submission, since };
                self.take_study(study, taken, standing)?;
            }
        }
        Ok(())
    }

    fn take_study(
        &mut self,
        study: Digest,
        taken: Taken,
        standing: StandingRecord,
    ) -> Result<(), String> {
        let why = match standing {
            StandingRecord::Approved(approved) => {
                let progress = Progress::restore(taken, *approved)?;
                self.studies.approved.insert(study, progress);
                return Ok(());
            }
            StandingRecord::Refused { rule, reason, steward } => {
                Why::Refused { rule, reason, steward }
            }
            StandingRecord::Ended { reason } => Why::Ended { reason },
        };
        self.studies.closed.insert(study, Closed { taken, why });
        Ok(())
    }
}

impl<J, S: Storage, R, B: Shelf> Site<J, S, R, B> {
    /// Keeps how a study stands that was decided about, before anything leaves that depends on it.
    pub(crate) fn keep_study(&mut self, study: &Digest) {
        if let Some(record) = self.studies.record(study) {
            self.put(Key::Study(*study), &record);
        }
    }

    /// Keeps that a study waits for the steward.
    pub(crate) fn keep_pending(&mut self, study: &Digest) {
        if let Some(record) = self.studies.pending.get(study).map(Pending::record) {
            self.put(Key::Pending(*study), &record);
        }
    }

    /// Keeps the number of the last epoch, and whose sums may still come.
    pub(crate) fn keep_epochs(&mut self) {
        // The sums of an earlier charter cannot be verified under this one.
        let charter = self.party.roster().charter;
        self.past.last.insert(charter, self.numbers.last);
        let joined = self.epochs.values().map(Epoch::transcript);
        let foreign = self.foreign.values().filter(|foreign| foreign.roster.charter == charter);
        let foreign = foreign.map(|foreign| &foreign.transcript);
        let mut known: Vec<_> = joined.chain(foreign).chain(self.setup.transcript()).collect();
        known.sort_by_key(|transcript| std::cmp::Reverse(transcript.epoch()));
        known.truncate(crate::setup::MAX_EPOCHS);
        let record = EpochRecord::new(charter, &self.past, known.into_iter());
        self.put(Key::LastEpoch, &record);
    }

    /// Forgets that a study waits for the steward.
    pub(crate) fn drop_pending(&mut self, study: &Digest) {
        if self.studies.pending.remove(study).is_some() {
            self.remove(Key::Pending(*study));
        }
    }

    /// Forgets a study that was decided about.
    pub(crate) fn drop_study(&mut self, study: &Digest) {
        self.studies.approved.remove(study);
        self.studies.closed.remove(study);
        self.remove(Key::Study(*study));
    }

    fn put(&mut self, key: Key, record: &impl Serialize) {
        // Nothing is kept of what was not written to the audit log.
        if self.written().is_err() {
            return;
        }
        let kept = match record::encode(record) {
            Ok(bytes) => self.shelf.put(&key, &bytes),
            Err(reason) => Err(ShelfError::new(reason)),
        };
        self.shelved(key, kept);
    }

    fn remove(&mut self, key: Key) {
        if self.written().is_ok() {
            let removed = self.shelf.remove(&key);
            self.shelved(key, removed);
        }
    }

    fn shelved(&mut self, key: Key, result: Result<(), ShelfError>) {
        let Err(error) = result else { return };
        let reason =
            format!("the record of {key} could not be kept; mend the cause, then restart the site");
        let detail = format!("{reason}: {error}");
        self.note(self.event(Kind::Alarm).with("problem", &detail));
        self.fall_silent(reason, detail);
    }
}
