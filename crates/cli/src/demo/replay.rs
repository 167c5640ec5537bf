//! The study once more, from the tables: what each hospital computed, and what it came to.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_access::{Decision, Gate, Policy, Request, Requester, View};
use ripieno_analysis::{NamedVector, Report, State, Step, Sums, for_study};
use ripieno_catalog::{Catalog, Source};
use ripieno_encoding::{decode, encode};
use ripieno_secagg::mask::accumulate;
use ripieno_secagg::round::tiles;
use ripieno_study::{Plan, Study};
use ripieno_terminal::{Exit, Failure};

use crate::output::Round;

/// A hospital's table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// What one hospital computed for one round.
pub(super) struct Contribution {
    pub(super) plan: Plan,
    pub(super) vectors: Vec<NamedVector>,
    /// The same in lanes, before the mask.
    pub(super) lanes: Vec<u64>,
}

/// What the replay comes to.
pub(super) struct Replay {
    /// Of the hospital and the round that were asked for.
    pub(super) contribution: Contribution,
    pub(super) report: Report,
}

/// Goes through the rounds as they were opened, each with the sites that were summed in it, and
/// keeps what `hospital` computed for `round`.
pub(super) fn replay(
    study: &Study,
    tables: &[Table],
    rounds: &[Round],
    hospital: &str,
    round: u32,
) -> Result<Replay, Failure> {
    let analysis = for_study(study.manifest()).map_err(failed)?;
    let views = tables.iter().map(|table| Ok((table.name.as_str(), view(study, table)?)));
    let views: Vec<_> = views.collect::<Result<_, Failure>>()?;
    let (mut state, mut kept) = (analysis.initial(), None);
    for opened in rounds {
        let plan = ripieno_analysis::plan(analysis.as_ref(), &state).map_err(failed)?;
        let mut sum = vec![0; usize::try_from(plan.lanes()).unwrap_or(0)];
        for (name, view) in &views {
            let own = contribute(study, &state, &plan, view, tables.len())?;
            if opened.survivors.iter().any(|site| site == name) {
                add(&plan, &mut sum, &own.lanes);
            }
            if *name == hospital && opened.round == round {
                kept = Some(own);
            }
        }
        let survivors = opened.survivors.len();
        let participants = survivors + opened.missing.len();
        let sums = decode(&plan, &sum, survivors, participants).map_err(failed)?;
        match analysis.combine(&state, &Sums::new(sums), survivors).map_err(failed)? {
            Step::Continue { state: next, .. } => state = next,
            Step::Done(report) => {
                let contribution = kept.ok_or_else(|| failed("the round was not opened"))?;
                return Ok(Replay { contribution, report });
            }
        }
    }
    Err(failed("the rounds end before the analysis"))
}

/// Opened through a gate, like everything that reads rows.
fn view(study: &Study, table: &Table) -> Result<View, Failure> {
    let dataset = study.manifest().data.iter().map(|data| data.dataset.clone());
    let sources = dataset.map(|name| Source { name, path: table.path.clone() });
    let (catalog, authority) = Catalog::new(&table.name, sources).map_err(failed)?;
    let gate = Gate::new(catalog, authority, Policy::laboratory());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let requester =
        Requester { name: "demo".into(), role: "researcher".into(), ..Requester::default() };
    let decision = gate.decide(&Request::new(study, requester, now)).map_err(failed)?;
    let Decision::Approved(permit) = decision else {
        return Err(failed("the laboratory policy did not approve"));
    };
    gate.open(&permit, now).map_err(failed)
}

fn contribute(
    study: &Study,
    state: &State,
    plan: &Plan,
    view: &View,
    participants: usize,
) -> Result<Contribution, Failure> {
    let vectors = ripieno_compute::local(study.manifest(), state, view).map_err(failed)?;
    // Wide values are not rounded at random: any generator gives these lanes.
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let lanes = encode(plan, &vectors, participants, &mut rng).map_err(failed)?.lanes;
    Ok(Contribution { plan: plan.clone(), vectors, lanes })
}

fn add(plan: &Plan, sum: &mut [u64], lanes: &[u64]) {
    for tile in tiles::tiles(plan) {
        accumulate(tile.of_mut(sum), tile.of(lanes), tile.at.ring);
    }
}

fn failed(error: impl Display) -> Failure {
    Failure::new(Exit::Internal, anyhow!("the study cannot be repeated here: {error}"))
}
