//! Packed values: unsigned fields of a lane, offset to be non-negative.
//!
//! Of a field of `w` bits a value gets `b = w − ⌈log2 participants⌉`. It becomes one of the levels
//! `−M … M` with `M = 2^(b−1) − 1`, where `M` stands for `range`, and the field holds `level + M`.
//! The sum over all participants is at most `participants · (2^b − 2) < 2^w`: nothing carries.

use rand::CryptoRng;
use ripieno_study::Packing;
use ripieno_study::plan::sum_bits;

/// The width of a level, in units of the values: what stochastic rounding moves a value by, at
/// most. Meaningful for a plan that passes its check.
#[must_use]
pub fn resolution(packing: Packing, range: f64, participants: usize) -> f64 {
    let quantiser = Quantiser::new(packing, range, participants);
    range / quantiser.top as f64
}

/// Values handled at a time: a multiple of every number of fields.
const CHUNK: usize = 768;

/// The levels of one packed vector.
#[derive(Clone, Copy)]
pub(crate) struct Quantiser {
    fields: usize,
    width: u32,
    /// M, the level of `range`.
    top: i64,
    range: f64,
}

impl Quantiser {
    /// For a plan that passed [`Plan::check`](ripieno_study::Plan::check): a value has 2 bits or
    /// more.
    pub(crate) fn new(packing: Packing, range: f64, participants: usize) -> Self {
        let bits = packing.width().saturating_sub(sum_bits(participants)).max(2);
        let top = (1_i64 << (bits - 2)) - 1 + (1_i64 << (bits - 2));
        Self { fields: packing.fields() as usize, width: packing.width(), top, range }
    }

    /// Appends the lanes of `factor · values`, each moved into the range and rounded to a
    /// neighbouring level so that the mean is the value itself. All values are finite.
    pub(crate) fn append(
        &self,
        values: &[f64],
        factor: f64,
        rounding: &mut impl CryptoRng,
        lanes: &mut Vec<u64>,
    ) {
        let mut random = [0; 8 * CHUNK];
        let mut fields = [0; CHUNK];
        for chunk in values.chunks(CHUNK) {
            rounding.fill_bytes(&mut random[..8 * chunk.len()]);
            let words = random.as_chunks::<8>().0;
            for ((field, value), word) in fields.iter_mut().zip(chunk).zip(words) {
                *field = self.field(value * factor, u64::from_le_bytes(*word));
            }
            lanes.extend(fields[..chunk.len()].chunks(self.fields).map(|group| self.lane(group)));
        }
    }

    /// The sums of `length` values over `survivors` sites.
    pub(crate) fn read(
        &self,
        lanes: &[u64],
        length: usize,
        survivors: usize,
    ) -> Result<Vec<f64>, BadLanes> {
        let mask = u64::MAX >> (64 - self.width);
        let offset = (survivors as u64).wrapping_mul(self.top as u64);
        let most = offset.wrapping_mul(2);
        let mut values = Vec::with_capacity(length);
        let mut largest = 0;
        let mut unused = 0;
        for lane in lanes {
            let here = self.fields.min(length - values.len());
            for k in 0..here {
                let field = (lane >> (self.width * k as u32)) & mask;
                largest = largest.max(field);
                let level = field.wrapping_sub(offset) as i64;
                values.push(level as f64 / self.top as f64 * self.range);
            }
            unused |= lane.checked_shr(self.width * here as u32).unwrap_or(0);
        }
        match (largest > most, unused != 0) {
            (true, _) => Err(BadLanes::Field),
            (false, true) => Err(BadLanes::Unused),
            (false, false) => Ok(values),
        }
    }

    fn field(&self, value: f64, random: u64) -> u64 {
        let scaled = value.clamp(-self.range, self.range) / self.range * self.top as f64;
        let towards_zero = scaled as i64;
        let floor = towards_zero - i64::from(towards_zero as f64 > scaled);
        let fraction = scaled - floor as f64;
        // 53 random bits: uniform on [0, 1) over everything that a float can tell apart.
        let up = ((random >> 11) as f64) < fraction * (1_u64 << 53) as f64;
        // `top` may round up as a float of 53 bits; the second bound takes that back.
        let level = (floor + i64::from(up)).clamp(-self.top, self.top);
        (level as u64).wrapping_add(self.top as u64)
    }

    fn lane(&self, fields: &[u64]) -> u64 {
        fields.iter().rev().fold(0, |lane, field| lane.unbounded_shl(self.width) | field)
    }
}

/// Why lanes are not a sum of encoded values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLanes {
    /// A field is larger than the survivors can make it.
    Field,
    /// Bits that no value uses are set.
    Unused,
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha20Rng;

    use super::*;

    const ALL: [Packing; 4] = [Packing::One, Packing::Two, Packing::Three, Packing::Four];

    fn encoded(quantiser: Quantiser, values: &[f64], seed: u64) -> Vec<u64> {
        let mut lanes = Vec::new();
        let mut rounding = ChaCha20Rng::seed_from_u64(seed);
        quantiser.append(values, 1.0, &mut rounding, &mut lanes);
        lanes
    }

    #[test]
    fn field_zero_is_in_the_low_bits_and_unused_fields_are_zero() {
        let quantiser = Quantiser::new(Packing::Three, 1.0, 4);
        let top = (1 << 18) - 1;
        assert_eq!(quantiser.top, top);
        let lanes = encoded(quantiser, &[1.0, -1.0, 0.0, 1.0], 0);
        let top = top as u64;
        assert_eq!(lanes, [(2 * top) | (top << 42), 2 * top]);
    }

    #[test]
    fn extreme_sums_do_not_carry() {
        for packing in ALL {
            for participants in 1..=128 {
                let quantiser = Quantiser::new(packing, 2.5, participants);
                let values = [2.5, -2.5, 2.5, -2.5, 2.5];
                let lanes = encoded(quantiser, &values, 1);
                for survivors in [1, participants.div_ceil(2), participants] {
                    let sum: Vec<u64> =
                        lanes.iter().map(|lane| lane.wrapping_mul(survivors as u64)).collect();
                    let got = quantiser.read(&sum, values.len(), survivors).unwrap();
                    for (got, value) in got.iter().zip(values) {
                        let expected = value * survivors as f64;
                        assert!((got - expected).abs() <= 1e-15 * expected.abs(), "{packing:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn rounding_is_unbiased() {
        // 200 000 independent roundings, each within one level of the value: by Hoeffding the mean
        // misses by more than 0.008 levels with probability below 2·exp(−2·200000·0.008²) < 2e-11.
        const DRAWS: usize = 200_000;
        for (packing, fraction) in [
            (Packing::Four, 0.03),
            (Packing::Three, 0.5),
            (Packing::Two, 0.71),
            (Packing::Two, -0.9),
        ] {
            let quantiser = Quantiser::new(packing, 1.0, 5);
            let level = resolution(packing, 1.0, 5);
            let value = (7.0 + fraction) * level;
            let lanes = encoded(quantiser, &vec![value; DRAWS], 2);
            let back = quantiser.read(&lanes, DRAWS, 1).unwrap();
            assert!(back.iter().all(|v| (v - value).abs() <= level));
            let mean = back.iter().sum::<f64>() / DRAWS as f64;
            assert!((mean - value).abs() < 0.008 * level, "{packing:?} {fraction}");
        }
    }

    #[test]
    fn lanes_that_no_site_encodes_are_noticed() {
        let quantiser = Quantiser::new(Packing::Three, 1.0, 4);
        let good = encoded(quantiser, &[0.5; 4], 3);
        let with = |lane: usize, bits: u64| {
            let mut lanes = good.clone();
            lanes[lane] |= bits;
            quantiser.read(&lanes, 4, 1)
        };
        assert!(with(0, 0).is_ok());
        assert_eq!(with(0, 1 << 63), Err(BadLanes::Unused));
        assert_eq!(with(1, 1 << 30), Err(BadLanes::Unused));
        assert_eq!(with(1, 1 << 20), Err(BadLanes::Field));
    }
}
