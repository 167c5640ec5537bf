//! Derivations (docs/protocol.md §3). Every HKDF `info` is a label and its parts, each preceded by
//! its length as LE64, as in `H`; numbers are LE64 parts.

use hkdf::Hkdf;
use ripieno_study::{Digest, Hasher, SiteIndex, Tag};
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A 32-byte key for one mask stream or one generator.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(<redacted>)")
    }
}

/// Which slot of which epoch of which federation a secret belongs to.
#[derive(Clone, Copy, Debug)]
pub struct SlotName<'a> {
    /// The federation's name.
    pub federation: &'a str,
    /// Number of the epoch.
    pub epoch: u64,
    /// Number of the slot.
    pub slot: u16,
}

/// `mask_sk`: the X25519 key that a site's `root` stands for.
#[must_use]
pub fn mask_key(root: &[u8; 32], name: SlotName<'_>, site: SiteIndex) -> StaticSecret {
    let info = Info::new("mask-key").part(name.federation).number(name.epoch).number(name.slot);
    let seed = expand(None, root, &info.number(site));
    StaticSecret::from(seed.0)
}

/// H("self-commit", federation, epoch, slot, index, self).
#[must_use]
pub fn self_commitment(own: &[u8; 32], name: SlotName<'_>, site: SiteIndex) -> Digest {
    Hasher::new(Tag::SelfCommit)
        .part(name.federation)
        .number(name.epoch)
        .number(name.slot)
        .number(site)
        .part(own)
        .finish()
}

/// One end of a pairwise mask: whose key it is.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The site.
    pub site: SiteIndex,
    /// Its `mask_pk` for the slot.
    pub key: [u8; 32],
}

/// `pair_seed(u, v)`: bound to both indices *and* both keys, in index order, and salted with `ctx`.
/// `None` where the key exchange was non-contributory (the peer's key has low order).
#[must_use]
pub fn pair_seed(own: &StaticSecret, me: End, peer: End, ctx: &Digest) -> Option<Seed> {
    let shared = contributory(own.diffie_hellman(&PublicKey::from(peer.key)))?;
    let (lo, hi) = if me.site < peer.site { (me, peer) } else { (peer, me) };
    let info = Info::new("pair").number(lo.site).number(hi.site).part(lo.key).part(hi.key);
    Some(expand(Some(ctx), shared.as_bytes(), &info))
}

/// `self_seed(u)`.
#[must_use]
pub fn self_seed(own: &[u8; 32], site: SiteIndex, ctx: &Digest) -> Seed {
    expand(Some(ctx), own, &Info::new("self").number(site))
}

/// Seed of the generator that rounds the site's values. It comes from `local`, which is never
/// shared: seeds derived from `self` would become public at R5.
#[must_use]
pub fn rounding_seed(local: &[u8; 32], site: SiteIndex, ctx: &Digest) -> Seed {
    expand(Some(ctx), local, &Info::new("rounding").number(site))
}

/// Key of the sealed bundle from `from` to `to`; `None` where the exchange was non-contributory.
#[must_use]
pub fn channel_key(
    own: &StaticSecret,
    peer: &[u8; 32],
    transcript: &Digest,
    from: SiteIndex,
    to: SiteIndex,
) -> Option<Seed> {
    let shared = contributory(own.diffie_hellman(&PublicKey::from(*peer)))?;
    let info = Info::new("channel").number(from).number(to);
    Some(expand(Some(transcript), shared.as_bytes(), &info))
}

/// Whether an X25519 public key is canonically encoded and can give a contributory exchange: a key
/// of low order gives the same all-zero secret with every private key.
#[must_use]
pub fn is_contributory(key: &[u8; 32]) -> bool {
    // Any private key shows it; the clamped scalar is a multiple of the cofactor.
    let probe = StaticSecret::from([1; 32]);
    is_canonical(key) && probe.diffie_hellman(&PublicKey::from(*key)).was_contributory()
}

/// Whether a u-coordinate is below p = 2^255 − 19: another encoding of a peer's key would pass as
/// a key of its own.
fn is_canonical(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    *high < 0x7f || (*high == 0x7f && (middle.iter().any(|byte| *byte != 0xff) || *low < 0xed))
}

fn contributory(shared: SharedSecret) -> Option<SharedSecret> {
    shared.was_contributory().then_some(shared)
}

fn expand(salt: Option<&Digest>, secret: &[u8; 32], info: &Info) -> Seed {
    let hkdf = Hkdf::<Sha256>::new(salt.map(AsRef::as_ref), secret);
    let mut seed = Seed([0; 32]);
    // HKDF-SHA256 can expand to 255 × 32 bytes; 32 never fail.
    let done = hkdf.expand(&info.0, &mut seed.0);
    debug_assert!(done.is_ok(), "32 bytes are within HKDF's limit");
    seed
}

/// An HKDF `info`, built from length-prefixed parts.
struct Info(Zeroizing<Vec<u8>>);

impl Info {
    fn new(label: &str) -> Self {
        Self(Zeroizing::default()).part(label)
    }

    fn part(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(self, value: impl Into<u64>) -> Self {
        self.part(value.into().to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(index: u16) -> SiteIndex {
        SiteIndex::new(index).unwrap()
    }

    fn ctx(n: u64) -> Digest {
        Hasher::new(Tag::Context).number(n).finish()
    }

    const NAME: SlotName<'_> = SlotName { federation: "test", epoch: 1, slot: 0 };

    fn end(root: u8, index: u16) -> (StaticSecret, End) {
        let secret = mask_key(&[root; 32], NAME, site(index));
        let key = PublicKey::from(&secret).to_bytes();
        (secret, End { site: site(index), key })
    }

    #[test]
    fn both_ends_derive_the_same_pair_seed_and_ctx_salts_it() {
        let ((a, end_a), (b, end_b)) = (end(1, 1), end(2, 2));
        let ab = pair_seed(&a, end_a, end_b, &ctx(1)).unwrap();
        let ba = pair_seed(&b, end_b, end_a, &ctx(1)).unwrap();
        assert_eq!(ab.as_bytes(), ba.as_bytes());
        assert_ne!(ab.as_bytes(), pair_seed(&a, end_a, end_b, &ctx(2)).unwrap().as_bytes());
    }

    #[test]
    fn a_copied_mask_key_gives_another_seed() {
        // Site 3 publishes site 2's key: with ids in the derivation, its mask with site 1 differs.
        let ((a, end_a), (_, end_b)) = (end(1, 1), end(2, 2));
        let copy = End { site: site(3), key: end_b.key };
        let honest = pair_seed(&a, end_a, end_b, &ctx(1)).unwrap();
        assert_ne!(honest.as_bytes(), pair_seed(&a, end_a, copy, &ctx(1)).unwrap().as_bytes());
    }

    #[test]
    fn keys_of_low_order_are_refused() {
        let (a, end_a) = end(1, 1);
        for key in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            assert!(!is_contributory(&key));
            assert!(pair_seed(&a, end_a, End { site: site(2), key }, &ctx(1)).is_none());
            assert!(channel_key(&a, &key, &ctx(1), site(1), site(2)).is_none());
        }
        assert!(is_contributory(&end_a.key));
    }

    #[test]
    fn another_encoding_of_a_key_is_refused() {
        let (_, end) = end(1, 1);
        let mut high_bit = end.key;
        high_bit[31] |= 0x80;
        assert!(!is_contributory(&high_bit));
        // p + 9 is another encoding of the base point.
        let mut above_p = [0xff; 32];
        (above_p[0], above_p[31]) = (0xf6, 0x7f);
        assert!(!is_contributory(&above_p));
        let mut nine = [0; 32];
        nine[0] = 9;
        assert!(is_contributory(&nine));
    }

    #[test]
    fn labels_and_names_separate_derivations() {
        let other = SlotName { slot: 1, ..NAME };
        let key = |name| PublicKey::from(&mask_key(&[7; 32], name, site(1))).to_bytes();
        assert_ne!(key(NAME), key(other));
        let seeds = [
            self_seed(&[7; 32], site(1), &ctx(1)),
            self_seed(&[7; 32], site(2), &ctx(1)),
            rounding_seed(&[7; 32], site(1), &ctx(1)),
        ];
        assert_ne!(seeds[0].as_bytes(), seeds[1].as_bytes());
        assert_ne!(seeds[0].as_bytes(), seeds[2].as_bytes());
        assert_eq!(format!("{:?}", seeds[0]), "Seed(<redacted>)");
    }
}
