//! Floats by their bits: in digests, and in stored states, where a decimal might lose the last one.

use ripieno_study::Hasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Adds floats to a hash, by their bits.
pub(crate) fn hash_floats(hasher: Hasher, values: &[f64]) -> Hasher {
    // Processors disagree about the sign of what is not a number, so there is one for all.
    let bits = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    hasher.list(values.iter(), |hasher, value| hasher.number(bits(value)))
}

/// `#[serde(with = "bits::list")]` for `Vec<f64>`.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|value| value.to_bits()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let bits = Vec::<u64>::deserialize(from)?;
        Ok(bits.into_iter().map(f64::from_bits).collect())
    }
}

/// `#[serde(with = "bits::one")]` for `f64`.
pub(crate) mod one {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    // The signature is serde's.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}
