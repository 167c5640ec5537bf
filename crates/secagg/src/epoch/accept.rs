//! E3: a holder opens the bundles that it was sent and says whose it accepts.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use curve25519_dalek::Scalar;
use ripieno_identity::Signature;
use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, SiteSet, Tag};
use zeroize::Zeroizing;

use crate::epoch::secrets::{Kind, SlotSecrets};
use crate::epoch::share::{self, Bundle, Dealt, SLOT_BYTES};
use crate::epoch::transcript::Transcript;
use crate::kdf;
use crate::merkle;
use crate::party::Party;
use crate::shamir;

/// A holder's word on which dealers it can help to open. As received until E4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// `T`.
    pub transcript: Digest,
    /// The holder.
    pub from: SiteIndex,
    /// The dealers whose shares it holds, itself among them.
    pub dealers: SiteSet,
    /// Over [`Acceptance::digest`].
    pub signature: Signature,
}

impl Acceptance {
    /// What is signed: H("acceptance", T, holder, dealers).
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::Acceptance).part(self.transcript).number(self.from);
        self.dealers.hash_into(hasher).finish()
    }
}

/// How a holder proves what a dealer gave it.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) root: Digest,
    pub(crate) signature: Signature,
    pub(crate) path: Vec<Digest>,
}

/// Per dealer, the proof and the holder's own leaves.
#[derive(Debug, Default)]
pub(crate) struct Proofs(pub(crate) BTreeMap<SiteIndex, (Proof, Vec<Digest>)>);

/// A holder that has accepted its dealers. The channel key is erased.
#[derive(Debug)]
pub struct Accepted {
    pub(super) party: Party,
    pub(super) transcript: Transcript,
    pub(super) slots: Vec<SlotSecrets>,
    pub(super) proofs: Proofs,
    pub(super) acceptance: Acceptance,
}

impl Dealt {
    /// Opens the bundles (check A3). A dealer whose bundle is missing or wrong is left out; the
    /// refusals name it.
    #[must_use]
    pub fn accept(mut self, bundles: &[Bundle]) -> (Accepted, Vec<Refusal>) {
        let faults = bundles.iter().filter_map(|bundle| self.open(bundle).err()).collect();
        let Self { party, transcript, channel, slots, proofs, .. } = self;
        drop(channel);
        let mut acceptance = Acceptance {
            transcript: transcript.digest(),
            from: party.index(),
            dealers: proofs.0.keys().copied().collect(),
            signature: Signature::from_bytes([0; 64]),
        };
        acceptance.signature = party.sign(&acceptance.digest());
        (Accepted { party, transcript, slots, proofs, acceptance }, faults)
    }

    fn open(&mut self, bundle: &Bundle) -> Result<(), Refusal> {
        let refuse = |reason: &str| Err(Refusal::site(Check::A3, bundle.from, reason));
        let (me, transcript) = (self.party.index(), self.transcript.digest());
        if bundle.transcript != transcript || bundle.to != me || bundle.from == me {
            return refuse("the bundle is of another epoch, or for another site");
        }
        if self.proofs.0.contains_key(&bundle.from) {
            return refuse("a second bundle of this dealer");
        }
        let signed = share::root_digest(&transcript, bundle.from, &bundle.root);
        self.party.roster().verify_site(Check::A3, bundle.from, &signed, &bundle.signature)?;
        let shares = self.decrypt(bundle)?;
        let proof =
            Proof { root: bundle.root, signature: bundle.signature, path: bundle.path.clone() };
        keep(self, bundle.from, &shares, proof)
    }

    fn decrypt(&self, bundle: &Bundle) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let fault = |reason: &str| Refusal::site(Check::A3, bundle.from, reason);
        let (from, to) = (bundle.from, bundle.to);
        let transcript = self.transcript.digest();
        let peer = self.transcript.channel_key(from).ok_or_else(|| fault("no such dealer"))?;
        let key = kdf::channel_key(&self.channel.secret(), peer, &transcript, from, to)
            .ok_or_else(|| fault("its channel key has low order"))?;
        let aad = share::associated_data(&transcript, from, to);
        let payload = Payload { msg: &bundle.sealed, aad: &aad };
        let opened = XChaCha20Poly1305::new(key.as_bytes().into())
            .decrypt(&XNonce::from(bundle.nonce), payload)
            .map_err(|_| fault("the bundle does not open"))?;
        Ok(Zeroizing::new(opened))
    }
}

impl Accepted {
    /// The acceptance to send.
    #[must_use]
    pub fn acceptance(&self) -> &Acceptance {
        &self.acceptance
    }

    /// The epoch's public facts.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }
}

/// Keeps the shares that a site deals to itself.
pub(super) fn keep_own(dealt: &mut Dealt, shares: &[u8], proof: Proof) -> Result<(), Refusal> {
    let holders: Vec<_> = dealt.transcript.holders().iter().collect();
    let slots: Result<Vec<_>, _> =
        dealt.slots.drain(..).map(|slot| slot.with_room_for(holders.clone())).collect();
    dealt.slots = slots?;
    keep(dealt, dealt.party.index(), shares, proof)
}

fn keep(dealt: &mut Dealt, dealer: SiteIndex, shares: &[u8], proof: Proof) -> Result<(), Refusal> {
    let fault = |reason: &str| Refusal::site(Check::A3, dealer, reason);
    if shares.len() != dealt.slots.len() * SLOT_BYTES {
        return Err(fault("the bundle has shares for another number of slots"));
    }
    let holder = dealt.party.index();
    let leaves = share::leaves(dealer, holder, shares);
    let node = merkle::root(Tag::ShareNode, &leaves);
    let (position, count) = (dealt.transcript.position(holder), dealt.transcript.holders().len());
    let found = position
        .and_then(|at| merkle::root_from_path(Tag::ShareNode, node, at, count, &proof.path));
    if found != Some(proof.root) {
        return Err(fault("the shares do not lead to the dealer's signed root"));
    }
    let (encoded, _) = shares.as_chunks::<32>();
    let scalars: Option<Vec<_>> = encoded.iter().map(shamir::canonical).collect();
    let scalars = scalars.ok_or_else(|| fault("a share is not a canonical scalar"))?;
    // A random share is never zero. A dealer that gave zero shares could keep a secret from being
    // reconstructed with no holder able to prove what it was dealt.
    if scalars.iter().any(|share| **share == Scalar::ZERO) {
        return Err(fault("a share is zero"));
    }
    for (slot, pair) in dealt.slots.iter_mut().zip(scalars.chunks(2)) {
        for (kind, share) in [Kind::Root, Kind::Own].into_iter().zip(pair) {
            slot.keep_share(dealer, kind, share);
        }
    }
    dealt.proofs.0.insert(dealer, (proof, leaves));
    Ok(())
}
