//! W6: the sums of all cohorts, added, and checked by sites of every cohort.

use std::sync::Mutex;
use std::time::Instant;

use ripieno_analysis::{NamedVector, State, Step, Sums};
use ripieno_encoding::{CohortLanes, decode_total};
use ripieno_secagg::cohort::{CohortSum, Draw, Total};
use ripieno_study::Plan;
use ripieno_wire::cohort;

use crate::cohorts::Task;
use crate::cohorts::cast::Cast;
use crate::cohorts::outcome::RoundTotal;
use crate::cohorts::round::{CohortRun, add as add_values};
use crate::cohorts::setup::Cohort;
use crate::error::SimulationError;

/// Up to so many sites all of them check the total, beyond one of each cohort: what they check is
/// the same bytes.
const ALL_CHECK: usize = 1024;

/// Adds the sums, and has them checked.
pub(super) fn add(
    cast: &Cast,
    draw: &Draw,
    task: &Task<'_>,
    (plan, state): (&Plan, &State),
    cells: &[Mutex<Cohort>],
    runs: Vec<CohortRun>,
) -> Result<(RoundTotal, Step), SimulationError> {
    let begun = Instant::now();
    let needed = usize::from(cast.roster.corrupt) + 1;
    let seen = runs.first().and_then(|run| run.seen.clone());
    let direct = add_values(runs.iter().map(|run| &run.direct));
    let round = runs.first().map_or(0, |run| run.record.round);
    let (sums, vouched): (Vec<CohortSum>, Vec<_>) = runs
        .into_iter()
        .map(|CohortRun { mut sum, vouched, .. }| {
            sum.words.truncate(needed);
            (sum, vouched)
        })
        .unzip();
    let (found, step) = next(task, plan, state, &sums)?;
    let charter = cast.roster.charter;
    let total = Total::sign(draw, &charter, &cast.coordinator, sums, step.digest());
    let bytes = cohort::encode_total(&total);
    let all = cast.keys.len() <= ALL_CHECK;
    let mut checked_by = 0;
    for (cell, vouched) in cells.iter().zip(&vouched) {
        // The threads of the round have ended.
        let Ok(mut cohort) = cell.lock() else { return Err(SimulationError::Stuck) };
        for member in cohort.members.values_mut() {
            member.traffic.received += bytes.len() as u64;
        }
        for own in vouched.values().take(if all { usize::MAX } else { 1 }) {
            let total = cohort::decode_total(bytes.clone())?;
            let verified = total.verify(&cast.roster, draw, own, cast.minimum)?;
            let (_, step) = next(task, plan, state, verified.cohorts())?;
            verified.next_state(&step.digest())?;
            checked_by += 1;
        }
    }
    let values = found.first().map(|vector| vector.values.as_slice()).unwrap_or_default();
    let difference = values.iter().zip(&direct).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let sizes = total.cohorts.iter().map(|part| part.outcome.survivors.len());
    let shown = |values: &[f64]| values.iter().take(RoundTotal::SHOWN).copied().collect();
    let record = RoundTotal {
        round,
        survivors: sizes.sum(),
        participants: total.cohorts.iter().map(|part| part.contract.participants.len()).sum(),
        total: shown(values),
        direct: shown(&direct),
        difference,
        bytes: bytes.len() as u64,
        checked_by,
        seen,
        elapsed: begun.elapsed(),
    };
    Ok((record, step))
}

/// What the sums lead to: the same at every site and at the coordinator.
fn next(
    task: &Task<'_>,
    plan: &Plan,
    state: &State,
    sums: &[CohortSum],
) -> Result<(Vec<NamedVector>, Step), SimulationError> {
    let part = |sum| {
        let CohortSum { contract, outcome, lanes, .. }: &CohortSum = sum;
        let (survivors, participants) = (outcome.survivors.len(), contract.participants.len());
        CohortLanes { lanes, survivors, participants }
    };
    let parts: Vec<_> = sums.iter().map(part).collect();
    let vectors = decode_total(plan, &parts)?;
    let survivors = parts.iter().map(|part| part.survivors).sum();
    let step = task.analysis.combine(state, &Sums::new(vectors.clone()), survivors)?;
    Ok((vectors, step))
}
