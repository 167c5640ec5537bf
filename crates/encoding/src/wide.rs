//! Wide values: signed 128-bit fixed point with 40 fractional bits, over two lanes.

use ripieno_study::plan::{WIDE_FRACTION_BITS, sum_bits};

/// Units in 1.0. Multiplying by a power of two is exact.
const UNITS: f64 = (1_u64 << WIDE_FRACTION_BITS) as f64;

/// The bound that a value's units must stay below so that `participants` of them sum without
/// overflow: 2^(127 − ⌈log2 participants⌉), as a float exact.
fn limit(participants: usize) -> f64 {
    (1_u128 << (127 - sum_bits(participants))) as f64
}

/// Whether every value is in range; a value that is not finite never is.
pub(crate) fn fits(values: &[f64], participants: usize) -> bool {
    let limit = limit(participants);
    values.iter().fold(true, |fits, value| fits & ((value * UNITS).abs() < limit))
}

/// Appends two lanes a value, low lane first, rounded to the nearest unit. Values must
/// [fit](fits).
pub(crate) fn append(values: &[f64], lanes: &mut Vec<u64>) {
    lanes.extend(values.iter().flat_map(|value| {
        // A float of 2^53 units or more is an integer already, and below 2^127 the cast is exact.
        let units = (value * UNITS).round_ties_even() as i128 as u128;
        [units as u64, (units >> 64) as u64]
    }));
}

/// The values of a sum over `survivors`, or `None` where one is beyond what `survivors` of
/// `participants` sites can reach. `lanes` are pairs.
pub(crate) fn read(lanes: &[u64], survivors: usize, participants: usize) -> Option<Vec<f64>> {
    let units = units(lanes, survivors, participants)?;
    Some(units.into_iter().map(value).collect())
}

/// The same as whole units.
pub(crate) fn units(lanes: &[u64], survivors: usize, participants: usize) -> Option<Vec<i128>> {
    let bound = (survivors as u128) << (127 - sum_bits(participants));
    let mut within = true;
    let values = lanes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&[low, high]| {
            let units = (u128::from(low) | u128::from(high) << 64) as i128;
            within &= units.unsigned_abs() <= bound;
            units
        })
        .collect();
    within.then_some(values)
}

/// The double that is nearest to so many units, ties to even.
pub(crate) fn value(units: i128) -> f64 {
    units as f64 / UNITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: f64) -> f64 {
        let mut lanes = Vec::new();
        append(&[value], &mut lanes);
        read(&lanes, 1, 4).unwrap()[0]
    }

    #[test]
    fn lanes_are_little_endian_twos_complement() {
        let mut lanes = Vec::new();
        append(&[1.0, -1.0 / UNITS, (1_u64 << 24) as f64], &mut lanes);
        assert_eq!(lanes, [1 << 40, 0, u64::MAX, u64::MAX, 0, 1]);
    }

    #[test]
    fn floats_of_any_size_survive() {
        for value in
            [0.1, -1e9 / 3.0, 1e24 / 7.0, -1.5e25, 8_192.000_000_000_9, (1_u64 << 53) as f64]
        {
            let error = (round_trip(value) - value).abs();
            assert!(error <= 0.5 / UNITS, "{value}: {error}");
        }
        assert_eq!(round_trip(0.5 / UNITS), 0.0, "ties go to even");
        assert_eq!(round_trip(1.5 / UNITS), 2.0 / UNITS);
    }

    #[test]
    fn the_limit_is_strict_and_falls_with_the_number_of_sites() {
        let at = |bits: i32| 2_f64.powi(bits - 40);
        assert!(!fits(&[at(125)], 4) && !fits(&[-at(125)], 4));
        assert!(fits(&[at(125).next_down()], 4) && fits(&[at(125)], 2));
        assert!(!fits(&[f64::NAN], 3) && !fits(&[f64::INFINITY], 3) && !fits(&[f64::MAX], 3));
    }

    #[test]
    fn a_sum_that_no_sites_can_reach_is_noticed() {
        let mut lanes = Vec::new();
        append(&[2_f64.powi(125 - 40)], &mut lanes);
        assert!(read(&lanes, 1, 4).is_some());
        lanes[0] += 1;
        assert!(read(&lanes, 1, 4).is_none() && read(&lanes, 2, 4).is_some());
    }
}
