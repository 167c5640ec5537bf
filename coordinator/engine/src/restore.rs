//! A coordinator again, from what was made durable. A phase begins anew in the place where it was:
//! what its sites said is asked for again, and they give the same answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use ripieno_identity::{RatifiedCharter, SigningKey};
use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::Epoch;
use ripieno_study::{Digest, SiteSet};

use crate::changes::{Change, Saved};
use crate::coordinator::{Clock, Coordinator};
use crate::desk::Desk;
use crate::epochs::Epochs;
use crate::error::RestoreError;
use crate::event::Event;
use crate::limits::Limits;
use crate::phases::SlotContext;
use crate::records::{
    self, EpochRecord, Outcome, OutcomeRecord, SlotRecord, StudyRecord, SumRecord,
};
use crate::run::Run;
use crate::spools::Spools;
use crate::sums::{Sum, Sums};

/// The epochs that were stored; `None` for one of another charter.
pub(crate) type StoredEpochs = BTreeMap<u64, Option<Arc<Epoch>>>;

impl Coordinator {
    /// The coordinator whose changes are in `saved`, in the phases in which it was. No site is
    /// there: each says hello, and is told again what it may have missed. `revoked` are the sites of
    /// the charter that were [expelled](Coordinator::expel): they are so again before anything moves
    /// on. Under another charter than before, epochs and all that hangs on them are gone, as after
    /// [`Coordinator::succeed`].
    ///
    /// A study whose records were changed, or contradict others, is over, alone: an
    /// [`Event::StudyFailed`] says so at every start, and its records are left as they are.
    ///
    /// # Errors
    /// [`RestoreError`], which names the record: that of an epoch or of a site's ledger was changed,
    /// or any was written by a version that this one does not know; or uploads cannot be read at
    /// all. (One upload that is lost ends its slot and no more.)
    pub fn restore(
        charter: RatifiedCharter,
        key: SigningKey,
        limits: Limits,
        spools: Box<dyn Spools + Send>,
        (saved, revoked): (Saved, &SiteSet),
        clock: Clock,
    ) -> Result<Self, RestoreError> {
        let mut coordinator = Self::new(charter, key, limits, spools);
        coordinator.desk.clock = clock;
        for (site, record) in &saved.seen {
            let seen = records::open(record);
            let seen = seen.and_then(|seen| coordinator.desk.seen.restore(*site, &seen));
            seen.map_err(|reason| RestoreError::new(format!("the ledger of {site}"), reason))?;
        }
        let mut parts = parts_by_study(&saved.outcomes, &saved.sums)?;
        let epochs = coordinator.restore_epochs(saved.last_epoch, saved.epochs)?;
        for (study, record) in &saved.studies {
            let parts = parts.remove(study).unwrap_or_default();
            let run = Run::restore((*study, record), &parts, &epochs, &mut coordinator.desk);
            match run {
                Ok(run) => {
                    coordinator.runs.insert(*study, run);
                }
                Err(error) if parts.is_foreign(record) || coordinator.desk.without_uploads => {
                    return Err(error);
                }
                Err(error) => coordinator.quarantine(*study, &error),
            }
        }
        for study in parts.keys() {
            let what = format!("a slot of study {}", study.short());
            let error = RestoreError::new(what, "there is no record of the study itself");
            coordinator.quarantine(*study, &error);
        }
        coordinator.forget_ended();
        // Where a record cannot be read, nobody knows which uploads it needs.
        if coordinator.damaged.is_empty() {
            let slots: BTreeSet<SlotId> = coordinator.runs.values().flat_map(Run::slots).collect();
            coordinator.desk.keep_only(slots);
        }
        for run in coordinator.runs.values_mut() {
            run.come_under_charter(&mut coordinator.desk);
        }
        // Before anything is decided: a study that waits for the charter without them would end.
        coordinator.cut_off(revoked);
        coordinator.settle();
        Ok(coordinator)
    }

    /// A study that cannot be read is over; the others go on.
    fn quarantine(&mut self, study: Digest, error: &RestoreError) {
        let reason = error.to_string();
        self.desk.tell(Event::StudyFailed { study, reason: reason.clone() });
        self.damaged.insert(study, reason);
    }

    fn restore_epochs(
        &mut self,
        last: u64,
        stored: Vec<(u64, Bytes)>,
    ) -> Result<StoredEpochs, RestoreError> {
        let by_number: BTreeMap<u64, Bytes> = stored.into_iter().collect();
        let highest = by_number.keys().next_back().copied().unwrap_or_default();
        self.epochs = Epochs::restore(last.max(highest));
        let mut epochs = StoredEpochs::new();
        for (number, record) in by_number {
            let epoch = self
                .restore_epoch(number, &record)
                .map_err(|reason| RestoreError::new(format!("epoch {number}"), reason))?;
            if epoch.is_none() {
                self.desk.save(Change::EpochGone { number });
            }
            epochs.insert(number, epoch);
        }
        Ok(epochs)
    }

    fn restore_epoch(&mut self, number: u64, record: &Bytes) -> Result<Option<Arc<Epoch>>, String> {
        let record: EpochRecord = records::open(record)?;
        let facts = record.facts()?;
        if facts.epoch != number {
            return Err(format!("it is of epoch {}", facts.epoch));
        }
        let charter = self.desk.roster.charter;
        if facts.adverts.iter().any(|advert| advert.charter != charter) {
            return Ok(None);
        }
        let roster = self.desk.roster.clone();
        let about = (number, facts.slots);
        let epoch = Epoch::restore(roster, about, facts.adverts, facts.acceptances);
        let epoch = Arc::new(epoch.map_err(|refusal| refusal.to_string())?);
        self.epochs.insert(&epoch);
        Ok(Some(epoch))
    }
}

/// What is stored of a study beside its own record.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    outcomes: Vec<(SlotId, &'a Bytes)>,
    /// By round.
    sums: BTreeMap<u32, &'a Bytes>,
}

impl Parts<'_> {
    /// Whether a record of the study is of another version of the program, which can read it.
    fn is_foreign(&self, study: &Bytes) -> bool {
        let outcomes = self.outcomes.iter().map(|(_, record)| *record);
        let mut all = outcomes.chain(self.sums.values().copied()).chain([study]);
        all.any(records::is_of_other_version)
    }
}

fn parts_by_study<'a>(
    outcomes: &'a [(Digest, SlotId, Bytes)],
    sums: &'a [(Digest, u32, Bytes)],
) -> Result<BTreeMap<Digest, Parts<'a>>, RestoreError> {
    let mut parts: BTreeMap<Digest, Parts<'a>> = BTreeMap::new();
    for (study, slot, record) in outcomes {
        parts.entry(*study).or_default().outcomes.push((*slot, record));
    }
    for (study, round, record) in sums {
        if parts.entry(*study).or_default().sums.insert(*round, record).is_some() {
            return Err(sum_error(study, *round, "there are two".into()));
        }
    }
    Ok(parts)
}

fn sum_error(study: &Digest, round: u32, reason: String) -> RestoreError {
    RestoreError::new(format!("the sum of round {round} of study {}", study.short()), reason)
}

impl Run {
    fn restore(
        (digest, record): (Digest, &Bytes),
        parts: &Parts<'_>,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Self, RestoreError> {
        let error = |reason: String| RestoreError::new(format!("study {}", digest.short()), reason);
        let record: StudyRecord = records::open(record).map_err(error)?;
        let mut run = Self::from_record(digest, &record).map_err(error)?;
        run.restore_outcomes(&parts.outcomes)?;
        run.restore_sums(&parts.sums, epochs, desk)?;
        run.phase = run.phase_from(&record, epochs, desk).map_err(error)?;
        run.stored.last = Some(record);
        Ok(run)
    }

    fn restore_outcomes(&mut self, outcomes: &[(SlotId, &Bytes)]) -> Result<(), RestoreError> {
        for (slot, record) in outcomes {
            let outcome = records::open(record).and_then(|record: OutcomeRecord| record.outcome());
            let error = |reason| RestoreError::new(format!("the outcome of {slot}"), reason);
            let id = match outcome.map_err(error)? {
                Outcome::Void(certificate) => {
                    let id = certificate.id;
                    self.certificates.insert(id, certificate);
                    id
                }
                Outcome::Opened(certificate) => {
                    let id = certificate.outcome.id;
                    self.certified.insert(id, certificate);
                    id
                }
            };
            if id != *slot {
                return Err(error(format!("it is of {id}")));
            }
        }
        Ok(())
    }

    /// The newest sums whose uploads survived. A site can verify none without the one before, so
    /// what is older than a lost one is of no use.
    fn restore_sums(
        &mut self,
        sums: &BTreeMap<u32, &Bytes>,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<(), RestoreError> {
        let study = self.study.digest();
        let mut kept = Vec::new();
        let mut usable = true;
        for (round, record) in sums.iter().rev() {
            let sum = match usable {
                true => self
                    .restore_sum(*round, record, epochs, desk)
                    .map_err(|reason| sum_error(&study, *round, reason))?,
                false => None,
            };
            usable = sum.is_some();
            match sum {
                Some(sum) => kept.insert(0, sum),
                None => desk.save(Change::SumGone { study, round: *round }),
            }
        }
        self.sums = Sums::restore(kept);
        Ok(())
    }

    fn restore_sum(
        &self,
        round: u32,
        record: &Bytes,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Option<Sum>, String> {
        let record: SumRecord = records::open(record)?;
        let published = record.published()?;
        let contract = &published.contract.contract;
        let fits = contract.round == round
            && contract.study == self.study.digest()
            && contract.plan.lanes() == published.sum.len() as u64;
        if !fits {
            return Err("it is of another round, or not whole".into());
        }
        let slot = SlotRecord { epoch: record.epoch, ..SlotRecord::default() };
        let id = SlotId::of(contract);
        let participants = contract.participants.clone();
        let Some(context) = context(&slot, id, participants, epochs, desk)? else {
            return Ok(None);
        };
        let ripieno_wire::Published { contract, receipt, sum, .. } = published;
        let opened =
            ripieno_secagg::coordinator::Opened::restore(contract, &receipt, sum, context.spool());
        let Ok(opened) = opened else { return Ok(None) };
        let record = opened.record(&receipt, desk.roster.corrupt);
        Ok(Some(Sum { round, receipt, record, opened, context }))
    }
}

/// What the steps of a stored slot have in common; `None` where its epoch was of another charter.
pub(crate) fn context(
    record: &SlotRecord,
    id: SlotId,
    participants: SiteSet,
    epochs: &StoredEpochs,
    desk: &mut Desk,
) -> Result<Option<SlotContext>, String> {
    let number = record.epoch;
    let Some(epoch) = epochs.get(&number).ok_or_else(|| format!("epoch {number} is not stored"))?
    else {
        return Ok(None);
    };
    if epoch.transcript().digest() != id.transcript {
        return Err(format!("its slot is not of epoch {number}"));
    }
    let uploads = desk.open_uploads(id).map_err(|error| error.to_string())?;
    let (epoch, message) = (epoch.clone(), record.message.clone());
    Ok(Some(SlotContext { epoch, uploads, participants, message }))
}
