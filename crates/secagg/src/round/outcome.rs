//! R3: holders sign the one outcome of a slot, once.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_study::{Check, Digest, Hasher, Membership, Refusal, SiteIndex, SiteSet, Tag};
use serde::{Deserialize, Serialize};

use crate::epoch::join::Facts;
use crate::epoch::transcript::Transcript;
use crate::ledger::SlotId;
use crate::roster::Roster;
use crate::round::history::check_histories;
use crate::round::start::{Bound, Fresh, SignedContract};
use crate::round::upload::{Trailer, Uploaded, trailers_digest};

/// What the coordinator proposes as outcome, with everything that a holder needs to judge it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The contract, for holders that have not met the slot.
    pub contract: SignedContract,
    /// `U`.
    pub survivors: SiteSet,
    /// One a survivor, in index order.
    pub trailers: Vec<Trailer>,
}

/// A survivor set as outcome of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The slot.
    pub id: SlotId,
    /// `ctx` of the round.
    pub ctx: Digest,
    /// `U`.
    pub survivors: SiteSet,
    /// H over their trailers.
    pub trailers: Digest,
}

impl Outcome {
    /// The outcome that a proposal describes.
    #[must_use]
    pub fn of(proposal: &Proposal) -> Self {
        let contract = &proposal.contract.contract;
        Self {
            id: SlotId::of(contract),
            ctx: contract.ctx(),
            survivors: proposal.survivors.clone(),
            trailers: trailers_digest(&proposal.trailers),
        }
    }

    /// What is signed: H("outcome", T, slot, ctx, U, trailers).
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher =
            Hasher::new(Tag::Outcome).part(self.id.transcript).number(self.id.slot).part(self.ctx);
        self.survivors.hash_into(hasher).part(self.trailers).finish()
    }
}

/// What is signed to kill a slot: H("void", T, slot).
#[must_use]
pub fn void_digest(id: SlotId) -> Digest {
    Hasher::new(Tag::Void).part(id.transcript).number(id.slot).finish()
}

/// What a holder votes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// The survivor set whose [`Outcome::digest`] this is.
    Survivors(Digest),
    /// No set at all.
    Void,
}

/// A holder's signature on an outcome. As received until it stands in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// The slot.
    pub id: SlotId,
    /// The holder.
    pub from: SiteIndex,
    /// What it votes for.
    pub vote: Vote,
    /// Over the outcome's or the void digest.
    pub signature: Signature,
}

impl Ballot {
    /// The digest that the signature is over.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self.vote {
            Vote::Survivors(digest) => digest,
            Vote::Void => void_digest(self.id),
        }
    }
}

/// t signatures of distinct holders on one survivor set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The outcome.
    pub outcome: Outcome,
    /// Signatures on its digest.
    pub signatures: BTreeMap<SiteIndex, Signature>,
}

/// v signatures of distinct holders on VOID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidCertificate {
    /// The slot.
    pub id: SlotId,
    /// Signatures on [`void_digest`].
    pub signatures: BTreeMap<SiteIndex, Signature>,
}

impl Certificate {
    /// Check U1, first half: at least t valid signatures of distinct holders.
    ///
    /// # Errors
    /// Check U1.
    pub fn verify(&self, roster: &Roster, transcript: &Transcript) -> Result<(), Refusal> {
        check_epoch(self.outcome.id, transcript)?;
        self.verify_by(roster, &transcript.holders(), transcript.params().threshold())
    }

    /// The same by what a ledger's entry says of the epoch: for a site that has left it.
    ///
    /// # Errors
    /// Check U1.
    pub fn verify_by(
        &self,
        roster: &Roster,
        holders: &SiteSet,
        threshold: u16,
    ) -> Result<(), Refusal> {
        verify_signatures(roster, holders, &self.outcome.digest(), &self.signatures, threshold)
    }
}

impl VoidCertificate {
    /// At least v valid signatures of distinct holders.
    ///
    /// # Errors
    /// Check U1.
    pub fn verify(&self, roster: &Roster, transcript: &Transcript) -> Result<(), Refusal> {
        check_epoch(self.id, transcript)?;
        self.verify_by(roster, &transcript.holders(), transcript.params().void_quorum())
    }

    /// The same by what a ledger's entry says of the epoch: for a site that has left it.
    ///
    /// # Errors
    /// Check U1.
    pub fn verify_by(
        &self,
        roster: &Roster,
        holders: &SiteSet,
        void_quorum: u16,
    ) -> Result<(), Refusal> {
        let digest = void_digest(self.id);
        verify_signatures(roster, holders, &digest, &self.signatures, void_quorum)
    }
}

/// Check U1: a certificate is for the outcome that this holder signed, or is asked to sign.
///
/// # Errors
/// Check U1.
pub(super) fn check_outcome(certified: &Outcome, own: &Outcome) -> Result<(), Refusal> {
    if certified == own {
        return Ok(());
    }
    let reason = "the certificate is not for the outcome that this holder signed";
    Err(Refusal::coordinator(Check::U1, reason))
}

fn check_epoch(id: SlotId, transcript: &Transcript) -> Result<(), Refusal> {
    if id.transcript == transcript.digest() {
        return Ok(());
    }
    Err(Refusal::coordinator(Check::U1, "the certificate is of another epoch"))
}

fn verify_signatures(
    roster: &Roster,
    holders: &SiteSet,
    digest: &Digest,
    signatures: &BTreeMap<SiteIndex, Signature>,
    needed: u16,
) -> Result<(), Refusal> {
    if signatures.len() < usize::from(needed) {
        let reason = format!("{} signatures, {needed} are needed", signatures.len());
        return Err(Refusal::coordinator(Check::U1, reason));
    }
    for (site, signature) in signatures {
        if !holders.contains(*site) {
            let reason = format!("{site} is not a holder of the epoch");
            return Err(Refusal::coordinator(Check::U1, reason));
        }
        roster.verify_relayed(Check::U1, *site, digest, signature)?;
    }
    Ok(())
}

/// A proposal that passed C1, C2 and L1.
#[derive(Debug)]
pub struct Agreed {
    pub(super) outcome: Outcome,
}

/// A slot for which this holder has signed a survivor set.
#[derive(Debug)]
pub struct Signed {
    pub(super) bound: Bound,
    pub(super) own: Option<Trailer>,
    pub(super) outcome: Outcome,
    pub(super) ballot: Ballot,
}

/// A slot for which this holder has signed VOID. Its secrets are gone.
#[derive(Debug)]
pub struct Voided {
    pub(super) ballot: Ballot,
}

impl Fresh {
    /// Signs VOID for a slot that met no contract.
    #[must_use]
    pub(crate) fn sign_void(self, facts: &Facts, slot: u16) -> Voided {
        Voided { ballot: void_ballot(facts, slot) }
    }
}

impl Bound {
    /// Checks a proposal (C1, C2, and L1 for the study's sums); `own` is this site's trailer where it uploaded.
    ///
    /// # Errors
    /// The refusal with its culprit.
    pub(crate) fn check_outcome(
        &self,
        facts: &Facts,
        proposal: &Proposal,
        own: Option<&Trailer>,
    ) -> Result<Agreed, Refusal> {
        check_survivors(self, proposal)?;
        check_trailers(facts, self, proposal, own)?;
        if self.contract().membership == Membership::Fixed {
            let corrupt = facts.transcript.params().corrupt();
            check_histories(facts.party.index(), corrupt.into(), &proposal.trailers)?;
        }
        Ok(Agreed { outcome: Outcome::of(proposal) })
    }

    /// Signs the agreed outcome.
    #[must_use]
    pub(crate) fn sign(self, facts: &Facts, agreed: Agreed, own: Option<Trailer>) -> Signed {
        let digest = agreed.outcome.digest();
        let ballot = Ballot {
            id: agreed.outcome.id,
            from: facts.party.index(),
            vote: Vote::Survivors(digest),
            signature: facts.party.sign(&digest),
        };
        Signed { bound: self, own, outcome: agreed.outcome, ballot }
    }

    /// Signs VOID, and erases the slot.
    #[must_use]
    pub(crate) fn sign_void(self, facts: &Facts) -> Voided {
        Voided { ballot: void_ballot(facts, self.contract().slot) }
    }
}

impl Uploaded {
    /// Signs the agreed outcome.
    #[must_use]
    pub(crate) fn sign(self, facts: &Facts, agreed: Agreed) -> Signed {
        let Self { bound, upload } = self;
        bound.sign(facts, agreed, Some(upload.trailer))
    }
}

fn void_ballot(facts: &Facts, slot: u16) -> Ballot {
    let id = SlotId { transcript: facts.transcript.digest(), slot };
    let signature = facts.party.sign(&void_digest(id));
    Ballot { id, from: facts.party.index(), vote: Vote::Void, signature }
}

/// C1: U ⊆ P, |U| ≥ m, U = P under fixed membership.
fn check_survivors(bound: &Bound, proposal: &Proposal) -> Result<(), Refusal> {
    let refuse = |reason: String| Err(Refusal::coordinator(Check::C1, reason));
    let (contract, survivors) = (bound.contract(), &proposal.survivors);
    if !survivors.is_subset(&contract.participants) {
        return refuse(format!("survivors {survivors} are not all participants"));
    }
    if survivors.len() < usize::from(contract.minimum) {
        let (found, minimum) = (survivors.len(), contract.minimum);
        return refuse(format!("{found} survivors are fewer than the minimum of {minimum}"));
    }
    if contract.membership == Membership::Fixed && *survivors != contract.participants {
        return refuse("membership is fixed, and a participant is missing".into());
    }
    Ok(())
}

/// C2: one trailer a survivor, signed, for this round; the own one identical.
fn check_trailers(
    facts: &Facts,
    bound: &Bound,
    proposal: &Proposal,
    own: Option<&Trailer>,
) -> Result<(), Refusal> {
    let from: Vec<_> = proposal.trailers.iter().map(|trailer| trailer.from).collect();
    if !proposal.survivors.iter().eq(from) {
        let reason = "there is not one trailer for each survivor, in order";
        return Err(Refusal::coordinator(Check::C2, reason));
    }
    let roster = facts.party.roster();
    for trailer in &proposal.trailers {
        let from = trailer.from;
        roster.verify_relayed(Check::C2, from, &trailer.digest(), &trailer.signature)?;
        if trailer.ctx != bound.ctx || trailer.lanes != bound.contract().plan.lanes() {
            let reason = format!("the trailer of {from} is for another round, or number of lanes");
            return Err(Refusal::coordinator(Check::C2, reason));
        }
    }
    let shown = proposal.trailers.iter().find(|trailer| trailer.from == facts.party.index());
    if shown.is_some() && shown != own {
        let reason = "the trailer shown as this site's own is not the one that it sent";
        return Err(Refusal::coordinator(Check::C2, reason));
    }
    Ok(())
}
