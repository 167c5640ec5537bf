//! The masks of a round: keystreams of seeds, added to tiles (docs/protocol.md §3). The arithmetic is in
//! `ripieno-mask`.

pub use ripieno_mask::{Generator, Position, Ring, Sign, accumulate, accumulate_all};

use zeroize::ZeroizeOnDrop;

use crate::kdf::Seed;

/// The masks of many seeds, each with its sign. What is kept of the seeds is overwritten when this is
/// dropped.
#[derive(Debug)]
pub struct Masks(ripieno_mask::Keys);

impl ZeroizeOnDrop for Masks {}

impl Masks {
    /// Expands the seeds, once for all tiles.
    #[must_use]
    pub fn new<'a>(seeds: impl IntoIterator<Item = (&'a Seed, Sign)>) -> Self {
        let keys = seeds.into_iter().map(|(seed, sign)| (seed.as_bytes(), sign));
        Self(ripieno_mask::Keys::new(keys))
    }

    /// Puts all masks on a run of lanes.
    pub fn apply(&self, lanes: &mut [u64], at: Position) {
        self.0.apply(lanes, at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ripieno_study::{Hasher, SiteIndex, Tag};

    use super::*;
    use crate::kdf;

    fn seed(n: u8) -> Seed {
        let ctx = Hasher::new(Tag::Context).finish();
        kdf::self_seed(&[n; 32], SiteIndex::new(1).unwrap(), &ctx)
    }

    #[test]
    fn streams_of_different_vectors_and_seeds_differ() {
        let words = |n, vector| {
            let mut words = [0; 4];
            let at = Position { vector, first_lane: 0, ring: Ring::Lane };
            Masks::new([(&seed(n), Sign::Add)]).apply(&mut words, at);
            words
        };
        assert_ne!(words(1, 0), words(1, 1));
        assert_ne!(words(1, 0), words(2, 0));
    }

    proptest! {
        #[test]
        fn subtracting_undoes_adding(values in prop::collection::vec(any::<u64>(), 2..1300), wide: bool) {
            let even = values.len() / 2 * 2;
            let ring = if wide { Ring::Pair } else { Ring::Lane };
            let at = Position { vector: 0, first_lane: 4, ring };
            let mut lanes = values[..even].to_vec();
            Masks::new([(&seed(4), Sign::Add)]).apply(&mut lanes, at);
            prop_assert_ne!(&lanes[..], &values[..even]);
            Masks::new([(&seed(4), Sign::Subtract)]).apply(&mut lanes, at);
            prop_assert_eq!(&lanes[..], &values[..even]);
        }
    }
}
