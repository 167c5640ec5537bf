//! R3 at the coordinator: ballots become a certificate, for survivors or for VOID.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};

use crate::coordinator::collect::Leaves;
use crate::coordinator::open::Opening;
use crate::epoch::Transcript;
use crate::ledger::SlotId;
use crate::roster::Roster;
use crate::round::outcome::{Ballot, Certificate, Outcome, Proposal, VoidCertificate, Vote};

/// Ballots on a proposed survivor set.
#[derive(Debug)]
pub struct Deciding {
    proposal: Proposal,
    leaves: Leaves,
    outcome: Outcome,
    signatures: BTreeMap<SiteIndex, Signature>,
}

impl Deciding {
    pub(super) fn new(proposal: Proposal, leaves: Leaves) -> Self {
        let outcome = Outcome::of(&proposal);
        Self { proposal, leaves, outcome, signatures: BTreeMap::new() }
    }

    /// What holders are asked to sign.
    #[must_use]
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// The holders that have signed.
    #[must_use]
    pub fn signers(&self) -> SiteSet {
        self.signatures.keys().copied().collect()
    }

    /// Takes a ballot. A vote for VOID is not counted here.
    ///
    /// # Errors
    /// Check U1 with the site as culprit.
    pub fn ballot(
        &mut self,
        roster: &Roster,
        transcript: &Transcript,
        ballot: &Ballot,
    ) -> Result<(), Refusal> {
        if ballot.vote != Vote::Survivors(self.outcome.digest()) {
            let reason = "its ballot is not for the proposed survivors";
            return Err(Refusal::site(Check::U1, ballot.from, reason));
        }
        verify(roster, transcript, self.outcome.id, ballot)?;
        self.signatures.insert(ballot.from, ballot.signature);
        Ok(())
    }

    /// Goes on to R4 once t holders have signed.
    ///
    /// # Errors
    /// Gives the step back while they are fewer.
    #[allow(clippy::result_large_err)] // The error gives the step back.
    pub fn certify(self, transcript: &Transcript) -> Result<Opening, Self> {
        if self.signatures.len() < usize::from(transcript.params().threshold()) {
            return Err(self);
        }
        let Self { proposal, leaves, outcome, signatures } = self;
        Ok(Opening::new(proposal, leaves, Certificate { outcome, signatures }))
    }

    /// Asks for VOID as well. Holders that signed survivors will refuse; whichever certificate is
    /// complete first is the slot's outcome, and there is only one.
    #[must_use]
    pub fn give_up(&self, transcript: &Transcript) -> Voiding {
        Voiding::new(self.outcome.id, transcript)
    }
}

/// Ballots for VOID.
#[derive(Debug)]
pub struct Voiding {
    id: SlotId,
    needed: usize,
    signatures: BTreeMap<SiteIndex, Signature>,
}

impl Voiding {
    /// Asks for VOID of a slot: at first, and again after a restart.
    #[must_use]
    pub fn new(id: SlotId, transcript: &Transcript) -> Self {
        let needed = usize::from(transcript.params().void_quorum());
        Self { id, needed, signatures: BTreeMap::new() }
    }

    /// The slot that is to be killed.
    #[must_use]
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// The holders that have signed.
    #[must_use]
    pub fn signers(&self) -> SiteSet {
        self.signatures.keys().copied().collect()
    }

    /// Takes a ballot for VOID.
    ///
    /// # Errors
    /// Check U1 with the site as culprit.
    pub fn ballot(
        &mut self,
        roster: &Roster,
        transcript: &Transcript,
        ballot: &Ballot,
    ) -> Result<(), Refusal> {
        if ballot.vote != Vote::Void {
            return Err(Refusal::site(Check::U1, ballot.from, "its ballot is not for VOID"));
        }
        verify(roster, transcript, self.id, ballot)?;
        self.signatures.insert(ballot.from, ballot.signature);
        Ok(())
    }

    /// The certificate, once v holders have signed.
    #[must_use]
    pub fn certificate(&self) -> Option<VoidCertificate> {
        let enough = self.signatures.len() >= self.needed;
        enough.then(|| VoidCertificate { id: self.id, signatures: self.signatures.clone() })
    }
}

fn verify(
    roster: &Roster,
    transcript: &Transcript,
    id: SlotId,
    ballot: &Ballot,
) -> Result<(), Refusal> {
    if ballot.id != id || transcript.position(ballot.from).is_none() {
        let reason = "its ballot is for another slot, or it is no holder";
        return Err(Refusal::site(Check::U1, ballot.from, reason));
    }
    roster.verify_site(Check::U1, ballot.from, &ballot.digest(), &ballot.signature)
}
