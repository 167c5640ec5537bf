//! R2: a participant masks its encoded vector, commits to it, and sends it.

use ripieno_identity::Signature;
use ripieno_study::{Check, Contract, Digest, Hasher, Refusal, SiteIndex, Tag};
use zeroize::Zeroizing;

use crate::epoch::join::Facts;
use crate::epoch::secrets::SlotSecrets;
use crate::journal::Journal;
use crate::kdf;
use crate::lanes::Lanes;
use crate::ledger::{Entry, Head, Ledger, LedgerError};
use crate::mask::{Masks, Sign};
use crate::merkle;
use crate::round::start::Bound;
use crate::round::tiles::{self, Content};

/// What a participant signs of its upload. As received until check C2 or R1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// `ctx` of the round.
    pub ctx: Digest,
    /// The site.
    pub from: SiteIndex,
    /// Merkle root over the tiles.
    pub root: Digest,
    /// Lanes in all.
    pub lanes: u64,
    /// The sums of the study that the site's data is in already: [`Ledger::history`].
    pub history: Digest,
    /// Count and head of the site's ledger.
    pub ledger: Head,
    /// Head of the site's audit log.
    pub audit: Digest,
    /// Over [`Trailer::digest`].
    pub signature: Signature,
}

impl Trailer {
    /// What is signed: H("trailer", ctx, from, root, lanes, history, ledger, audit).
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::Trailer)
            .part(self.ctx)
            .number(self.from)
            .part(self.root)
            .number(self.lanes)
            .part(self.history);
        self.ledger.hash_into(hasher).part(self.audit).finish()
    }
}

/// H("trailers", each trailer's digest and signature), in index order.
#[must_use]
pub fn trailers_digest(trailers: &[Trailer]) -> Digest {
    let add =
        |hasher: Hasher, trailer: &Trailer| hasher.part(trailer.digest()).part(trailer.signature);
    Hasher::new(Tag::Trailers).list(trailers.iter(), add).finish()
}

/// A masked update, frozen for its slot: a resumed upload sends these bytes or nothing.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The signed trailer.
    pub trailer: Trailer,
    /// The masked lanes.
    pub lanes: Lanes,
}

/// A slot whose masked update is on its way.
#[derive(Debug)]
pub struct Uploaded {
    pub(super) bound: Bound,
    pub(super) upload: Upload,
}

impl Bound {
    /// Enters the slot in the ledger, masks the encoded lanes, and signs the trailer. When this
    /// returns, entry and trailer digest are durable. `audit` is the head of the audit log.
    ///
    /// # Errors
    /// The slot comes back with the refusal (S4, S7, S8) or the ledger's failure.
    #[allow(clippy::result_large_err)] // The error gives the slot back.
    pub(crate) fn upload<J: Journal>(
        self,
        facts: &Facts,
        (entry, releases): (Entry, u64),
        mut lanes: Zeroizing<Vec<u64>>,
        audit: Digest,
        ledger: &mut Ledger<J>,
    ) -> Result<Uploaded, (Self, LedgerError)> {
        let expected = self.contract().plan.lanes();
        if lanes.len() as u64 != expected {
            let reason = format!("{} lanes were encoded, the plan has {expected}", lanes.len());
            return Err((self, Refusal::own(Check::S6, reason).into()));
        }
        let masks = match SiteMasks::derive(facts, self.contract(), &self.ctx, &self.secrets) {
            Ok(masks) => masks,
            Err(refusal) => return Err((self, refusal.into())),
        };
        let id = entry.id;
        if let Err(error) = ledger.enter(entry, releases) {
            return Err((self, error));
        }
        let leaves = masks.apply(self.contract(), &mut lanes);
        let root = merkle::root(Content::Masked.node(), &leaves);
        let trailer = sign_trailer(facts, &self, root, ledger, audit);
        if let Err(error) = ledger.trailer(id, trailer.digest()) {
            return Err((self, error));
        }
        // What is masked need not be erased.
        let upload = Upload { trailer, lanes: std::mem::take(&mut *lanes).into() };
        Ok(Uploaded { bound: self, upload })
    }
}

fn sign_trailer<J: Journal>(
    facts: &Facts,
    bound: &Bound,
    root: Digest,
    ledger: &Ledger<J>,
    audit: Digest,
) -> Trailer {
    let mut trailer = Trailer {
        ctx: bound.ctx,
        from: facts.party.index(),
        root,
        lanes: bound.contract().plan.lanes(),
        history: ledger.history(&bound.contract().study),
        ledger: ledger.head(),
        audit,
        signature: Signature::from_bytes([0; 64]),
    };
    trailer.signature = facts.party.sign(&trailer.digest());
    trailer
}

/// One site's masks: its self mask, and one pair mask for each other participant.
struct SiteMasks(Masks);

impl SiteMasks {
    fn derive(
        facts: &Facts,
        contract: &Contract,
        ctx: &Digest,
        secrets: &SlotSecrets,
    ) -> Result<Self, Refusal> {
        let (me, slot) = (facts.party.index(), contract.slot);
        let own = kdf::mask_key(&secrets.root(), facts.transcript.name(slot), me);
        let fault = |site| Refusal::site(Check::A1, site, "its mask key has low order");
        let my_end = facts.transcript.end(me, slot).ok_or_else(|| fault(me))?;
        // With all the room that it needs: a vector that grows leaves its seeds behind.
        let mut seeds = Vec::with_capacity(contract.participants.len());
        seeds.push((kdf::self_seed(&secrets.self_secret(), me, ctx), Sign::Add));
        for peer in contract.participants.iter().filter(|peer| *peer != me) {
            let end = facts.transcript.end(peer, slot).ok_or_else(|| fault(peer))?;
            let seed = kdf::pair_seed(&own, my_end, end, ctx).ok_or_else(|| fault(peer))?;
            seeds.push((seed, pair_sign(me, peer)));
        }
        Ok(Self(Masks::new(seeds.iter().map(|(seed, sign)| (seed, *sign)))))
    }

    /// Masks every tile, and hashes it while it is in the cache: the leaves.
    fn apply(&self, contract: &Contract, lanes: &mut [u64]) -> Vec<Digest> {
        tiles::each_mut(&contract.plan, lanes, |tile, lanes| {
            self.0.apply(lanes, tile.at);
            tiles::leaf(Content::Masked, tile.number, lanes)
        })
    }
}

/// The sign of the mask of `me` with `peer`: + for the lower index, − for the higher.
pub(crate) fn pair_sign(me: SiteIndex, peer: SiteIndex) -> Sign {
    if me < peer { Sign::Add } else { Sign::Subtract }
}
