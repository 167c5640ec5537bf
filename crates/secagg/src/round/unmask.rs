//! Taking the masks off a sum, with the secrets that R4 revealed: by the coordinator, and again by
//! every site that verifies it.

use rayon::prelude::*;
use ripieno_study::{Check, Contract, Digest, Refusal, SiteSet};
use x25519_dalek::PublicKey;

use crate::epoch::transcript::Transcript;
use crate::kdf::{self, Seed};
use crate::mask::{Masks, Sign};
use crate::round::open::SiteSecret;
use crate::round::start::missing;
use crate::round::tiles::Tile;
use crate::round::upload::pair_sign;

/// The masks that remain in Σ_{u∈U} y_u: self masks of survivors, and their pair masks with the
/// missing.
pub(crate) struct Unmasking(Masks);

impl Unmasking {
    /// Derives the seeds. Every secret must be what its owner published at E1 (check R2).
    ///
    /// # Errors
    /// Check R2; the culprit is the dealer whose secret does not match.
    pub(crate) fn derive(
        transcript: &Transcript,
        contract: &Contract,
        survivors: &SiteSet,
        selfs: &[SiteSecret],
        roots: &[SiteSecret],
    ) -> Result<Self, Refusal> {
        let ctx = contract.ctx();
        let lost = missing(contract, survivors);
        require(survivors, selfs)?;
        require(&lost, roots)?;
        let mut seeds = Vec::with_capacity(survivors.len() * (1 + lost.len()));
        for secret in selfs {
            check_self(transcript, contract.slot, secret)?;
            seeds.push((kdf::self_seed(&secret.scalar, secret.site, &ctx), Sign::Subtract));
        }
        // A key exchange for each pair: by far the most of this.
        let pairs = roots
            .par_iter()
            .map(|secret| pair_masks(transcript, contract, &ctx, survivors, secret));
        for masks in pairs.collect::<Vec<_>>() {
            seeds.extend(masks?);
        }
        Ok(Self(Masks::new(seeds.iter().map(|(seed, sign)| (seed, *sign)))))
    }

    /// Takes all masks off one tile of the sum.
    pub(crate) fn remove(&self, tile: &Tile, lanes: &mut [u64]) {
        self.0.apply(lanes, tile.at);
    }
}

fn require(sites: &SiteSet, secrets: &[SiteSecret]) -> Result<(), Refusal> {
    if sites.iter().eq(secrets.iter().map(|secret| secret.site)) {
        return Ok(());
    }
    let reason = "there is not one revealed secret for each site, in order";
    Err(Refusal::coordinator(Check::R2, reason))
}

/// Whether `self` is what its owner committed to.
pub(crate) fn check_self(
    transcript: &Transcript,
    slot: u16,
    secret: &SiteSecret,
) -> Result<(), Refusal> {
    let advert = transcript.slot(secret.site, slot);
    let found = kdf::self_commitment(&secret.scalar, transcript.name(slot), secret.site);
    match advert {
        Some(advert) if advert.self_commitment == found => Ok(()),
        _ => Err(Refusal::site(
            Check::R2,
            secret.site,
            "the revealed self secret is not the one that it committed to",
        )),
    }
}

/// Whether `root` gives the published mask key.
pub(crate) fn check_root(
    transcript: &Transcript,
    slot: u16,
    secret: &SiteSecret,
) -> Result<x25519_dalek::StaticSecret, Refusal> {
    let key = kdf::mask_key(&secret.scalar, transcript.name(slot), secret.site);
    let published = transcript.slot(secret.site, slot).map(|advert| advert.mask_key);
    if published == Some(PublicKey::from(&key).to_bytes()) {
        return Ok(key);
    }
    let reason = "the revealed root secret does not give its mask key";
    Err(Refusal::site(Check::R2, secret.site, reason))
}

fn pair_masks(
    transcript: &Transcript,
    contract: &Contract,
    ctx: &Digest,
    survivors: &SiteSet,
    secret: &SiteSecret,
) -> Result<Vec<(Seed, Sign)>, Refusal> {
    let (lost, slot) = (secret.site, contract.slot);
    let key = check_root(transcript, slot, secret)?;
    let fault = |site| Refusal::site(Check::R2, site, "its mask key has low order");
    let lost_end = transcript.end(lost, slot).ok_or_else(|| fault(lost))?;
    let masks = survivors.iter().map(|survivor| {
        let end = transcript.end(survivor, slot).ok_or_else(|| fault(survivor))?;
        let seed = kdf::pair_seed(&key, lost_end, end, ctx).ok_or_else(|| fault(survivor))?;
        Ok((seed, pair_sign(survivor, lost).opposite()))
    });
    masks.collect()
}
