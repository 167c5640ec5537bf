//! A site's values as lanes.

use rand::CryptoRng;
use ripieno_study::plan::{Clip, PlanError};
use ripieno_study::{Encoding, InputSpec, Plan};
use thiserror::Error;

use crate::packed::Quantiser;
use crate::vector::{NamedVector, companion};
use crate::wide;

/// An update as lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The lanes of all vectors, in plan order.
    pub lanes: Vec<u64>,
    /// How many values (with [`Clip::L2`]: vectors) were clipped.
    pub clipped: u64,
}

/// Why values cannot be encoded. Names vectors, never values.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The plan itself is impossible.
    #[error("the plan of the round is impossible: {0}")]
    Plan(#[from] PlanError),
    /// The plan lacks the count of clipped values.
    #[error("vector \"{0}\" may be clipped, but the plan does not sum how often")]
    Companion(String),
    /// The vectors are not the plan's.
    #[error("the plan sums vector \"{expected}\", the analysis computed \"{found}\"")]
    Vector {
        /// Name in the plan; empty beyond its last vector.
        expected: String,
        /// Name of the vector given; empty beyond the last one.
        found: String,
    },
    /// A vector has the wrong length.
    #[error("vector \"{name}\" has {found} values, the plan says {expected}")]
    Length {
        /// Name of the vector.
        name: String,
        /// Length in the plan.
        expected: u64,
        /// Length given.
        found: u64,
    },
    /// A value is not a finite number.
    #[error(
        "vector \"{0}\" holds a value that is not a finite number: the computation diverged; try a \
         smaller learning rate, or scale the columns"
    )]
    NotFinite(String),
    /// A value is outside the study's range.
    #[error(
        "vector \"{0}\" holds a value outside the study's range: raise [aggregation] range, or let \
         the study clip"
    )]
    OutsideRange(String),
    /// A wide value is too large to be summed.
    #[error(
        "vector \"{0}\" holds a value too large to be summed (about 1e25 divided by the number of \
         sites is the limit): scale the columns"
    )]
    TooLarge(String),
}

/// Encodes the vectors of an analysis, given in plan order and without the companions for clipped
/// counts, which are filled in here.
///
/// `participants` is the number of sites that may be summed; it decides the width of a level.
/// `rounding` is read 8 bytes a packed value, so the same generator gives the same lanes.
///
/// # Errors
/// [`EncodeError`], naming the vector.
pub fn encode(
    plan: &Plan,
    vectors: &[NamedVector],
    participants: usize,
    rounding: &mut impl CryptoRng,
) -> Result<Encoded, EncodeError> {
    plan.check(participants)?;
    let mut encoded = Encoded { lanes: Vec::with_capacity(plan.lanes() as usize), clipped: 0 };
    let mut specs = plan.inputs.iter();
    let mut given = vectors.iter();
    while let Some(spec) = specs.next() {
        let vector = match_vector(spec, given.next())?;
        let clipped = append(spec, vector, participants, rounding, &mut encoded.lanes)?;
        if let Some(companion) = companion(spec) {
            if specs.next() != Some(&companion) {
                return Err(EncodeError::Companion(spec.name.clone()));
            }
            wide::append(&[clipped as f64], &mut encoded.lanes);
            encoded.clipped += clipped;
        }
    }
    match given.next() {
        None => Ok(encoded),
        Some(extra) => {
            Err(EncodeError::Vector { expected: String::new(), found: extra.name.clone() })
        }
    }
}

fn match_vector<'a>(
    spec: &InputSpec,
    vector: Option<&'a NamedVector>,
) -> Result<&'a NamedVector, EncodeError> {
    let Some(vector) = vector.filter(|vector| vector.name == spec.name) else {
        let found = vector.map_or_else(String::new, |vector| vector.name.clone());
        return Err(EncodeError::Vector { expected: spec.name.clone(), found });
    };
    let found = vector.values.len() as u64;
    if found != spec.length {
        let (name, expected) = (spec.name.clone(), spec.length);
        return Err(EncodeError::Length { name, expected, found });
    }
    Ok(vector)
}

/// Appends one vector; how much of it was clipped.
fn append(
    spec: &InputSpec,
    vector: &NamedVector,
    participants: usize,
    rounding: &mut impl CryptoRng,
    lanes: &mut Vec<u64>,
) -> Result<u64, EncodeError> {
    let values = &vector.values;
    let fault = |kind: fn(String) -> EncodeError| match all_finite(values) {
        true => Err(kind(spec.name.clone())),
        false => Err(EncodeError::NotFinite(spec.name.clone())),
    };
    match spec.encoding {
        Encoding::Wide => {
            if !wide::fits(values, participants) {
                return fault(EncodeError::TooLarge);
            }
            wide::append(values, lanes);
            Ok(0)
        }
        Encoding::Packed { packing, range, clip } => {
            let norm = if clip == Clip::L2 { l2_norm(values) } else { 0.0 };
            let factor = if norm > range { range / norm } else { 1.0 };
            let quantiser = Quantiser::new(packing, range, participants);
            // A long vector is read once: what is wrong with it is asked when something is.
            let outside = quantiser.append(values, factor, rounding, lanes);
            match clip {
                _ if outside > 0 && !all_finite(values) => fault(EncodeError::NotFinite),
                Clip::Refuse if outside > 0 => fault(EncodeError::OutsideRange),
                Clip::Refuse => Ok(0),
                Clip::Coordinate => Ok(outside),
                Clip::L2 => Ok(u64::from(norm > range)),
            }
        }
    }
}

fn all_finite(values: &[f64]) -> bool {
    values.iter().fold(true, |finite, value| finite & value.is_finite())
}

/// Scaled by the largest value, so that no square overflows; still infinite where the norm is.
fn l2_norm(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let squares: f64 = values.iter().map(|value| (value / largest) * (value / largest)).sum();
    largest * squares.sqrt()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha20Rng;
    use ripieno_study::Packing;

    use super::*;
    use crate::{decode, plan_for};

    fn packed(clip: Clip) -> Plan {
        let encoding = Encoding::Packed { packing: Packing::Two, range: 2.0, clip };
        plan_for(&[InputSpec { name: "update".into(), length: 3, encoding }], 512)
    }

    fn update(values: [f64; 3]) -> Vec<NamedVector> {
        vec![NamedVector::new("update", values.to_vec())]
    }

    fn run(
        plan: &Plan,
        vectors: &[NamedVector],
    ) -> Result<(Encoded, Vec<NamedVector>), EncodeError> {
        let encoded = encode(plan, vectors, 4, &mut ChaCha20Rng::seed_from_u64(5))?;
        let decoded = decode(plan, &encoded.lanes, 1, 4).unwrap();
        Ok((encoded, decoded))
    }

    #[test]
    fn without_clipping_a_value_outside_is_refused() {
        assert!(run(&packed(Clip::Refuse), &update([2.0, -2.0, 0.0])).is_ok());
        let refused = run(&packed(Clip::Refuse), &update([2.1, 0.0, 0.0]));
        assert_eq!(refused, Err(EncodeError::OutsideRange("update".into())));
    }

    #[test]
    fn clipped_coordinates_are_counted_in_the_sum() {
        let (encoded, decoded) = run(&packed(Clip::Coordinate), &update([9.0, -3.0, 0.5])).unwrap();
        assert_eq!(encoded.clipped, 2);
        assert_eq!(decoded[1], NamedVector::new("update.clipped", vec![2.0]));
        let expected = [2.0, -2.0, 0.5];
        assert!(decoded[0].values.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-8));
    }

    #[test]
    fn a_long_vector_is_shortened_and_counted_once() {
        let (encoded, decoded) = run(&packed(Clip::L2), &update([3e200, 0.0, 4e200])).unwrap();
        assert_eq!((encoded.clipped, &decoded[1].values), (1, &vec![1.0]));
        let expected = [1.2, 0.0, 1.6];
        assert!(decoded[0].values.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-8));
        let (short, _) = run(&packed(Clip::L2), &update([1.0, 1.0, 1.0])).unwrap();
        assert_eq!(short.clipped, 0);
    }

    #[test]
    fn what_is_not_finite_is_refused_everywhere() {
        for clip in [Clip::Refuse, Clip::Coordinate, Clip::L2] {
            let refused = run(&packed(clip), &update([0.0, f64::NAN, 0.0]));
            assert_eq!(refused, Err(EncodeError::NotFinite("update".into())));
        }
    }

    #[test]
    fn vectors_that_are_not_the_plans_are_refused() {
        let plan = packed(Clip::Coordinate);
        let other = run(&plan, &[NamedVector::new("gradient", vec![0.0; 3])]);
        assert!(matches!(other, Err(EncodeError::Vector { .. })), "{other:?}");
        let short = run(&plan, &[NamedVector::new("update", vec![0.0; 2])]);
        assert!(matches!(short, Err(EncodeError::Length { expected: 3, found: 2, .. })));
        let twice = [update([0.0; 3]), update([0.0; 3])].concat();
        assert!(matches!(run(&plan, &twice), Err(EncodeError::Vector { .. })));
        let mut bare = plan.clone();
        bare.inputs.truncate(1);
        let refused = encode(&bare, &update([0.0; 3]), 4, &mut ChaCha20Rng::seed_from_u64(5));
        assert_eq!(refused, Err(EncodeError::Companion("update".into())));
    }
}
