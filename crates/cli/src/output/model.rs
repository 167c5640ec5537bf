//! The fitted model in the safetensors format, as 64-bit floats, with what it is in its metadata.

use std::collections::HashMap;

use ripieno_analysis::Report;
use ripieno_study::Study;
use ripieno_study::manifest::{AnalysisSpec, Standardise};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use ripieno_terminal::{Exit, Failure};

use super::Results;

/// The name of the file.
pub(crate) const FILE: &str = "model.safetensors";

/// The file's bytes; `None` where the analysis has no model, or found no estimate.
pub(crate) fn bytes(study: &Study, results: &Results) -> Result<Option<Vec<u8>>, Failure> {
    let internal = |error| Failure::new(Exit::Internal, anyhow::Error::from(error));
    let Some(model) = Model::of(&results.report) else { return Ok(None) };
    let mut metadata = HashMap::from([
        ("format".to_owned(), "ripieno-model-1".to_owned()),
        ("analysis".to_owned(), study.manifest().analysis.kind().to_owned()),
        ("family".to_owned(), model.family.to_owned()),
        ("n".to_owned(), model.n.to_string()),
        ("terms".to_owned(), serde_json::json!(model.terms).to_string()),
        ("sites".to_owned(), serde_json::json!(results.sites).to_string()),
        ("study".to_owned(), study.digest().to_string()),
        ("name".to_owned(), study.manifest().name.clone()),
    ]);
    if let AnalysisSpec::FedAvg(spec) = &study.manifest().analysis {
        let standardise = match spec.standardise {
            Standardise::None => "none",
            Standardise::Site => "site",
        };
        metadata.insert("standardise".to_owned(), standardise.to_owned());
    }
    let tensors: Vec<(&str, Vec<u8>)> = model
        .tensors
        .iter()
        .map(|(name, values)| (*name, values.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, bytes)| {
            Ok((*name, TensorView::new(Dtype::F64, vec![bytes.len() / 8], bytes)?))
        })
        .collect::<Result<_, _>>()
        .map_err(internal)?;
    serialize(views, Some(metadata)).map(Some).map_err(internal)
}

/// What of a report is a model.
struct Model<'a> {
    family: &'a str,
    n: u64,
    terms: &'a [String],
    tensors: Vec<(&'static str, &'a [f64])>,
}

impl<'a> Model<'a> {
    fn of(report: &'a Report) -> Option<Self> {
        match report {
            // Figures of a fit that did not converge are in the result, which says so; a model
            // file would be used as if they were estimates.
            Report::Glm(glm) if glm.converged => Some(Self {
                family: &glm.family,
                n: glm.n,
                terms: &glm.terms,
                tensors: vec![
                    ("coefficients", &glm.coefficients),
                    ("standard_errors", &glm.standard_errors),
                ],
            }),
            Report::FedAvg(fedavg) => Some(Self {
                family: &fedavg.family,
                n: fedavg.n,
                terms: &fedavg.terms,
                tensors: vec![("parameters", &fedavg.parameters)],
            }),
            Report::Glm(_) | Report::Vector(_) => None,
        }
    }
}
