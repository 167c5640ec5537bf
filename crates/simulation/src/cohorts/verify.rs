//! R5 and W5 of one cohort: every site verifies the sum, and gives its word on it.

use std::collections::BTreeMap;

use ripieno_secagg::cohort::{CohortSum, Evidence, Vouched};
use ripieno_secagg::coordinator::{Epoch, MemorySpool, Opened};
use ripieno_secagg::round::publish::{Receipt, Verdict, verify_receipt};
use ripieno_study::SiteIndex;
use ripieno_wire::cohort::{decode_word, encode_word};
use ripieno_wire::{FromSite, Parts, Published, StoredTiles, ToSite};

use crate::cohorts::member::Member;
use crate::cohorts::round::Job;
use crate::cohorts::setup::Cohort;
use crate::error::SimulationError;

/// When receipts say that they were signed: nothing depends on it.
const AT: u64 = 0;

impl Cohort {
    /// The sum goes to every site, those that were lost among them, which are back.
    pub(super) fn publish(
        &mut self,
        job: &Job<'_>,
        relay: &Epoch,
        opened: &Opened,
        spool: &MemorySpool,
    ) -> Result<(CohortSum, BTreeMap<SiteIndex, Vouched>), SimulationError> {
        let contract = &opened.signed().contract;
        let receipt = opened.receipt(&job.charter, job.coordinator, contract.state, AT);
        let record = opened.record(&receipt, relay.roster().corrupt);
        let publish = |parts| {
            ToSite::Published(Published {
                contract: opened.signed().clone(),
                receipt: receipt.clone(),
                sum: opened.sum().clone(),
                parts,
            })
            .encode()
        };
        let verdicts = if record.is_in_parts() {
            let mut verdicts = Vec::new();
            let source = opened.parts(spool);
            for (site, member) in &mut self.members {
                let numbers = record.assigned(*site).into_iter().collect();
                let source = source.clone();
                let bytes = publish(Parts::Stored(StoredTiles { numbers, source }));
                let ToSite::Published(published) = member.down(&bytes)? else {
                    return Err(SimulationError::Stuck);
                };
                let verdict = tiles(member, &published)?;
                let FromSite::Verdict(verdict) = member.up(&FromSite::Verdict(verdict))? else {
                    return Err(SimulationError::Stuck);
                };
                verdicts.push(verdict);
            }
            Some(verdicts)
        } else {
            None
        };
        let whole = match &verdicts {
            None => publish(Parts::Whole(opened.uploads(spool)?)),
            Some(verdicts) => {
                ToSite::Settled { study: job.study, verdicts: verdicts.clone() }.encode()
            }
        };
        let mut vouched = BTreeMap::new();
        for (site, member) in &mut self.members {
            let message = member.down(&whole)?;
            let own = vouch(member, opened, &receipt, message)?;
            let bytes = encode_word(own.word());
            member.traffic.sent += bytes.len() as u64;
            // The coordinator gets the same bytes.
            decode_word(bytes)?;
            vouched.insert(*site, own);
        }
        let sum = CohortSum {
            contract: contract.clone(),
            outcome: receipt.certificate.outcome.clone(),
            lanes: opened.sum().to_vec(),
            words: vouched.values().map(|vouched| *vouched.word()).collect(),
        };
        Ok((sum, vouched))
    }
}

/// A site's verdict on the tiles that it was given.
fn tiles(member: &mut Member, published: &Published) -> Result<Verdict, SimulationError> {
    let party = member.party.clone();
    let joined = member.epoch()?;
    let slot = published.contract.contract.slot;
    let Some(contract) = joined.epoch.contract(slot) else { return Err(SimulationError::Stuck) };
    let Parts::Tiles(parts) = &published.parts else { return Err(SimulationError::Stuck) };
    let own = joined.epoch.own_trailer(slot);
    let transcript = joined.epoch.transcript();
    let verified = verify_receipt(party.roster(), transcript, contract, own, &published.receipt)?;
    verified.sum_digest(&published.sum)?;
    for (tile, parts) in parts {
        verified.tile(*tile as usize, &published.sum, parts)?;
    }
    Ok(verified.verdict(&party, parts.keys().copied().collect(), true))
}

/// A site's word, after the whole sum or the verdicts on it.
fn vouch(
    member: &mut Member,
    opened: &Opened,
    receipt: &Receipt,
    message: ToSite,
) -> Result<Vouched, SimulationError> {
    let party = member.party.clone();
    let joined = member.epoch()?;
    let slot = receipt.certificate.outcome.id.slot;
    let vouched = {
        let Some(contract) = joined.epoch.contract(slot) else {
            return Err(SimulationError::Stuck);
        };
        let own = joined.epoch.own_trailer(slot);
        let (roster, transcript) = (party.roster(), joined.epoch.transcript());
        match message {
            ToSite::Published(Published { receipt, sum, parts: Parts::Whole(uploads), .. }) => {
                verify_receipt(roster, transcript, contract, own, &receipt)?.vouch(
                    &party,
                    &sum,
                    Evidence::Uploads(&uploads),
                )?
            }
            // The sum came with the tiles, and had this digest.
            ToSite::Settled { verdicts, .. } => verify_receipt(
                roster, transcript, contract, own, receipt,
            )?
            .vouch(&party, opened.sum(), Evidence::Verdicts(&verdicts))?,
            _ => return Err(SimulationError::Stuck),
        }
    };
    joined.epoch.close_published(&receipt.certificate, joined.ledger)?;
    Ok(vouched)
}
