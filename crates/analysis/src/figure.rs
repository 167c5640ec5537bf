//! Figures of a report as JSON has them: what is not a number is written as `null`, and read back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// One figure.
pub(crate) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// A list of figures.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let figures = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(figures.into_iter().map(|figure| figure.unwrap_or(f64::NAN)).collect())
}

/// A list of pairs.
pub(crate) fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<[f64; 2]>, D::Error> {
    let pairs = Vec::<[Option<f64>; 2]>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|pair| pair.map(|figure| figure.unwrap_or(f64::NAN))).collect())
}

/// Figures by name.
pub(crate) fn named<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'static, str>, f64>, D::Error> {
    let named = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    let figures = named.into_iter();
    Ok(figures.map(|(name, figure)| (name.into(), figure.unwrap_or(f64::NAN))).collect())
}
