//! What is stored of a study, as far as it has changed.

use bytes::Bytes;
use ripieno_analysis::State;
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::{Refusal, SiteIndex, SiteSet};
use ripieno_wire::{FromSite, StudyAnswer};

use crate::changes::Change;
use crate::desk::Desk;
use crate::event::VoidedSlot;
use crate::phases::{Offering, Phase, SlotContext};
use crate::records::{
    self, AnswerRecord, DeclinedRecord, EndRecord, OfferingRecord, PhaseRecord, RefuserRecord,
    SetRecord, SettlingRecord, SlotRecord, StudyRecord, VoidedRecord, WaitingRecord, put_set,
    put_site,
};
use crate::run::Run;
use crate::status::Ended;

/// Parts that are long and change rarely, encoded once; and the record that was stored last.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) offer: Bytes,
    state: Bytes,
    settled: Bytes,
    pub(crate) last: Option<StudyRecord>,
}

impl Run {
    /// The state that the next round starts from.
    pub(crate) fn set_state(&mut self, state: State) {
        // Numbers, and floats by their bits: nothing in them that JSON cannot hold.
        self.stored.state = serde_json::to_vec(&state).unwrap_or_default().into();
        self.state = state;
    }

    /// The verdicts on the last sum, which the next contract carries.
    pub(crate) fn set_verdicts(&mut self, verdicts: Vec<Verdict>) {
        self.verdicts = verdicts;
        self.stored.settled = self.settled().encode();
    }

    /// Stores where the study stands, where that is news.
    pub(crate) fn save(&mut self, desk: &mut Desk) {
        // What has ended changes no more, but that nobody is left to be told.
        let over = self.stored.last.as_ref().filter(|_| self.ended().is_some());
        if over.is_some_and(|last| {
            matches!(last.phase, Some(PhaseRecord::Over(_)))
                && last.undecided.len() == self.undecided.len()
        }) {
            return;
        }
        let record = self.record();
        if self.stored.last.as_ref() == Some(&record) {
            return;
        }
        desk.save(Change::Study { study: self.study.digest(), record: records::seal(&record) });
        self.stored.last = Some(record);
    }

    fn record(&self) -> StudyRecord {
        let set = |set: &SiteSet| SetRecord { sites: put_set(set) };
        // It can be as long as a model, and nothing starts from it any more.
        let state = match self.phase {
            Phase::Over(_) => Bytes::new(),
            _ => self.stored.state.clone(),
        };
        let strikes = self.strikes.iter().map(|(site, count)| (put_site(*site), *count));
        StudyRecord {
            offer: self.stored.offer.clone(),
            submitted: self.submitted,
            round: self.round,
            state,
            willing: put_set(&self.willing),
            undecided: put_set(&self.undecided),
            declined: self.declined.iter().map(declined).collect(),
            refusers: self.refusers.iter().map(refuser).collect(),
            strikes: strikes.collect(),
            fixed: self.fixed.as_ref().map(set),
            opened: self.opened,
            renew: self.renew,
            renewals: self.renewals,
            preferred: self.preferred.as_ref().map(set),
            readmissions: self.readmissions,
            voided: self.voided.iter().map(voided).collect(),
            doomed: self.doomed.as_ref().map(|ended| self.end_record(ended)),
            settled: self.stored.settled.clone(),
            phase: Some(self.phase_record()),
        }
    }

    fn phase_record(&self) -> PhaseRecord {
        match &self.phase {
            Phase::Offering(phase) => PhaseRecord::Offering(self.offering(phase)),
            Phase::Waiting(_) | Phase::Between => PhaseRecord::Waiting(WaitingRecord {}),
            Phase::Collecting(phase) => PhaseRecord::Collecting(SlotRecord {
                trailers: phase.stored().cloned().collect(),
                refused: put_set(phase.refused()),
                ..slot(&phase.context)
            }),
            Phase::Deciding(phase) => PhaseRecord::Deciding(slot(&phase.context)),
            Phase::Opening(phase) => PhaseRecord::Opening(slot(&phase.context)),
            Phase::Voiding(phase) => PhaseRecord::Voiding(SlotRecord {
                missing: put_set(&phase.missing),
                ..slot(&phase.context)
            }),
            Phase::Settling(phase) => {
                PhaseRecord::Settling(SettlingRecord { lost: put_set(&phase.lost) })
            }
            Phase::Over(ended) => PhaseRecord::Over(self.end_record(ended)),
        }
    }

    fn offering(&self, phase: &Offering) -> OfferingRecord {
        let study = self.study.digest();
        let answers = phase.answers().iter().map(|(site, verdict)| {
            let answer = StudyAnswer { study, verdict: verdict.clone() };
            AnswerRecord { site: put_site(*site), answer: FromSite::StudyAnswer(answer).encode() }
        });
        OfferingRecord {
            asked: put_set(phase.asked()),
            answers: answers.collect(),
            extended: phase.is_extended(),
        }
    }

    fn end_record(&self, ended: &Ended) -> EndRecord {
        let (kind, text) = match ended {
            Ended::Done => (1, self.report.clone().unwrap_or_default()),
            Ended::Failed(reason) => (2, reason.clone()),
            Ended::Cancelled(reason) => (3, reason.clone()),
        };
        EndRecord { kind, text }
    }
}

fn slot(context: &SlotContext) -> SlotRecord {
    SlotRecord {
        epoch: context.epoch.transcript().epoch(),
        message: context.message.clone(),
        participants: put_set(&context.participants),
        ..SlotRecord::default()
    }
}

fn declined((site, (rule, reason)): (&SiteIndex, &(String, String))) -> DeclinedRecord {
    DeclinedRecord { site: put_site(*site), rule: rule.clone(), reason: reason.clone() }
}

fn refuser((site, refusal): (&SiteIndex, &Refusal)) -> RefuserRecord {
    let refused = FromSite::Refused { id: None, study: None, refusal: refusal.clone() };
    RefuserRecord { site: put_site(*site), refused: refused.encode() }
}

fn voided(slot: &VoidedSlot) -> VoidedRecord {
    let missing = put_set(&slot.missing);
    VoidedRecord { epoch: slot.epoch, slot: slot.slot.into(), missing }
}
