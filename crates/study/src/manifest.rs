//! A study as a researcher writes it (docs/study.md).

mod aggregation;
mod analysis;
mod error;
mod parse;
mod section;
mod value;

pub use analysis::{MAX_ITERATIONS, MAX_LOCAL_STEPS, MAX_ROUNDS};
pub use error::ManifestError;
pub use parse::{MAX_FEATURES, MAX_TEXT};
pub use value::MAX_LABEL;

use crate::contract::Membership;
use crate::digest::{Digest, Hasher};
use crate::plan::{Clip, Packing};
use crate::tag::Tag;

/// A study manifest with the bytes it was written in. Its digest is over the bytes, so any change,
/// a comment included, is another study that must be approved again.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    text: String,
    manifest: Manifest,
    digest: Digest,
}

impl Study {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first unknown key or impossible value, with its line, its column and what is allowed.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest = parse::manifest(text)?;
        Ok(Self { text: text.into(), manifest, digest: digest_of(text) })
    }

    /// The manifest as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the study asks.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Digest of the manifest's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What a study asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// A title for people.
    pub name: String,
    /// What the data is used for; site policies decide by it.
    pub purpose: String,
    /// Which columns; `None` where the analysis reads none.
    pub data: Option<DataSpec>,
    /// What is computed.
    pub analysis: AnalysisSpec,
    /// How the sum is formed.
    pub aggregation: Aggregation,
}

impl Manifest {
    /// The most sums that the study may open. A `glm`: the first round, the same once more in
    /// other units, one for each Newton step, and one for each time that a step is shortened. A `fedavg`: its rounds, one to evaluate the
    /// result, and one to count rows where updates are packed and `max_rows` is not given.
    #[must_use]
    pub const fn most_sums(&self) -> u32 {
        match &self.analysis {
            AnalysisSpec::Glm(glm) => glm.max_iterations.saturating_mul(2).saturating_add(2),
            AnalysisSpec::FedAvg(fedavg) => {
                let packed = matches!(self.aggregation.encoding, UpdateEncoding::Packed { .. });
                let counted = packed && fedavg.max_rows.is_none();
                fedavg.rounds.saturating_add(if counted { 2 } else { 1 })
            }
            AnalysisSpec::Vector(vector) => vector.rounds,
        }
    }
}

/// The data that a study reads at each site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpec {
    /// The name under which each site registers its table.
    pub dataset: String,
    /// The outcome column.
    pub outcome: String,
    /// The feature columns, in the order of the coefficients after the intercept.
    pub features: Vec<String>,
    /// What to do with a row that lacks a value.
    pub missing: Missing,
}

impl DataSpec {
    /// All columns that the study reads: the outcome, then the features in their order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.outcome).chain(&self.features).map(String::as_str)
    }
}

/// What to do with a row that lacks a value in one of the study's columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Refuse, naming file, row and column.
    #[default]
    Error,
    /// Leave the row out.
    DropRow,
}

/// The analysis and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum AnalysisSpec {
    /// A generalised linear model, fitted by Newton–Raphson on secure sums.
    Glm(GlmSpec),
    /// Federated averaging of the same models.
    FedAvg(FedAvgSpec),
    /// The sum of a seeded random vector: for benches and tests of large updates.
    Vector(VectorSpec),
}

impl AnalysisSpec {
    /// The names of all kinds.
    pub const KINDS: [&'static str; 3] = ["glm", "fedavg", "vector"];

    /// The name in a manifest: `glm`, `fedavg` or `vector`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            AnalysisSpec::Glm(_) => "glm",
            AnalysisSpec::FedAvg(_) => "fedavg",
            AnalysisSpec::Vector(_) => "vector",
        }
    }
}

/// Distribution of the outcome, with its canonical link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Normal, identity link.
    Gaussian,
    /// Bernoulli, logit link.
    Binomial,
    /// Poisson, log link.
    Poisson,
}

/// Parameters of a `glm`.
#[derive(Clone, Debug, PartialEq)]
pub struct GlmSpec {
    /// The family.
    pub family: Family,
    /// Most Newton steps.
    pub max_iterations: u32,
    /// Converged when the Newton decrement, relative to the deviance, is below this.
    pub tolerance: f64,
    /// Level of the confidence intervals, in (0, 1).
    pub confidence: f64,
}

/// Parameters of a `fedavg`.
#[derive(Clone, Debug, PartialEq)]
pub struct FedAvgSpec {
    /// The family.
    pub family: Family,
    /// Rounds of averaging.
    pub rounds: u32,
    /// Gradient steps at a site in a round.
    pub local_steps: u32,
    /// Rows in a step; `None` for all rows.
    pub batch_size: Option<u32>,
    /// Step length.
    pub learning_rate: f64,
    /// Whether a site reorders its rows for each pass over them.
    pub shuffle: bool,
    /// Whether features are standardised at each site, by its own mean and deviation.
    pub standardise: Standardise,
    /// Seed of the shuffling.
    pub seed: u64,
    /// The largest number of rows a site may have, where updates are packed.
    pub max_rows: Option<u64>,
}

/// Scaling of the features before training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standardise {
    /// As they are.
    #[default]
    None,
    /// `(x − mean) / (deviation + 1e-9)` over the site's own rows, n − 1 in the deviation.
    Site,
}

/// Parameters of a `vector`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorSpec {
    /// Number of values.
    pub length: u64,
    /// Seed of the values.
    pub seed: u64,
    /// How often they are summed.
    pub rounds: u32,
}

/// How sums are formed and protected.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    /// The fewest sites whose sum may be opened: at least 3, and at least `corrupt + 3`.
    pub minimum_sites: u16,
    /// The number of corrupt sites that the study wants to stand; `None` for the charter's.
    pub corrupt: Option<u16>,
    /// Whether the set of sites may change.
    pub membership: Membership,
    /// Encoding of updates (statistics are always wide).
    pub encoding: UpdateEncoding,
}

/// Encoding of model updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateEncoding {
    /// Exact 128-bit fixed point.
    Wide,
    /// Fields of a lane.
    Packed {
        /// Fields to a lane.
        packing: Packing,
        /// Values lie in `[-range, range]`.
        range: f64,
        /// What happens outside of it.
        clip: Clip,
    },
}

/// Digest of a manifest's bytes.
#[must_use]
pub fn digest_of(text: &str) -> Digest {
    Hasher::new(Tag::Study).part(text).finish()
}
