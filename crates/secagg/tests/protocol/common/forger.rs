//! A site that keeps none of the rules. It is written against the specification with the public
//! arithmetic alone, so where it behaves, it also checks the library's derivations.

use std::collections::BTreeMap;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use curve25519_dalek::Scalar;
use ripieno_identity::{Signature, SigningKey};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::share::{leaf, root_digest};
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle, SlotAdvert, Transcript};
use ripieno_secagg::kdf::{self, SlotName};
use ripieno_secagg::ledger::Head;
use ripieno_secagg::mask::{Masks, Sign};
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_secagg::round::upload::{Trailer, Upload};
use ripieno_secagg::shamir::{self, Polynomial};
use ripieno_secagg::{Kind, merkle};
use ripieno_study::{Contract, Digest, Hasher, SiteIndex, Tag};
use x25519_dalek::{PublicKey, StaticSecret};

use super::digest;
use super::world::World;

/// The secrets of one slot, and the polynomials that share them.
struct SlotSecrets {
    root: Scalar,
    own: Scalar,
}

/// A corrupt site.
pub(crate) struct Forger {
    pub(crate) site: SiteIndex,
    key: Arc<SigningKey>,
    channel: StaticSecret,
    slots: Vec<SlotSecrets>,
    pub(crate) advert: Advert,
}

/// A share to deal: of slot and kind, to a holder; the honest value goes in.
pub(crate) type Deal<'a> = &'a dyn Fn(SiteIndex, u16, Kind, Scalar) -> [u8; 32];

impl Forger {
    /// E1: an advert like any other.
    pub(crate) fn new(world: &mut World, announced: Announcement, site: SiteIndex) -> Self {
        let key = world.members[&site].key.clone();
        let channel = StaticSecret::from(shamir::random_scalar(&mut world.rng).to_bytes());
        let draw = |_| SlotSecrets {
            root: *shamir::random_scalar(&mut world.rng),
            own: *shamir::random_scalar(&mut world.rng),
        };
        let slots: Vec<_> = (0..announced.slots).map(draw).collect();
        let federation = &world.roster.federation;
        let publish = |(slot, secrets): (u16, &SlotSecrets)| {
            let name = SlotName { federation, epoch: announced.epoch, slot };
            let mask = kdf::mask_key(&secrets.root.to_bytes(), name, site);
            SlotAdvert {
                mask_key: PublicKey::from(&mask).to_bytes(),
                self_commitment: kdf::self_commitment(&secrets.own.to_bytes(), name, site),
            }
        };
        let mut advert = Advert {
            charter: world.roster.charter,
            epoch: announced.epoch,
            from: site,
            channel_key: PublicKey::from(&channel).to_bytes(),
            slots: (0..).zip(&slots).map(publish).collect(),
            ledger: Head::empty(),
            signature: Signature::from_bytes([0; 64]),
        };
        advert.signature = key.sign(&advert.digest());
        Self { site, key, channel, slots, advert }
    }

    /// E2: bundles for all other holders, signed and sealed as they should be, over the shares
    /// that `deal` makes of the honest ones.
    pub(crate) fn bundles(
        &self,
        world: &mut World,
        transcript: &Transcript,
        deal: Deal<'_>,
    ) -> Vec<Bundle> {
        let shares = self.shares(world, transcript, deal);
        let nodes: Vec<_> =
            shares.iter().map(|(holder, shares)| self.node(*holder, shares)).collect();
        let root = merkle::root(Tag::ShareNode, &nodes);
        let t = transcript.digest();
        let signature = self.key.sign(&root_digest(&t, self.site, &root));
        let others = shares.iter().enumerate().filter(|(_, (holder, _))| **holder != self.site);
        let bundle = |(position, (to, shares)): (usize, (&SiteIndex, &Vec<[u8; 32]>))| Bundle {
            transcript: t,
            from: self.site,
            to: *to,
            nonce: [5; 24],
            sealed: self.seal(transcript, *to, &shares.concat(), &[5; 24]),
            root,
            signature,
            path: merkle::path(Tag::ShareNode, &nodes, position),
        };
        others.map(bundle).collect()
    }

    /// Seals any bytes for a holder.
    pub(crate) fn seal(
        &self,
        transcript: &Transcript,
        to: SiteIndex,
        message: &[u8],
        nonce: &[u8; 24],
    ) -> Vec<u8> {
        let binding = (transcript.digest(), self.site, to);
        self.seal_bound(transcript, to, [binding, binding], message, nonce)
    }

    /// Seals any bytes for a holder, with key and associated data bound to (T, from, to) as given.
    pub(crate) fn seal_bound(
        &self,
        transcript: &Transcript,
        to: SiteIndex,
        [key, aad]: [(Digest, SiteIndex, SiteIndex); 2],
        message: &[u8],
        nonce: &[u8; 24],
    ) -> Vec<u8> {
        let peer = transcript.channel_key(to).expect("a holder");
        let key = kdf::channel_key(&self.channel, peer, &key.0, key.1, key.2);
        let key = key.expect("contributory");
        let numbers = [aad.1, aad.2].map(|site| u64::from(site).to_le_bytes());
        let aad = [aad.0.as_bytes().as_slice(), &numbers.concat()].concat();
        XChaCha20Poly1305::new(key.as_bytes().into())
            .encrypt(&XNonce::from(*nonce), Payload { msg: message, aad: &aad })
            .expect("a short message")
    }

    fn shares(
        &self,
        world: &mut World,
        transcript: &Transcript,
        deal: Deal<'_>,
    ) -> BTreeMap<SiteIndex, Vec<[u8; 32]>> {
        let threshold = transcript.params().threshold();
        let mut shares: BTreeMap<_, Vec<_>> =
            transcript.holders().iter().map(|holder| (holder, Vec::new())).collect();
        for (slot, secrets) in (0..).zip(&self.slots) {
            for (kind, secret) in [(Kind::Root, &secrets.root), (Kind::Own, &secrets.own)] {
                let polynomial = Polynomial::draw(secret, threshold, &mut world.rng);
                for (holder, shares) in &mut shares {
                    shares.push(deal(*holder, slot, kind, *polynomial.share(*holder)));
                }
            }
        }
        shares
    }

    fn node(&self, holder: SiteIndex, shares: &[[u8; 32]]) -> Digest {
        let (pairs, _) = shares.as_chunks::<2>();
        let leaves: Vec<_> = (0..)
            .zip(pairs)
            .flat_map(|(slot, [root, own])| {
                [(Kind::Root, root), (Kind::Own, own)]
                    .map(|(kind, share)| leaf(self.site, holder, slot, kind, share))
            })
            .collect();
        merkle::root(Tag::ShareNode, &leaves)
    }

    /// E3: accepts everyone.
    pub(crate) fn acceptance(&self, transcript: &Transcript) -> Acceptance {
        let mut acceptance = Acceptance {
            transcript: transcript.digest(),
            from: self.site,
            dealers: transcript.holders(),
            signature: Signature::from_bytes([0; 64]),
        };
        acceptance.signature = self.key.sign(&acceptance.digest());
        acceptance
    }

    /// R2: masks `lanes` as the specification says.
    pub(crate) fn upload(
        &self,
        transcript: &Transcript,
        contract: &Contract,
        mut lanes: Vec<u64>,
    ) -> Upload {
        let (slot, ctx) = (contract.slot, contract.ctx());
        let secrets = &self.slots[usize::from(slot)];
        let name = transcript.name(slot);
        let own = kdf::mask_key(&secrets.root.to_bytes(), name, self.site);
        let me = transcript.end(self.site, slot).expect("a holder");
        let mut seeds = vec![(kdf::self_seed(&secrets.own.to_bytes(), self.site, &ctx), Sign::Add)];
        for peer in contract.participants.iter().filter(|peer| *peer != self.site) {
            let end = transcript.end(peer, slot).expect("a holder");
            let seed = kdf::pair_seed(&own, me, end, &ctx).expect("contributory");
            let sign = if self.site < peer { Sign::Add } else { Sign::Subtract };
            seeds.push((seed, sign));
        }
        let masks = Masks::new(seeds.iter().map(|(seed, sign)| (seed, *sign)));
        for tile in tiles::tiles(&contract.plan) {
            masks.apply(tile.of_mut(&mut lanes), tile.at);
        }
        let mut trailer = Trailer {
            ctx,
            from: self.site,
            root: tiles::root(Content::Masked, &contract.plan, &lanes),
            lanes: lanes.len() as u64,
            history: Hasher::new(Tag::History).number(0_u64).finish(),
            ledger: Head::empty(),
            audit: digest(9),
            signature: Signature::from_bytes([0; 64]),
        };
        trailer.signature = self.key.sign(&trailer.digest());
        Upload { trailer, lanes: lanes.into() }
    }
}
