//! A corrupt site: it has its own key and keeps none of the rules. It is written against
//! docs/protocol.md with the public arithmetic alone, and keeps nothing secret from itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use curve25519_dalek::Scalar;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_identity::{Signature, SigningKey};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::share::{leaf, root_digest};
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle, SlotAdvert, Transcript};
use ripieno_secagg::kdf::{self, SlotName};
use ripieno_secagg::ledger::{Head, SlotId};
use ripieno_secagg::mask::{Masks, Sign};
use ripieno_secagg::round::open::{Release, SiteSecret};
use ripieno_secagg::round::outcome::{Ballot, Outcome, Vote, void_digest};
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_secagg::round::upload::{Trailer, Upload};
use ripieno_secagg::shamir::{self, Polynomial};
use ripieno_secagg::{Kind, Roster, merkle};
use ripieno_study::{Contract, Digest, Hasher, SiteIndex, SiteSet, Tag};
use ripieno_tests::some_digest;
use ripieno_wire::FromSite;
use x25519_dalek::{PublicKey, StaticSecret};

/// Who forges: what a corrupt site keeps over all epochs.
pub(crate) struct Corrupt {
    pub(crate) site: SiteIndex,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) rng: ChaCha20Rng,
    /// What it says of its ledger.
    pub(crate) ledger: Head,
}

/// The secrets of one slot.
struct SlotSecrets {
    root: Scalar,
    own: Scalar,
}

/// A corrupt site in one epoch.
pub(crate) struct Forger {
    pub(crate) site: SiteIndex,
    key: Arc<SigningKey>,
    channel: StaticSecret,
    slots: Vec<SlotSecrets>,
    pub(crate) advert: Advert,
    /// Whether its trailers name no sum of a study, whatever it has been in.
    pub(crate) forgets: bool,
    /// What it dealt to each holder, itself among them.
    dealt: BTreeMap<SiteIndex, Vec<[u8; 32]>>,
}

/// A share to deal: of slot and kind, to a holder; the honest value goes in.
pub(crate) type Deal<'a> = &'a (dyn Fn(SiteIndex, u16, Kind, [u8; 32]) -> [u8; 32] + Sync);

/// Deals what an honest site would.
pub(crate) fn honest(_: SiteIndex, _: u16, _: Kind, share: [u8; 32]) -> [u8; 32] {
    share
}

/// What a site says of a study in whose sums it is not.
pub(crate) fn no_sums() -> Digest {
    Hasher::new(Tag::History).number(0_u64).finish()
}

/// Of a signature that is still to be made.
const UNSIGNED: Signature = Signature::from_bytes([0; 64]);

impl Corrupt {
    pub(crate) fn new(site: SiteIndex, key: Arc<SigningKey>, roster: Arc<Roster>) -> Self {
        Self { site, key, roster, rng: ChaCha20Rng::seed_from_u64(5), ledger: Head::empty() }
    }

    /// E1: an advert like any other.
    pub(crate) fn advertise(&mut self, announced: Announcement) -> Forger {
        let channel = StaticSecret::from(shamir::random_scalar(&mut self.rng).to_bytes());
        let draw = |_| SlotSecrets {
            root: *shamir::random_scalar(&mut self.rng),
            own: *shamir::random_scalar(&mut self.rng),
        };
        let slots: Vec<_> = (0..announced.slots).map(draw).collect();
        let (site, federation) = (self.site, &self.roster.federation);
        let publish = |(slot, secrets): (u16, &SlotSecrets)| {
            let name = SlotName { federation, epoch: announced.epoch, slot };
            let mask = kdf::mask_key(&secrets.root.to_bytes(), name, site);
            SlotAdvert {
                mask_key: PublicKey::from(&mask).to_bytes(),
                self_commitment: kdf::self_commitment(&secrets.own.to_bytes(), name, site),
            }
        };
        let advert = Advert {
            charter: self.roster.charter,
            epoch: announced.epoch,
            from: site,
            channel_key: PublicKey::from(&channel).to_bytes(),
            slots: (0..).zip(&slots).map(publish).collect(),
            ledger: self.ledger,
            signature: UNSIGNED,
        };
        let key = self.key.clone();
        let (forgets, dealt) = (false, BTreeMap::new());
        let mut forger = Forger { site, key, channel, slots, advert, forgets, dealt };
        forger.advert = forger.sign_advert(forger.advert.clone());
        forger
    }
}

impl Forger {
    /// Signs any advert as its own.
    pub(crate) fn sign_advert(&self, mut advert: Advert) -> Advert {
        advert.signature = self.key.sign(&advert.digest());
        advert
    }

    /// Signs any trailer as its own.
    pub(crate) fn sign_trailer(&self, mut trailer: Trailer) -> Trailer {
        trailer.signature = self.key.sign(&trailer.digest());
        trailer
    }

    /// E2: bundles for all other holders, signed and sealed as they should be, over the shares
    /// that `deal` makes of the honest ones.
    pub(crate) fn bundles(
        &mut self,
        rng: &mut ChaCha20Rng,
        transcript: &Transcript,
        deal: Deal<'_>,
    ) -> Vec<Bundle> {
        self.dealt = self.shares(rng, transcript, deal);
        let shares = &self.dealt;
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
            sealed: self.seal(transcript, *to, &shares.concat()),
            root,
            signature,
            path: merkle::path(Tag::ShareNode, &nodes, position),
        };
        others.map(bundle).collect()
    }

    /// The shares that it dealt to a holder: for each slot, of root and of self.
    pub(crate) fn dealt(&self, holder: SiteIndex) -> &[[u8; 32]] {
        self.dealt.get(&holder).map(Vec::as_slice).unwrap_or_default()
    }

    /// Seals any bytes for a holder.
    pub(crate) fn seal(&self, transcript: &Transcript, to: SiteIndex, message: &[u8]) -> Vec<u8> {
        let binding = (transcript.digest(), self.site, to);
        self.seal_bound(transcript, to, [binding, binding], message)
    }

    /// Seals any bytes for a holder, with key and associated data bound to (T, from, to) as given.
    pub(crate) fn seal_bound(
        &self,
        transcript: &Transcript,
        to: SiteIndex,
        [key, aad]: [(Digest, SiteIndex, SiteIndex); 2],
        message: &[u8],
    ) -> Vec<u8> {
        let peer = transcript.channel_key(to).expect("a holder");
        let key = kdf::channel_key(&self.channel, peer, &key.0, key.1, key.2);
        let key = key.expect("contributory");
        let aad = associated(&aad);
        XChaCha20Poly1305::new(key.as_bytes().into())
            .encrypt(&XNonce::from([5; 24]), Payload { msg: message, aad: &aad })
            .expect("a short message")
    }

    /// E3: what a dealer sealed for it: for each slot, the shares of root and of self.
    pub(crate) fn open(&self, transcript: &Transcript, bundle: &Bundle) -> Vec<[u8; 32]> {
        let t = transcript.digest();
        let peer = transcript.channel_key(bundle.from).expect("a holder");
        let key = kdf::channel_key(&self.channel, peer, &t, bundle.from, self.site);
        let aad = associated(&(t, bundle.from, self.site));
        let payload = Payload { msg: &bundle.sealed, aad: &aad };
        let opened = XChaCha20Poly1305::new(key.expect("contributory").as_bytes().into())
            .decrypt(&XNonce::from(bundle.nonce), payload)
            .expect("an honest bundle");
        opened.as_chunks::<32>().0.to_vec()
    }

    /// E3: accepts these.
    pub(crate) fn acceptance(&self, transcript: &Transcript, dealers: SiteSet) -> Acceptance {
        let transcript = transcript.digest();
        let mut acceptance =
            Acceptance { transcript, from: self.site, dealers, signature: UNSIGNED };
        acceptance.signature = self.key.sign(&acceptance.digest());
        acceptance
    }

    /// R2: an honest upload of nothing but zeros, as messages. `history` is what true sites say of
    /// the study.
    pub(crate) fn zeros(
        &self,
        transcript: &Transcript,
        contract: &Contract,
        history: Digest,
    ) -> Vec<FromSite> {
        let lanes = vec![0; usize::try_from(contract.plan.lanes()).expect("a small plan")];
        let mut upload = self.upload(transcript, contract, lanes);
        if !self.forgets {
            upload.trailer = self.sign_trailer(Trailer { history, ..upload.trailer });
        }
        let id = SlotId::of(contract);
        let tile = |tile: tiles::Tile| FromSite::Tile {
            id,
            number: u32::try_from(tile.number).expect("a small plan"),
            lanes: tile.of(&upload.lanes).to_vec().into(),
        };
        let mut messages: Vec<_> = tiles::tiles(&contract.plan).map(tile).collect();
        messages.push(FromSite::Trailer { id, trailer: upload.trailer });
        messages
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
        let trailer = Trailer {
            ctx,
            from: self.site,
            root: tiles::root(Content::Masked, &contract.plan, &lanes),
            lanes: lanes.len() as u64,
            history: no_sums(),
            ledger: self.advert.ledger,
            audit: some_digest("an audit log"),
            signature: UNSIGNED,
        };
        Upload { trailer: self.sign_trailer(trailer), lanes: lanes.into() }
    }

    /// R3: its word on an outcome.
    pub(crate) fn vote(&self, outcome: &Outcome) -> Ballot {
        let digest = outcome.digest();
        let signature = self.key.sign(&digest);
        Ballot { id: outcome.id, from: self.site, vote: Vote::Survivors(digest), signature }
    }

    /// R3: its word on VOID.
    pub(crate) fn void(&self, id: SlotId) -> Ballot {
        let signature = self.key.sign(&void_digest(id));
        Ballot { id, from: self.site, vote: Vote::Void, signature }
    }

    /// R4: a signed release of these shares.
    pub(crate) fn release(
        &self,
        id: SlotId,
        ctx: Digest,
        selfs: Vec<SiteSecret>,
        roots: Vec<SiteSecret>,
    ) -> Release {
        let mut release = Release { id, ctx, from: self.site, selfs, roots, signature: UNSIGNED };
        release.signature = self.key.sign(&release.digest());
        release
    }

    fn shares(
        &self,
        rng: &mut ChaCha20Rng,
        transcript: &Transcript,
        deal: Deal<'_>,
    ) -> BTreeMap<SiteIndex, Vec<[u8; 32]>> {
        let threshold = transcript.params().threshold();
        let mut shares: BTreeMap<_, Vec<_>> =
            transcript.holders().iter().map(|holder| (holder, Vec::new())).collect();
        for (slot, secrets) in (0..).zip(&self.slots) {
            for (kind, secret) in [(Kind::Root, &secrets.root), (Kind::Own, &secrets.own)] {
                let polynomial = Polynomial::draw(secret, threshold, rng);
                for (holder, shares) in &mut shares {
                    let share = polynomial.share(*holder).to_bytes();
                    shares.push(deal(*holder, slot, kind, share));
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
}

fn associated((t, from, to): &(Digest, SiteIndex, SiteIndex)) -> Vec<u8> {
    let numbers = [*from, *to].map(|site| u64::from(site).to_le_bytes());
    [t.as_bytes().as_slice(), &numbers.concat()].concat()
}
