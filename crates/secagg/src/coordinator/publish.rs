//! R5 at the coordinator: the sum, and the receipt that lets every site recompute it.

use std::collections::BTreeMap;

use ripieno_identity::{Signature, SigningKey};
use ripieno_study::{Digest, SiteIndex};

use crate::coordinator::collect::{CollectError, Leaves};
use crate::coordinator::open::Secrets;
use crate::coordinator::spool::{Spool, SpoolError};
use crate::epoch::Transcript;
use crate::mask;
use crate::merkle;
use crate::round::outcome::{Certificate, Proposal};
use crate::round::publish::{Receipt, SumRecord, TilePart};
use crate::round::start::SignedContract;
use crate::round::tiles::{self, Content};
use crate::round::unmask::Unmasking;

/// A slot whose sum is open.
#[derive(Debug)]
pub struct Opened {
    proposal: Proposal,
    leaves: Leaves,
    certificate: Certificate,
    secrets: Secrets,
    sum: Vec<u64>,
}

impl Opened {
    pub(super) fn new(
        (proposal, leaves): (Proposal, Leaves),
        certificate: Certificate,
        transcript: &Transcript,
        secrets: Secrets,
        spool: &impl Spool,
    ) -> Result<Self, CollectError> {
        let contract = &proposal.contract.contract;
        let survivors = &certificate.outcome.survivors;
        let masks =
            Unmasking::derive(transcript, contract, survivors, &secrets.selfs, &secrets.roots)?;
        let mut sum = vec![0; usize::try_from(contract.plan.lanes()).unwrap_or(usize::MAX)];
        for tile in tiles::tiles(&contract.plan) {
            let lanes = tile.of_mut(&mut sum);
            for survivor in survivors.iter() {
                mask::accumulate(lanes, &spool.get(survivor, tile.number)?, tile.at.ring);
            }
            masks.remove(&tile, lanes);
        }
        Ok(Self { proposal, leaves, certificate, secrets, sum })
    }

    /// The sum over the survivors, as lanes of the plan.
    #[must_use]
    pub fn sum(&self) -> &[u64] {
        &self.sum
    }

    /// The round's contract.
    #[must_use]
    pub fn signed(&self) -> &SignedContract {
        &self.proposal.contract
    }

    /// The certified outcome.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Signs the receipt. `at` is in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn receipt(
        &self,
        charter: &Digest,
        key: &SigningKey,
        next_state: Digest,
        at: u64,
    ) -> Receipt {
        let plan = &self.proposal.contract.contract.plan;
        let mut receipt = Receipt {
            certificate: self.certificate.clone(),
            trailers: self.proposal.trailers.clone(),
            selfs: self.secrets.selfs.clone(),
            roots: self.secrets.roots.clone(),
            sum: tiles::root(Content::Sum, plan, &self.sum),
            next_state,
            at,
            signature: Signature::from_bytes([0; 64]),
        };
        receipt.signature = key.sign(&receipt.digest(charter));
        receipt
    }

    /// What the next round needs to know of this sum.
    #[must_use]
    pub fn record(&self, receipt: &Receipt, corrupt: u16) -> SumRecord {
        SumRecord::new(&self.proposal.contract.contract, receipt, corrupt)
    }

    /// The uploads of U as whole updates: what sites verify a small sum from.
    ///
    /// # Errors
    /// The spool's failure.
    pub fn uploads(&self, spool: &impl Spool) -> Result<BTreeMap<SiteIndex, Vec<u64>>, SpoolError> {
        let plan = &self.proposal.contract.contract.plan;
        let whole = |site| {
            let mut lanes = Vec::with_capacity(self.sum.len());
            for tile in tiles::tiles(plan) {
                lanes.extend(spool.get(site, tile.number)?);
            }
            Ok((site, lanes))
        };
        self.certificate.outcome.survivors.iter().map(whole).collect()
    }

    /// One tile of every upload of U with its path: what an assigned site verifies a large sum
    /// from.
    ///
    /// # Errors
    /// The spool's failure.
    pub fn tile_parts(
        &self,
        number: usize,
        spool: &impl Spool,
    ) -> Result<Vec<TilePart>, SpoolError> {
        let part = |from| {
            // The leaves were computed when the tiles came.
            let leaves = self.leaves.get(&from).map(Vec::as_slice).unwrap_or_default();
            let path = merkle::path(Content::Masked.node(), leaves, number);
            Ok(TilePart { from, lanes: spool.get(from, number)?, path })
        };
        self.certificate.outcome.survivors.iter().map(part).collect()
    }
}
