//! The phase in which a study was, from its record.

use std::collections::BTreeMap;

use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator as protocol;
use ripieno_secagg::coordinator::restore::check_certified;
use ripieno_study::{Contract, Digest, Refusal, SiteIndex, Study};
use ripieno_wire::{FromSite, ToSite};

use crate::desk::Desk;
use crate::event::VoidedSlot;
use crate::phases::deciding::Ballots;
use crate::phases::{Collecting, Deciding, Offering, Opening, Phase, SlotContext};
use crate::records::{
    EndRecord, OfferingRecord, PhaseRecord, SetRecord, SlotRecord, StudyRecord, VoidedRecord,
    from_site, misplaced, set, site, to_site,
};
use crate::restore::{StoredEpochs, context};
use crate::run::Run;
use crate::status::Ended;

/// What became of a slot whose epoch is of another charter than the one in force.
const OTHER_CHARTER: &str = "the charter was succeeded while a round was under way; its slot has no \
                             outcome, and the stewards must decide whether it may have been opened";

impl Run {
    /// All but the phase, and what other records hold.
    pub(crate) fn from_record(digest: Digest, record: &StudyRecord) -> Result<Self, String> {
        let ToSite::Study(offer) = to_site(&record.offer)? else {
            return Err(misplaced("study"));
        };
        let study = Study::parse(&offer.text).map_err(|error| error.to_string())?;
        if study.digest() != digest {
            return Err(format!("it is of study {}", study.digest().short()));
        }
        let run = Self::bare(study, offer.submission, Phase::Between);
        let mut run = run.map_err(|error| error.to_string())?;
        run.submitted = record.submitted;
        run.round = record.round;
        // No round begins any more in a study that is over.
        if !matches!(record.phase, Some(PhaseRecord::Over(_))) {
            let state = serde_json::from_slice(&record.state);
            run.set_state(state.map_err(|error| error.to_string())?);
        }
        match to_site(&record.settled)? {
            ToSite::Settled { verdicts, .. } => run.set_verdicts(verdicts),
            _ => return Err(misplaced("verdicts")),
        }
        run.restore_sites(record)?;
        run.opened = record.opened;
        run.renew = record.renew;
        run.renewals = record.renewals;
        run.readmissions = record.readmissions;
        run.voided = record.voided.iter().map(voided).collect::<Result<_, _>>()?;
        run.doomed = record.doomed.as_ref().map(ended).transpose()?;
        Ok(run)
    }

    fn restore_sites(&mut self, record: &StudyRecord) -> Result<(), String> {
        let sites = |stored: &SetRecord| set(&stored.sites);
        self.willing = set(&record.willing)?;
        self.undecided = set(&record.undecided)?;
        self.fixed = record.fixed.as_ref().map(sites).transpose()?;
        self.preferred = record.preferred.as_ref().map(sites).transpose()?;
        for stored in &record.declined {
            let no = (stored.rule.clone(), stored.reason.clone());
            self.declined.insert(site(stored.site)?, no);
        }
        for stored in &record.refusers {
            match from_site(&stored.refused)? {
                FromSite::Refused { refusal, .. } => {
                    self.refusers.insert(site(stored.site)?, refusal)
                }
                _ => return Err(misplaced("refusal")),
            };
        }
        for (index, count) in &record.strikes {
            self.strikes.insert(site(*index)?, *count);
        }
        Ok(())
    }

    /// The phase, from its beginning.
    pub(crate) fn phase_from(
        &mut self,
        record: &StudyRecord,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Phase, String> {
        match record.phase.as_ref().ok_or_else(|| misplaced("phase"))? {
            PhaseRecord::Offering(stored) => offering(stored, desk),
            PhaseRecord::Waiting(_) => Ok(self.wait_for_all(desk)),
            PhaseRecord::Collecting(stored) => self.collecting(stored, epochs, desk),
            PhaseRecord::Deciding(stored) => self.deciding(stored, epochs, desk),
            PhaseRecord::Opening(stored) => self.opening(stored, epochs, desk),
            PhaseRecord::Voiding(stored) => self.voiding(stored, epochs, desk),
            PhaseRecord::Settling(stored) => match self.sums.of(self.round) {
                Some(_) => self.settle_again(set(&stored.lost)?, desk),
                None => Ok(self.lost("the uploads by which sites verify it", desk)),
            },
            PhaseRecord::Over(stored) => Ok(Phase::Over(self.end_from(stored)?)),
        }
    }

    /// How the study ended, with its result.
    pub(crate) fn end_from(&mut self, stored: &EndRecord) -> Result<Ended, String> {
        let ended = ended(stored)?;
        self.report = (ended == Ended::Done).then(|| stored.text.clone());
        Ok(ended)
    }

    fn collecting(
        &mut self,
        stored: &SlotRecord,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Phase, String> {
        let ToSite::Contract(signed) = to_site(&stored.message)? else {
            return Err(misplaced("contract"));
        };
        let Some(mut context) = self.context(stored, &signed.contract, epochs, desk)? else {
            return Ok(self.failed(OTHER_CHARTER.into(), desk));
        };
        let trailer = |bytes| match from_site(bytes)? {
            FromSite::Trailer { trailer, .. } => Ok(trailer),
            _ => Err(misplaced("trailer")),
        };
        let trailers = stored.trailers.iter().map(trailer).collect::<Result<_, String>>()?;
        let (step, _lost) = protocol::Collecting::restore(signed, trailers, context.spool());
        // Whoever is not complete, or no longer, sends its frozen upload from the start.
        for site in context.participants.difference(&step.complete()).iter() {
            context.uploads.spool_mut().discard(site);
        }
        let refused = set(&stored.refused)?;
        Ok(Phase::Collecting(Collecting::restore(context, step, refused, desk.now())))
    }

    fn deciding(
        &mut self,
        stored: &SlotRecord,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Phase, String> {
        let ToSite::Propose(proposal) = to_site(&stored.message)? else {
            return Err(misplaced("proposal"));
        };
        let contract = &proposal.contract.contract;
        let Some(context) = self.context(stored, contract, epochs, desk)? else {
            return Ok(self.failed(OTHER_CHARTER.into(), desk));
        };
        // Where an upload is lost, holders may have signed all the same, and VOID could fail then.
        let step = match protocol::Deciding::restore(proposal.clone(), context.spool()) {
            Ok(step) => Ballots::Whole(Box::new(step)),
            Err(lost) => Ballots::without(proposal, lost.to_string()),
        };
        Ok(Phase::Deciding(Deciding::new(context, step, desk.now())))
    }

    fn opening(
        &mut self,
        stored: &SlotRecord,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Phase, String> {
        let ToSite::Open { certificate, proposal: Some(proposal) } = to_site(&stored.message)?
        else {
            return Err(misplaced("certified proposal"));
        };
        let of = |refusal: Refusal| refusal.to_string();
        check_certified(&proposal, &certificate).map_err(of)?;
        let contract = &proposal.contract.contract;
        let Some(context) = self.context(stored, contract, epochs, desk)? else {
            return Ok(self.failed(OTHER_CHARTER.into(), desk));
        };
        Ok(match protocol::Opening::restore(proposal, certificate, context.spool()) {
            Ok(step) => Phase::Opening(Opening::new(context, step, desk.now())),
            Err(lost) => self.lost(&lost.to_string(), desk),
        })
    }

    fn voiding(
        &mut self,
        stored: &SlotRecord,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Phase, String> {
        let ToSite::VoidRequest(id) = to_site(&stored.message)? else {
            return Err(misplaced("request for VOID"));
        };
        let participants = set(&stored.participants)?;
        let Some(context) = context(stored, id, participants, epochs, desk)? else {
            return Ok(self.failed(OTHER_CHARTER.into(), desk));
        };
        let step = protocol::Voiding::new(id, context.epoch.transcript());
        Ok(self.begin_voiding(context, step, set(&stored.missing)?, desk))
    }

    fn context(
        &self,
        stored: &SlotRecord,
        contract: &Contract,
        epochs: &StoredEpochs,
        desk: &mut Desk,
    ) -> Result<Option<SlotContext>, String> {
        if contract.study != self.study.digest() || contract.round != self.round {
            return Err("its slot is of another round".into());
        }
        let participants = contract.participants.clone();
        context(stored, SlotId::of(contract), participants, epochs, desk)
    }

    /// A certified slot cannot be opened any more, and counts as opened at its sites.
    pub(crate) fn lost(&mut self, what: &str, desk: &mut Desk) -> Phase {
        let round = self.round;
        let reason = format!(
            "the certified sum of round {round} is lost with the coordinator's uploads ({what}); \
             submit the study again with a change in its text"
        );
        self.failed(reason, desk)
    }
}

fn offering(stored: &OfferingRecord, desk: &Desk) -> Result<Phase, String> {
    let answer = |stored: &crate::records::AnswerRecord| match from_site(&stored.answer)? {
        FromSite::StudyAnswer(answer) => Ok((site(stored.site)?, answer.verdict)),
        _ => Err(misplaced("answer")),
    };
    let answers = stored.answers.iter().map(answer);
    let answers: BTreeMap<SiteIndex, _> = answers.collect::<Result<_, String>>()?;
    let extended = stored.extended.then_some(desk.limits.wait);
    Ok(Phase::Offering(Offering::restore(set(&stored.asked)?, answers, extended, desk.now())))
}

fn ended(stored: &EndRecord) -> Result<Ended, String> {
    match stored.kind {
        1 => Ok(Ended::Done),
        2 => Ok(Ended::Failed(stored.text.clone())),
        3 => Ok(Ended::Cancelled(stored.text.clone())),
        other => Err(format!("it ended in a way that is not known: {other}")),
    }
}

fn voided(stored: &VoidedRecord) -> Result<VoidedSlot, String> {
    let slot = u16::try_from(stored.slot).map_err(|_| misplaced("slot"))?;
    Ok(VoidedSlot { epoch: stored.epoch, slot, missing: set(&stored.missing)? })
}
