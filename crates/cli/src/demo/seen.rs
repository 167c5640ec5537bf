//! What one hospital computed, beside what the coordinator saw of it.

use std::fmt::Display;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_access::{Decision, Gate, Policy, Request, Requester};
use ripieno_analysis::glm::{GRADIENT, STATISTICS};
use ripieno_analysis::{NamedVector, for_study};
use ripieno_catalog::{Catalog, Source};
use ripieno_encoding::encode;
use ripieno_secagg::mask::accumulate;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_simulation::{Outcome, SiteTable};
use ripieno_study::{InputSpec, Plan, Study};

use super::hospitals::FEATURES;
use crate::exit::{Exit, Failure};

/// The first upload of a hospital.
pub(crate) struct Picture {
    /// The hospital.
    pub(crate) name: &'static str,
    /// Some of its figures.
    pub(crate) figures: Vec<Figure>,
    /// Its whole vector in lanes, before the mask.
    pub(crate) computed: Vec<u64>,
    /// The same lanes as the coordinator received them.
    pub(crate) received: Vec<u64>,
    /// Whether the vectors of all hospitals, computed here once more, add up to the sum of the
    /// first round's receipt.
    pub(crate) adds_up: bool,
}

/// A figure of a hospital.
pub(crate) struct Figure {
    /// What it is.
    pub(crate) what: String,
    /// Its value.
    pub(crate) value: f64,
    /// Its two lanes, masked.
    pub(crate) masked: [u64; 2],
}

impl Picture {
    /// Computes every hospital's vector of the first round once more, as the hospital does.
    pub(crate) fn of(
        study: &Study,
        tables: &[SiteTable],
        outcome: &Outcome,
        name: &'static str,
    ) -> Result<Self, Failure> {
        let missing = || Failure::new(Exit::Internal, anyhow!("nothing was seen of {name}"));
        let analysis = for_study(study.manifest()).map_err(failed)?;
        let plan =
            ripieno_analysis::plan(analysis.as_ref(), &analysis.initial()).map_err(failed)?;
        let mut sum = vec![0; usize::try_from(plan.lanes()).unwrap_or(0)];
        let mut shown = None;
        for table in tables {
            let vectors = contribution(study, table)?;
            // Wide values are not rounded at random: any generator gives these lanes.
            let mut rng = ChaCha20Rng::seed_from_u64(0);
            let encoded = encode(&plan, &vectors, tables.len(), &mut rng).map_err(failed)?;
            add(&plan, &mut sum, &encoded.lanes);
            if table.name == name {
                shown = Some((vectors, encoded.lanes));
            }
        }
        let (vectors, computed) = shown.ok_or_else(missing)?;
        let index = outcome.names.iter().find(|(_, other)| *other == name).map(|(index, _)| index);
        let seen = index.and_then(|index| outcome.seen.get(index)).ok_or_else(missing)?;
        let receipt = outcome.receipts.first().ok_or_else(missing)?;
        Ok(Self {
            name,
            figures: figures(&plan, &vectors, &seen.lanes),
            computed,
            received: seen.lanes.clone(),
            adds_up: tiles::root(Content::Sum, &plan, &sum) == receipt.receipt.sum,
        })
    }
}

/// What a site adds to the first round: opened through its gate, like everything that reads rows.
fn contribution(study: &Study, table: &SiteTable) -> Result<Vec<NamedVector>, Failure> {
    let dataset = study.manifest().data.iter().map(|data| data.dataset.clone());
    let sources = dataset.map(|name| Source { name, path: table.path.clone() });
    let (catalog, authority) = Catalog::new(&table.name, sources).map_err(failed)?;
    let gate = Gate::new(catalog, authority, Policy::laboratory());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let requester = Requester { name: "demo".into(), role: "researcher".into() };
    let decision = gate.decide(&Request::new(study, requester, now)).map_err(failed)?;
    let Decision::Approved(permit) = decision else {
        return Err(failed("the laboratory policy did not approve"));
    };
    let view = gate.open(&permit, now).map_err(failed)?;
    let initial = for_study(study.manifest()).map_err(failed)?.initial();
    ripieno_compute::local(study.manifest(), &initial, &view).map_err(failed)
}

fn failed(error: impl Display) -> Failure {
    Failure::new(Exit::Internal, anyhow!("the picture cannot be drawn: {error}"))
}

fn add(plan: &Plan, sum: &mut [u64], lanes: &[u64]) {
    for tile in tiles::tiles(plan) {
        accumulate(tile.of_mut(sum), tile.of(lanes), tile.at.ring);
    }
}

/// The figures that a reader knows how to read.
fn figures(plan: &Plan, vectors: &[NamedVector], masked: &[u64]) -> Vec<Figure> {
    let mut figures = vec![
        (STATISTICS, 0, "patients".to_owned()),
        (STATISTICS, 2, "malignant tumours".to_owned()),
    ];
    let gradient = FEATURES.iter().zip(1..);
    figures.extend(gradient.map(|(name, at)| (GRADIENT, at, format!("weighted sum of {name}"))));
    figures
        .into_iter()
        .filter_map(|(vector, at, what)| {
            let value = vectors.iter().find(|v| v.name == vector)?.values.get(at).copied()?;
            let lane = first_lane(plan, vector)? + 2 * at;
            let masked = [*masked.get(lane)?, *masked.get(lane + 1)?];
            Some(Figure { what, value, masked })
        })
        .collect()
}

/// Where a vector begins in the update.
fn first_lane(plan: &Plan, vector: &str) -> Option<usize> {
    let before = plan.inputs.iter().take_while(|input| input.name != vector);
    usize::try_from(before.map(InputSpec::lanes).sum::<u64>()).ok()
}
