//! Packed values: unsigned fields of a lane, offset to be non-negative.
//!
//! Of a field of `w` bits a value gets `b = w − ⌈log2 participants⌉`. It becomes one of the levels
//! `−M … M` with `M = 2^(b−1) − 1`, where `M` stands for `range`, and the field holds `level + M`.
//! The sum over all participants is at most `participants · (2^b − 2) < 2^w`: nothing carries.

use rand::CryptoRng;
use ripieno_mask::{Loop, with_wide_vectors};
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
    /// neighbouring level so that the mean is the value itself. Returns how many values are not within the range:
    /// what is not a number is among them, and its lane means nothing.
    pub(crate) fn append(
        &self,
        values: &[f64],
        factor: f64,
        rounding: &mut impl CryptoRng,
        lanes: &mut Vec<u64>,
    ) -> u64 {
        let mut random = [0; 8 * CHUNK];
        let mut fields = [0; CHUNK];
        let mut inside = 0;
        for chunk in values.chunks(CHUNK) {
            rounding.fill_bytes(&mut random[..8 * chunk.len()]);
            let words = random.as_chunks::<8>().0;
            let fields = &mut fields[..chunk.len()];
            if self.width <= 32 {
                let small = SmallFields { quantiser: self, values: chunk, factor, words, fields };
                inside += with_wide_vectors(small);
            } else {
                for ((field, value), word) in fields.iter_mut().zip(chunk).zip(words) {
                    *field = self.field(value * factor, u64::from_le_bytes(*word));
                }
                inside += chunk.iter().filter(|value| value.abs() <= self.range).count() as u64;
            }
            match self.fields {
                4 => pack::<4, 4>(fields, lanes),
                3 => pack::<3, 3>(fields, lanes),
                2 => pack::<2, 2>(fields, lanes),
                _ => pack::<1, 1>(fields, lanes),
            }
        }
        (values.len() as u64).wrapping_sub(inside)
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
}

/// Appends fields as lanes, so many to a lane.
fn pack<const FIELDS: u32, const EACH: usize>(fields: &[u64], lanes: &mut Vec<u64>) {
    let lane = |fields: &[u64]| {
        fields.iter().rev().fold(0_u64, |lane, field| lane.unbounded_shl(64 / FIELDS) | field)
    };
    let (whole, last) = fields.as_chunks::<EACH>();
    lanes.extend(whole.iter().map(|fields| lane(fields)));
    if !last.is_empty() {
        lanes.push(lane(last));
    }
}

/// [`Quantiser::field`] for fields of 32 bits or fewer, to the same bits, in steps that the compiler
/// makes vectors of. Gives how many values are within the range.
struct SmallFields<'a> {
    quantiser: &'a Quantiser,
    values: &'a [f64],
    factor: f64,
    words: &'a [[u8; 8]],
    fields: &'a mut [u64],
}

impl Loop for SmallFields<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let Self { quantiser, values, factor, words, fields } = self;
        small_fields((quantiser.range, quantiser.top), values, factor, words, fields)
    }
}

/// Whole numbers below 2^51 are in the low bits of a float after adding 3 · 2^51.
#[inline(always)]
fn small_fields(
    (range, top): (f64, i64),
    values: &[f64],
    factor: f64,
    words: &[[u8; 8]],
    fields: &mut [u64],
) -> u64 {
    const MIDDLE: f64 = (3_u64 << 51) as f64;
    let offset = (top as u64).wrapping_sub(MIDDLE.to_bits());
    let top = top as f64;
    for ((field, value), word) in fields.iter_mut().zip(values).zip(words) {
        let value = value * factor;
        let value = if value > range { range } else { value };
        let value = if value < -range { -range } else { value };
        let scaled = value / range * top;
        let nearest = scaled + MIDDLE;
        let above = nearest - MIDDLE > scaled;
        let floor = nearest - MIDDLE - if above { 1.0 } else { 0.0 };
        let up = unit_words(u64::from_le_bytes(*word)) < (scaled - floor) * (1_u64 << 53) as f64;
        let level = nearest.to_bits().wrapping_add(u64::from(up)).wrapping_sub(u64::from(above));
        *field = level.wrapping_add(offset);
    }
    values.iter().map(|value| u64::from(value.abs() <= range)).sum()
}

/// The top 53 bits of a word as a float, exactly: its halves in the low bits of floats of their size.
#[inline(always)]
fn unit_words(word: u64) -> f64 {
    const LOW: f64 = (1_u64 << 52) as f64;
    const HIGH: f64 = (1_u128 << 84) as f64;
    let high = f64::from_bits(HIGH.to_bits() | word >> 43);
    let low = f64::from_bits(LOW.to_bits() | (word >> 11 & 0xffff_ffff));
    high - (HIGH + LOW) + low
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
    use rand::rngs::ChaCha20Rng;
    use rand::{Rng, RngExt, SeedableRng};

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
    fn vectors_of_small_fields_are_the_fields_one_by_one() {
        let mut random = ChaCha20Rng::seed_from_u64(4);
        for packing in [Packing::Two, Packing::Three, Packing::Four] {
            for (range, participants) in [(1.0, 3), (0.3, 10), (1e-300, 100), (7.7e8, 128)] {
                let quantiser = Quantiser::new(packing, range, participants);
                let level = range / quantiser.top as f64;
                let mut values = vec![0.0, -0.0, range, -range, 1.1 * range, -9.0 * range];
                let near = [level, 7.0 * level, range - level, 1e-20 * range, range.next_down()];
                values.extend(near.into_iter().flat_map(|at| {
                    [at, at.next_up(), at.next_down(), -at, (-at).next_up(), (-at).next_down()]
                }));
                values.extend((0..2000).map(|_| range * (random.random::<f64>() * 2.2 - 1.1)));
                let mut words = [[0; 8]; 2100];
                random.fill_bytes(words.as_flattened_mut());
                (words[0], words[3]) = ([0; 8], [0xff; 8]);
                for factor in [1.0, 0.37] {
                    let mut fields = vec![0; values.len()];
                    let bounds = (quantiser.range, quantiser.top);
                    let inside = small_fields(bounds, &values, factor, &words, &mut fields);
                    assert!(inside < values.len() as u64 && inside > 1500);
                    let mut wide = vec![0; values.len()];
                    let work = SmallFields {
                        quantiser: &quantiser,
                        values: &values,
                        factor,
                        words: &words,
                        fields: &mut wide,
                    };
                    assert_eq!((with_wide_vectors(work), &wide), (inside, &fields));
                    let one = |(value, word): (&f64, &[u8; 8])| {
                        quantiser.field(value * factor, u64::from_le_bytes(*word))
                    };
                    assert!(fields.iter().copied().eq(values.iter().zip(&words).map(one)));
                }
            }
        }
        for word in [0, 1, u64::MAX, 1 << 63, 0x7ff, 0x800, 0x1234_5678_9abc_def0] {
            assert_eq!(unit_words(word), (word >> 11) as f64);
        }
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
