//! Ed25519 keys and signatures (docs/protocol.md §2).
//!
//! What is signed is always a [`Digest`]: it was made with the tag of one kind of message, so a
//! signature on one kind can never be shown as a signature on another.

use std::fmt;

use ed25519_dalek::{Signer as _, VerifyingKey};
use rand::CryptoRng;
use ripieno_study::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use zeroize::Zeroizing;

/// The secret half of a key. It is erased when dropped, is never copied, and has no text form.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Draws a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The key of a 32-byte seed (RFC 8032 §5.1.5), as it comes from a key file. Any 32 bytes are
    /// a key; the caller's copy is erased.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Signs a digest.
    #[must_use]
    pub fn sign(&self, digest: &Digest) -> Signature {
        Signature(self.0.sign(digest.as_bytes()).to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(<redacted>)")
    }
}

/// The public half of a key: a canonically encoded point of the prime-order group, written as 64
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why 32 bytes are not a public key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadKey {
    /// No point of the curve has this encoding.
    #[error("the key is not a point of the curve")]
    NotAPoint,
    /// The point has another, shorter encoding: two texts would name one key.
    #[error("the key is not canonically encoded")]
    NotCanonical,
    /// The point is of small order or has a small-order part. Under a key of small order one
    /// signature fits many messages.
    #[error("the key is weak: its point is not of prime order")]
    Weak,
}

/// A signature that is not one of this key on this digest.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signature does not verify under key {}", hex(&key[..4]))]
pub struct BadSignature {
    /// The 32 bytes of the key that should have signed.
    pub key: [u8; 32],
}

impl PublicKey {
    /// Takes the 32 bytes of a key as a peer or a file gave them.
    ///
    /// # Errors
    /// [`BadKey`] where they are no point, no canonical encoding of one, or a weak key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadKey::NotAPoint)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(BadKey::NotCanonical);
        }
        // The neutral element is torsion-free, so weakness is asked for as well.
        if key.is_weak() || !point.is_torsion_free() {
            return Err(BadKey::Weak);
        }
        Ok(Self(key))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Verifies a signature strictly: `s` below the group order, no point of small order, and the
    /// cofactorless equation, so every verifier gives the same answer.
    ///
    /// # Errors
    /// [`BadSignature`], which names this key.
    pub fn verify(&self, digest: &Digest, signature: &Signature) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0
            .verify_strict(digest.as_bytes(), &signature)
            .map_err(|_| BadSignature { key: *self.as_bytes() })
    }

    /// The first eight hexadecimal digits, for a line that a person reads.
    #[must_use]
    pub fn short(&self) -> String {
        hex(&self.as_bytes()[..4])
    }
}

impl AsRef<[u8]> for PublicKey {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.short())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A digest has the same text form: 32 bytes as hexadecimal digits.
        let bytes = Digest::deserialize(deserializer)?;
        Self::from_bytes(bytes.as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// An Ed25519 signature, not yet verified: `R ‖ s`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// A signature from its 64 bytes; whether it is any good is [`PublicKey::verify`]'s to say.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        let bytes = <[u8; 64]>::try_from(bytes);
        bytes.map(Self).map_err(|_| serde::de::Error::custom("a signature has 64 bytes"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex(&self.0[..4]))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
