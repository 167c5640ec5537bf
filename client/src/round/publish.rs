//! R5: the site verifies the sum, computes the next state itself, and compares.

use std::collections::BTreeMap;

use rand::CryptoRng;
use ripieno_analysis::Sums;
use ripieno_encoding::decode;
use ripieno_secagg::Roster;
use ripieno_secagg::epoch::{Epoch, Transcript};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::publish::{TilePart, Verified, verify_receipt};
use ripieno_study::{Check, Contract, Refusal};
use ripieno_wire::{FromSite, Parts, Published};

use crate::progress::Progress;
use crate::round::unknown_epoch;
use crate::site::{Answers, Site};

impl<J: Journal, R: CryptoRng> Site<J, R> {
    pub(crate) fn published(&mut self, published: &Published) -> Answers {
        let contract = &published.contract.contract;
        let Some(progress) = self.studies.get(&contract.study) else {
            let reason = "a sum was published for a study that is not approved here";
            return Err(Refusal::coordinator(Check::P1, reason).into());
        };
        if contract.round < progress.round {
            return self.published_again(published);
        }
        check_contract(self.party.roster(), published, progress)?;
        let verified = self.verify(published)?;
        let record = verified.record(self.party.roster().corrupt);
        let mut answers = Vec::new();
        match (&published.parts, record.is_in_parts()) {
            (Parts::Whole(uploads), false) => verified.sum(&published.sum, uploads)?,
            (Parts::Tiles(tiles), true) => {
                verified.sum_digest(&published.sum)?;
                match self.verify_tiles(&verified, published, tiles) {
                    Ok(verdict) => answers.extend(verdict),
                    Err(answers) => return Ok(answers),
                }
            }
            _ => {
                let reason = "the uploads were handed on in the wrong form for their size";
                return Err(Refusal::coordinator(Check::P1, reason).into());
            }
        }
        let survivors = published.receipt.survivors();
        let sums = sums(contract, &published.sum, survivors.len())?;
        let step = progress.step(&sums, survivors.len())?;
        let next = step.digest();
        verified.next_state(&next)?;
        drop(verified);
        self.close(published)?;
        answers.push(FromSite::State { ctx: contract.ctx(), next });
        if let Some(progress) = self.studies.get_mut(&contract.study) {
            progress.advance(step, record, &answers)?;
        }
        let round = contract.round;
        self.trail.note(format!("verified the sum over {survivors} of round {round}"));
        Ok(answers)
    }

    /// The last sum again. Nobody heard what this site said of it, or it is asked for tiles that
    /// another site did not verify.
    fn published_again(&self, published: &Published) -> Answers {
        let contract = &published.contract.contract;
        let (ctx, sum) = (contract.ctx(), &published.receipt.sum);
        let Some(progress) = self.studies.get(&contract.study).filter(|p| p.is_last(&ctx, sum))
        else {
            return Ok(Vec::new());
        };
        let mut answers = progress.said();
        if let Parts::Tiles(tiles) = &published.parts {
            let verified = self.verify(published)?;
            verified.sum_digest(&published.sum)?;
            let numbers = tiles.keys().copied().collect();
            check_tiles(&verified, &published.sum, tiles)?;
            answers.retain(|answer| !matches!(answer, FromSite::Verdict(_)));
            let verdict = verified.verdict(&self.party, numbers, true);
            answers.push(FromSite::Verdict(verdict));
        }
        Ok(answers)
    }

    /// Verifies the receipt, by the epoch that this site is in, or by the adverts of one that it
    /// is not in.
    fn verify<'a>(&self, published: &'a Published) -> Result<Verified<'a>, Refusal> {
        let contract = &published.contract.contract;
        let id = SlotId::of(contract);
        let epoch = self.epochs.get(&id.transcript);
        let half_way = || self.setup.transcript().filter(|t| t.digest() == id.transcript);
        let transcript: &Transcript = epoch
            .map(Epoch::transcript)
            .or_else(|| self.foreign.get(&id.transcript))
            .or_else(half_way)
            .ok_or_else(|| unknown_epoch(id))?;
        let own = epoch.and_then(|epoch| epoch.own_trailer(id.slot));
        verify_receipt(self.party.roster(), transcript, contract, own, &published.receipt)
    }

    /// Verifies the tiles that were handed on; the verdict, or, where they are wrong, all that is
    /// to be said.
    fn verify_tiles(
        &self,
        verified: &Verified<'_>,
        published: &Published,
        tiles: &BTreeMap<u32, Vec<TilePart>>,
    ) -> Result<Option<FromSite>, Vec<FromSite>> {
        let numbers: Vec<u32> = tiles.keys().copied().collect();
        if numbers.is_empty() {
            return Ok(None);
        }
        let verdict = |holds| FromSite::Verdict(verified.verdict(&self.party, numbers, holds));
        match check_tiles(verified, &published.sum, tiles) {
            Ok(()) => Ok(Some(verdict(true))),
            Err(refusal) => {
                let contract = &published.contract.contract;
                let id = SlotId::of(contract);
                let (id, study) = (Some(id), Some(contract.study));
                Err(vec![verdict(false), FromSite::Refused { id, study, refusal }])
            }
        }
    }

    /// Records the certificate and erases the slot.
    fn close(&mut self, published: &Published) -> Result<(), ripieno_secagg::ledger::LedgerError> {
        let certificate = &published.receipt.certificate;
        let id = certificate.outcome.id;
        self.begun.remove(&id);
        match self.epochs.get_mut(&id.transcript) {
            Some(epoch) => epoch.close_published(certificate, &mut self.ledger),
            None => self.ledger.take_opened(self.party.roster(), certificate).map(drop),
        }
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
        && !progress.is_over()
        && progress.state().digest() == contract.state
        && progress.plan() == &contract.plan;
    if expected {
        return Ok(());
    }
    let reason = "the published sum is not of the round that comes next";
    Err(Refusal::coordinator(Check::P1, reason))
}

fn check_tiles(
    verified: &Verified<'_>,
    sum: &[u64],
    tiles: &BTreeMap<u32, Vec<TilePart>>,
) -> Result<(), Refusal> {
    tiles.iter().try_for_each(|(number, parts)| verified.tile(*number as usize, sum, parts))
}

fn sums(contract: &Contract, sum: &[u64], survivors: usize) -> Result<Sums, Refusal> {
    decode(&contract.plan, sum, survivors, contract.participants.len())
        .map(Sums::new)
        .map_err(|e| Refusal::coordinator(Check::P1, e.to_string()))
}
