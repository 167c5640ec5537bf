//! R4: with a certificate, holders release shares that open the sum and nothing else.

use ripieno_identity::Signature;
use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, Tag};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::epoch::accept::{Proof, Proofs};
use crate::epoch::join::Facts;
use crate::epoch::secrets::Kind;
use crate::epoch::share::{leaf, root_digest};
use crate::epoch::transcript::Transcript;
use crate::ledger::SlotId;
use crate::merkle;
use crate::roster::Roster;
use crate::round::outcome::{Certificate, Outcome, Signed, check_outcome};
use crate::round::start::{SignedContract, missing};
use crate::round::upload::Trailer;

/// One share, or one reconstructed secret, of a site.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SiteSecret {
    /// Whose secret it belongs to.
    #[zeroize(skip)]
    pub site: SiteIndex,
    /// Canonical encoding of the scalar.
    pub scalar: [u8; 32],
}

impl std::fmt::Debug for SiteSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SiteSecret({}, <redacted>)", self.site)
    }
}

/// A holder's shares for one certified outcome: `self` shares of survivors, `root` shares of the
/// missing, never both of one site. As received until the coordinator has reconstructed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The slot.
    pub id: SlotId,
    /// `ctx` of the round.
    pub ctx: Digest,
    /// The holder.
    pub from: SiteIndex,
    /// Shares of `self`, for U.
    pub selfs: Vec<SiteSecret>,
    /// Shares of `root`, for P∖U.
    pub roots: Vec<SiteSecret>,
    /// Over [`Release::digest`].
    pub signature: Signature,
}

/// Adds secrets to a hash: their number, then index and scalar of each.
pub(crate) fn hash_secrets(hasher: Hasher, secrets: &[SiteSecret]) -> Hasher {
    let add = |hasher: Hasher, s: &SiteSecret| hasher.number(s.site).part(s.scalar);
    hasher.list(secrets.iter(), add)
}

impl Release {
    /// What is signed: H("release", T, slot, ctx, from, selfs, roots).
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::Release)
            .part(self.id.transcript)
            .number(self.id.slot)
            .part(self.ctx)
            .number(self.from);
        hash_secrets(hash_secrets(hasher, &self.selfs), &self.roots).finish()
    }

    /// The shares of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &[SiteSecret] {
        match kind {
            Kind::Root => &self.roots,
            Kind::Own => &self.selfs,
        }
    }
}

/// A certificate for the outcome that this holder signed (U1).
#[derive(Debug)]
pub struct Certified(Certificate);

impl Certified {
    pub(super) fn certificate(&self) -> &Certificate {
        &self.0
    }
}

/// A slot whose shares were released. What was not released is erased.
#[derive(Debug)]
pub struct Released {
    pub(super) signed: SignedContract,
    pub(super) ctx: Digest,
    pub(super) own: Option<Trailer>,
    pub(super) outcome: Outcome,
    pub(super) release: Release,
}

impl Signed {
    /// Check U1: the certificate is valid, and for the outcome that was signed here.
    ///
    /// # Errors
    /// Check U1.
    pub(crate) fn check_certificate(
        &self,
        facts: &Facts,
        certificate: &Certificate,
    ) -> Result<Certified, Refusal> {
        check_outcome(&certificate.outcome, &self.outcome)?;
        certificate.verify(facts.party.roster(), &facts.transcript)?;
        Ok(Certified(certificate.clone()))
    }

    /// Releases one kind of share for each site (U2), and erases the slot's secrets.
    #[must_use]
    pub(crate) fn release(self, facts: &Facts, certified: Certified) -> Released {
        let Certified(Certificate { outcome, .. }) = certified;
        let Self { bound, own, .. } = self;
        let lost = missing(bound.contract(), &outcome.survivors);
        let shares = |sites: &ripieno_study::SiteSet, kind| -> Vec<SiteSecret> {
            let share = |site| {
                let scalar = *bound.secrets.share(site, kind)?;
                Some(SiteSecret { site, scalar })
            };
            sites.iter().filter_map(share).collect()
        };
        let mut release = Release {
            id: outcome.id,
            ctx: bound.ctx,
            from: facts.party.index(),
            selfs: shares(&outcome.survivors, Kind::Own),
            roots: shares(&lost, Kind::Root),
            signature: Signature::from_bytes([0; 64]),
        };
        release.signature = facts.party.sign(&release.digest());
        let (signed, ctx) = (bound.signed, bound.ctx);
        // `bound.secrets`, with every share that was not released, is zeroised here.
        Released { signed, ctx, own, outcome, release }
    }
}

/// Proof that a dealer gave a holder this share: shown when a reconstruction fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareProof {
    /// The slot.
    pub id: SlotId,
    /// The holder that shows it.
    pub holder: SiteIndex,
    /// The dealer.
    pub dealer: SiteIndex,
    /// Which secret it is a share of.
    pub kind: Kind,
    /// The share, as it was released.
    pub share: SiteSecret,
    /// From the share's leaf to the holder's node.
    pub leaf_path: Vec<Digest>,
    /// From the holder's node to the root.
    pub path: Vec<Digest>,
    /// The dealer's root.
    pub root: Digest,
    /// The dealer's signature on it.
    pub signature: Signature,
}

impl ShareProof {
    /// Whether the dealer signed exactly this share for this holder.
    ///
    /// # Errors
    /// Check R2 with the holder as culprit: it cannot show what it released.
    pub fn verify(&self, roster: &Roster, transcript: &Transcript) -> Result<(), Refusal> {
        let fault = |reason: &str| Refusal::site(Check::R2, self.holder, reason);
        let slots = usize::from(transcript.params().slots());
        let at = 2 * usize::from(self.id.slot) + usize::from(self.kind.number());
        let leaf = leaf(self.dealer, self.holder, self.id.slot, self.kind, &self.share.scalar);
        let node = merkle::root_from_path(Tag::ShareNode, leaf, at, 2 * slots, &self.leaf_path);
        let position = transcript.position(self.holder);
        let count = transcript.holders().len();
        let root = node.zip(position).and_then(|(node, position)| {
            merkle::root_from_path(Tag::ShareNode, node, position, count, &self.path)
        });
        if root != Some(self.root) || self.id.transcript != transcript.digest() {
            return Err(fault("its proof does not lead from the share to the dealer's root"));
        }
        let digest = root_digest(&transcript.digest(), self.dealer, &self.root);
        roster
            .verify_site(Check::R2, self.dealer, &digest, &self.signature)
            .map_err(|_| fault("its proof shows a root that the dealer did not sign"))
    }
}

impl Released {
    /// The shares, the same bytes at every call.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Proves one of the released shares; `None` for a share that was not released.
    pub(crate) fn prove(
        &self,
        proofs: &Proofs,
        dealer: SiteIndex,
        kind: Kind,
    ) -> Option<ShareProof> {
        let share = self.release.of(kind).iter().find(|share| share.site == dealer)?;
        let (Proof { root, signature, path }, leaves) = proofs.0.get(&dealer)?;
        let at = 2 * usize::from(self.release.id.slot) + usize::from(kind.number());
        Some(ShareProof {
            id: self.release.id,
            holder: self.release.from,
            dealer,
            kind,
            share: share.clone(),
            leaf_path: merkle::path(Tag::ShareNode, leaves, at),
            path: path.clone(),
            root: *root,
            signature: *signature,
        })
    }
}
