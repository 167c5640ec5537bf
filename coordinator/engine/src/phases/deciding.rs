//! R3: holders sign the survivors.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_identity::Signature;
use ripieno_secagg::coordinator::{Deciding as Step, Voiding};
use ripieno_secagg::epoch::Transcript;
use ripieno_secagg::round::outcome::{Ballot, Certificate, Outcome, Proposal, Vote};
use ripieno_secagg::{Roster, SlotId};
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::changes::Change;
use crate::desk::Desk;
use crate::phases::{Opening, Phase, SlotContext};
use crate::records::{self, OutcomeRecord};
use crate::run::Run;

/// The ballots of a slot.
pub(crate) struct Deciding {
    pub(crate) since: Duration,
    pub(crate) began: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Ballots,
    /// Holders that said no.
    refused: SiteSet,
}

/// Ballots, with the uploads or, after a restart, without one of them.
pub(crate) enum Ballots {
    Whole(Box<Step>),
    Lost(Box<Orphans>),
}

/// Ballots on a set of which an upload is lost. Some may have been given before: only more of them
/// show what became of the slot.
pub(crate) struct Orphans {
    proposal: Proposal,
    outcome: Outcome,
    signatures: BTreeMap<SiteIndex, Signature>,
    /// What is lost.
    lost: String,
}

impl Ballots {
    pub(crate) fn without(proposal: Proposal, lost: String) -> Self {
        let (outcome, signatures) = (Outcome::of(&proposal), BTreeMap::new());
        Self::Lost(Box::new(Orphans { proposal, outcome, signatures, lost }))
    }

    pub(crate) fn proposal(&self) -> &Proposal {
        match self {
            Self::Whole(step) => step.proposal(),
            Self::Lost(orphans) => &orphans.proposal,
        }
    }

    fn signers(&self) -> SiteSet {
        match self {
            Self::Whole(step) => step.signers(),
            Self::Lost(orphans) => orphans.signatures.keys().copied().collect(),
        }
    }

    /// Takes a ballot.
    pub(crate) fn ballot(
        &mut self,
        roster: &Roster,
        transcript: &Transcript,
        ballot: &Ballot,
    ) -> Result<(), Refusal> {
        match self {
            Self::Whole(step) => step.ballot(roster, transcript, ballot),
            Self::Lost(orphans) => orphans.ballot(roster, transcript, ballot),
        }
    }
}

impl Orphans {
    fn ballot(
        &mut self,
        roster: &Roster,
        transcript: &Transcript,
        ballot: &Ballot,
    ) -> Result<(), Refusal> {
        let from = ballot.from;
        let is_for_it = ballot.vote == Vote::Survivors(self.outcome.digest())
            && ballot.id == self.outcome.id
            && transcript.position(from).is_some();
        if !is_for_it {
            let reason = "its ballot is not for the proposed survivors, or it is no holder";
            return Err(Refusal::site(Check::U1, from, reason));
        }
        roster.verify_site(Check::U1, from, &ballot.digest(), &ballot.signature)?;
        self.signatures.insert(from, ballot.signature);
        Ok(())
    }
}

impl Deciding {
    pub(crate) fn new(context: SlotContext, step: Ballots, now: Duration) -> Self {
        Self { since: now, began: now, context, step, refused: SiteSet::default() }
    }

    /// Whether t holders have signed.
    pub(crate) fn is_complete(&self) -> bool {
        self.step.signers().len() >= self.threshold()
    }

    /// Whether t holders may still sign: then VOID is not asked for, since whoever has signed
    /// survivors, perhaps without being heard, refuses it, and neither certificate could be had.
    pub(crate) fn can_be_certified(&self) -> bool {
        let possible = self.context.epoch.joined().difference(&self.refused);
        possible.len() >= self.threshold()
    }

    pub(crate) fn refuse(&mut self, site: SiteIndex) {
        if !self.step.signers().contains(site) {
            self.refused.insert(site);
        }
    }

    fn threshold(&self) -> usize {
        usize::from(self.context.epoch.transcript().params().threshold())
    }
}

impl Run {
    /// R4, where t holders have signed.
    pub(crate) fn end_deciding(&mut self, phase: Deciding, desk: &mut Desk) -> Phase {
        let Deciding { since, began, mut context, step, refused } = phase;
        match step {
            Ballots::Lost(orphans) => {
                let Orphans { outcome, signatures, lost, .. } = *orphans;
                let certificate = Certificate { outcome, signatures };
                self.certified(&certificate, desk);
                let message = ToSite::Open { certificate, proposal: None };
                desk.send(context.epoch.joined(), message);
                self.lost(&lost, desk)
            }
            Ballots::Whole(step) => match step.certify(context.epoch.transcript()) {
                Ok(step) => {
                    self.certified(step.certificate(), desk);
                    let message = super::opening::request(&step);
                    context.message = message.encode();
                    desk.send(context.epoch.joined(), message);
                    Phase::Opening(Opening::new(context, step, desk.now()))
                }
                Err(step) => {
                    let step = Ballots::Whole(Box::new(step));
                    Phase::Deciding(Deciding { since, began, context, step, refused })
                }
            },
        }
    }

    /// A set of survivors is certified: the slot counts as opened.
    fn certified(&mut self, certificate: &Certificate, desk: &mut Desk) {
        self.opened = true;
        let (study, slot) = (self.study.digest(), certificate.outcome.id);
        let record = records::seal(&OutcomeRecord::opened(certificate));
        desk.save(Change::Outcome { study, slot, record });
        self.certified.insert(slot, certificate.clone());
    }

    /// Asks again while a certificate can be had, and for VOID when none can.
    pub(crate) fn expire_deciding(&mut self, phase: Deciding, desk: &mut Desk) -> Phase {
        let holders = phase.context.epoch.joined();
        if phase.can_be_certified() && phase.began + desk.limits.wait > desk.now() {
            let waiting = holders.difference(&phase.step.signers());
            desk.send(waiting, ToSite::Propose(phase.step.proposal().clone()));
            return Phase::Deciding(Deciding { since: desk.now(), ..phase });
        }
        let Deciding { context, step, .. } = phase;
        let proposal = step.proposal();
        let missing = proposal.contract.contract.participants.difference(&proposal.survivors);
        let id = SlotId::of(&proposal.contract.contract);
        let step = Voiding::new(id, context.epoch.transcript());
        self.begin_voiding(context, step, missing, desk)
    }
}
