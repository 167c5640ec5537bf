//! `T`: what an epoch is, agreed by everyone who joins it (docs/protocol.md §3).

use std::collections::BTreeMap;

use ripieno_study::{Digest, Hasher, Refusal, SiteIndex, SiteSet, Tag};

use crate::epoch::advertise::{Advert, SlotAdvert};
use crate::epoch::share::verify_adverts;
use crate::kdf::{End, SlotName};
use crate::params::Parameters;
use crate::roster::Roster;

/// The public facts of an epoch: its adverts, its numbers, and the digest over all of them.
#[derive(Clone, Debug)]
pub struct Transcript {
    digest: Digest,
    federation: String,
    epoch: u64,
    params: Parameters,
    adverts: BTreeMap<SiteIndex, Advert>,
}

impl Transcript {
    /// Verifies adverts against the charter (checks A1, A2): how a site that was away, and the
    /// coordinator, come to the same `T` as the holders.
    ///
    /// # Errors
    /// The first fault, with the site whose advert it is.
    pub fn from_adverts(
        roster: &Roster,
        epoch: u64,
        slots: u16,
        adverts: Vec<Advert>,
    ) -> Result<Self, Refusal> {
        verify_adverts(roster, epoch, slots, adverts)
    }

    /// T = H("epoch", charter, epoch, c, t, B, adverts with signatures in index order), and in a
    /// drawn cohort the seed of the draw and the cohort's number after these. The adverts have been
    /// verified.
    pub(crate) fn new(
        roster: &Roster,
        epoch: u64,
        params: Parameters,
        adverts: BTreeMap<SiteIndex, Advert>,
    ) -> Self {
        let hasher = Hasher::new(Tag::Epoch)
            .part(roster.charter)
            .number(epoch)
            .number(params.corrupt())
            .number(params.threshold())
            .number(params.slots());
        let add =
            |hasher: Hasher, advert: &Advert| hasher.part(advert.digest()).part(advert.signature);
        let hasher = hasher.list(adverts.values(), add);
        let hasher = match &roster.cohort {
            None => hasher,
            Some(cohort) => hasher.part(cohort.seed).number(cohort.number),
        };
        let digest = hasher.finish();
        Self { digest, federation: roster.federation.clone(), epoch, params, adverts }
    }

    /// `T`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Number of the epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// n, c, t, B.
    #[must_use]
    pub fn params(&self) -> Parameters {
        self.params
    }

    /// The verified adverts, in index order.
    pub fn adverts(&self) -> impl Iterator<Item = (SiteIndex, &Advert)> {
        self.adverts.iter().map(|(site, advert)| (*site, advert))
    }

    /// The share-holders.
    #[must_use]
    pub fn holders(&self) -> SiteSet {
        self.adverts.keys().copied().collect()
    }

    /// Position of a holder in index order, from 0.
    #[must_use]
    pub fn position(&self, site: SiteIndex) -> Option<usize> {
        self.adverts.keys().position(|holder| *holder == site)
    }

    /// A holder's channel key.
    #[must_use]
    pub fn channel_key(&self, site: SiteIndex) -> Option<&[u8; 32]> {
        self.adverts.get(&site).map(|advert| &advert.channel_key)
    }

    /// What a holder published for a slot.
    #[must_use]
    pub fn slot(&self, site: SiteIndex, slot: u16) -> Option<&SlotAdvert> {
        self.adverts.get(&site)?.slots.get(usize::from(slot))
    }

    /// A site's end of the pairwise masks of a slot.
    #[must_use]
    pub fn end(&self, site: SiteIndex, slot: u16) -> Option<End> {
        self.slot(site, slot).map(|advert| End { site, key: advert.mask_key })
    }

    /// The name of a slot in derivations.
    #[must_use]
    pub fn name(&self, slot: u16) -> SlotName<'_> {
        SlotName { federation: &self.federation, epoch: self.epoch, slot }
    }
}
