//! R5 at the coordinator: the sum, and the receipt that lets every site recompute it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ripieno_identity::{Signature, SigningKey};
use ripieno_study::{Digest, Plan, SiteIndex, SiteSet};

use crate::coordinator::collect::{CollectError, Leaves};
use crate::coordinator::open::Secrets;
use crate::coordinator::spool::{ReadTiles, Spool, SpoolError};
use crate::epoch::Transcript;
use crate::lanes::Lanes;
use crate::mask;
use crate::merkle::Tree;
use crate::round::outcome::{Certificate, Proposal};
use crate::round::publish::{PartSource, Receipt, SumRecord, TilePart};
use crate::round::start::SignedContract;
use crate::round::tiles::{self, Content, Tile};
use crate::round::unmask::Unmasking;

/// A slot whose sum is open.
#[derive(Debug)]
pub struct Opened {
    proposal: Proposal,
    leaves: Arc<Leaves>,
    certificate: Certificate,
    secrets: Secrets,
    sum: Lanes,
}

impl Opened {
    pub(super) fn new(
        (proposal, leaves): (Proposal, Leaves),
        certificate: Certificate,
        transcript: &Transcript,
        secrets: Secrets,
        spool: &(impl Spool + ?Sized),
    ) -> Result<Self, CollectError> {
        let contract = &proposal.contract.contract;
        let survivors = &certificate.outcome.survivors;
        let masks =
            Unmasking::derive(transcript, contract, survivors, &secrets.selfs, &secrets.roots)?;
        let mut sum = vec![0; usize::try_from(contract.plan.lanes()).unwrap_or(usize::MAX)];
        open(&contract.plan, survivors, &masks, spool, &mut sum)?;
        let leaves = Arc::new(leaves);
        Ok(Self { proposal, leaves, certificate, secrets, sum: sum.into() })
    }

    pub(super) fn from_parts(
        (proposal, leaves): (Proposal, Leaves),
        certificate: Certificate,
        secrets: Secrets,
        sum: Lanes,
    ) -> Self {
        Self { proposal, leaves: Arc::new(leaves), certificate, secrets, sum }
    }

    /// The sum over the survivors, as lanes of the plan.
    #[must_use]
    pub fn sum(&self) -> &Lanes {
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
    pub fn uploads(
        &self,
        spool: &(impl Spool + ?Sized),
    ) -> Result<BTreeMap<SiteIndex, Vec<u64>>, SpoolError> {
        let plan = &self.proposal.contract.contract.plan;
        let whole = |site| {
            let mut lanes = Vec::with_capacity(self.sum.len());
            for tile in tiles::tiles(plan) {
                lanes.extend_from_slice(&spool.get(site, tile.number)?);
            }
            Ok((site, lanes))
        };
        self.certificate.outcome.survivors.iter().map(whole).collect()
    }

    /// The tiles of the uploads of U with their paths: what an assigned site verifies a large sum
    /// from. They are read one at a time, when they are asked for.
    #[must_use]
    pub fn parts(&self, spool: &(impl Spool + ?Sized)) -> Arc<dyn PartSource> {
        let survivors = self.certificate.outcome.survivors.iter();
        let survivors = survivors.map(|site| (site, OnceLock::new())).collect();
        Arc::new(SpooledParts { survivors, leaves: self.leaves.clone(), uploads: spool.share() })
    }
}

/// The tiles of complete uploads.
struct SpooledParts {
    /// Each with the tree of its tiles, which is made for its first path.
    survivors: Vec<(SiteIndex, OnceLock<Tree>)>,
    leaves: Arc<Leaves>,
    uploads: Arc<dyn ReadTiles>,
}

impl PartSource for SpooledParts {
    fn part(&self, tile: usize, position: usize) -> Result<Option<TilePart>, String> {
        let Some((from, tree)) = self.survivors.get(position) else { return Ok(None) };
        let from = *from;
        let tree = tree.get_or_init(|| {
            // They were computed when the tiles came.
            let leaves = self.leaves.get(&from).cloned().unwrap_or_default();
            Tree::new(Content::Masked.node(), leaves)
        });
        let path = tree.path(tile);
        let lanes = self.uploads.tile(from, tile).map_err(|error| error.to_string())?;
        Ok(Some(TilePart { from, lanes, path }))
    }
}

/// How many uploads are added in one pass over a tile.
const TOGETHER: usize = 8;

/// Sums the uploads tile by tile, on this thread, while other cores take the masks off the tiles that
/// are summed.
fn open(
    plan: &Plan,
    survivors: &SiteSet,
    masks: &Unmasking,
    spool: &(impl Spool + ?Sized),
    sum: &mut [u64],
) -> Result<(), SpoolError> {
    let sites: Vec<_> = survivors.iter().collect();
    let fold = |tile: &Tile, lanes: &mut [u64]| {
        for sites in sites.chunks(TOGETHER) {
            let tiles = sites.iter().map(|site| spool.get(*site, tile.number));
            let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
            let uploads: Vec<&[u64]> = tiles.iter().map(|lanes| &lanes[..]).collect();
            mask::accumulate_all(lanes, &uploads, tile.at.ring);
        }
        Ok(())
    };
    if sum.len() < tiles::ALONE {
        return tiles::cut(plan, sum).try_for_each(|(tile, lanes)| {
            fold(&tile, lanes)?;
            masks.remove(&tile, lanes);
            Ok(())
        });
    }
    rayon::in_place_scope(|others| {
        tiles::cut(plan, sum).try_for_each(|(tile, lanes)| {
            fold(&tile, lanes)?;
            others.spawn(move |_| masks.remove(&tile, lanes));
            Ok(())
        })
    })
}
