//! R5: the receipt of an opened sum, and how sites verify it (check P1).

use std::collections::{BTreeMap, BTreeSet};

use ripieno_identity::Signature;
use ripieno_study::{
    Check, Contract, Digest, Hasher, Membership, Refusal, SiteIndex, SiteSet, Tag,
};
use serde::{Deserialize, Serialize};

use crate::epoch::transcript::Transcript;
use crate::lanes::Lanes;
use crate::ledger::SlotId;
use crate::mask;
use crate::merkle;
use crate::party::Party;
use crate::roster::Roster;
use crate::round::open::{SiteSecret, hash_secrets};
use crate::round::outcome::Certificate;
use crate::round::tiles::{self, Content, Tile};
use crate::round::unmask::Unmasking;
use crate::round::upload::{Trailer, trailers_digest};

/// Up to so many bytes of uploads, every site verifies the whole sum; beyond, tiles are shared out.
pub const VERIFY_ALL_BYTES: u64 = 1 << 20;

/// The coordinator's receipt for an opened sum. As received until check P1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// t signatures on the outcome.
    pub certificate: Certificate,
    /// Trailers of U, in index order.
    pub trailers: Vec<Trailer>,
    /// Revealed `self` secrets of U.
    pub selfs: Vec<SiteSecret>,
    /// Revealed `root` secrets of P∖U: who was missing.
    pub roots: Vec<SiteSecret>,
    /// Merkle root over the tiles of the sum.
    pub sum: Digest,
    /// Digest of the state that follows.
    pub next_state: Digest,
    /// When, in seconds since 1970-01-01 UTC, by the coordinator's clock.
    pub at: u64,
    /// The coordinator's, over [`Receipt::digest`].
    pub signature: Signature,
}

impl Receipt {
    /// What is signed: H("receipt", charter, outcome, signatures, trailers, selfs, roots, sum, next
    /// state, at).
    #[must_use]
    pub fn digest(&self, charter: &Digest) -> Digest {
        let hasher =
            Hasher::new(Tag::Receipt).part(charter).part(self.certificate.outcome.digest());
        let add = |hasher: Hasher, (site, signature): (&SiteIndex, &Signature)| {
            hasher.number(*site).part(signature)
        };
        let hasher = hasher
            .list(self.certificate.signatures.iter(), add)
            .part(trailers_digest(&self.trailers));
        hash_secrets(hash_secrets(hasher, &self.selfs), &self.roots)
            .part(self.sum)
            .part(self.next_state)
            .number(self.at)
            .finish()
    }

    /// `U`.
    #[must_use]
    pub fn survivors(&self) -> &SiteSet {
        &self.certificate.outcome.survivors
    }
}

/// A receipt whose signatures, certificate, trailers and revealed secrets hold. The sum itself is
/// verified with it.
pub struct Verified<'a> {
    receipt: &'a Receipt,
    contract: &'a Contract,
    unmasking: Unmasking,
}

/// Verifies a receipt against the contract of its round; `own` is the trailer that this site sent.
///
/// # Errors
/// Check P1; the culprit is the coordinator.
pub fn verify_receipt<'a>(
    roster: &Roster,
    transcript: &Transcript,
    contract: &'a Contract,
    own: Option<&Trailer>,
    receipt: &'a Receipt,
) -> Result<Verified<'a>, Refusal> {
    let refuse = |reason: &str| Err(Refusal::coordinator(Check::P1, reason));
    roster.verify_coordinator(Check::P1, &receipt.digest(&roster.charter), &receipt.signature)?;
    let outcome = &receipt.certificate.outcome;
    let id = SlotId::of(contract);
    if outcome.ctx != contract.ctx() || outcome.id != id {
        return refuse("the receipt is for another round");
    }
    receipt.certificate.verify(roster, transcript).map_err(|refusal| as_p1(&refusal))?;
    let survivors = &outcome.survivors;
    let fixed = contract.membership == Membership::Fixed;
    if !survivors.is_subset(&contract.participants)
        || survivors.len() < usize::from(contract.minimum)
        || (fixed && *survivors != contract.participants)
    {
        return refuse("the certified set breaks the contract");
    }
    if outcome.trailers != trailers_digest(&receipt.trailers)
        || !survivors.iter().eq(receipt.trailers.iter().map(|trailer| trailer.from))
    {
        return refuse("the trailers are not the certified ones");
    }
    verify_trailers(roster, contract, receipt)?;
    let own = own.filter(|own| survivors.contains(own.from));
    if own.is_some_and(|own| !receipt.trailers.contains(own)) {
        return refuse("this site's own trailer was changed");
    }
    let unmasking =
        Unmasking::derive(transcript, contract, survivors, &receipt.selfs, &receipt.roots)
            .map_err(|refusal| as_p1(&refusal))?;
    Ok(Verified { receipt, contract, unmasking })
}

fn verify_trailers(roster: &Roster, contract: &Contract, receipt: &Receipt) -> Result<(), Refusal> {
    for trailer in &receipt.trailers {
        let from = trailer.from;
        roster.verify_relayed(Check::P1, from, &trailer.digest(), &trailer.signature)?;
        if trailer.ctx != contract.ctx() || trailer.lanes != contract.plan.lanes() {
            let reason = format!("the trailer of {from} is for another round");
            return Err(Refusal::coordinator(Check::P1, reason));
        }
    }
    Ok(())
}

/// An honest coordinator publishes nothing that it could see to be wrong, whoever sent it.
fn as_p1(refusal: &Refusal) -> Refusal {
    let reason = format!("{} ({}, {})", refusal.reason, refusal.check, refusal.culprit);
    Refusal::coordinator(Check::P1, reason)
}

/// A tile of one survivor's upload with its way to the trailer's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TilePart {
    /// The survivor.
    pub from: SiteIndex,
    /// The masked lanes.
    pub lanes: Lanes,
    /// Path to the trailer's root.
    pub path: Vec<Digest>,
}

/// Parts of uploads that are read one at a time.
pub trait PartSource: Send + Sync {
    /// The part of the survivor at this position of U, in index order; `None` behind the last.
    ///
    /// # Errors
    /// Why it cannot be read here. A part that can be read and is wrong is no error.
    fn part(&self, tile: usize, position: usize) -> Result<Option<TilePart>, String>;
}

impl Verified<'_> {
    pub(crate) fn contract(&self) -> &Contract {
        self.contract
    }

    pub(crate) fn receipt(&self) -> &Receipt {
        self.receipt
    }

    /// Verifies the whole sum from the uploads of U, one slice of lanes a survivor.
    ///
    /// # Errors
    /// Check P1, naming the coordinator, or that an upload is missing or not the signed one.
    pub fn sum(&self, sum: &[u64], uploads: &BTreeMap<SiteIndex, Vec<u64>>) -> Result<(), Refusal> {
        self.sum_digest(sum)?;
        let plan = &self.contract.plan;
        let mut total = vec![0; sum.len()];
        for trailer in &self.receipt.trailers {
            let lanes = uploads.get(&trailer.from).map(Vec::as_slice).unwrap_or_default();
            if lanes.len() != sum.len() || tiles::root(Content::Masked, plan, lanes) != trailer.root
            {
                return Err(not_the_upload(trailer.from));
            }
            for tile in tiles::tiles(plan) {
                mask::accumulate(tile.of_mut(&mut total), tile.of(lanes), tile.at.ring);
            }
        }
        let checked = tiles::each_mut(plan, &mut total, |tile, lanes| {
            self.unmasking.remove(&tile, lanes);
            same(&tile, lanes, tile.of(sum))
        });
        checked.into_iter().collect()
    }

    /// Begins with one tile of the sum: it is verified from the same tile of every upload of U.
    ///
    /// # Errors
    /// Check P1: there is no such tile.
    pub fn begin_tile(&self, number: usize) -> Result<TileCheck<'_>, Refusal> {
        let mut layout = tiles::tiles(&self.contract.plan);
        let Some(tile) = layout.nth(number) else {
            return Err(Refusal::coordinator(Check::P1, format!("there is no tile {number}")));
        };
        let count = number.saturating_add(1).saturating_add(layout.count());
        let total = vec![0; tile.lanes];
        Ok(TileCheck { verified: self, tile, count, taken: 0, total })
    }

    /// Verifies one tile of the sum from the same tile of every upload of U, in index order.
    ///
    /// # Errors
    /// Check P1, as for [`Verified::sum`].
    pub fn tile(&self, number: usize, sum: &[u64], parts: &[TilePart]) -> Result<(), Refusal> {
        let mut check = self.begin_tile(number)?;
        parts.iter().try_for_each(|part| check.add(part))?;
        check.finish(sum)
    }

    /// Verifies that `sum` is what the receipt's digest is of.
    ///
    /// # Errors
    /// Check P1.
    pub fn sum_digest(&self, sum: &[u64]) -> Result<(), Refusal> {
        let plan = &self.contract.plan;
        let whole = sum.len() as u64 == plan.lanes();
        if whole && tiles::root(Content::Sum, plan, sum) == self.receipt.sum {
            return Ok(());
        }
        Err(Refusal::coordinator(Check::P1, "the sum is not the one of the receipt"))
    }

    /// Check P1, last part: the next state is the one that this site computed.
    ///
    /// # Errors
    /// Check P1.
    pub fn next_state(&self, own: &Digest) -> Result<(), Refusal> {
        if self.receipt.next_state == *own {
            return Ok(());
        }
        Err(Refusal::coordinator(Check::P1, "the next state is not the one that the sum gives"))
    }

    /// What the next round needs to know of this sum.
    #[must_use]
    pub fn record(&self, corrupt: u16) -> SumRecord {
        SumRecord::new(self.contract, self.receipt, corrupt)
    }

    /// This site's verdict on the tiles that it verified, in increasing order.
    #[must_use]
    pub fn verdict(&self, party: &Party, tiles: Vec<u32>, holds: bool) -> Verdict {
        let mut verdict = Verdict {
            ctx: self.contract.ctx(),
            sum: self.receipt.sum,
            from: party.index(),
            tiles,
            holds,
            signature: Signature::from_bytes([0; 64]),
        };
        verdict.signature = party.sign(&verdict.digest());
        verdict
    }
}

/// A tile of the sum that is verified part by part: one tile is held, however many sites there are.
pub struct TileCheck<'a> {
    verified: &'a Verified<'a>,
    tile: Tile,
    /// Tiles of the update.
    count: usize,
    taken: usize,
    total: Vec<u64>,
}

impl TileCheck<'_> {
    /// Takes the next survivor's part, in index order.
    ///
    /// # Errors
    /// Check P1: it is another site's, or not what its site signed.
    pub fn add(&mut self, part: &TilePart) -> Result<(), Refusal> {
        let Tile { number, lanes, at, .. } = self.tile;
        let expected = self.verified.receipt.trailers.get(self.taken);
        let Some(trailer) = expected.filter(|trailer| trailer.from == part.from) else {
            return Err(self.not_one_part());
        };
        let leaf = tiles::leaf(Content::Masked, number, &part.lanes);
        let node = Content::Masked.node();
        let root = merkle::root_from_path(node, leaf, number, self.count, &part.path);
        if part.lanes.len() != lanes || root != Some(trailer.root) {
            return Err(not_the_upload(part.from));
        }
        mask::accumulate(&mut self.total, &part.lanes, at.ring);
        self.taken += 1;
        Ok(())
    }

    /// Takes the masks off, and compares with the published tile.
    ///
    /// # Errors
    /// Check P1: a part is missing, or the sum is another one.
    pub fn finish(mut self, sum: &[u64]) -> Result<(), Refusal> {
        if self.taken != self.verified.receipt.trailers.len() {
            return Err(self.not_one_part());
        }
        self.verified.unmasking.remove(&self.tile, &mut self.total);
        same(&self.tile, &self.total, self.tile.of(sum))
    }

    fn not_one_part(&self) -> Refusal {
        let number = self.tile.number;
        let reason = format!("tile {number}: there is not one part for each survivor");
        Refusal::coordinator(Check::P1, reason)
    }
}

fn not_the_upload(site: SiteIndex) -> Refusal {
    let reason = format!("the upload handed on for {site} is not the one that it signed");
    Refusal::coordinator(Check::P1, reason)
}

fn same(tile: &Tile, own: &[u64], published: &[u64]) -> Result<(), Refusal> {
    if own == published {
        return Ok(());
    }
    let reason = format!("tile {} of the sum does not recompute", tile.number);
    Err(Refusal::coordinator(Check::P1, reason))
}

/// A site's word on tiles of a sum. As received until S5 of the next round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `ctx` of the round.
    pub ctx: Digest,
    /// Digest of the sum.
    pub sum: Digest,
    /// The site.
    pub from: SiteIndex,
    /// Numbers of the tiles that it verified.
    pub tiles: Vec<u32>,
    /// Whether they all recompute.
    pub holds: bool,
    /// Over [`Verdict::digest`].
    pub signature: Signature,
}

impl Verdict {
    /// What is signed: H("verdict", ctx, sum, from, tiles, holds).
    #[must_use]
    pub fn digest(&self) -> Digest {
        Hasher::new(Tag::Verdict)
            .part(self.ctx)
            .part(self.sum)
            .number(self.from)
            .list(self.tiles.iter(), |hasher, tile| hasher.number(*tile))
            .number(u8::from(self.holds))
            .finish()
    }
}

/// An opened sum, as far as the next round must know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumRecord {
    ctx: Digest,
    sum: Digest,
    survivors: SiteSet,
    tiles: u32,
    corrupt: u16,
    in_parts: bool,
}

impl SumRecord {
    pub(crate) fn new(contract: &Contract, receipt: &Receipt, corrupt: u16) -> Self {
        let survivors = receipt.survivors().clone();
        let bytes = contract.plan.lanes().saturating_mul(8 * survivors.len() as u64);
        Self {
            ctx: contract.ctx(),
            sum: receipt.sum,
            survivors,
            tiles: u32::try_from(contract.plan.tiles().count()).unwrap_or(u32::MAX),
            corrupt,
            in_parts: bytes > VERIFY_ALL_BYTES,
        }
    }

    /// Whether this is the sum with this digest of the round with this `ctx`.
    #[must_use]
    pub fn is_of(&self, ctx: &Digest, sum: &Digest) -> bool {
        self.ctx == *ctx && self.sum == *sum
    }

    /// Whether the sum is verified in parts, by verdicts, and not as a whole by everyone.
    #[must_use]
    pub fn is_in_parts(&self) -> bool {
        self.in_parts
    }

    /// How many tiles the sum has.
    #[must_use]
    pub fn tiles(&self) -> u32 {
        self.tiles
    }

    /// The tiles that the coordinator asks a survivor to verify: tile k falls to the c + 1 survivors from position
    /// k mod |U| on. Empty for a site that did not survive.
    #[must_use]
    pub fn assigned(&self, site: SiteIndex) -> Vec<u32> {
        let count = self.survivors.len();
        let Some(position) = self.survivors.iter().position(|survivor| survivor == site) else {
            return Vec::new();
        };
        let share = usize::from(self.corrupt).saturating_add(1).min(count);
        let mine = |tile: &u32| (position + count - *tile as usize % count) % count < share;
        (0..self.tiles).filter(mine).collect()
    }

    /// Part of check S5: every tile was found right by at least c + 1 sites, so by an honest one,
    /// and no verdict that is shown says otherwise. (A false alarm of a corrupt site need not be
    /// shown: the count alone is what a lie cannot reach.)
    ///
    /// # Errors
    /// Check S5.
    pub fn check_verdicts(&self, roster: &Roster, verdicts: &[Verdict]) -> Result<(), Refusal> {
        if !self.in_parts {
            return Ok(());
        }
        for verdict in verdicts {
            let from = verdict.from;
            let refuse = |reason: String| Err(Refusal::coordinator(Check::S5, reason));
            roster.verify_relayed(Check::S5, from, &verdict.digest(), &verdict.signature)?;
            if !self.is_of(&verdict.ctx, &verdict.sum) {
                return refuse(format!("the verdict of {from} is on another sum"));
            }
            if !verdict.holds {
                return refuse(format!("{from} says that the last sum does not recompute"));
            }
        }
        match self.uncovered(verdicts).first() {
            None => Ok(()),
            Some(tile) => {
                let needed = self.corrupt.saturating_add(1);
                let reason = format!("tile {tile} of the last sum lacks {needed} verdicts");
                Err(Refusal::coordinator(Check::S5, reason))
            }
        }
    }

    /// The tiles that fewer than c + 1 sites have verified, by verdicts that were checked.
    #[must_use]
    pub fn uncovered(&self, verdicts: &[Verdict]) -> Vec<u32> {
        // A set, so that no site counts twice for a tile.
        let mut found = BTreeSet::new();
        for verdict in verdicts {
            let tiles = verdict.tiles.iter().filter(|tile| **tile < self.tiles);
            found.extend(tiles.map(|tile| (*tile, verdict.from)));
        }
        let mut coverage = vec![0_u16; self.tiles as usize];
        for (tile, _) in found {
            if let Some(count) = coverage.get_mut(tile as usize) {
                *count = count.saturating_add(1);
            }
        }
        let short = |(tile, count): (u32, u16)| (count <= self.corrupt).then_some(tile);
        (0..).zip(coverage).filter_map(short).collect()
    }
}
