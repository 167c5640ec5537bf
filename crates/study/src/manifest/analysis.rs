//! `[analysis]`: each kind with its own keys.

use super::error::ManifestError;
use super::section::Section;
use super::{
    Aggregation, AnalysisSpec, Family, FedAvgSpec, GlmSpec, Standardise, UpdateEncoding, VectorSpec,
};
use crate::plan::{Encoding, MAX_LANES};

/// The most rounds of a study.
pub const MAX_ROUNDS: u32 = 100_000;
/// The most Newton steps of a `glm`.
pub const MAX_ITERATIONS: u32 = 1000;
/// The most gradient steps at a site in one round.
pub const MAX_LOCAL_STEPS: u32 = 1_000_000;

type Read = fn(&Section<'_>) -> Result<AnalysisSpec, ManifestError>;

/// Reads the table.
pub(super) fn read(section: &Section<'_>) -> Result<AnalysisSpec, ManifestError> {
    let kinds: [(&str, Read); 3] = [("glm", glm), ("fedavg", fedavg), ("vector", vector)];
    section.required("kind")?.word(&kinds)?(section)
}

/// Refuses a `vector` that does not fit into a plan, which depends on its encoding.
pub(super) fn check_length(
    section: &Section<'_>,
    analysis: &AnalysisSpec,
    aggregation: &Aggregation,
) -> Result<(), ManifestError> {
    let AnalysisSpec::Vector(vector) = analysis else { return Ok(()) };
    let encoding = match aggregation.encoding {
        UpdateEncoding::Wide => Encoding::Wide,
        UpdateEncoding::Packed { packing, range, clip } => {
            Encoding::Packed { packing, range, clip }
        }
    };
    let lanes = encoding.lanes(vector.length);
    if lanes <= MAX_LANES {
        return Ok(());
    }
    let reason = format!("takes {lanes} lanes in this encoding; allowed: up to {MAX_LANES}");
    Err(section.required("length")?.error(reason))
}

fn glm(section: &Section<'_>) -> Result<AnalysisSpec, ManifestError> {
    section.only(&["kind", "family", "max_iterations", "tolerance", "confidence"])?;
    let between = |key, default| {
        section.get(key).map_or(Ok(default), |value| {
            value.number(|x| 0.0 < x && x < 1.0, "numbers above 0 and below 1")
        })
    };
    Ok(AnalysisSpec::Glm(GlmSpec {
        family: family(section)?,
        max_iterations: count(section, "max_iterations", MAX_ITERATIONS, Some(25))?,
        tolerance: between("tolerance", 1e-12)?,
        confidence: between("confidence", 0.95)?,
    }))
}

fn fedavg(section: &Section<'_>) -> Result<AnalysisSpec, ManifestError> {
    section.only(&[
        "kind",
        "family",
        "rounds",
        "local_steps",
        "batch_size",
        "learning_rate",
        "shuffle",
        "standardise",
        "seed",
        "max_rows",
    ])?;
    let max_rows = section.get("max_rows").map(|value| value.integer(1..=u64::from(u32::MAX)));
    Ok(AnalysisSpec::FedAvg(FedAvgSpec {
        family: family(section)?,
        rounds: count(section, "rounds", MAX_ROUNDS, None)?,
        local_steps: count(section, "local_steps", MAX_LOCAL_STEPS, None)?,
        batch_size: batch_size(section)?,
        learning_rate: section
            .required("learning_rate")?
            .number(|x| x > 0.0, "finite numbers above 0")?,
        shuffle: section.get("shuffle").map_or(Ok(false), |value| value.boolean())?,
        standardise: standardise(section)?,
        seed: seed(section)?,
        max_rows: max_rows.transpose()?,
    }))
}

fn vector(section: &Section<'_>) -> Result<AnalysisSpec, ManifestError> {
    section.only(&["kind", "length", "seed", "rounds"])?;
    Ok(AnalysisSpec::Vector(VectorSpec {
        length: section.required("length")?.integer(1..=4 * MAX_LANES)?,
        seed: seed(section)?,
        rounds: count(section, "rounds", MAX_ROUNDS, Some(1))?,
    }))
}

fn family(section: &Section<'_>) -> Result<Family, ManifestError> {
    section.required("family")?.word(&[
        ("gaussian", Family::Gaussian),
        ("binomial", Family::Binomial),
        ("poisson", Family::Poisson),
    ])
}

/// A count from 1 to `most`; required where there is no default.
fn count(
    section: &Section<'_>,
    key: &str,
    most: u32,
    default: Option<u32>,
) -> Result<u32, ManifestError> {
    match (section.get(key), default) {
        (None, Some(default)) => Ok(default),
        _ => section.required(key)?.integer(1..=u64::from(most)).map(saturate),
    }
}

/// Rows in a step: 0 and `"all"` both mean every row.
fn batch_size(section: &Section<'_>) -> Result<Option<u32>, ManifestError> {
    let Some(value) = section.get("batch_size") else { return Ok(None) };
    if value.is_string() {
        return value.word(&[("all", None)]);
    }
    let rows = saturate(value.integer(0..=u64::from(u32::MAX))?);
    Ok((rows > 0).then_some(rows))
}

/// `false` and `"none"` leave features as they are, `true` and `"site"` scale them at each site.
fn standardise(section: &Section<'_>) -> Result<Standardise, ManifestError> {
    let Some(value) = section.get("standardise") else { return Ok(Standardise::None) };
    if value.is_string() {
        return value.word(&[("none", Standardise::None), ("site", Standardise::Site)]);
    }
    let wrong =
        |_| value.error("wants a boolean or a word; allowed: true, false, \"none\", \"site\"");
    let site = value.boolean().map_err(wrong)?;
    Ok(if site { Standardise::Site } else { Standardise::None })
}

fn seed(section: &Section<'_>) -> Result<u64, ManifestError> {
    let most = i64::MAX.unsigned_abs();
    section.get("seed").map_or(Ok(0), |value| value.integer(0..=most))
}

/// The caller has checked that `number` fits.
fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
