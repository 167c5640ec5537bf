//! The path without instructions of our own: the `aes` crate.

use aes::{Aes256, Block};
use cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

use crate::keys::{Ring, Sign, TILE};
use crate::lanes::{join, split};

/// Blocks in a tile.
const BLOCKS: usize = TILE / 2;

/// Keys whose schedules the `aes` crate overwrites when they are dropped.
pub(crate) struct Portable(Vec<(Aes256, Sign)>);

impl Portable {
    pub(crate) fn new(add: &[&[u8; 32]], subtract: &[&[u8; 32]]) -> Self {
        let mut keys = Vec::with_capacity(add.len() + subtract.len());
        let expand = |key: &&[u8; 32]| Aes256::new((*key).into());
        keys.extend(add.iter().map(|key| (expand(key), Sign::Add)));
        keys.extend(subtract.iter().map(|key| (expand(key), Sign::Subtract)));
        Self(keys)
    }

    pub(crate) fn apply(&self, tiles: &mut [[u64; TILE]], block: u64, vector: u64, ring: Ring) {
        let mut words = [Block::default(); BLOCKS];
        for (tile, first) in tiles.iter_mut().zip((block..).step_by(BLOCKS)) {
            for (key, sign) in &self.0 {
                for (word, number) in words.iter_mut().zip(first..) {
                    *word = counter(number, vector);
                }
                key.encrypt_blocks(&mut words);
                let (pairs, _) = tile.as_chunks_mut::<2>();
                for (pair, word) in pairs.iter_mut().zip(&words) {
                    *pair = add(*pair, u128::from_le_bytes((*word).into()), *sign, ring);
                }
            }
        }
        words.iter_mut().for_each(|word| word.as_mut_slice().zeroize());
    }
}

fn counter(block: u64, vector: u64) -> Block {
    (u128::from(block) | u128::from(vector) << 64).to_le_bytes().into()
}

fn add(pair: [u64; 2], word: u128, sign: Sign, ring: Ring) -> [u64; 2] {
    match (ring, sign) {
        (Ring::Pair, Sign::Add) => split(join(pair).wrapping_add(word)),
        (Ring::Pair, Sign::Subtract) => split(join(pair).wrapping_sub(word)),
        (Ring::Lane, sign) => {
            let ([a, b], [c, d]) = (pair, split(word));
            match sign {
                Sign::Add => [a.wrapping_add(c), b.wrapping_add(d)],
                Sign::Subtract => [a.wrapping_sub(c), b.wrapping_sub(d)],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erases<T: zeroize::ZeroizeOnDrop>(_: &[T]) {}

    #[test]
    fn schedules_erase_themselves() {
        let Portable(keys) = Portable::new(&[&[1; 32]], &[]);
        let keys: Vec<_> = keys.into_iter().map(|(key, _)| key).collect();
        erases(&keys);
    }
}
