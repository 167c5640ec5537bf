//! E1: a site draws the secrets of an epoch and advertises their public halves.

use rand::CryptoRng;
use ripieno_identity::Signature;
use ripieno_study::{Check, Digest, Hasher, Refusal, SiteIndex, Tag};
use x25519_dalek::PublicKey;

use crate::epoch::secrets::{ChannelKey, SlotSecrets};
use crate::journal::Journal;
use crate::kdf::{self, SlotName};
use crate::ledger::Head;
use crate::params::MAX_SLOTS;
use crate::party::Party;
use crate::witness::{Counts, Witness};

/// The furthest that an epoch's number may lie above the last one: no single announcement uses the
/// numbers up.
const MAX_JUMP: u64 = 1 << 16;
/// The highest number of the first epoch that a site hears of: no federation counts so far.
const MAX_FIRST: u64 = 1 << 40;

/// What a site publishes for one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotAdvert {
    /// `mask_pk`.
    pub mask_key: [u8; 32],
    /// H("self-commit", …, self).
    pub self_commitment: Digest,
}

/// A site's advert, as received: nothing in it is verified before E2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// The charter that the site holds.
    pub charter: Digest,
    /// Number of the epoch.
    pub epoch: u64,
    /// The site.
    pub from: SiteIndex,
    /// `channel_pk`.
    pub channel_key: [u8; 32],
    /// One a slot.
    pub slots: Vec<SlotAdvert>,
    /// Count and head of the site's ledger.
    pub ledger: Head,
    /// Over [`Advert::digest`].
    pub signature: Signature,
}

impl Advert {
    /// What is signed: H("advert", charter, epoch, from, channel key, slots, ledger).
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hasher = Hasher::new(Tag::Advert)
            .part(self.charter)
            .number(self.epoch)
            .number(self.from)
            .part(self.channel_key);
        let add = |hasher: Hasher, slot: &SlotAdvert| {
            hasher.part(slot.mask_key).part(slot.self_commitment)
        };
        self.ledger.hash_into(hasher.list(self.slots.iter(), add)).finish()
    }
}

/// A site that has advertised: it holds the secrets and waits for the adverts of its peers.
#[derive(Debug)]
pub struct Advertised {
    pub(super) party: Party,
    pub(super) channel: ChannelKey,
    pub(super) slots: Vec<SlotSecrets>,
    pub(super) advert: Advert,
    pub(super) seen: Option<Counts>,
}

/// Number and size of an epoch, as the coordinator announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Number of the epoch.
    pub epoch: u64,
    /// `B`.
    pub slots: u16,
}

/// Numbers of epochs that a site has advertised for or joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The highest one under the charter in force; 0 before the first. T names the charter, so the
    /// numbers of another one do not count.
    pub last: u64,
    /// The highest one under the charters before: a coordinator may go on counting from there.
    pub before: u64,
}

impl Numbers {
    /// Check A2: the epoch is newer than the last one, and not further than 2^16 from it. A site that
    /// knows of none may join a federation that has had many.
    fn admit(self, epoch: u64) -> Result<(), Refusal> {
        let Self { last, before } = self;
        if epoch <= last {
            let reason = format!("epoch {epoch} is not newer than epoch {last}");
            return Err(Refusal::coordinator(Check::A2, reason));
        }
        let from = last.max(before);
        let most = if from == 0 { MAX_FIRST } else { from.saturating_add(MAX_JUMP) };
        if epoch > most {
            let reason = format!("epoch {epoch} is above {most}, the most after epoch {from}");
            return Err(Refusal::coordinator(Check::A2, reason));
        }
        Ok(())
    }
}

impl Advertised {
    /// Draws the secrets of the announced epoch. `numbers` are those of the epochs before; `ledger`
    /// is the head of this site's ledger.
    ///
    /// # Errors
    /// Check A2 where the epoch is not newer than the last, is too far after it, or has too
    /// many slots.
    pub fn new(
        party: Party,
        announced: Announcement,
        numbers: Numbers,
        ledger: Head,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Refusal> {
        let Announcement { epoch, slots } = announced;
        numbers.admit(epoch)?;
        if !(1..=MAX_SLOTS).contains(&slots) {
            let reason = format!("an epoch has 1 to {MAX_SLOTS} slots, not {slots}");
            return Err(Refusal::coordinator(Check::A2, reason));
        }
        let channel = ChannelKey::draw(rng)?;
        let secrets: Result<Vec<_>, _> = (0..slots).map(|_| SlotSecrets::draw(rng)).collect();
        let secrets = secrets?;
        let advert = sign_advert(&party, epoch, &channel, &secrets, ledger);
        Ok(Self { party, channel, slots: secrets, advert, seen: None })
    }

    /// Remembers what `witness` knows now. Rounds of the epoch before may then go on until E2
    /// without their trailers making the adverts look old (check L1).
    #[must_use]
    pub fn witnessed<J: Journal>(self, witness: &Witness<J>) -> Self {
        Self { seen: Some(witness.counts()), ..self }
    }

    /// The advert to send.
    #[must_use]
    pub fn advert(&self) -> &Advert {
        &self.advert
    }

    /// Whether every secret lies in locked memory.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.channel.is_locked() && self.slots.iter().all(SlotSecrets::is_locked)
    }
}

fn sign_advert(
    party: &Party,
    epoch: u64,
    channel: &ChannelKey,
    secrets: &[SlotSecrets],
    ledger: Head,
) -> Advert {
    let federation = &party.roster().federation;
    let advertise = |(slot, secrets): (u16, &SlotSecrets)| {
        let name = SlotName { federation, epoch, slot };
        let mask = kdf::mask_key(&secrets.root(), name, party.index());
        SlotAdvert {
            mask_key: PublicKey::from(&mask).to_bytes(),
            self_commitment: kdf::self_commitment(&secrets.self_secret(), name, party.index()),
        }
    };
    let mut advert = Advert {
        charter: party.roster().charter,
        epoch,
        from: party.index(),
        channel_key: PublicKey::from(&channel.secret()).to_bytes(),
        slots: (0..).zip(secrets).map(advertise).collect(),
        ledger,
        signature: Signature::from_bytes([0; 64]),
    };
    advert.signature = party.sign(&advert.digest());
    advert
}
