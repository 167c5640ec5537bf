//! A manifest from its text: the document, `[data]`, and the order in which the rest is read.

use toml::de::DeTable;

use super::error::{ManifestError, quoted};
use super::section::Section;
use super::{AnalysisSpec, DataSpec, Manifest, Missing, aggregation, analysis};

/// The longest manifest, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// The most features of a study.
pub const MAX_FEATURES: usize = 4096;
/// The name of the coefficient that every model has; no column can have it.
const INTERCEPT: &str = "(Intercept)";

pub(super) fn manifest(text: &str) -> Result<Manifest, ManifestError> {
    if text.len() > MAX_TEXT {
        let reason = format!("the manifest has {} bytes; allowed: up to {MAX_TEXT}", text.len());
        return Err(ManifestError::at(text, 0, reason));
    }
    let table = DeTable::parse(text).map_err(|error| ManifestError::syntax(text, &error))?;
    let root = Section::root(text, table.get_ref());
    root.only(&["name", "purpose", "data", "analysis", "aggregation"])?;
    let name = root.required("name")?.label()?;
    let purpose = root.required("purpose")?.label()?;
    let data = root.table("data")?.map(|section| data(&section)).transpose()?;
    let section = root.table("analysis")?;
    let section = section.ok_or_else(|| root.error("the manifest lacks the table [analysis]"))?;
    let analysis = analysis::read(&section)?;
    if data.is_none() && !matches!(analysis, AnalysisSpec::Vector(_)) {
        let reason = format!("is {}, which reads data: add the table [data]", analysis.kind());
        return Err(section.required("kind")?.error(reason));
    }
    let aggregation = aggregation::read(root.table("aggregation")?.as_ref(), &analysis)?;
    analysis::check_length(&section, &analysis, &aggregation)?;
    Ok(Manifest { name, purpose, data, analysis, aggregation })
}

fn data(section: &Section<'_>) -> Result<DataSpec, ManifestError> {
    section.only(&["dataset", "outcome", "features", "missing"])?;
    let dataset = section.required("dataset")?.label()?;
    let outcome = section.required("outcome")?.label()?;
    let features = features(section, &outcome)?;
    let missing = section.get("missing").map_or(Ok(Missing::Error), |value| {
        value.word(&[("error", Missing::Error), ("drop-row", Missing::DropRow)])
    })?;
    Ok(DataSpec { dataset, outcome, features, missing })
}

fn features(section: &Section<'_>, outcome: &str) -> Result<Vec<String>, ManifestError> {
    let list = section.required("features")?;
    let items = list.items()?;
    if items.is_empty() || items.len() > MAX_FEATURES {
        let reason = format!("names {} columns; allowed: 1 to {MAX_FEATURES}", items.len());
        return Err(list.error(reason));
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut features = Vec::with_capacity(items.len());
    for item in &items {
        let name = item.label()?;
        let shown = quoted(&name);
        if name == outcome {
            return Err(item.error(format!("names {shown}, which is the outcome")));
        }
        if name == INTERCEPT {
            return Err(item.error(format!("names {shown}, which every model has already")));
        }
        if !seen.insert(name.clone()) {
            return Err(item.error(format!("names {shown} twice")));
        }
        features.push(name);
    }
    Ok(features)
}
