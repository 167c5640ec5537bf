//! The mask generator: AES-256 in counter mode on 64-bit lanes (docs/protocol.md §3).
//!
//! `PRG(seed, vector)` has the key `seed` and the counter blocks LE64(block index) ‖ LE64(vector
//! number). Its words are little-endian 64-bit lanes; lane i starts at byte 8i, so any tile can be
//! produced on its own. Wide values take both lanes of one block and are added mod 2^128.

use aes::Aes256;
use cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use ctr::Ctr64LE;
use zeroize::Zeroizing;

use crate::kdf::Seed;

/// Lanes that are expanded at a time: 4 KiB of keystream, which stay in the first-level cache.
const CHUNK: usize = 512;

/// Whether a mask is put on or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Lane + word.
    Add,
    /// Lane − word.
    Subtract,
}

impl Sign {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Sign::Add => Sign::Subtract,
            Sign::Subtract => Sign::Add,
        }
    }
}

/// The ring in which lanes are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Each lane mod 2^64.
    Lane,
    /// Pairs of lanes, the low one first, mod 2^128.
    Pair,
}

/// Where a run of lanes lies in its vector's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Number of the vector.
    pub vector: u64,
    /// The first lane, even where lanes go in pairs.
    pub first_lane: u64,
    /// How the vector's lanes are added.
    pub ring: Ring,
}

/// Adds the keystream of `seed` to `lanes`, or subtracts it.
pub fn apply(lanes: &mut [u64], seed: &Seed, at: Position, sign: Sign) {
    let mut stream = keystream(seed, at);
    let mut buffer = Zeroizing::new([0_u8; CHUNK * 8]);
    for chunk in lanes.chunks_mut(CHUNK) {
        let (words, _) = buffer.split_at_mut(chunk.len() * 8);
        words.fill(0);
        stream.apply_keystream(words);
        match at.ring {
            Ring::Lane => add_lanes(chunk, words, sign),
            Ring::Pair => add_pairs(chunk, words, sign),
        }
    }
}

/// Adds `from` to `into`, lane by lane or pair by pair: how masked vectors are summed.
pub fn accumulate(into: &mut [u64], from: &[u64], ring: Ring) {
    match ring {
        Ring::Lane => into.iter_mut().zip(from).for_each(|(a, b)| *a = a.wrapping_add(*b)),
        Ring::Pair => {
            let (into, _) = into.as_chunks_mut::<2>();
            let (from, _) = from.as_chunks::<2>();
            for (a, b) in into.iter_mut().zip(from) {
                *a = split(join(*a).wrapping_add(join(*b)));
            }
        }
    }
}

fn keystream(seed: &Seed, at: Position) -> Ctr64LE<Aes256> {
    let mut iv = [0; 16];
    let (_, nonce) = iv.split_at_mut(8);
    nonce.copy_from_slice(&at.vector.to_le_bytes());
    let mut stream = Ctr64LE::<Aes256>::new(seed.as_bytes().into(), &iv.into());
    // A plan has at most 2^30 lanes, so the byte offset is far below the counter's range.
    stream.seek(at.first_lane.saturating_mul(8));
    stream
}

fn add_lanes(lanes: &mut [u64], words: &[u8], sign: Sign) {
    let (words, _) = words.as_chunks::<8>();
    let pairs = lanes.iter_mut().zip(words);
    match sign {
        Sign::Add => pairs.for_each(|(a, w)| *a = a.wrapping_add(u64::from_le_bytes(*w))),
        Sign::Subtract => pairs.for_each(|(a, w)| *a = a.wrapping_sub(u64::from_le_bytes(*w))),
    }
}

fn add_pairs(lanes: &mut [u64], words: &[u8], sign: Sign) {
    let (lanes, _) = lanes.as_chunks_mut::<2>();
    let (words, _) = words.as_chunks::<16>();
    for (pair, word) in lanes.iter_mut().zip(words) {
        let (value, mask) = (join(*pair), u128::from_le_bytes(*word));
        *pair = split(match sign {
            Sign::Add => value.wrapping_add(mask),
            Sign::Subtract => value.wrapping_sub(mask),
        });
    }
}

fn join([low, high]: [u64; 2]) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

#[allow(clippy::cast_possible_truncation)]
fn split(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf;
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    use proptest::prelude::*;
    use ripieno_study::{Hasher, SiteIndex, Tag};

    fn seed(n: u8) -> Seed {
        let ctx = Hasher::new(Tag::Context).finish();
        kdf::self_seed(&[n; 32], SiteIndex::new(1).unwrap(), &ctx)
    }

    fn words(seed: &Seed, at: Position, lanes: usize) -> Vec<u64> {
        let mut words = vec![0; lanes];
        apply(&mut words, seed, at, Sign::Add);
        words
    }

    #[test]
    fn blocks_are_le_counter_then_le_vector_number() {
        let at = Position { vector: 5, first_lane: 0, ring: Ring::Lane };
        let found = words(&seed(1), at, 6);
        let aes = Aes256::new(seed(1).as_bytes().into());
        let expected = (0_u64..3).flat_map(|block| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&block.to_le_bytes());
            bytes[8..].copy_from_slice(&5_u64.to_le_bytes());
            let mut block = bytes.into();
            aes.encrypt_block(&mut block);
            let bytes: [u8; 16] = block.into();
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().map(|w| u64::from_le_bytes(*w)).collect::<Vec<_>>()
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn streams_of_different_vectors_and_seeds_differ() {
        let at = |vector| Position { vector, first_lane: 0, ring: Ring::Lane };
        assert_ne!(words(&seed(1), at(0), 4), words(&seed(1), at(1), 4));
        assert_ne!(words(&seed(1), at(0), 4), words(&seed(2), at(0), 4));
    }

    proptest! {
        #[test]
        fn any_tile_is_a_slice_of_the_whole_stream(first in 0usize..1500, len in 0usize..1500) {
            let at = Position { vector: 1, first_lane: 0, ring: Ring::Lane };
            let whole = words(&seed(3), at, 3000);
            let tile = words(&seed(3), Position { first_lane: first as u64, ..at }, len);
            prop_assert_eq!(&tile[..], &whole[first..first + len]);
        }

        #[test]
        fn subtracting_undoes_adding(values in prop::collection::vec(any::<u64>(), 2..1300), wide: bool) {
            let even = values.len() / 2 * 2;
            let ring = if wide { Ring::Pair } else { Ring::Lane };
            let at = Position { vector: 0, first_lane: 4, ring };
            let mut lanes = values[..even].to_vec();
            apply(&mut lanes, &seed(4), at, Sign::Add);
            prop_assert_ne!(&lanes[..], &values[..even]);
            apply(&mut lanes, &seed(4), at, Sign::Subtract);
            prop_assert_eq!(&lanes[..], &values[..even]);
        }
    }

    #[test]
    fn pairs_carry_into_the_high_lane() {
        let mut sum = [u64::MAX, 1];
        accumulate(&mut sum, &[1, 0], Ring::Pair);
        assert_eq!(sum, [0, 2]);
        let mut sum = [u64::MAX, 1];
        accumulate(&mut sum, &[1, 0], Ring::Lane);
        assert_eq!(sum, [0, 1]);
    }
}
