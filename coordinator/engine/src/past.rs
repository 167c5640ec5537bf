//! Studies that ended a while ago: they leave the memory, and are in the driver's store alone.

use bytes::Bytes;
use ripieno_identity::PublicKey;
use ripieno_secagg::SlotId;
use ripieno_study::{Digest, SiteIndex};
use ripieno_wire::{Hello, ToSite};

use crate::changes::Change;
use crate::coordinator::Coordinator;
use crate::desk::Desk;
use crate::error::RestoreError;
use crate::phases::Phase;
use crate::records::{self, Outcome, OutcomeRecord, PhaseRecord, StudyRecord};
use crate::run::Run;
use crate::status::StudyStatus;

/// What a site is told that missed the end of such a study.
const LONG_OVER: &str = "the study ended a while ago, and its sums are kept no longer; its researcher \
                         and the sites that were there have the result";

/// What stays in memory of a study that is in the store alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Who submitted it.
    pub researcher: PublicKey,
    /// When, in seconds since 1970-01-01 UTC.
    pub submitted: u64,
}

/// A study, as its record or the memory tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands.
    pub status: StudyStatus,
    /// Its text, as it was submitted.
    pub text: String,
    /// The result as JSON, where it has one.
    pub report: Option<String>,
}

impl Recorded {
    /// Reads the record of a study that is over, the last one of [`Change::Study`].
    ///
    /// # Errors
    /// [`RestoreError`]: it was changed, is of another version, or the study is not over.
    pub fn read(study: Digest, record: &Bytes) -> Result<Self, RestoreError> {
        let read = || {
            let record: StudyRecord = records::open(record)?;
            let mut run = Run::from_record(study, &record)?;
            let Some(PhaseRecord::Over(end)) = &record.phase else {
                return Err("the study is not over".to_owned());
            };
            run.phase = Phase::Over(run.end_from(end)?);
            Ok(Self::of(&run))
        };
        read().map_err(|reason| RestoreError::new(format!("study {}", study.short()), reason))
    }

    fn of(run: &Run) -> Self {
        let (text, report) = (run.study.text().to_owned(), run.report().map(str::to_owned));
        Self { status: run.status(), text, report }
    }
}

impl Coordinator {
    /// A study in memory: one that runs, or ended lately.
    #[must_use]
    pub fn recorded(&self, study: &Digest) -> Option<Recorded> {
        self.runs.get(study).map(Recorded::of)
    }

    /// The studies that are in the store alone, by digest.
    pub fn past(&self) -> impl Iterator<Item = (Digest, Past)> + '_ {
        self.past.iter().map(|(study, past)| (*study, *past))
    }

    /// Who submitted a study, whether it is in memory or in the store alone.
    #[must_use]
    pub fn researcher(&self, study: &Digest) -> Option<PublicKey> {
        let run = self.runs.get(study).map(|run| run.submission.credential.fields.researcher);
        run.or_else(|| self.past.get(study).map(|past| past.researcher))
    }

    /// The slots for whose outcome a site asks, and which no study in memory knows: the driver looks
    /// for them among what it stored, and hands what it finds to [`Self::recall`].
    #[must_use]
    pub fn unknown_slots(&self, hello: &Hello) -> Vec<SlotId> {
        let knows = |id: &SlotId| self.runs.values().any(|run| run.knows(id));
        hello.unresolved.iter().filter(|id| !knows(id)).copied().collect()
    }

    /// Tells a site the outcome of a slot, from the last record of its [`Change::Outcome`].
    ///
    /// # Errors
    /// [`RestoreError`]: the record was changed, or is of another version.
    pub fn recall(&mut self, site: SiteIndex, outcome: &Bytes) -> Result<(), RestoreError> {
        let outcome = records::open(outcome).and_then(|record: OutcomeRecord| record.outcome());
        let outcome = outcome.map_err(|reason| RestoreError::new("a slot's outcome", reason))?;
        let message = match outcome {
            Outcome::Void(certificate) => ToSite::Voided(certificate),
            Outcome::Opened(certificate) => ToSite::Open { certificate, proposal: None },
        };
        self.desk.send(site.into(), message);
        Ok(())
    }

    /// Tells a site the end of the studies that it goes on with, and that are in the store alone.
    pub(crate) fn remind_past(&mut self, site: SiteIndex, hello: &Hello) {
        for study in hello.rounds.keys().filter(|study| self.past.contains_key(study)) {
            let (study, reason) = (*study, LONG_OVER.to_owned());
            self.desk.send(site.into(), ToSite::Ended { study, reason });
        }
    }

    /// Of the studies that are over, and whose end is durable, the latest few stay in memory.
    pub(crate) fn forget_ended(&mut self) {
        let over = self.runs.iter_mut().filter(|(_, run)| run.is_durably_over());
        // After a restart the order of their ends is not known, only that of their submissions.
        let mut over: Vec<_> = over.map(|(study, run)| (run.submitted, *study, run)).collect();
        over.sort_unstable_by_key(|(submitted, study, _)| (*submitted, *study));
        for (_, _, run) in over.iter_mut().filter(|(_, _, run)| run.order.is_none()) {
            self.endings += 1;
            run.order = Some(self.endings);
        }
        over.sort_unstable_by_key(|(_, _, run)| run.order);
        let too_many = over.len().saturating_sub(self.desk.limits.ended);
        let gone: Vec<Digest> = over.iter().take(too_many).map(|(_, study, _)| *study).collect();
        for study in gone {
            let Some(run) = self.runs.remove(&study) else { continue };
            let researcher = run.submission.credential.fields.researcher;
            self.past.insert(study, Past { researcher, submitted: run.submitted });
            run.release(&mut self.desk);
        }
    }
}

impl Run {
    /// Whether the record that says how the study ended was handed out before.
    fn is_durably_over(&self) -> bool {
        let last = self.stored.last.as_ref();
        last.is_some_and(|last| matches!(last.phase, Some(PhaseRecord::Over(_))))
    }

    fn knows(&self, id: &SlotId) -> bool {
        self.slot() == Some(*id)
            || self.certificates.contains_key(id)
            || self.certified.contains_key(id)
    }

    /// Gives up what was kept for sites that were away: sums, and with them their uploads.
    fn release(self, desk: &mut Desk) {
        let study = self.study.digest();
        for round in self.sums.rounds() {
            desk.save(Change::SumGone { study, round });
        }
    }
}
