//! R5: the site verifies the sum, computes the next state itself, and compares.

use std::sync::Arc;

use rand::CryptoRng;
use ripieno_analysis::Sums;
use ripieno_audit::{Kind, Storage};
use ripieno_encoding::decode;
use ripieno_secagg::Roster;
use ripieno_secagg::epoch::{Epoch, Transcript};
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::publish::{Verified, verify_receipt};
use ripieno_secagg::round::upload::Trailer;
use ripieno_study::{Check, Contract, Culprit, Refusal};
use ripieno_wire::{FromSite, Parts, Published};

use crate::audit::in_slot;
use crate::progress::Progress;
use crate::round::unknown_epoch;
use crate::shelf::Shelf;
use crate::site::{Answers, Site};

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    pub(crate) fn published(&mut self, published: &Published) -> Answers {
        let contract = &published.contract.contract;
        self.check_ledger(published)?;
        let Some(progress) = self.studies.approved.get(&contract.study) else {
            return self.published_unwanted(published);
        };
        if contract.round < progress.round {
            return self.published_again(published);
        }
        let roster = self.roster_of(SlotId::of(contract));
        check_contract(&roster, published, progress)?;
        let verified = self.verify(published)?;
        let record = verified.record(roster.corrupt);
        let receipt = published.receipt.digest(&roster.charter);
        let mut answers = Vec::new();
        match (&published.parts, record.is_in_parts()) {
            (Parts::Whole(uploads), false) => verified.sum(&published.sum, uploads)?,
            (Parts::Tiles(_) | Parts::Stored(_), true) => {
                verified.sum_digest(&published.sum)?;
                let (verdict, refusal) = self.verify_tiles(&verified, published);
                answers.extend(verdict);
                if let Some(refusal) = refusal {
                    let (id, study) = (Some(SlotId::of(contract)), Some(contract.study));
                    answers.push(self.refuse_message(id, study, refusal.into()));
                    return Ok(answers);
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
        self.close_slot(published)?;
        answers.push(FromSite::State { ctx: contract.ctx(), next });
        let id = published.receipt.certificate.outcome.id;
        let event = self.step("sum-verified", id).with("study", contract.study);
        let event = event.with("round", contract.round).with("survivors", survivors);
        self.note(event.with("receipt", receipt));
        self.seal();
        // Written down twice, rather than not at all, where the site ends here: the sum comes again.
        if let Some(progress) = self.studies.approved.get_mut(&contract.study) {
            progress.advance(step, record, &answers)?;
        }
        self.keep_study(&contract.study);
        Ok(answers)
    }

    /// Check L1 for this site's own ledger: every slot whose trailer it signed is in it, durable
    /// before the trailer left. Nobody else can sign one, so a receipt with one that the ledger does
    /// not know shows an older folder.
    fn check_ledger(&mut self, published: &Published) -> Result<(), Refusal> {
        let contract = &published.contract.contract;
        let (id, ctx, own) = (SlotId::of(contract), contract.ctx(), self.party.index());
        let of_round = |trailer: &&Trailer| trailer.from == own && trailer.ctx == ctx;
        let Some(trailer) = published.receipt.trailers.iter().find(of_round) else {
            return Ok(());
        };
        let roster = self.roster_of(id);
        let signed = roster.verify_relayed(Check::P1, own, &trailer.digest(), &trailer.signature);
        if signed.is_err() || self.ledger.standing(id).is_some() {
            return Ok(());
        }
        let reason = format!(
            "this site has signed its part of {id}, when its ledger ended at record {}; now the ledger \
             ends at record {}, and that slot is not in it",
            trailer.ledger.count,
            self.ledger.head().count
        );
        self.note(in_slot(self.event(Kind::Alarm).with("problem", &reason), id));
        self.seal();
        self.behind = Some(reason);
        let refusal = Refusal::own(Check::L1, "this site's ledger is older than what it signed");
        self.unwritten = Some(refusal.clone());
        Err(refusal)
    }

    /// A sum of a study that this site has left: only the ledger hears of it.
    fn published_unwanted(&mut self, published: &Published) -> Answers {
        if !self.studies.closed.contains_key(&published.contract.contract.study) {
            let reason = "a sum was published for a study that is not approved here";
            return Err(Refusal::coordinator(Check::P1, reason).into());
        }
        self.close_slot(published)?;
        Ok(Vec::new())
    }

    /// The last sum again. Nobody heard what this site said of it, or it is asked for tiles that
    /// another site did not verify.
    fn published_again(&self, published: &Published) -> Answers {
        let contract = &published.contract.contract;
        let (ctx, sum) = (contract.ctx(), &published.receipt.sum);
        let Some(progress) =
            self.studies.approved.get(&contract.study).filter(|p| p.is_last(&ctx, sum))
        else {
            return Ok(Vec::new());
        };
        let mut answers = progress.said();
        if let Some(numbers) = tile_numbers(&published.parts) {
            let verified = self.verify(published)?;
            verified.sum_digest(&published.sum)?;
            check_tiles(&verified, published)?;
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
            .or_else(|| self.foreign.get(&id.transcript).map(|foreign| &foreign.transcript))
            .or_else(half_way)
            .ok_or_else(|| unknown_epoch(id))?;
        let own = epoch.and_then(|epoch| epoch.own_trailer(id.slot));
        verify_receipt(&self.roster_of(id), transcript, contract, own, &published.receipt)
    }

    /// The members of the charter under which a slot's epoch was set up, as far as it is known.
    pub(crate) fn roster_of(&self, id: SlotId) -> Arc<Roster> {
        let foreign = self.foreign.get(&id.transcript).map(|foreign| &foreign.roster);
        let roster = foreign.or_else(|| self.past.roster(&id.transcript)).cloned();
        roster.unwrap_or_else(|| Arc::new(self.party.roster().clone()))
    }

    /// Verifies the tiles that were handed on: the verdict on them, where there are any, and what is
    /// wrong with them.
    fn verify_tiles(
        &self,
        verified: &Verified<'_>,
        published: &Published,
    ) -> (Option<FromSite>, Option<Refusal>) {
        let numbers = tile_numbers(&published.parts).unwrap_or_default();
        if numbers.is_empty() {
            return (None, None);
        }
        let refusal = check_tiles(verified, published).err();
        // What this site cannot read itself says nothing of the sum.
        if refusal.as_ref().is_some_and(|refusal| refusal.culprit == Culprit::Own) {
            return (None, refusal);
        }
        let verdict = verified.verdict(&self.party, numbers, refusal.is_none());
        (Some(FromSite::Verdict(verdict)), refusal)
    }

    /// Records the certificate and erases the slot.
    fn close_slot(
        &mut self,
        published: &Published,
    ) -> Result<(), ripieno_secagg::ledger::LedgerError> {
        let certificate = &published.receipt.certificate;
        let id = certificate.outcome.id;
        let roster = self.roster_of(id);
        match self.epochs.get_mut(&id.transcript) {
            Some(epoch) => epoch.close_published(certificate, &mut self.ledger)?,
            None => drop(self.ledger.take_opened(&roster, certificate)?),
        }
        self.end_slot(id);
        self.keep_past();
        Ok(())
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

/// Numbers of the tiles that were handed on; `None` where whole uploads were.
fn tile_numbers(parts: &Parts) -> Option<Vec<u32>> {
    match parts {
        Parts::Whole(_) => None,
        Parts::Tiles(tiles) => Some(tiles.keys().copied().collect()),
        Parts::Stored(tiles) => Some(tiles.numbers.iter().copied().collect()),
    }
}

fn check_tiles(verified: &Verified<'_>, published: &Published) -> Result<(), Refusal> {
    let sum = &published.sum;
    match &published.parts {
        Parts::Whole(_) => Ok(()),
        Parts::Tiles(tiles) => {
            tiles.iter().try_for_each(|(number, parts)| verified.tile(*number as usize, sum, parts))
        }
        Parts::Stored(tiles) => tiles.numbers.iter().try_for_each(|number| {
            let number = *number as usize;
            let mut check = verified.begin_tile(number)?;
            for position in 0.. {
                let part = tiles.source.part(number, position);
                match part.map_err(|reason| Refusal::own(Check::P1, reason))? {
                    Some(part) => check.add(&part)?,
                    None => break,
                }
            }
            check.finish(sum)
        }),
    }
}

fn sums(contract: &Contract, sum: &[u64], survivors: usize) -> Result<Sums, Refusal> {
    decode(&contract.plan, sum, survivors, contract.participants.len())
        .map(Sums::new)
        .map_err(|e| Refusal::coordinator(Check::P1, e.to_string()))
}
