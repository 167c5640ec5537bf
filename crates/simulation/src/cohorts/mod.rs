//! More sites than one cohort holds: drawn, set up, masked and opened cohort by cohort, and added
//! (docs/protocol.md §9).
//!
//! Every site is one of its own, with key, ledger, witness and secrets, and runs `ripieno_secagg`;
//! every message is encoded, counted and decoded. There are no tables, no policies and no audit
//! logs: sites sum vectors that a `vector` study draws from its seed. Cohorts run side by side, as
//! many at a time as there are cores, and only those hold secrets of an epoch.

mod cast;
mod drawing;
mod member;
mod outcome;
mod round;
mod setup;
mod total;
mod verify;

pub use outcome::{CohortRecord, CohortsOutcome, RoundTotal, Spread, Times};

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use ripieno_analysis::{Analysis, NamedVector, State, Step, for_study, plan};
use ripieno_study::manifest::{AnalysisSpec, VectorSpec};
use ripieno_study::{SiteIndex, Study};

use crate::error::SimulationError;
use cast::Cast;
use outcome::Course;
use round::{CohortRun, Job};
use setup::Cohort;

/// How a simulation of cohorts runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CohortOptions {
    /// Number of sites: 129 to 65,534.
    pub sites: u16,
    /// Probability that a site drops out of a round, in `[0, 1)`: before its upload, or in the
    /// middle of it. Where membership is fixed, its cohort repeats the round in another slot, with
    /// the site back.
    pub drop: f64,
    /// Seed of every key, share, mask, rounding and drop; `None` draws one.
    pub seed: Option<u64>,
}

/// What happens, as it happens.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// All sites have signed the charter.
    Chartered {
        /// Number of sites.
        sites: usize,
        /// c.
        corrupt: u16,
    },
    /// The cohorts are drawn.
    Drawn {
        /// How many.
        cohorts: usize,
        /// The fewest sites of one.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A cohort has opened its sum.
    Opened {
        /// Number of the round.
        round: u32,
        /// Cohorts that have, in this round.
        done: usize,
        /// Cohorts in all.
        of: usize,
        /// Which one.
        cohort: &'a CohortRecord,
    },
    /// The sums of all cohorts were added, and checked.
    Added {
        /// The round.
        round: &'a RoundTotal,
    },
}

/// A study of vectors.
struct Task<'a> {
    study: &'a Study,
    spec: &'a VectorSpec,
    analysis: Box<dyn Analysis>,
}

/// Runs a `vector` study with sites that were made up. `watch` sees every stage.
///
/// # Errors
/// [`SimulationError`]: another kind of study, a number of sites that is one cohort or too many, too
/// few survivors in a cohort, or a check that failed.
pub fn simulate_cohorts(
    study: &Study,
    options: &CohortOptions,
    watch: &mut dyn FnMut(Stage<'_>),
) -> Result<CohortsOutcome, SimulationError> {
    let started = Instant::now();
    let AnalysisSpec::Vector(spec) = &study.manifest().analysis else {
        let reason = "made-up sites have no tables: the study must be of kind \"vector\"";
        return Err(SimulationError::Sites(reason.into()));
    };
    let task = Task { study, spec, analysis: for_study(study.manifest())? };
    let seed = options.seed.unwrap_or_else(rand::random);
    let mut cast = Cast::new(study, options, seed)?;
    watch(Stage::Chartered { sites: usize::from(options.sites), corrupt: cast.charter.corrupt() });
    let mut times = Times { charter: started.elapsed(), ..Times::default() };
    let begun = Instant::now();
    let drawing::Drawn { draw, cohorts } = drawing::draw(&mut cast, study)?;
    times.draw = begun.elapsed();
    let sizes: Vec<_> = draw.cohorts().map(|(_, sites)| sites.len()).collect();
    let (least, most) = (sizes.iter().min(), sizes.iter().max());
    let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
    watch(Stage::Drawn { cohorts: cohorts.len(), least, most });

    let cells: Vec<_> = cohorts.into_iter().map(Mutex::new).collect();
    let mut course = Course::default();
    let mut state = task.analysis.initial();
    loop {
        let plan = plan(&*task.analysis, &state)?;
        let number = u32::try_from(course.rounds.len()).unwrap_or(u32::MAX).saturating_add(1);
        let job = Job::new(&cast, &task, &plan, &state, number, options.drop, seed);
        let begun = Instant::now();
        let runs = all(&job, &cells, &mut course, watch)?;
        times.cohorts += begun.elapsed();
        let begun = Instant::now();
        let (round, step) = total::add(&cast, &draw, &task, (&plan, &state), &cells, runs)?;
        times.total += begun.elapsed();
        watch(Stage::Added { round: &round });
        course.rounds.push(round);
        match step {
            Step::Continue { state: next, .. } => state = next,
            Step::Done(report) => {
                times.all = started.elapsed();
                return Ok(CohortsOutcome::new(&cast, draw.seed(), report, course, cells, times));
            }
        }
    }
}

/// A round in every cohort, in the order of their numbers.
fn all(
    job: &Job<'_>,
    cells: &[Mutex<Cohort>],
    course: &mut Course,
    watch: &mut dyn FnMut(Stage<'_>),
) -> Result<Vec<CohortRun>, SimulationError> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let mut runs: Vec<_> = cells.iter().map(|_| None).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(cells.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(place) else { return };
                    // Nobody else takes this place, so nobody has left it poisoned.
                    let Ok(mut cohort) = cell.lock() else { return };
                    if send.send((place, cohort.round(job))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (place, run) in receive {
            let run: CohortRun = run?;
            let done = runs.iter().flatten().count() + 1;
            watch(Stage::Opened { round: job.round, done, of: cells.len(), cohort: &run.record });
            course.cohorts.push(run.record.clone());
            if let Some(slot) = runs.get_mut(place) {
                *slot = Some(run);
            }
        }
        let runs: Vec<CohortRun> = runs.into_iter().flatten().collect();
        if runs.len() == cells.len() { Ok(runs) } else { Err(SimulationError::Stuck) }
    })
}

/// What every site adds in a state, before it is encoded.
fn values(
    task: &VectorSpec,
    state: &State,
    site: SiteIndex,
) -> Result<Vec<NamedVector>, SimulationError> {
    Ok(ripieno_compute::local_vector(task, state, site)?)
}
