//! The plan of a round: which vectors are summed and how their values sit in 64-bit lanes
//! (docs/protocol.md §7). Part of `ctx`; the conversion of values is in `ripieno-encoding`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Hasher;

/// Fractional bits of a wide value.
pub const WIDE_FRACTION_BITS: u32 = 40;
/// The most lanes a plan may have over all its vectors (2^30 lanes are 8 GiB).
pub const MAX_LANES: u64 = 1 << 30;
/// The most vectors a plan may name.
pub const MAX_VECTORS: usize = 64;
/// The longest name of a vector, in bytes.
pub const MAX_NAME: usize = 64;
/// Smallest and largest tile, in lanes; always a power of two.
pub const TILE_LANES: std::ops::RangeInclusive<u32> = 512..=(1 << 17);

/// The tile of every plan: 128 KiB, small beside an upload and large beside its hash.
pub const STANDARD_TILE: u32 = 1 << 14;

/// How many fields share one 64-bit lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packing {
    /// One field of 64 bits.
    One,
    /// Two fields of 32 bits.
    Two,
    /// Three fields of 21 bits.
    Three,
    /// Four fields of 16 bits.
    Four,
}

impl Packing {
    /// Fields in a lane: 1 to 4.
    #[must_use]
    pub const fn fields(self) -> u32 {
        match self {
            Packing::One => 1,
            Packing::Two => 2,
            Packing::Three => 3,
            Packing::Four => 4,
        }
    }

    /// Width of one field in bits: 64, 32, 21 or 16.
    #[must_use]
    pub const fn width(self) -> u32 {
        64 / self.fields()
    }

    /// The packing with so many fields to a lane.
    #[must_use]
    pub const fn from_fields(fields: u32) -> Option<Self> {
        match fields {
            1 => Some(Packing::One),
            2 => Some(Packing::Two),
            3 => Some(Packing::Three),
            4 => Some(Packing::Four),
            _ => None,
        }
    }
}

/// What happens to a value outside the study's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clip {
    /// An error at the site.
    Refuse,
    /// Each coordinate is moved to the nearest end of the range, and the moved ones are counted.
    Coordinate,
    /// The whole vector is shortened to an L2 norm of at most `range`, and that is counted.
    L2,
}

/// How the values of one vector become lanes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    /// Signed 128-bit fixed point with [`WIDE_FRACTION_BITS`] fractional bits, two lanes a value.
    Wide,
    /// Unsigned fields of a lane, offset to be non-negative.
    Packed {
        /// Fields to a lane.
        packing: Packing,
        /// Values lie in `[-range, range]`; finite and positive.
        range: f64,
        /// What happens outside of it.
        clip: Clip,
    },
}

impl Encoding {
    /// Lanes that `length` values take.
    #[must_use]
    pub fn lanes(&self, length: u64) -> u64 {
        match self {
            Encoding::Wide => length.saturating_mul(2),
            Encoding::Packed { packing, .. } => length.div_ceil(u64::from(packing.fields())),
        }
    }
}

/// One named vector of a round.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// The name that the analysis gave it.
    pub name: String,
    /// Number of values.
    pub length: u64,
    /// How they are encoded.
    pub encoding: Encoding,
}

/// All vectors of a round. The position of a vector is its number in the mask generator.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The vectors, in order.
    pub inputs: Vec<InputSpec>,
    /// Lanes in a tile, the unit of hashing and of upload. A tile never spans two vectors.
    pub tile_lanes: u32,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// Too many vectors, or none.
    #[error("a plan names between 1 and {MAX_VECTORS} vectors, this one {0}")]
    Vectors(usize),
    /// A vector's name is empty, too long, or given twice.
    #[error("vector {0}: its name is empty, longer than {MAX_NAME} bytes, or given twice")]
    Name(usize),
    /// A vector without values, or more lanes than [`MAX_LANES`].
    #[error("vector {0}: it has no values, or the plan exceeds {MAX_LANES} lanes")]
    Length(usize),
    /// The tile size is not a power of two within [`TILE_LANES`].
    #[error("a tile has a power of two between 512 and 131072 lanes, not {0}")]
    Tile(u32),
    /// The range of a packed vector is not finite and positive.
    #[error("vector {0}: its range is not a finite positive number")]
    Range(usize),
    /// A field is too narrow for the sum over so many sites.
    #[error("vector {vector}: a field of {width} bits cannot hold the sum over {sites} sites")]
    Overflow {
        /// Number of the vector.
        vector: usize,
        /// Field width in bits.
        width: u32,
        /// Number of summands.
        sites: usize,
    },
}

/// The fewest bits a value must keep for its field to be worth sending.
const MIN_VALUE_BITS: u32 = 2;

/// ⌈log2 n⌉: the bits that a sum over `n` summands adds.
#[must_use]
pub fn sum_bits(n: usize) -> u32 {
    n.max(1).next_power_of_two().trailing_zeros()
}

impl Plan {
    /// Proves that no field can overflow when `sites` sites are summed (check S6): a value gets
    /// the field less ⌈log2 sites⌉ bits, so `sites` of the largest values still fit.
    ///
    /// # Errors
    /// The first [`PlanError`] met, with the vector's number.
    pub fn check(&self, sites: usize) -> Result<(), PlanError> {
        if self.inputs.is_empty() || self.inputs.len() > MAX_VECTORS {
            return Err(PlanError::Vectors(self.inputs.len()));
        }
        if !self.tile_lanes.is_power_of_two() || !TILE_LANES.contains(&self.tile_lanes) {
            return Err(PlanError::Tile(self.tile_lanes));
        }
        let mut lanes = 0_u64;
        for (vector, input) in self.inputs.iter().enumerate() {
            let twice = self.inputs.iter().take(vector).any(|other| other.name == input.name);
            if input.name.is_empty() || input.name.len() > MAX_NAME || twice {
                return Err(PlanError::Name(vector));
            }
            lanes = lanes.saturating_add(input.encoding.lanes(input.length));
            if input.length == 0 || lanes > MAX_LANES {
                return Err(PlanError::Length(vector));
            }
            if let Encoding::Packed { packing, range, .. } = input.encoding {
                if !(range.is_finite() && range > 0.0) {
                    return Err(PlanError::Range(vector));
                }
                if packing.width() < sum_bits(sites) + MIN_VALUE_BITS {
                    return Err(PlanError::Overflow { vector, width: packing.width(), sites });
                }
            }
        }
        Ok(())
    }

    /// Lanes over all vectors.
    #[must_use]
    pub fn lanes(&self) -> u64 {
        self.inputs.iter().map(InputSpec::lanes).fold(0, u64::saturating_add)
    }

    /// The tiles in upload order: vector by vector, each from its first lane.
    pub fn tiles(&self) -> impl Iterator<Item = TileSpan> + '_ {
        let tile = u64::from(self.tile_lanes.max(1));
        let mut base = 0;
        self.inputs.iter().enumerate().flat_map(move |(vector, input)| {
            let (start, lanes) = (base, input.lanes());
            base += lanes;
            (0..lanes.div_ceil(tile)).map(move |k| TileSpan {
                vector,
                first_lane: k * tile,
                offset: start + k * tile,
                lanes: tile.min(lanes - k * tile),
            })
        })
    }

    /// Adds every field of the plan to a hash.
    #[must_use]
    pub fn hash_into(&self, hasher: Hasher) -> Hasher {
        hasher.number(u64::from(self.tile_lanes)).list(
            self.inputs.iter().enumerate(),
            |hasher, (number, input)| {
                let hasher = hasher.part(&input.name).number(input.length).number(number as u64);
                match input.encoding {
                    Encoding::Wide => hasher.part("wide").number(WIDE_FRACTION_BITS),
                    Encoding::Packed { packing, range, clip } => {
                        hasher.part("packed").number(packing.width()).number(range.to_bits()).part(
                            match clip {
                                Clip::Refuse => "refuse",
                                Clip::Coordinate => "coordinate",
                                Clip::L2 => "l2",
                            },
                        )
                    }
                }
            },
        )
    }
}

impl InputSpec {
    /// Lanes of this vector.
    #[must_use]
    pub fn lanes(&self) -> u64 {
        self.encoding.lanes(self.length)
    }
}

/// Where a tile lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileSpan {
    /// Number of its vector.
    pub vector: usize,
    /// Its first lane within that vector.
    pub first_lane: u64,
    /// Its first lane within the whole update.
    pub offset: u64,
    /// How many lanes it has.
    pub lanes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(encoding: Encoding, length: u64) -> Plan {
        let input = InputSpec { name: "update".into(), length, encoding };
        Plan { inputs: vec![input], tile_lanes: 512 }
    }

    const PACKED: Encoding =
        Encoding::Packed { packing: Packing::Four, range: 1.0, clip: Clip::Refuse };

    #[test]
    fn sixteen_bits_hold_sixteen_thousand_sites_and_no_more() {
        assert_eq!(plan(PACKED, 5).check(1 << 14), Ok(()));
        let refused = plan(PACKED, 5).check((1 << 14) + 1);
        assert!(matches!(refused, Err(PlanError::Overflow { width: 16, .. })), "{refused:?}");
    }

    #[test]
    fn a_tile_never_spans_two_vectors() {
        let mut plan = plan(PACKED, 2051);
        plan.inputs.push(InputSpec { name: "count".into(), length: 1, encoding: Encoding::Wide });
        let tiles: Vec<_> =
            plan.tiles().map(|t| (t.vector, t.first_lane, t.offset, t.lanes)).collect();
        assert_eq!(tiles, [(0, 0, 0, 512), (0, 512, 512, 1), (1, 0, 513, 2)]);
        assert_eq!(plan.lanes(), 515);
    }

    #[test]
    fn impossible_plans_are_refused() {
        let wide = plan(Encoding::Wide, 1);
        let named = |name: &str| InputSpec { name: name.into(), ..wide.inputs[0].clone() };
        let with = |inputs: Vec<InputSpec>| Plan { inputs, tile_lanes: 512 };
        assert_eq!(with(vec![]).check(3), Err(PlanError::Vectors(0)));
        assert_eq!(with(vec![named("a"), named("a")]).check(3), Err(PlanError::Name(1)));
        assert_eq!(plan(Encoding::Wide, 0).check(3), Err(PlanError::Length(0)));
        assert_eq!(plan(Encoding::Wide, u64::MAX).check(3), Err(PlanError::Length(0)));
        assert_eq!(Plan { tile_lanes: 513, ..wide.clone() }.check(3), Err(PlanError::Tile(513)));
        let nan = Encoding::Packed { packing: Packing::One, range: f64::NAN, clip: Clip::Refuse };
        assert_eq!(plan(nan, 1).check(3), Err(PlanError::Range(0)));
    }

    /// By check S6.
    #[test]
    fn names_vectors_and_tiles_have_bounds() {
        let wide = plan(Encoding::Wide, 1);
        let named = |name: String| InputSpec { name, ..wide.inputs[0].clone() };
        let with = |inputs: Vec<InputSpec>| Plan { inputs, tile_lanes: 512 };
        let many = |count: usize| with((0..count).map(|n| named(n.to_string())).collect());
        assert_eq!(many(MAX_VECTORS).check(3), Ok(()));
        assert_eq!(many(MAX_VECTORS + 1).check(3), Err(PlanError::Vectors(MAX_VECTORS + 1)));
        assert_eq!(with(vec![named(String::new())]).check(3), Err(PlanError::Name(0)));
        assert_eq!(with(vec![named("n".repeat(MAX_NAME))]).check(3), Ok(()));
        assert_eq!(with(vec![named("n".repeat(MAX_NAME + 1))]).check(3), Err(PlanError::Name(0)));
        for tile_lanes in [TILE_LANES.start() / 2, TILE_LANES.end() * 2] {
            let refused = Plan { tile_lanes, ..wide.clone() }.check(3);
            assert_eq!(refused, Err(PlanError::Tile(tile_lanes)));
        }
    }
}
