//! The local half of an analysis: a governed view in, named vectors out.
//!
//! What comes out is one site's contribution to a sum. It is meant for the encoding and the masks
//! of a round, and for nothing else.

mod error;
mod family;
mod fedavg;
mod glm;
mod vector;

#[cfg(test)]
mod tests;

pub use error::ComputeError;
pub use vector::local_vector;

use ndarray::{ArrayView1, ArrayView2};
use ripieno_access::View;
use ripieno_analysis::NamedVector;
use ripieno_analysis::State;
use ripieno_study::Manifest;
use ripieno_study::manifest::AnalysisSpec;

use error::RowError;

/// What this site adds to the sums of `state`: the vectors that the analysis names, in its order.
///
/// # Errors
/// [`ComputeError`] where the outcome does not suit the family, the view or the state not the
/// study; never with a value of a row.
pub fn local(
    manifest: &Manifest,
    state: &State,
    view: &View,
) -> Result<Vec<NamedVector>, ComputeError> {
    let rows = Rows { features: view.features(), outcome: view.outcome() };
    on_rows(manifest, state, rows).map_err(|error| error.at(|row| view.outcome_place(row)))
}

/// The numbers of a view.
#[derive(Clone, Copy)]
struct Rows<'a> {
    /// Rows × features.
    features: ArrayView2<'a, f64>,
    /// One value per row.
    outcome: ArrayView1<'a, f64>,
}

fn on_rows(
    manifest: &Manifest,
    state: &State,
    rows: Rows<'_>,
) -> Result<Vec<NamedVector>, RowError> {
    let columns = manifest.data.as_ref().map_or(0, |data| data.features.len());
    let rectangular = rows.features.nrows() == rows.outcome.len();
    if columns != rows.features.ncols() || !rectangular || rows.outcome.is_empty() {
        return Err(RowError::Shape);
    }
    match (&manifest.analysis, state) {
        (AnalysisSpec::Glm(spec), State::Glm(state)) => glm::sums(spec, state, rows),
        (AnalysisSpec::FedAvg(spec), State::FedAvg(state)) => {
            fedavg::sums(spec, manifest.aggregation.encoding, state, rows)
        }
        _ => Err(RowError::State),
    }
}
