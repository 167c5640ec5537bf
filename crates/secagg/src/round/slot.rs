//! The slots of an epoch: which step each of them is in, and what it still allows.

use ripieno_study::{Check, Contract, Digest, Refusal, SiteIndex};

use zeroize::Zeroizing;

use crate::epoch::join::Epoch;
use crate::epoch::secrets::Kind;
use crate::journal::Journal;
use crate::kdf::Seed;
use crate::ledger::{Ledger, LedgerError, SlotId};
use crate::round::open::{Release, Released, ShareProof};
use crate::round::outcome::{
    Ballot, Certificate, Outcome, Proposal, Signed, VoidCertificate, Voided, check_outcome,
};
use crate::round::start::{
    Approved, Bound, Fresh, SignedContract, check_as_holder, check_as_participant,
};
use crate::round::upload::{Trailer, Upload, Uploaded};
use crate::witness::Witness;

/// A slot's state.
#[derive(Debug)]
pub(crate) enum Slot {
    Fresh(Fresh),
    Bound(Bound),
    Uploaded(Uploaded),
    Signed(Signed),
    Released(Released),
    Voided(Voided),
    /// Published, or killed by a certificate.
    Closed,
}

impl Slot {
    fn ctx(&self) -> Option<Digest> {
        match self {
            Slot::Bound(bound) => Some(bound.ctx),
            Slot::Uploaded(uploaded) => Some(uploaded.bound.ctx),
            Slot::Signed(signed) => Some(signed.bound.ctx),
            Slot::Released(released) => Some(released.ctx),
            Slot::Fresh(_) | Slot::Voided(_) | Slot::Closed => None,
        }
    }

    fn contract(&self) -> Option<&SignedContract> {
        match self {
            Slot::Bound(bound) => Some(&bound.signed),
            Slot::Uploaded(uploaded) => Some(&uploaded.bound.signed),
            Slot::Signed(signed) => Some(&signed.bound.signed),
            Slot::Released(released) => Some(&released.signed),
            Slot::Fresh(_) | Slot::Voided(_) | Slot::Closed => None,
        }
    }

    fn trailer(&self) -> Option<&Trailer> {
        match self {
            Slot::Uploaded(uploaded) => Some(&uploaded.upload.trailer),
            Slot::Signed(signed) => signed.own.as_ref(),
            Slot::Released(released) => released.own.as_ref(),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Slot::Fresh(_) => "unused",
            Slot::Bound(_) => "bound to a contract",
            Slot::Uploaded(_) => "uploaded",
            Slot::Signed(_) => "signed",
            Slot::Released(_) => "opened",
            Slot::Voided(_) => "void",
            Slot::Closed => "over",
        }
    }
}

impl Epoch {
    /// R1: binds a slot to its contract. A participant gives what it has `approved`; a holder
    /// outside of P gives `None`. The same contract again changes nothing.
    ///
    /// # Errors
    /// S1–S8 with the culprit.
    pub fn start<J: Journal>(
        &mut self,
        signed: &SignedContract,
        approved: Option<&Approved<'_>>,
        ledger: &Ledger<J>,
    ) -> Result<Digest, Refusal> {
        let number = signed.contract.slot;
        let checked = check_as_holder(&self.facts, signed)?;
        let ctx = signed.contract.ctx();
        match self.slot(number)? {
            Slot::Fresh(_) | Slot::Bound(_) => {}
            // Past the ledger entry, whose checks a second time would find their own entry.
            slot if slot.ctx() == Some(ctx) => return Ok(ctx),
            other => return Err(spent(number, other)),
        }
        if let Some(approved) = approved {
            check_as_participant(&self.facts, signed, approved, ledger)?;
        }
        let slot = self.slot_mut(number)?;
        match slot {
            Slot::Fresh(_) => {
                if let Slot::Fresh(fresh) = std::mem::replace(slot, Slot::Closed) {
                    *slot = Slot::Bound(fresh.bind(checked));
                }
                Ok(ctx)
            }
            Slot::Bound(bound) if bound.ctx == ctx => Ok(ctx),
            other => Err(spent(number, other)),
        }
    }

    /// Seed of the generator that rounds this site's values in a bound slot.
    ///
    /// # Errors
    /// Check S4 where the slot is not bound.
    pub fn rounding_seed(&self, slot: u16) -> Result<Seed, Refusal> {
        match self.slot(slot)? {
            Slot::Bound(bound) => Ok(bound.rounding_seed(self.facts.party.index())),
            other => Err(spent(slot, other)),
        }
    }

    /// R2: runs S3–S8 again, enters the slot in the ledger, and masks `lanes`. In a slot that has
    /// uploaded, gives the frozen upload again and ignores `lanes`.
    ///
    /// # Errors
    /// The refusal, or the ledger's failure; then nothing may be sent.
    pub fn upload<J: Journal>(
        &mut self,
        slot: u16,
        approved: &Approved<'_>,
        lanes: Vec<u64>,
        audit: Digest,
        ledger: &mut Ledger<J>,
    ) -> Result<Upload, LedgerError> {
        let lanes = Zeroizing::new(lanes);
        let Self { facts, slots, .. } = self;
        let state = slots.get_mut(usize::from(slot)).ok_or_else(|| no_slot(slot))?;
        let entry = match state {
            Slot::Uploaded(uploaded) => return Ok(uploaded.upload.clone()),
            Slot::Bound(bound) => check_as_participant(facts, &bound.signed, approved, ledger)?,
            other => return Err(spent(slot, other).into()),
        };
        let Slot::Bound(bound) = std::mem::replace(state, Slot::Closed) else {
            return Err(no_slot(slot).into());
        };
        match bound.upload(facts, (entry, approved.releases), lanes, audit, ledger) {
            Ok(uploaded) => {
                let upload = uploaded.upload.clone();
                *state = Slot::Uploaded(uploaded);
                Ok(upload)
            }
            Err((bound, error)) => {
                *state = Slot::Bound(bound);
                Err(error)
            }
        }
    }

    /// R3: signs the proposed survivors, once. A holder that has not met the slot binds it to the
    /// proposal's contract first. The same proposal again gets the same ballot.
    ///
    /// # Errors
    /// S1, S3, S4, S6, C1–C3, L1 with the culprit, or the witness's journal.
    pub fn decide<J: Journal>(
        &mut self,
        proposal: &Proposal,
        witness: &mut Witness<J>,
    ) -> Result<Ballot, LedgerError> {
        let number = proposal.contract.contract.slot;
        self.bind_as_holder(&proposal.contract)?;
        let Self { facts, slots, .. } = self;
        let slot = slots.get_mut(usize::from(number)).ok_or_else(|| no_slot(number))?;
        if let Slot::Signed(signed) = slot {
            return same_outcome(signed, proposal).map_err(Into::into);
        }
        if slot.ctx().is_some_and(|ctx| ctx != proposal.contract.contract.ctx()) {
            return Err(spent(number, slot).into());
        }
        let agreed = match slot {
            Slot::Bound(bound) => bound.check_outcome(facts, proposal, None)?,
            Slot::Uploaded(Uploaded { bound, upload }) => {
                bound.check_outcome(facts, proposal, Some(&upload.trailer))?
            }
            other => return Err(other_outcome(number, other).into()),
        };
        let heads = proposal.trailers.iter().map(|trailer| (trailer.from, trailer.ledger));
        witness.trailers(heads)?;
        let signed = match std::mem::replace(slot, Slot::Closed) {
            Slot::Bound(bound) => bound.sign(facts, agreed, None),
            Slot::Uploaded(uploaded) => uploaded.sign(facts, agreed),
            other => return Err(other_outcome(number, &other).into()),
        };
        let ballot = signed.ballot;
        *slot = Slot::Signed(signed);
        Ok(ballot)
    }

    /// R3: signs VOID, and erases the slot's secrets. The coordinator asks for it, or this site's
    /// own clock has ended the slot.
    ///
    /// # Errors
    /// Check C3 where survivors were signed already.
    pub fn void(&mut self, number: u16) -> Result<Ballot, Refusal> {
        let Self { facts, slots, .. } = self;
        let slot = slots.get_mut(usize::from(number)).ok_or_else(|| no_slot(number))?;
        let voided = match std::mem::replace(slot, Slot::Closed) {
            Slot::Fresh(fresh) => fresh.sign_void(facts, number),
            Slot::Bound(bound) => bound.sign_void(facts),
            Slot::Uploaded(uploaded) => uploaded.bound.sign_void(facts),
            Slot::Voided(voided) => voided,
            other => {
                let refusal = other_outcome(number, &other);
                *slot = other;
                return Err(refusal);
            }
        };
        let ballot = voided.ballot;
        *slot = Slot::Voided(voided);
        Ok(ballot)
    }

    /// R4: releases shares on a certificate, after recording it in the ledger. A holder that has
    /// signed nothing needs the `proposal` too, and signs it first. The same certificate again
    /// gets the same shares.
    ///
    /// # Errors
    /// U1, U2, C1–C3 with the culprit, or the journals.
    pub fn open<J: Journal, W: Journal>(
        &mut self,
        certificate: &Certificate,
        proposal: Option<&Proposal>,
        ledger: &mut Ledger<J>,
        witness: &mut Witness<W>,
    ) -> Result<Release, LedgerError> {
        let number = certificate.outcome.id.slot;
        if let Some(proposal) = proposal.filter(|_| self.is_undecided(number)) {
            // Nothing is signed for a certificate that does not hold or is of another outcome.
            check_outcome(&certificate.outcome, &Outcome::of(proposal))?;
            certificate.verify(self.facts.party.roster(), &self.facts.transcript)?;
            self.decide(proposal, witness)?;
        }
        let Self { facts, slots, .. } = self;
        let slot = slots.get_mut(usize::from(number)).ok_or_else(|| no_slot(number))?;
        let certified = match slot {
            Slot::Signed(signed) => signed.check_certificate(facts, certificate)?,
            Slot::Released(released) if released.outcome == certificate.outcome => {
                return Ok(released.release.clone());
            }
            other => return Err(not_open(number, other).into()),
        };
        ledger.take_opened(facts.party.roster(), certified.certificate())?;
        let Slot::Signed(signed) = std::mem::replace(slot, Slot::Closed) else {
            return Err(no_slot(number).into());
        };
        let released = signed.release(facts, certified);
        let release = released.release.clone();
        *slot = Slot::Released(released);
        Ok(release)
    }

    /// Proves a released share, when a reconstruction has failed. `None` for a share that this
    /// holder never released.
    #[must_use]
    pub fn prove(&self, number: u16, dealer: SiteIndex, kind: Kind) -> Option<ShareProof> {
        match self.slot(number).ok()? {
            Slot::Released(released) => released.prove(&self.proofs, dealer, kind),
            _ => None,
        }
    }

    /// Closes a slot that a certificate has killed, and gives its reservation back.
    ///
    /// # Errors
    /// Check U1 where the certificate does not hold, or the ledger's failure.
    pub fn close_void<J: Journal>(
        &mut self,
        certificate: &VoidCertificate,
        ledger: &mut Ledger<J>,
    ) -> Result<(), LedgerError> {
        certificate.verify(self.facts.party.roster(), &self.facts.transcript)?;
        let id = certificate.id;
        if let slot @ Slot::Released(_) = self.slot(id.slot)? {
            return Err(other_outcome(id.slot, slot).into());
        }
        ledger.take_void(self.facts.party.roster(), certificate)?;
        *self.slot_mut(id.slot)? = Slot::Closed;
        Ok(())
    }

    /// Closes a slot whose receipt was verified; a certificate that this site has not met yet is
    /// recorded first.
    ///
    /// # Errors
    /// The ledger's failure.
    pub fn close_published<J: Journal>(
        &mut self,
        certificate: &Certificate,
        ledger: &mut Ledger<J>,
    ) -> Result<(), LedgerError> {
        certificate.verify(self.facts.party.roster(), &self.facts.transcript)?;
        let id = certificate.outcome.id;
        ledger.take_opened(self.facts.party.roster(), certificate)?;
        *self.slot_mut(id.slot)? = Slot::Closed;
        Ok(())
    }

    /// The contract that a slot is bound to.
    #[must_use]
    pub fn contract(&self, number: u16) -> Option<&Contract> {
        self.slot(number).ok()?.contract().map(|signed| &signed.contract)
    }

    /// The trailer that this site sent for a slot.
    #[must_use]
    pub fn own_trailer(&self, number: u16) -> Option<&Trailer> {
        self.slot(number).ok()?.trailer()
    }

    /// Name of a slot in ledger and messages.
    #[must_use]
    pub fn id(&self, slot: u16) -> SlotId {
        SlotId { transcript: self.facts.transcript.digest(), slot }
    }

    fn bind_as_holder(&mut self, signed: &SignedContract) -> Result<(), Refusal> {
        let number = signed.contract.slot;
        if !matches!(self.slot(number)?, Slot::Fresh(_)) {
            return Ok(());
        }
        let checked = check_as_holder(&self.facts, signed)?;
        let slot = self.slot_mut(number)?;
        if let Slot::Fresh(fresh) = std::mem::replace(slot, Slot::Closed) {
            *slot = Slot::Bound(fresh.bind(checked));
        }
        Ok(())
    }

    fn is_undecided(&self, number: u16) -> bool {
        let slot = self.slot(number);
        matches!(slot, Ok(Slot::Fresh(_) | Slot::Bound(_) | Slot::Uploaded(_)))
    }

    fn slot(&self, number: u16) -> Result<&Slot, Refusal> {
        self.slots.get(usize::from(number)).ok_or_else(|| no_slot(number))
    }

    fn slot_mut(&mut self, number: u16) -> Result<&mut Slot, Refusal> {
        self.slots.get_mut(usize::from(number)).ok_or_else(|| no_slot(number))
    }
}

fn same_outcome(signed: &Signed, proposal: &Proposal) -> Result<Ballot, Refusal> {
    if signed.outcome == Outcome::of(proposal) {
        return Ok(signed.ballot);
    }
    let reason = "another survivor set, or other trailers, were signed for this slot";
    Err(Refusal::coordinator(Check::C3, reason))
}

fn no_slot(number: u16) -> Refusal {
    Refusal::coordinator(Check::S4, format!("the epoch has no slot {number}"))
}

fn spent(number: u16, slot: &Slot) -> Refusal {
    let reason = format!("slot {number} is {} and serves no other contract", slot.name());
    Refusal::coordinator(Check::S4, reason)
}

fn other_outcome(number: u16, slot: &Slot) -> Refusal {
    let reason = format!("slot {number} is {}: it has one outcome already", slot.name());
    Refusal::coordinator(Check::C3, reason)
}

fn not_open(number: u16, slot: &Slot) -> Refusal {
    let check = if matches!(slot, Slot::Released(_)) { Check::U2 } else { Check::U1 };
    let reason = format!("slot {number} is {}: nothing is released for it", slot.name());
    Refusal::coordinator(check, reason)
}
