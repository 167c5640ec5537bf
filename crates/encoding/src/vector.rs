//! Named vectors and the plan that carries them.

use ripieno_study::plan::Clip;
use ripieno_study::{Encoding, InputSpec, Plan};

/// Values under the name that the analysis gave them: one site's, or their sum.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedVector {
    /// The name in the plan.
    pub name: String,
    /// The values, in the unit of the analysis.
    pub values: Vec<f64>,
}

impl NamedVector {
    /// A vector of this name.
    pub fn new(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values }
    }
}

/// Name of the companion that sums how many values of vector `name` were clipped.
#[must_use]
pub fn clipped_name(name: &str) -> String {
    format!("{name}.clipped")
}

/// The plan for what an analysis sums: its vectors in order, each one that may be clipped followed
/// by a wide companion of length 1 ([`clipped_name`]), which [`encode`](crate::encode) fills.
///
/// `tile_lanes` is taken as it is; [`Plan::check`] judges it.
#[must_use]
pub fn plan_for(inputs: &[InputSpec], tile_lanes: u32) -> Plan {
    let with_companion =
        |input: &InputSpec| [Some(input.clone()), companion(input)].into_iter().flatten();
    Plan { inputs: inputs.iter().flat_map(with_companion).collect(), tile_lanes }
}

/// The companion that must follow `input`, if it may be clipped.
pub(crate) fn companion(input: &InputSpec) -> Option<InputSpec> {
    match input.encoding {
        Encoding::Wide | Encoding::Packed { clip: Clip::Refuse, .. } => None,
        Encoding::Packed { clip: Clip::Coordinate | Clip::L2, .. } => {
            Some(InputSpec { name: clipped_name(&input.name), length: 1, encoding: Encoding::Wide })
        }
    }
}
