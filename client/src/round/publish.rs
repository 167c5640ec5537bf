//! R5: the site verifies the sum, computes the next state itself, and compares.

use std::collections::BTreeMap;

use rand::CryptoRng;
use ripieno_analysis::Sums;
use ripieno_encoding::decode;
use ripieno_secagg::Roster;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::publish::{TilePart, Verified, verify_receipt};
use ripieno_study::{Check, Contract, Refusal};
use ripieno_wire::{FromSite, Parts, Published};

use crate::round::unknown_epoch;
use crate::site::{Answers, Site};
use crate::study::{Progress, digest_of};

impl<J: Journal, R: CryptoRng> Site<J, R> {
    pub(crate) fn published(&mut self, published: &Published) -> Answers {
        let contract = &published.contract.contract;
        let id = SlotId { transcript: contract.transcript, slot: contract.slot };
        let Some(progress) = self.studies.get_mut(&contract.study) else {
            let reason = "a sum was published for a study that is not approved here";
            return Err(Refusal::coordinator(Check::P1, reason).into());
        };
        if contract.round < progress.round {
            return Ok(Vec::new());
        }
        check_contract(self.party.roster(), published, progress)?;
        let epoch = self.epochs.get_mut(&id.transcript).ok_or_else(|| unknown_epoch(id))?;
        let own = epoch.own_trailer(id.slot);
        let (roster, transcript) = (self.party.roster(), epoch.transcript());
        let receipt = &published.receipt;
        let verified = verify_receipt(roster, transcript, contract, own, receipt)?;
        let record = verified.record(roster.corrupt);
        let mut answers = Vec::new();
        match (&published.parts, record.is_in_parts()) {
            (Parts::Whole(uploads), false) => verified.sum(&published.sum, uploads)?,
            (Parts::Tiles(tiles), true) => {
                let assigned = record.assigned(self.party.index());
                let found = verify_tiles(&verified, &published.sum, tiles, &assigned);
                answers.push(FromSite::Verdict(verified.verdict(&self.party, found.is_ok())));
                if let Err(refusal) = found {
                    self.trail.note(format!("refused: {refusal}"));
                    let (id, study) = (Some(id), Some(contract.study));
                    answers.push(FromSite::Refused { id, study, refusal });
                    return Ok(answers);
                }
            }
            _ => {
                let reason = "the uploads were handed on in the wrong form for their size";
                return Err(Refusal::coordinator(Check::P1, reason).into());
            }
        }
        let survivors = receipt.survivors().len();
        let sums = sums(contract, &published.sum, survivors)?;
        let step = progress.step(&sums, survivors)?;
        let next = digest_of(&step);
        verified.next_state(&next)?;
        epoch.close_published(&receipt.certificate, &mut self.ledger)?;
        progress.advance(step, record)?;
        self.trail.note(format!(
            "verified the sum over {} of round {}",
            receipt.survivors(),
            contract.round
        ));
        answers.push(FromSite::State { ctx: contract.ctx(), next });
        Ok(answers)
    }
}

/// The contract of a published sum is that of the round that comes next here, also for a site
/// that was away when the round began.
fn check_contract(
    roster: &Roster,
    published: &Published,
    progress: &Progress,
) -> Result<(), Refusal> {
    let (signed, contract) = (&published.contract, &published.contract.contract);
    roster.verify_coordinator(Check::P1, &signed.digest(&roster.charter), &signed.signature)?;
    let expected = progress.round == contract.round
        && progress.state().digest() == contract.state
        && progress.plan() == &contract.plan;
    if expected {
        return Ok(());
    }
    let reason = "the published sum is not of the round that comes next";
    Err(Refusal::coordinator(Check::P1, reason))
}

fn verify_tiles(
    verified: &Verified<'_>,
    sum: &[u64],
    tiles: &BTreeMap<u32, Vec<TilePart>>,
    assigned: &[u32],
) -> Result<(), Refusal> {
    verified.sum_digest(sum)?;
    let none = Vec::new();
    assigned.iter().try_for_each(|number| {
        let parts = tiles.get(number).unwrap_or(&none);
        verified.tile(*number as usize, sum, parts)
    })
}

fn sums(contract: &Contract, sum: &[u64], survivors: usize) -> Result<Sums, Refusal> {
    decode(&contract.plan, sum, survivors, contract.participants.len())
        .map(Sums::new)
        .map_err(|e| Refusal::coordinator(Check::P1, e.to_string()))
}
