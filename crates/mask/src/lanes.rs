//! Lanes without a keystream.

use crate::keys::Ring;

/// Lanes that are summed at a time: their sums stay in the first-level cache.
const STEP: usize = 1024;

/// Adds `from` to `into`, lane by lane or pair by pair. Where lengths differ, what is beyond the shorter is
/// left out.
pub fn accumulate(into: &mut [u64], from: &[u64], ring: Ring) {
    match ring {
        Ring::Lane => add(into, from),
        Ring::Pair => add_pairs(into, from),
    }
}

/// Adds all of `from` to `into` in one pass: how masked vectors are summed.
pub fn accumulate_all(into: &mut [u64], from: &[&[u64]], ring: Ring) {
    for (number, sums) in into.chunks_mut(STEP).enumerate() {
        let at = number * STEP;
        let mut rest = from.iter().map(|lanes| lanes.get(at..).unwrap_or_default());
        while let Some(one) = rest.next() {
            match (ring, rest.next()) {
                (Ring::Lane, Some(other)) => add_two(sums, one, other),
                (Ring::Lane, None) => add(sums, one),
                (Ring::Pair, other) => {
                    add_pairs(sums, one);
                    add_pairs(sums, other.unwrap_or_default());
                }
            }
        }
    }
}

fn add(into: &mut [u64], from: &[u64]) {
    into.iter_mut().zip(from).for_each(|(a, b)| *a = a.wrapping_add(*b));
}

fn add_two(into: &mut [u64], one: &[u64], other: &[u64]) {
    if one.len() < into.len() || other.len() < into.len() {
        add(into, one);
        return add(into, other);
    }
    let pairs = one.iter().zip(other);
    into.iter_mut().zip(pairs).for_each(|(a, (b, c))| *a = a.wrapping_add(b.wrapping_add(*c)));
}

fn add_pairs(into: &mut [u64], from: &[u64]) {
    let (into, _) = into.as_chunks_mut::<2>();
    let (from, _) = from.as_chunks::<2>();
    for (a, b) in into.iter_mut().zip(from) {
        *a = split(join(*a).wrapping_add(join(*b)));
    }
}

pub(crate) fn join([low, high]: [u64; 2]) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

#[allow(clippy::cast_possible_truncation)]
pub(crate) fn split(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_carry_into_the_high_lane() {
        let mut sum = [u64::MAX, 1];
        accumulate(&mut sum, &[1, 0], Ring::Pair);
        assert_eq!(sum, [0, 2]);
        let mut sum = [u64::MAX, 1];
        accumulate(&mut sum, &[1, 0], Ring::Lane);
        assert_eq!(sum, [0, 1]);
    }

    #[test]
    fn many_in_one_pass_are_one_after_the_other() {
        let vectors: Vec<Vec<u64>> =
            (1..6).map(|k| (0..2500).map(|i| u64::MAX / (i + k)).collect()).collect();
        for ring in [Ring::Lane, Ring::Pair] {
            for count in 0..vectors.len() {
                let from: Vec<_> = vectors[..count].iter().map(Vec::as_slice).collect();
                let (mut once, mut each) = (vec![7; 2500], vec![7; 2500]);
                accumulate_all(&mut once, &from, ring);
                from.iter().for_each(|lanes| accumulate(&mut each, lanes, ring));
                assert_eq!(once, each, "{count} {ring:?}");
            }
        }
    }
}
