//! Keys of pseudonyms and tokens: one secret per site, and what is derived from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use ripieno_study::{Digest, Tag};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a pseudonym or token: 128 bits, so that two of 2^40 values meet with a chance of 2^-49.
pub const TOKEN_BYTES: usize = 16;

/// A site's secret for pseudonyms. Whoever holds it can try names until a pseudonym fits.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SiteKey([u8; 32]);

/// The keys of one study at one site, derived from the [`SiteKey`].
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct StudyKeys {
    pseudonyms: [u8; 32],
    tokens: [u8; 32],
}

impl SiteKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The keys of a study: HMAC-SHA-256 of the site's key over what each is for. Pseudonyms of two
    /// studies cannot be joined; tokens of two studies at this site can.
    #[must_use]
    pub fn for_study(&self, study: &Digest) -> StudyKeys {
        StudyKeys {
            pseudonyms: hmac(&self.0, &[Tag::Pseudonym.as_bytes(), b"study", study.as_ref()]),
            tokens: hmac(&self.0, &[Tag::Pseudonym.as_bytes(), b"site"]),
        }
    }
}

impl StudyKeys {
    /// The pseudonym of a value of a column: the same for the same value in this study.
    pub(super) fn pseudonym(&self, column: &str, value: &str, into: &mut String) {
        hex(&hmac(&self.pseudonyms, &[column.as_bytes(), value.as_bytes()]), into);
    }

    /// The token of a value in a domain: the same for the same value at this site.
    pub(super) fn token(&self, domain: &str, value: &str, into: &mut String) {
        hex(&hmac(&self.tokens, &[domain.as_bytes(), value.as_bytes()]), into);
    }
}

/// HMAC-SHA-256 (RFC 2104) over parts, each behind its length as LE64.
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key shorter than a block is filled with zeros (RFC 2104).
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(block, key)| *block = *key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8; 32], into: &mut String) {
    for byte in bytes.iter().take(TOKEN_BYTES) {
        for half in [byte >> 4, byte & 15] {
            into.extend(char::from_digit(u32::from(half), 16));
        }
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKey(<redacted>)")
    }
}

impl fmt::Debug for StudyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StudyKeys(<redacted>)")
    }
}
