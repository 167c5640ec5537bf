//! E2: a site verifies all adverts, computes `T`, and deals shares of its secrets.

use std::collections::{BTreeMap, BTreeSet};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use ripieno_identity::Signature;
use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, Tag};
use zeroize::Zeroizing;

use crate::epoch::advertise::{Advert, Advertised, Announcement};
use crate::epoch::secrets::{ChannelKey, Kind, SlotSecrets};
use crate::epoch::transcript::Transcript;
use crate::journal::Journal;
use crate::kdf;
use crate::ledger::LedgerError;
use crate::merkle::{self, Tree};
use crate::params::Parameters;
use crate::party::Party;
use crate::roster::Roster;
use crate::shamir::Polynomial;
use crate::witness::Witness;

/// Bytes of one slot in a bundle: a `root` share, then a `self` share.
pub(crate) const SLOT_BYTES: usize = 64;
/// Bytes that the cipher adds.
pub const TAG_BYTES: usize = 16;

/// All shares from one dealer to one holder, sealed. As received: nothing is verified before E3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// `T`.
    pub transcript: Digest,
    /// The dealer.
    pub from: SiteIndex,
    /// The holder.
    pub to: SiteIndex,
    /// Nonce of XChaCha20-Poly1305.
    pub nonce: [u8; 24],
    /// `B` times `root` share ‖ `self` share, encrypted.
    pub sealed: Vec<u8>,
    /// Merkle root over all of the dealer's shares.
    pub root: Digest,
    /// The dealer's signature on it.
    pub signature: Signature,
    /// The holder's path to it.
    pub path: Vec<Digest>,
}

/// What a dealer signs: H("share-root", T, dealer, root).
#[must_use]
pub fn root_digest(transcript: &Digest, dealer: SiteIndex, root: &Digest) -> Digest {
    Hasher::new(Tag::ShareRoot).part(transcript).number(dealer).part(root).finish()
}

/// One leaf: H("share-leaf", dealer, holder, slot, kind, share).
#[must_use]
pub fn leaf(
    dealer: SiteIndex,
    holder: SiteIndex,
    slot: u16,
    kind: Kind,
    share: &[u8; 32],
) -> Digest {
    Hasher::new(Tag::ShareLeaf)
        .number(dealer)
        .number(holder)
        .number(slot)
        .number(kind.number())
        .part(share)
        .finish()
}

/// Associated data of a bundle: T ‖ LE64(from) ‖ LE64(to).
pub(crate) fn associated_data(transcript: &Digest, from: SiteIndex, to: SiteIndex) -> Vec<u8> {
    let mut data = transcript.as_bytes().to_vec();
    data.extend_from_slice(&u64::from(from).to_le_bytes());
    data.extend_from_slice(&u64::from(to).to_le_bytes());
    data
}

/// Verifies all adverts against the charter (checks A1, A2), whoever the verifier is.
///
/// # Errors
/// The first fault. The culprit is the site where its signed advert shows the fault, else the
/// coordinator, which relays nothing that it cannot use.
pub(crate) fn verify_adverts(
    roster: &Roster,
    epoch: u64,
    slots: u16,
    adverts: Vec<Advert>,
) -> Result<Transcript, Refusal> {
    let params = Parameters::new(adverts.len(), roster.corrupt, slots)?;
    let mut published = BTreeSet::new();
    let mut verified = BTreeMap::new();
    for advert in adverts {
        let from = advert.from;
        verify_advert(roster, epoch, slots, &advert)?;
        publish_once(&advert, &mut BTreeSet::new())?;
        // Which of two sites copied, their adverts do not show; the coordinator had one of them
        // first, and should not have taken the other.
        if !publish(&advert, &mut published) || verified.insert(from, advert).is_some() {
            let reason = format!("{from} advertised twice, or what another site had published");
            return Err(Refusal::coordinator(Check::A1, reason));
        }
    }
    Ok(Transcript::new(roster, epoch, params, verified))
}

/// Verifies one advert beside those that came before it (check A1).
///
/// # Errors
/// Check A1.
pub(crate) fn verify_advert_among<'a>(
    roster: &Roster,
    announced: Announcement,
    advert: &Advert,
    others: impl Iterator<Item = &'a Advert>,
) -> Result<(), Refusal> {
    verify_advert(roster, announced.epoch, announced.slots, advert)?;
    let mut published = others.flat_map(values).collect();
    publish_once(advert, &mut published)
}

/// Every key and commitment of an advert.
fn values(advert: &Advert) -> impl Iterator<Item = [u8; 32]> + '_ {
    let slots = advert.slots.iter();
    let keys = slots.clone().map(|slot| slot.mask_key);
    let commitments = slots.map(|slot| *slot.self_commitment.as_bytes());
    keys.chain(commitments).chain([advert.channel_key])
}

/// Whether nothing of it was published before.
fn publish(advert: &Advert, published: &mut BTreeSet<[u8; 32]>) -> bool {
    values(advert).all(|value| published.insert(value))
}

fn publish_once(advert: &Advert, published: &mut BTreeSet<[u8; 32]>) -> Result<(), Refusal> {
    if publish(advert, published) {
        return Ok(());
    }
    let reason = "a key or commitment is published twice in this epoch";
    Err(Refusal::site(Check::A1, advert.from, reason))
}

fn verify_advert(roster: &Roster, epoch: u64, slots: u16, advert: &Advert) -> Result<(), Refusal> {
    let from = advert.from;
    roster.verify_relayed(Check::A1, from, &advert.digest(), &advert.signature)?;
    if advert.charter != roster.charter {
        let reason = format!("the advert of {from} is for another charter");
        return Err(Refusal::coordinator(Check::A1, reason));
    }
    if advert.epoch != epoch || advert.slots.len() != usize::from(slots) {
        let reason = format!("the advert of {from} is for another epoch, or number of slots");
        return Err(Refusal::coordinator(Check::A1, reason));
    }
    let mut keys = advert.slots.iter().map(|slot| &slot.mask_key).chain([&advert.channel_key]);
    if !keys.all(kdf::is_contributory) {
        return Err(Refusal::site(Check::A1, from, "the advert holds a key of low order"));
    }
    Ok(())
}

/// A site that has dealt its shares and waits for those of the others.
#[derive(Debug)]
pub struct Dealt {
    pub(super) party: Party,
    pub(super) transcript: Transcript,
    pub(super) channel: ChannelKey,
    pub(super) slots: Vec<SlotSecrets>,
    pub(super) proofs: super::accept::Proofs,
    bundles: Vec<Bundle>,
}

impl Advertised {
    /// Verifies the adverts (A1, A2, L1), computes `T`, and deals.
    ///
    /// # Errors
    /// The refusal with its culprit, or the witness's journal.
    pub fn share<J: Journal>(
        self,
        adverts: Vec<Advert>,
        witness: &mut Witness<J>,
        rng: &mut impl CryptoRng,
    ) -> Result<Dealt, LedgerError> {
        let own = &self.advert;
        if !adverts.contains(own) {
            let reason = "this site's own advert is missing or was changed";
            return Err(Refusal::coordinator(Check::A1, reason).into());
        }
        // At most MAX_SLOTS were drawn.
        let slots = u16::try_from(self.slots.len()).unwrap_or(u16::MAX);
        let transcript = verify_adverts(self.party.roster(), own.epoch, slots, adverts)?;
        let seen = self.seen.unwrap_or_else(|| witness.counts());
        let head = |(site, advert): (SiteIndex, &Advert)| (site, advert.ledger);
        witness.adverts_since(&seen, transcript.adverts().map(head))?;
        let mut dealt = Dealt {
            party: self.party,
            transcript,
            channel: self.channel,
            slots: self.slots,
            proofs: super::accept::Proofs::default(),
            bundles: Vec::new(),
        };
        dealt.deal(rng)?;
        Ok(dealt)
    }
}

impl Dealt {
    /// One bundle for each other holder: the same bytes at every call, for retries.
    #[must_use]
    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }

    /// The epoch's public facts.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    fn deal(&mut self, rng: &mut impl CryptoRng) -> Result<(), Refusal> {
        let holders: Vec<_> = self.transcript.holders().iter().collect();
        let shares = self.draw_shares(&holders, rng);
        let nodes = holders.iter().zip(&shares).map(|(h, shares)| self.node(*h, shares)).collect();
        let tree = Tree::new(Tag::ShareNode, nodes);
        let root = tree.root();
        let digest = root_digest(&self.transcript.digest(), self.party.index(), &root);
        let signature = self.party.sign(&digest);
        for (position, (holder, shares)) in holders.iter().zip(&shares).enumerate() {
            let path = tree.path(position);
            if *holder == self.party.index() {
                let proof = super::accept::Proof { root, signature, path };
                super::accept::keep_own(self, shares, proof)?;
            } else {
                let bundle = self.seal(*holder, shares, (root, signature, path), rng)?;
                self.bundles.push(bundle);
            }
        }
        Ok(())
    }

    /// For each holder, `B` times `root` share ‖ `self` share.
    fn draw_shares(
        &self,
        holders: &[SiteIndex],
        rng: &mut impl CryptoRng,
    ) -> Vec<Zeroizing<Vec<u8>>> {
        let bytes = self.slots.len() * SLOT_BYTES;
        let room = || Zeroizing::new(Vec::with_capacity(bytes));
        let mut shares: Vec<_> = holders.iter().map(|_| room()).collect();
        let threshold = self.transcript.params().threshold();
        for slot in &self.slots {
            for kind in [Kind::Root, Kind::Own] {
                let polynomial = Polynomial::draw(&slot.own(kind), threshold, rng);
                for (holder, shares) in holders.iter().zip(&mut shares) {
                    shares.extend_from_slice(&polynomial.share(*holder).to_bytes());
                }
            }
        }
        shares
    }

    fn node(&self, holder: SiteIndex, shares: &[u8]) -> Digest {
        merkle::root(Tag::ShareNode, &leaves(self.party.index(), holder, shares))
    }

    fn seal(
        &self,
        to: SiteIndex,
        shares: &[u8],
        (root, signature, path): (Digest, Signature, Vec<Digest>),
        rng: &mut impl CryptoRng,
    ) -> Result<Bundle, Refusal> {
        let (transcript, from) = (self.transcript.digest(), self.party.index());
        let peer = self.transcript.channel_key(to);
        let key = peer
            .and_then(|peer| kdf::channel_key(&self.channel.secret(), peer, &transcript, from, to))
            .ok_or_else(|| Refusal::site(Check::A1, to, "its channel key has low order"))?;
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let aad = associated_data(&transcript, from, to);
        let sealed = XChaCha20Poly1305::new(key.as_bytes().into())
            .encrypt(&XNonce::from(nonce), Payload { msg: shares, aad: &aad })
            .map_err(|_| Refusal::own(Check::A3, "a bundle is too long to be sealed"))?;
        Ok(Bundle { transcript, from, to, nonce, sealed, root, signature, path })
    }
}

/// The leaves of one holder: slot by slot, `root` before `self`.
pub(crate) fn leaves(dealer: SiteIndex, holder: SiteIndex, shares: &[u8]) -> Vec<Digest> {
    let (slots, _) = shares.as_chunks::<SLOT_BYTES>();
    let mut leaves = Vec::with_capacity(slots.len() * 2);
    for (slot, shares) in (0_u16..).zip(slots) {
        let (shares, _) = shares.as_chunks::<32>();
        for (kind, share) in [Kind::Root, Kind::Own].into_iter().zip(shares) {
            leaves.push(leaf(dealer, holder, slot, kind, share));
        }
    }
    leaves
}
