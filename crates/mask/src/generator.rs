//! Random words from a secret seed.

use std::convert::Infallible;

use rand::rand_core::{TryCryptoRng, TryRng, utils};
use zeroize::Zeroize;

use crate::keys::{Keys, Position, Ring, Sign};

/// Words that are made at a time.
const WORDS: usize = 512;

/// A generator for what never leaves its site: the keystream of a key, vector 0, as little-endian
/// words. Two generators of one seed give the same bytes on every CPU.
pub struct Generator {
    keys: Keys,
    words: [u64; WORDS],
    used: usize,
    next_lane: u64,
}

impl Generator {
    /// From a secret seed that is used for nothing else.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        Self { keys: Keys::new([(seed, Sign::Add)]), words: [0; WORDS], used: WORDS, next_lane: 0 }
    }

    /// Words that were not used: at least one.
    fn words(&mut self) -> &[u64] {
        if self.used >= WORDS {
            let at = Position { vector: 0, first_lane: self.next_lane, ring: Ring::Lane };
            self.words.fill(0);
            self.keys.apply(&mut self.words, at);
            self.next_lane = self.next_lane.wrapping_add(WORDS as u64);
            self.used = 0;
        }
        self.words.get(self.used..).unwrap_or_default()
    }

    fn next(&mut self) -> u64 {
        let word = self.words().first().copied().unwrap_or_default();
        self.used += 1;
        word
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let (mut places, last) = bytes.as_chunks_mut::<8>();
        while !places.is_empty() {
            let words = self.words();
            let count = words.len().min(places.len());
            let (now, later) = places.split_at_mut(count);
            now.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
            (places, self.used) = (later, self.used + count);
        }
        utils::fill_bytes_via_next_word(last, || Ok(self.next()))
    }
}

impl TryCryptoRng for Generator {}

impl Drop for Generator {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Generator(<redacted>)")
    }
}
