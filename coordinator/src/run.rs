//! One study from offer to result: which phase follows which.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_analysis::{Analysis, AnalysisError, Members, State, Step, Sums, for_study};
use ripieno_encoding::{decode, plan_for};
use ripieno_identity::Submission;
use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator as protocol;
use ripieno_secagg::coordinator::{MemorySpool, Reconstruction, sign_contract};
use ripieno_secagg::round::outcome::{VoidCertificate, Vote};
use ripieno_secagg::round::publish::Verdict;
use ripieno_study::plan::STANDARD_TILE;
use ripieno_study::{
    Check, Contract, Digest, Membership, Privacy, Refusal, SiteIndex, SiteSet, Study,
};
use ripieno_wire::{FromSite, Hello, Parts, Published, StudyOffer, StudyVerdict, ToSite};

use crate::coordinator::Desk;
use crate::epochs::Epochs;
use crate::event::{Event, RoundSummary, VoidedSlot};
use crate::limits::Limits;
use crate::phases::{
    Collecting, Deciding, Offering, Opening, Phase, Settling, SlotContext, Voiding, Waiting,
};

/// Times that a nearly finished analysis takes a returned site in again.
const MAX_READMISSIONS: u32 = 2;

/// Sums that are kept for sites that were away when they were published.
const KEPT_SUMS: usize = 16;

/// A study that runs.
pub(crate) struct Run {
    study: Study,
    submission: Submission,
    analysis: Box<dyn Analysis>,
    state: State,
    round: u32,
    phase: Phase,
    willing: SiteSet,
    /// P of every round, under fixed membership.
    fixed: Option<SiteSet>,
    /// Whether a sum was opened.
    opened: bool,
    /// A site is not in the epoch in use: the next round waits for another.
    renew: bool,
    /// The sites that the analysis would like to see again.
    preferred: Option<SiteSet>,
    voided: Vec<VoidedSlot>,
    /// VOID certificates of this study, for holders that were away.
    certificates: BTreeMap<SlotId, VoidCertificate>,
    /// How often `preferred` was passed over for a site that had come back.
    readmissions: u32,
    verdicts: Vec<Verdict>,
    sums: Vec<(u32, BTreeMap<SiteIndex, ToSite>)>,
    acknowledged: BTreeMap<SiteIndex, u32>,
}

impl Run {
    /// Offers the study to every site that is there.
    pub(crate) fn new(
        study: Study,
        submission: Submission,
        desk: &mut Desk,
    ) -> Result<Self, AnalysisError> {
        let analysis = for_study(study.manifest())?;
        let state = analysis.initial();
        let phase = Phase::Offering(Offering::new(desk.present.clone(), desk.now()));
        let run = Self {
            study,
            submission,
            analysis,
            state,
            round: 1,
            phase,
            willing: SiteSet::default(),
            fixed: None,
            opened: false,
            renew: false,
            preferred: None,
            voided: Vec::new(),
            certificates: BTreeMap::new(),
            readmissions: 0,
            verdicts: Vec::new(),
            sums: Vec::new(),
            acknowledged: BTreeMap::new(),
        };
        desk.send(desk.present.clone(), run.offer());
        Ok(run)
    }

    fn offer(&self) -> ToSite {
        let (text, submission) = (self.study.text().to_owned(), self.submission.clone());
        ToSite::Study(StudyOffer { text, submission })
    }

    fn slot(&self) -> Option<SlotId> {
        match &self.phase {
            Phase::Collecting(phase) => Some(phase.step.id()),
            Phase::Deciding(phase) => {
                let contract = &phase.step.proposal().contract.contract;
                Some(SlotId { transcript: contract.transcript, slot: contract.slot })
            }
            Phase::Opening(phase) => Some(phase.step.certificate().outcome.id),
            Phase::Voiding(phase) => Some(phase.step.id()),
            _ => None,
        }
    }

    /// Whether a message is for this study.
    pub(crate) fn concerns(&self, message: &FromSite) -> bool {
        let of_slot = |id: &SlotId| self.slot() == Some(*id);
        match message {
            FromSite::StudyAnswer(answer) => answer.study == self.study.digest(),
            FromSite::Refused { study: Some(study), .. } => *study == self.study.digest(),
            FromSite::Refused { id, .. } => id.as_ref().is_some_and(of_slot),
            FromSite::Tile { id, .. } | FromSite::Trailer { id, .. } => of_slot(id),
            FromSite::Ballot(ballot) => of_slot(&ballot.id),
            FromSite::Release(release) => of_slot(&release.id),
            FromSite::Proof(proof) => of_slot(&proof.id),
            FromSite::Verdict(verdict) => match &self.phase {
                Phase::Settling(phase) => phase.record.is_of(&verdict.ctx, &verdict.sum),
                _ => false,
            },
            FromSite::State { ctx, .. } => {
                self.sums.iter().any(|(_, messages)| messages.values().any(|m| is_of(m, ctx)))
            }
            FromSite::Hello(_)
            | FromSite::Advert(_)
            | FromSite::Bundles(_)
            | FromSite::Acceptance(_) => false,
        }
    }

    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        self.phase.deadline(limits)
    }

    /// Takes a message of a site.
    pub(crate) fn receive(&mut self, site: SiteIndex, message: FromSite, desk: &mut Desk) {
        let (study, round) = (self.study.digest(), self.round);
        match (&mut self.phase, message) {
            (phase, FromSite::StudyAnswer(answer)) => {
                let verdict = answer.verdict;
                desk.tell(Event::StudyAnswered { study, site, verdict: verdict.clone() });
                match phase {
                    Phase::Offering(offering) => offering.receive(site, verdict),
                    _ if verdict == StudyVerdict::Approved => {
                        self.willing = self.willing.iter().chain([site]).collect();
                    }
                    _ => {}
                }
            }
            (_, FromSite::State { .. }) => self.acknowledge(site),
            (_, FromSite::Refused { refusal, .. }) => self.refused(site, refusal, desk),
            (Phase::Collecting(phase), message) => match phase.receive(site, message) {
                Ok(true) => desk.tell(Event::Uploaded { study, round, site }),
                Ok(false) => {}
                Err(protocol::collect::CollectError::Refused(refusal)) => {
                    desk.blame(site, Err(refusal));
                }
                Err(error) => self.fail(format!("an upload could not be kept: {error}"), desk),
            },
            (Phase::Deciding(phase), FromSite::Ballot(ballot)) if ballot.from == site => {
                let transcript = phase.context.epoch.transcript();
                let result = phase.step.ballot(&desk.roster, transcript, &ballot);
                desk.blame(site, result);
            }
            (Phase::Voiding(phase), FromSite::Ballot(ballot))
                if ballot.from == site && ballot.vote == Vote::Void =>
            {
                let transcript = phase.context.epoch.transcript();
                let result = phase.step.ballot(&desk.roster, transcript, &ballot);
                desk.blame(site, result);
            }
            (Phase::Opening(phase), FromSite::Release(release)) if release.from == site => {
                let transcript = phase.context.epoch.transcript();
                let result = phase.step.release(&desk.roster, transcript, release);
                phase.fresh = true;
                desk.blame(site, result);
            }
            (Phase::Opening(phase), FromSite::Proof(proof)) if proof.holder == site => {
                let transcript = phase.context.epoch.transcript();
                let result = phase.step.proof(&desk.roster, transcript, &proof);
                phase.fresh = true;
                desk.blame(site, result);
            }
            (Phase::Settling(phase), FromSite::Verdict(verdict)) => phase.receive(site, verdict),
            // Late, doubled, or in another's name.
            _ => {}
        }
    }

    /// A site that says no to a round of the study does not take part in the next ones.
    fn refused(&mut self, site: SiteIndex, refusal: Refusal, desk: &mut Desk) {
        desk.tell(Event::Refused { site, refusal: refusal.clone() });
        if let Phase::Offering(phase) = &mut self.phase {
            let (rule, reason) = (refusal.check.to_string(), refusal.reason);
            phase.receive(site, StudyVerdict::Refused { rule, reason });
            return;
        }
        let Phase::Collecting(phase) = &mut self.phase else { return };
        phase.refuse(site);
        if refusal.check == Check::S4 {
            // It is not in this epoch; it can be in the next.
            self.renew = true;
            return;
        }
        self.willing = self.willing.iter().filter(|s| *s != site).collect();
        if self.fixed.as_ref().is_some_and(|set| set.contains(site)) {
            if self.opened {
                let reason = format!("{site} takes no further part ({refusal})");
                self.fail(reason, desk);
            } else {
                // Nothing was opened yet: once this slot is void, another set may begin.
                self.fixed = None;
            }
        }
    }

    fn acknowledge(&mut self, site: SiteIndex) {
        let last = self.acknowledged.entry(site).or_insert(0);
        *last = self.round.saturating_sub(1).max(*last);
        let (acknowledged, willing) = (&self.acknowledged, &self.willing);
        let known = |round: u32| {
            willing.iter().all(|s| acknowledged.get(&s).is_some_and(|last| *last >= round))
        };
        self.sums.retain(|(round, _)| !known(*round));
    }

    /// Sends a site that has come back what it may have missed.
    pub(crate) fn remind(&mut self, site: SiteIndex, hello: &Hello, desk: &mut Desk) {
        let to = || -> SiteSet { [site].into_iter().collect() };
        if let Phase::Offering(phase) = &mut self.phase {
            phase.ask(site);
            desk.send(to(), self.offer());
        }
        for certificate in hello.unresolved.iter().filter_map(|id| self.certificates.get(id)) {
            desk.send(to(), ToSite::Voided(certificate.clone()));
        }
        let next = hello.rounds.get(&self.study.digest()).copied().unwrap_or(u32::MAX);
        for (_, messages) in self.sums.iter().filter(|(round, _)| *round >= next) {
            if let Some(message) = messages.get(&site) {
                desk.send(to(), message.clone());
            }
        }
        let (epoch, message) = match &self.phase {
            Phase::Collecting(phase) => {
                (&phase.context.epoch, ToSite::Contract(phase.step.signed().clone()))
            }
            Phase::Deciding(phase) => {
                (&phase.context.epoch, ToSite::Propose(phase.step.proposal().clone()))
            }
            Phase::Opening(phase) => (&phase.context.epoch, open(&phase.step)),
            Phase::Voiding(phase) => (&phase.context.epoch, ToSite::VoidRequest(phase.step.id())),
            _ => return,
        };
        if epoch.transcript().holders().contains(site) {
            desk.send(to(), message);
        }
    }

    /// Ends a phase whose time is up.
    pub(crate) fn expire(&mut self, desk: &mut Desk) {
        let deadline = self.phase.deadline(&desk.limits);
        if deadline.is_none_or(|deadline| deadline > desk.now()) {
            return;
        }
        self.phase = match std::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Offering(phase) => self.end_offering(&phase, desk),
            Phase::Waiting(phase) if !phase.lost.is_empty() => self.wait(SiteSet::default(), desk),
            Phase::Waiting(_) => {
                let reason = "the sites that the study needs did not come back in time; submit \
                              it again when they are there";
                return self.fail(reason.into(), desk);
            }
            Phase::Collecting(phase) => self.end_collecting(phase, desk),
            Phase::Deciding(Deciding { context, step, .. }) => {
                let missing = missing_of(step.proposal());
                let step = step.give_up(context.epoch.transcript());
                begin_voiding(context, step, missing, desk)
            }
            Phase::Opening(phase) => {
                let reason = format!(
                    "round {}: only {} holders released shares for a certified sum; the slot is \
                     lost",
                    self.round,
                    phase.step.holders().len()
                );
                return self.fail(reason, desk);
            }
            Phase::Settling(phase) => {
                let found = phase.record.check_verdicts(&desk.roster, &phase.verdicts);
                let reason = found.err().map_or_else(String::new, |refusal| refusal.to_string());
                let reason = format!("the sum of round {} was not verified: {reason}", self.round);
                return self.fail(reason, desk);
            }
            Phase::Voiding(phase) => self.ask_again(phase, desk),
            ended @ (Phase::Done | Phase::Failed) => ended,
        };
    }

    /// Moves on where the phase is complete.
    pub(crate) fn advance(&mut self, epochs: &mut Epochs, desk: &mut Desk) -> bool {
        let phase = std::mem::replace(&mut self.phase, Phase::Failed);
        let (phase, moved) = match phase {
            Phase::Offering(phase) if phase.is_complete() => {
                (self.end_offering(&phase, desk), true)
            }
            Phase::Waiting(phase) => self.start(phase, epochs, desk),
            Phase::Collecting(phase) if phase.is_complete() => {
                (self.end_collecting(phase, desk), true)
            }
            Phase::Deciding(phase) if phase.is_complete() => (end_deciding(phase, desk), true),
            Phase::Opening(phase) if phase.fresh => (self.reconstruct(phase, desk), true),
            Phase::Settling(phase) if phase.is_complete(&desk.roster) => {
                let Settling { verdicts, next, lost, .. } = phase;
                (self.follow(next, verdicts, lost, desk), true)
            }
            Phase::Voiding(phase) => self.end_voiding(phase, desk),
            other => (other, false),
        };
        self.phase = phase;
        moved
    }

    fn fail(&mut self, reason: String, desk: &mut Desk) {
        self.phase = Phase::Failed;
        desk.tell(Event::StudyFailed { study: self.study.digest(), reason });
    }

    fn failed(&self, reason: String, desk: &mut Desk) -> Phase {
        desk.tell(Event::StudyFailed { study: self.study.digest(), reason });
        Phase::Failed
    }

    fn end_offering(&mut self, phase: &Offering, desk: &mut Desk) -> Phase {
        self.willing = phase.willing();
        let wanted = usize::from(self.study.manifest().aggregation.minimum_sites);
        if self.willing.len() < wanted {
            let reason =
                format!("{} sites approved the study, {wanted} are needed", self.willing.len());
            return self.failed(reason, desk);
        }
        self.wait(SiteSet::default(), desk)
    }

    /// Waits for the next round; for a moment also for the sites that were `lost`.
    fn wait(&self, lost: SiteSet, desk: &Desk) -> Phase {
        Phase::Waiting(Waiting { since: desk.now(), lost })
    }

    /// R1, where enough sites are there and an epoch has a slot.
    fn start(&mut self, phase: Waiting, epochs: &mut Epochs, desk: &mut Desk) -> (Phase, bool) {
        let there: SiteSet =
            self.willing.iter().filter(|site| desk.present.contains(*site)).collect();
        let absent = |set: &SiteSet| !set.is_subset(&there);
        let lost = phase.lost.iter().filter(|site| self.willing.contains(*site)).collect();
        if absent(&lost) || self.fixed.as_ref().is_some_and(absent) {
            return (Phase::Waiting(phase), false);
        }
        if std::mem::take(&mut self.renew) {
            epochs.renew();
        }
        let Some(epoch) = epochs.current() else { return (Phase::Waiting(phase), false) };
        self.readmit(&there);
        let wanted = self.fixed.as_ref().or(self.preferred.as_ref()).unwrap_or(&there);
        let wanted: SiteSet = wanted.iter().filter(|site| there.contains(*site)).collect();
        let minimum = self.minimum(&epoch, desk);
        let mut participants = epoch.eligible(&wanted);
        if participants.len() < usize::from(minimum) && self.fixed.is_none() {
            participants = epoch.eligible(&there);
        }
        let lacking = self.fixed.as_ref().is_some_and(|set| *set != participants);
        if lacking || participants.len() < usize::from(minimum) {
            let unknown = |site: &SiteIndex| epoch.transcript().position(*site).is_none();
            if there.iter().any(|site| unknown(&site)) {
                // Sites are there that came after the epoch was set up.
                epochs.renew();
                return (Phase::Waiting(phase), true);
            }
            if there.len() < usize::from(minimum) && desk.present.len() == desk.roster.sites.len() {
                let reason = format!(
                    "{} sites take part, {minimum} are needed against {} corrupt sites",
                    there.len(),
                    desk.roster.corrupt
                );
                return (self.failed(reason, desk), true);
            }
            return (Phase::Waiting(phase), false);
        }
        let Some(slot) = epochs.take_slot() else { return (Phase::Waiting(phase), false) };
        if self.study.manifest().aggregation.membership == Membership::Fixed {
            self.fixed = Some(participants.clone());
        }
        match self.contract(&epoch, slot, minimum, participants) {
            Ok(contract) => (self.send_contract(epoch, contract, desk), true),
            Err(error) => (self.failed(error.to_string(), desk), true),
        }
    }

    /// An analysis that is nearly done would like to see the same sites again. A site that has come
    /// back is taken in all the same, a few times: a result over all sites is worth a few rounds,
    /// a set that changes for ever is not.
    fn readmit(&mut self, there: &SiteSet) {
        let returned = self.preferred.as_ref().is_some_and(|set| !there.is_subset(set));
        if returned && self.readmissions < MAX_READMISSIONS {
            self.readmissions += 1;
            self.preferred = None;
        }
    }

    fn minimum(&self, epoch: &protocol::Epoch, desk: &Desk) -> u16 {
        let wanted = self.study.manifest().aggregation.minimum_sites.max(desk.minimum_sites);
        epoch.transcript().params().minimum(wanted)
    }

    fn contract(
        &self,
        epoch: &protocol::Epoch,
        slot: u16,
        minimum: u16,
        participants: SiteSet,
    ) -> Result<Contract, AnalysisError> {
        let inputs = self.analysis.inputs(&self.state)?;
        Ok(Contract {
            transcript: epoch.transcript().digest(),
            slot,
            cohort: 0,
            study: self.study.digest(),
            round: self.round,
            participants,
            minimum,
            membership: self.study.manifest().aggregation.membership,
            plan: plan_for(&inputs, STANDARD_TILE),
            privacy: Privacy::NoNoise,
            state: self.state.digest(),
        })
    }

    fn send_contract(
        &mut self,
        epoch: std::sync::Arc<protocol::Epoch>,
        contract: Contract,
        desk: &mut Desk,
    ) -> Phase {
        desk.tell(Event::RoundStarted {
            study: self.study.digest(),
            round: self.round,
            step: self.state.step_name(),
            participants: contract.participants.clone(),
        });
        let signed =
            sign_contract(&desk.roster.charter, &desk.key, contract, self.verdicts.clone());
        let step = protocol::Collecting::new(signed.clone());
        desk.send(epoch.transcript().holders(), ToSite::Contract(signed));
        let context = SlotContext { epoch, spool: MemorySpool::default() };
        let refused = SiteSet::default();
        Phase::Collecting(Collecting { since: desk.now(), context, step, refused })
    }

    /// R3 with whoever is complete, or VOID.
    fn end_collecting(&mut self, phase: Collecting, desk: &mut Desk) -> Phase {
        let missing = phase.missing();
        let Collecting { context, step, .. } = phase;
        match step.propose() {
            Ok(step) => {
                let holders = context.epoch.transcript().holders();
                desk.send(holders, ToSite::Propose(step.proposal().clone()));
                Phase::Deciding(Deciding { since: desk.now(), context, step })
            }
            Err(step) => {
                let step = step.give_up(context.epoch.transcript());
                begin_voiding(context, step, missing, desk)
            }
        }
    }

    fn ask_again(&mut self, phase: Voiding, desk: &mut Desk) -> Phase {
        if phase.began + desk.limits.wait <= desk.now() {
            let reason = format!(
                "{} can be neither opened nor voided: too few of its holders answer; the \
                 stewards must decide whether it may have been opened",
                phase.step.id()
            );
            return self.failed(reason, desk);
        }
        let holders = phase.context.epoch.transcript().holders();
        let waiting = holders.difference(&phase.step.signers());
        desk.send(waiting, ToSite::VoidRequest(phase.step.id()));
        Phase::Voiding(Voiding { since: desk.now(), ..phase })
    }

    fn end_voiding(&mut self, phase: Voiding, desk: &mut Desk) -> (Phase, bool) {
        let Some(certificate) = phase.step.certificate() else {
            return (Phase::Voiding(phase), false);
        };
        let transcript = phase.context.epoch.transcript();
        desk.send(transcript.holders(), ToSite::Voided(certificate.clone()));
        let voided = VoidedSlot {
            epoch: transcript.epoch(),
            slot: certificate.id.slot,
            missing: phase.missing,
        };
        let (study, round) = (self.study.digest(), self.round);
        desk.tell(Event::SlotVoided { study, round, voided: voided.clone() });
        self.certificates.insert(certificate.id, certificate);
        self.voided.push(voided);
        if self.voided.len() >= desk.limits.attempts as usize {
            let reason =
                format!("round {round} was voided {} times: {}", self.voided.len(), self.advice());
            return (self.failed(reason, desk), true);
        }
        let lost = self.voided.last().map(|slot| slot.missing.clone()).unwrap_or_default();
        (self.wait(lost, desk), true)
    }

    fn advice(&self) -> &'static str {
        match self.study.manifest().aggregation.membership {
            Membership::Fixed => {
                "with fixed membership every site must answer; find out which one does not, or \
                 allow membership = \"may-change\""
            }
            Membership::MayChange => "too few sites answer to open a sum",
        }
    }

    /// R4, second half: secrets are reconstructed, the sum is opened and published.
    fn reconstruct(&mut self, phase: Opening, desk: &mut Desk) -> Phase {
        let Opening { since, context, mut step, .. } = phase;
        let transcript = context.epoch.transcript();
        match step.reconstruct(transcript) {
            Reconstruction::Complete(secrets) => {
                match step.unmask(transcript, secrets, &context.spool) {
                    Ok(opened) => self.publish(&context, &opened, desk),
                    Err(error) => self.failed(error.to_string(), desk),
                }
            }
            Reconstruction::MoreReleases => {
                Phase::Opening(Opening { since, context, step, fresh: false })
            }
            Reconstruction::Proofs(disputed) => {
                let id = step.certificate().outcome.id;
                for (dealer, kind) in disputed {
                    desk.send(step.holders(), ToSite::Prove { id, dealer, kind });
                }
                Phase::Opening(Opening { since, context, step, fresh: false })
            }
            Reconstruction::Lost(refusal) => {
                self.failed(format!("the slot of round {} is lost: {refusal}", self.round), desk)
            }
        }
    }

    fn publish(
        &mut self,
        context: &SlotContext,
        opened: &protocol::Opened,
        desk: &mut Desk,
    ) -> Phase {
        let contract = &opened.signed().contract;
        let survivors = opened.certificate().outcome.survivors.clone();
        let sums =
            decode(&contract.plan, opened.sum(), survivors.len(), contract.participants.len());
        let step = match sums {
            Ok(sums) => self.analysis.combine(&self.state, &Sums::new(sums), survivors.len()),
            Err(error) => return self.failed(error.to_string(), desk),
        };
        let next = match step {
            Ok(next) => next,
            Err(error) => return self.failed(error.to_string(), desk),
        };
        let digest = match &next {
            Step::Continue { state, .. } => state.digest(),
            Step::Done(report) => report.digest(),
        };
        let receipt = opened.receipt(&desk.roster.charter, &desk.key, digest, desk.clock.unix);
        let record = opened.record(&receipt, desk.roster.corrupt);
        let missing = contract.participants.difference(&survivors);
        self.opened = true;
        let mut messages = BTreeMap::new();
        for site in self.willing.iter() {
            let parts = if record.is_in_parts() {
                let part = |tile: u32| {
                    opened.tile_parts(tile as usize, &context.spool).map(|parts| (tile, parts))
                };
                let tiles: Result<_, _> = record.assigned(site).into_iter().map(part).collect();
                tiles.map(Parts::Tiles)
            } else {
                opened.uploads(&context.spool).map(Parts::Whole)
            };
            let parts = match parts {
                Ok(parts) => parts,
                Err(error) => return self.failed(error.to_string(), desk),
            };
            let published = Published {
                contract: opened.signed().clone(),
                receipt: receipt.clone(),
                sum: opened.sum().to_vec(),
                parts,
            };
            messages.insert(site, ToSite::Published(published));
        }
        for (site, message) in &messages {
            desk.send([*site].into_iter().collect(), message.clone());
        }
        self.sums.push((self.round, messages));
        if self.sums.len() > KEPT_SUMS {
            self.sums.remove(0);
        }
        desk.tell(Event::RoundFinished {
            study: self.study.digest(),
            summary: RoundSummary {
                round: self.round,
                step: self.state.step_name(),
                epoch: context.epoch.transcript().epoch(),
                slot: contract.slot,
                minimum: contract.minimum,
                survivors: survivors.clone(),
                missing: missing.clone(),
                voided: std::mem::take(&mut self.voided),
            },
        });
        self.preferred = match &next {
            Step::Continue { members: Members::Same, .. } => Some(survivors),
            _ => None,
        };
        if record.is_in_parts() {
            let verdicts = Vec::new();
            let since = desk.now();
            return Phase::Settling(Settling { since, record, verdicts, next, lost: missing });
        }
        self.follow(next, Vec::new(), missing, desk)
    }

    /// What follows a verified sum: the next round, or the result.
    fn follow(
        &mut self,
        next: Step,
        verdicts: Vec<Verdict>,
        lost: SiteSet,
        desk: &mut Desk,
    ) -> Phase {
        self.round += 1;
        self.verdicts = verdicts;
        match next {
            Step::Continue { state, .. } => {
                self.state = state;
                self.wait(lost, desk)
            }
            Step::Done(report) => {
                let report = Box::new(report);
                let study = self.study.digest();
                desk.tell(Event::StudyDone { study, report });
                Phase::Done
            }
        }
    }
}

fn is_of(message: &ToSite, ctx: &Digest) -> bool {
    matches!(message, ToSite::Published(p) if p.receipt.certificate.outcome.ctx == *ctx)
}

fn open(step: &protocol::Opening) -> ToSite {
    let certificate = step.certificate().clone();
    ToSite::Open { certificate, proposal: Some(step.proposal().clone()) }
}

fn end_deciding(phase: Deciding, desk: &mut Desk) -> Phase {
    let Deciding { since, context, step } = phase;
    match step.certify(context.epoch.transcript()) {
        Ok(step) => {
            desk.send(context.epoch.transcript().holders(), open(&step));
            Phase::Opening(Opening { since: desk.now(), context, step, fresh: false })
        }
        Err(step) => Phase::Deciding(Deciding { since, context, step }),
    }
}

fn begin_voiding(
    context: SlotContext,
    step: protocol::Voiding,
    missing: SiteSet,
    desk: &mut Desk,
) -> Phase {
    desk.send(context.epoch.transcript().holders(), ToSite::VoidRequest(step.id()));
    Phase::Voiding(Voiding { since: desk.now(), began: desk.now(), context, step, missing })
}

fn missing_of(proposal: &ripieno_secagg::round::outcome::Proposal) -> SiteSet {
    proposal.contract.contract.participants.difference(&proposal.survivors)
}
