//! Where a slot's secrets lie in locked memory, from the draw at E1 to the end of the slot.

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use ripieno_study::{Check, Refusal, SiteIndex};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use crate::locked::{Secret, Vault};
use crate::shamir;

/// The two Shamir-shared secrets of a site and slot. At most one of them is ever opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Opens the pairwise masks of a site that was lost.
    Root,
    /// Opens the self mask of a survivor.
    Own,
}

impl Kind {
    /// Number in the leaves of a dealer's tree: 0 for `root`, 1 for `self`.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Kind::Root => 0,
            Kind::Own => 1,
        }
    }
}

/// The X25519 key that opens the bundles of one epoch, from E1 to E3.
#[derive(Debug)]
pub(crate) struct ChannelKey(Vault);

impl ChannelKey {
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Result<Self, Refusal> {
        let mut vault = vault(1)?;
        vault.secrets_mut().iter_mut().for_each(|key| rng.fill_bytes(key));
        Ok(Self(vault))
    }

    pub(crate) fn secret(&self) -> StaticSecret {
        let key = Zeroizing::new(self.0.secrets().first().copied().unwrap_or_default());
        StaticSecret::from(*key)
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

const ROOT: usize = 0;
const OWN: usize = 1;
const LOCAL: usize = 2;
const SHARES: usize = 3;

/// Secrets of one slot: own `root`, `self`, `local`, then two shares of each dealer.
#[derive(Debug)]
pub(crate) struct SlotSecrets {
    vault: Vault,
    dealers: Vec<SiteIndex>,
}

impl SlotSecrets {
    /// Draws `root`, `self` and `local`; no shares yet.
    pub(crate) fn draw(rng: &mut impl CryptoRng) -> Result<Self, Refusal> {
        let mut secrets = Self { vault: vault(SHARES)?, dealers: Vec::new() };
        secrets.put(ROOT, &shamir::random_scalar(rng));
        secrets.put(OWN, &shamir::random_scalar(rng));
        if let Some(local) = secrets.vault.secrets_mut().get_mut(LOCAL) {
            rng.fill_bytes(local);
        }
        Ok(secrets)
    }

    /// Moves the own secrets into pages with room for the shares of `dealers`.
    pub(crate) fn with_room_for(self, dealers: Vec<SiteIndex>) -> Result<Self, Refusal> {
        let mut vault = vault(SHARES + 2 * dealers.len())?;
        let old = self.vault.secrets().iter().take(SHARES);
        vault.secrets_mut().iter_mut().zip(old).for_each(|(new, old)| *new = *old);
        Ok(Self { vault, dealers })
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.vault.is_locked()
    }

    /// The own secret of a kind, as a scalar.
    pub(crate) fn own(&self, kind: Kind) -> Zeroizing<Scalar> {
        let at = if kind == Kind::Root { ROOT } else { OWN };
        // Drawn as canonical scalars, so reading them back cannot fail.
        shamir::canonical(&self.read(at)).unwrap_or_default()
    }

    pub(crate) fn root(&self) -> Zeroizing<Secret> {
        self.read(ROOT)
    }

    pub(crate) fn self_secret(&self) -> Zeroizing<Secret> {
        self.read(OWN)
    }

    pub(crate) fn local(&self) -> Zeroizing<Secret> {
        self.read(LOCAL)
    }

    /// Keeps a dealer's share.
    pub(crate) fn keep_share(&mut self, dealer: SiteIndex, kind: Kind, share: &Scalar) {
        if let Some(at) = self.place(dealer, kind) {
            self.put(at, share);
        }
    }

    /// A dealer's share, for release; `None` where none was dealt or it was erased.
    pub(crate) fn share(&self, dealer: SiteIndex, kind: Kind) -> Option<Zeroizing<Secret>> {
        let share = self.read(self.place(dealer, kind)?);
        // The all-zero encoding marks an absent share: a share of zero is not accepted. Each byte is
        // looked at, whatever the ones before it are.
        let bits = share.iter().fold(0, |bits, byte| bits | byte);
        (bits != 0).then_some(share)
    }

    fn place(&self, dealer: SiteIndex, kind: Kind) -> Option<usize> {
        let position = self.dealers.iter().position(|d| *d == dealer)?;
        Some(SHARES + 2 * position + usize::from(kind.number()))
    }

    fn put(&mut self, at: usize, scalar: &Scalar) {
        if let Some(secret) = self.vault.secrets_mut().get_mut(at) {
            *secret = scalar.to_bytes();
        }
    }

    fn read(&self, at: usize) -> Zeroizing<Secret> {
        Zeroizing::new(self.vault.secrets().get(at).copied().unwrap_or_default())
    }
}

fn vault(secrets: usize) -> Result<Vault, Refusal> {
    Vault::new(secrets)
        .map_err(|e| Refusal::own(Check::A2, format!("no memory for the secrets of an epoch: {e}")))
}
