//! `H(tag, parts…)`: SHA-256 over a tag and length-prefixed parts (docs/protocol.md §3).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::tag::Tag;

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// A digest from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hexadecimal digits, for a line that a person reads.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_hex(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

fn parse_hex(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(Digest(bytes))
}

/// Builds `H(tag, parts…)`. Each part, the tag included, is preceded by its length as LE64, so no
/// two different lists of parts hash the same bytes.
#[derive(Clone)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts with the tag.
    #[must_use]
    pub fn new(tag: Tag) -> Self {
        Self(Sha256::new()).part(tag.as_bytes())
    }

    /// Adds one part.
    #[must_use]
    pub fn part(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds lanes as one part: their little-endian bytes, of which no second copy is made.
    #[must_use]
    pub fn lanes(mut self, lanes: &[u64]) -> Self {
        self.0.update((8 * lanes.len() as u64).to_le_bytes());
        let mut block = [[0; 8]; 256];
        for lanes in lanes.chunks(block.len()) {
            let bytes = &mut block[..lanes.len()];
            bytes.iter_mut().zip(lanes).for_each(|(bytes, lane)| *bytes = lane.to_le_bytes());
            self.0.update(bytes.as_flattened());
        }
        self
    }

    /// Adds a number as LE64.
    #[must_use]
    pub fn number(self, value: impl Into<u64>) -> Self {
        self.part(value.into().to_le_bytes())
    }

    /// Adds a list: its length, then each item through `add`.
    #[must_use]
    pub fn list<T>(
        self,
        items: impl ExactSizeIterator<Item = T>,
        add: impl FnMut(Self, T) -> Self,
    ) -> Self {
        let start = self.number(items.len() as u64);
        items.fold(start, add)
    }

    /// The digest of everything that was added.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let split = |a: &str, b: &str| Hasher::new(Tag::Study).part(a).part(b).finish();
        assert_ne!(split("ab", "c"), split("a", "bc"));
        assert_ne!(Hasher::new(Tag::Study).finish(), Hasher::new(Tag::Context).finish());
    }

    #[test]
    fn hexadecimal_text_round_trips() {
        let digest = Hasher::new(Tag::State).number(7u64).finish();
        assert_eq!(parse_hex(&digest.to_string()), Some(digest));
        assert_eq!(parse_hex("zz"), None);
    }

    #[test]
    fn lanes_are_a_part_of_their_bytes() {
        for count in [0, 1, 255, 256, 257, 600] {
            let lanes: Vec<u64> =
                (0..count).map(|i| 0x0102_0304_0506_0709_u64.wrapping_mul(i)).collect();
            let bytes: Vec<u8> = lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect();
            let start = || Hasher::new(Tag::Tile).number(1_u64);
            assert_eq!(start().lanes(&lanes).finish(), start().part(bytes).finish(), "{count}");
        }
    }
}
