//! How far a log has come, in one digest.

use std::fmt;

use ripieno_identity::{BadSignature, PublicKey, Signature, SigningKey};
use ripieno_study::{Digest, Hasher, Tag};
use serde::{Deserialize, Serialize};

/// How many entries a log has and the digest of their chain. Two logs with the same head have the
/// same entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Entries so far.
    pub count: u64,
    /// H("audit", digest before, the entry), from H("audit") on.
    pub digest: Digest,
}

impl Head {
    /// The head of an empty log.
    #[must_use]
    pub fn empty() -> Self {
        Self { count: 0, digest: Hasher::new(Tag::Audit).finish() }
    }

    /// What is signed. A chain's digests have one of 32 bytes as first part, so a signed head is
    /// none of them.
    fn to_sign(self) -> Digest {
        Hasher::new(Tag::Audit).part("head").number(self.count).part(self.digest).finish()
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} entries", self.digest, self.count)
    }
}

/// A head that the log's owner stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// The head.
    pub head: Head,
    /// The owner's signature over it, written as 128 hexadecimal digits.
    #[serde(with = "hex")]
    pub signature: Signature,
}

impl SignedHead {
    pub(crate) fn sign(head: Head, key: &SigningKey) -> Self {
        Self { head, signature: key.sign(&head.to_sign()) }
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// [`BadSignature`], which names the key.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(&self.head.to_sign(), &self.signature)
    }
}

/// Signatures as text.
pub(crate) mod hex {
    use ripieno_identity::Signature;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        signature: &Signature,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let digits = signature.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        serializer.serialize_str(&digits.collect::<String>())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Signature, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom("expected 128 hexadecimal digits"))
    }

    fn parse(text: &str) -> Option<Signature> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let digit = |byte: u8| (byte as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        let bytes = <[u8; 64]>::try_from(bytes.filter(|_| rest.is_empty())?).ok()?;
        Some(Signature::from_bytes(bytes))
    }
}
