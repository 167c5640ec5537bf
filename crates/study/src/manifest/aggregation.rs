//! `[aggregation]`: how sums are formed. The whole table may be absent.

use toml::de::DeTable;

use super::error::ManifestError;
use super::section::Section;
use super::{Aggregation, AnalysisSpec, UpdateEncoding};
use crate::contract::Membership;
use crate::plan::{Clip, Packing};

/// Honest survivors that every opened sum has (docs/protocol.md §0).
const HONEST: u64 = 3;
/// Sites in a cohort at most.
const MAX_SITES: u64 = 128;
/// Limits of `range`: outside of them a field's step would lose all digits of a `f64`.
const RANGE: std::ops::RangeInclusive<f64> = 1e-12..=1e12;
/// Keys that mean something for packed updates only.
const PACKED_KEYS: [&str; 3] = ["fields_per_lane", "range", "clip"];

/// Reads the table; `None` where it is absent.
pub(super) fn read(
    section: Option<&Section<'_>>,
    analysis: &AnalysisSpec,
) -> Result<Aggregation, ManifestError> {
    let nothing = DeTable::new();
    let absent = Section::root("", &nothing);
    let section = section.unwrap_or(&absent);
    section.only(&[
        "minimum_sites",
        "corrupt",
        "membership",
        "encoding",
        "fields_per_lane",
        "range",
        "clip",
    ])?;
    let (minimum_sites, corrupt) = sites(section)?;
    let membership = section.get("membership").map_or(Ok(Membership::Fixed), |value| {
        value.word(&[("fixed", Membership::Fixed), ("may-change", Membership::MayChange)])
    })?;
    Ok(Aggregation { minimum_sites, corrupt, membership, encoding: encoding(section, analysis)? })
}

/// `minimum_sites` and `corrupt`. A sum needs `corrupt + 3` survivors: a minimum that the study
/// writes down must say so, one that it leaves out rises by itself.
fn sites(section: &Section<'_>) -> Result<(u16, Option<u16>), ManifestError> {
    let corrupt = section.get("corrupt");
    let corrupt = corrupt.map(|value| value.integer(0..=MAX_SITES - HONEST)).transpose()?;
    let needed = corrupt.unwrap_or(0) + HONEST;
    let minimum = match section.get("minimum_sites") {
        None => needed,
        Some(value) => {
            let minimum = value.integer(HONEST..=MAX_SITES)?;
            if minimum < needed {
                let reason = format!(
                    "is {minimum}, but with corrupt = {} a sum needs three honest sites besides; \
                     allowed: integers from {needed} to {MAX_SITES}",
                    needed - HONEST
                );
                return Err(value.error(reason));
            }
            minimum
        }
    };
    // Both are at most 128.
    let narrow = |number| u16::try_from(number).unwrap_or(u16::MAX);
    Ok((narrow(minimum), corrupt.map(narrow)))
}

fn encoding(
    section: &Section<'_>,
    analysis: &AnalysisSpec,
) -> Result<UpdateEncoding, ManifestError> {
    let given = section.get("encoding");
    let packed = match &given {
        Some(value) => value.word(&[("wide", false), ("packed", true)])?,
        None => matches!(analysis, AnalysisSpec::Vector(_)),
    };
    if let (true, AnalysisSpec::Glm(_), Some(value)) = (packed, analysis, &given) {
        return Err(value.error(
            "is \"packed\", but the statistics of a glm are always wide; allowed: \"wide\"",
        ));
    }
    if packed { packed_encoding(section, analysis) } else { wide_encoding(section) }
}

fn wide_encoding(section: &Section<'_>) -> Result<UpdateEncoding, ManifestError> {
    match PACKED_KEYS.iter().find_map(|key| section.get(key)) {
        Some(value) => Err(value.error(
            "is for packed updates only, and these are wide: \
             remove it, or set encoding = \"packed\" where the analysis allows it",
        )),
        None => Ok(UpdateEncoding::Wide),
    }
}

fn packed_encoding(
    section: &Section<'_>,
    analysis: &AnalysisSpec,
) -> Result<UpdateEncoding, ManifestError> {
    let packing = match (section.get("fields_per_lane"), analysis) {
        (Some(value), _) => {
            let fields = value.integer(1..=4)?;
            let packing = u32::try_from(fields).ok().and_then(Packing::from_fields);
            packing.ok_or_else(|| value.error("is not 1, 2, 3 or 4"))?
        }
        // 32 bits keep a trained model within 1e-4 of the one that wide sums give; 21 do not.
        (None, AnalysisSpec::FedAvg(_)) => Packing::Two,
        (None, _) => Packing::Three,
    };
    let range = section.get("range").map_or(Ok(1.0), |value| {
        value.number(|x| RANGE.contains(&x), "numbers from 1e-12 to 1e12")
    })?;
    let clip = section.get("clip").map_or(Ok(Clip::Refuse), |value| {
        value.word(&[("refuse", Clip::Refuse), ("coordinate", Clip::Coordinate), ("l2", Clip::L2)])
    })?;
    Ok(UpdateEncoding::Packed { packing, range, clip })
}
