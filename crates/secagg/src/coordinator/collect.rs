//! R1 and R2 at the coordinator: the contract goes out, uploads come in (check R1).

use std::collections::BTreeMap;

use ripieno_identity::{Signature, SigningKey};
use ripieno_study::{Check, Contract, Digest, Membership, Refusal, SiteIndex, SiteSet};
use thiserror::Error;

use crate::coordinator::decide::{Deciding, Voiding};
use crate::coordinator::spool::{Spool, SpoolError};
use crate::epoch::Transcript;
use crate::lanes::Lanes;
use crate::ledger::SlotId;
use crate::merkle;
use crate::roster::Roster;
use crate::round::outcome::Proposal;
use crate::round::publish::Verdict;
use crate::round::start::SignedContract;
use crate::round::tiles::{self, Content, Tile};
use crate::round::upload::Trailer;

/// Signs the contract of a round.
#[must_use]
pub fn sign_contract(
    charter: &Digest,
    key: &SigningKey,
    contract: Contract,
    verdicts: Vec<Verdict>,
) -> SignedContract {
    let signature = Signature::from_bytes([0; 64]);
    let mut signed = SignedContract { contract, verdicts, signature };
    signed.signature = key.sign(&signed.digest(charter));
    signed
}

/// Why a tile or trailer was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The site broke check R1.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The spool failed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The leaves of every tile of an upload, by site.
pub(super) type Leaves = BTreeMap<SiteIndex, Vec<Digest>>;

/// R2: the uploads of a slot.
#[derive(Debug)]
pub struct Collecting {
    signed: SignedContract,
    ctx: Digest,
    layout: Vec<Tile>,
    receiving: Leaves,
    trailers: BTreeMap<SiteIndex, Trailer>,
}

impl Collecting {
    /// Opens a slot for uploads under its contract.
    #[must_use]
    pub fn new(signed: SignedContract) -> Self {
        let ctx = signed.contract.ctx();
        let layout = tiles::tiles(&signed.contract.plan).collect();
        Self { signed, ctx, layout, receiving: BTreeMap::new(), trailers: BTreeMap::new() }
    }

    /// The contract that goes to every holder.
    #[must_use]
    pub fn signed(&self) -> &SignedContract {
        &self.signed
    }

    /// The slot.
    #[must_use]
    pub fn id(&self) -> SlotId {
        let contract = &self.signed.contract;
        SlotId::of(contract)
    }

    /// The sites whose uploads are complete.
    #[must_use]
    pub fn complete(&self) -> SiteSet {
        self.trailers.keys().copied().collect()
    }

    /// How many tiles of a site's upload are here: an upload that was interrupted goes on after
    /// them.
    #[must_use]
    pub fn taken(&self, site: SiteIndex) -> usize {
        self.receiving.get(&site).map_or(0, Vec::len)
    }

    /// Takes the next tile of a participant's upload: tiles come in order, and a tile that came
    /// already must be the same.
    ///
    /// # Errors
    /// Check R1 with the site as culprit, or the spool's failure.
    pub fn tile(
        &mut self,
        from: SiteIndex,
        number: usize,
        lanes: impl Into<Lanes>,
        spool: &mut (impl Spool + ?Sized),
    ) -> Result<(), CollectError> {
        let lanes = lanes.into();
        let refuse = |reason: String| Err(Refusal::site(Check::R1, from, reason).into());
        if !self.signed.contract.participants.contains(from) {
            return refuse("it is not a participant of the round".into());
        }
        let hashes = self.receiving.entry(from).or_default();
        let leaf = tiles::leaf(Content::Masked, number, &lanes);
        if let Some(known) = hashes.get(number) {
            return match *known == leaf {
                true => Ok(()),
                false => refuse(format!("tile {number} came twice with different lanes")),
            };
        }
        match self.layout.get(number) {
            Some(tile) if number == hashes.len() && tile.lanes == lanes.len() => {}
            _ => return refuse(format!("tile {number} is out of order or has a wrong length")),
        }
        spool.put(from, number, lanes)?;
        hashes.push(leaf);
        Ok(())
    }

    /// Takes the trailer that completes an upload (check R1).
    ///
    /// # Errors
    /// Check R1 with the site as culprit.
    pub fn trailer(&mut self, roster: &Roster, trailer: Trailer) -> Result<(), Refusal> {
        let from = trailer.from;
        let refuse = |reason: &str| Err(Refusal::site(Check::R1, from, reason));
        roster.verify_site(Check::R1, from, &trailer.digest(), &trailer.signature)?;
        if let Some(known) = self.trailers.get(&from) {
            return match *known == trailer {
                true => Ok(()),
                false => refuse("two trailers for one slot"),
            };
        }
        if trailer.ctx != self.ctx || trailer.lanes != self.signed.contract.plan.lanes() {
            return refuse("the trailer is for another round, or for another number of lanes");
        }
        let hashes = self.receiving.get(&from).map(Vec::as_slice).unwrap_or_default();
        let root = merkle::root(Content::Masked.node(), hashes);
        if hashes.len() != self.layout.len() || root != trailer.root {
            return refuse("its tiles do not hash to the root of its trailer");
        }
        self.trailers.insert(from, trailer);
        Ok(())
    }

    /// Takes an upload that was complete before a restart.
    pub(super) fn resume(&mut self, trailer: Trailer, leaves: Vec<Digest>) {
        self.receiving.insert(trailer.from, leaves);
        self.trailers.insert(trailer.from, trailer);
    }

    /// The trailers of the complete uploads, in index order.
    pub fn trailers(&self) -> impl Iterator<Item = &Trailer> {
        self.trailers.values()
    }

    /// Leaves a complete upload out of the sum.
    pub fn discard(&mut self, site: SiteIndex) {
        self.trailers.remove(&site);
        self.receiving.remove(&site);
    }

    /// Whether the complete uploads may be opened under the contract.
    #[must_use]
    pub fn can_propose(&self) -> bool {
        let contract = &self.signed.contract;
        let enough = self.trailers.len() >= usize::from(contract.minimum);
        enough
            && (contract.membership == Membership::MayChange
                || self.trailers.len() == contract.participants.len())
    }

    /// Ends R2 with the complete uploads as survivors, where that [`can_propose`]. A later upload
    /// is refused, and its self mask stays secret.
    ///
    /// # Errors
    /// Gives the slot back where too few are complete.
    ///
    /// [`can_propose`]: Collecting::can_propose
    #[allow(clippy::result_large_err)] // The error gives the slot back.
    pub fn propose(self) -> Result<Deciding, Self> {
        if !self.can_propose() {
            return Err(self);
        }
        let Self { signed, trailers, receiving, .. } = self;
        let survivors = trailers.keys().copied().collect();
        let trailers = trailers.into_values().collect();
        Ok(Deciding::new(Proposal { contract: signed, survivors, trailers }, receiving))
    }

    /// Ends R2 without a sum: the slot is to be killed by a VOID certificate.
    #[must_use]
    pub fn give_up(self, transcript: &Transcript) -> Voiding {
        Voiding::new(self.id(), transcript)
    }
}
