//! What follows from a study before any site has seen it.

use anyhow::anyhow;
use ripieno_analysis::fedavg::Phase;
use ripieno_analysis::{State, for_study};
use ripieno_secagg::params::Parameters;
use ripieno_simulation::default_corrupt;
use ripieno_study::manifest::{Aggregation, DataSpec};
use ripieno_study::{Digest, Encoding, Membership, Plan, Study};
use serde::Serialize;

use ripieno_terminal::{Exit, Failure};

/// Sizes of federations that are tabulated.
const SIZES: [usize; 6] = [3, 4, 5, 10, 30, 100];

/// What follows from a study.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    ok: bool,
    name: String,
    study: Digest,
    purpose: String,
    analysis: &'static str,
    columns: Vec<String>,
    /// The most sums that are opened.
    pub(crate) rounds_at_most: u32,
    /// What a site uploads, by the kind of round.
    pub(crate) uploads: Vec<Upload>,
    membership: &'static str,
    /// The numbers of federations of several sizes.
    pub(crate) federations: Vec<Federation>,
}

/// What a site uploads in one kind of round.
#[derive(Debug, Serialize)]
pub(crate) struct Upload {
    pub(crate) step: &'static str,
    pub(crate) vectors: Vec<Vector>,
    pub(crate) lanes: u64,
    /// Masked bytes, the same for any number of sites.
    pub(crate) bytes: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) values: u64,
    pub(crate) encoding: &'static str,
}

/// The numbers of a federation, or why it cannot run the study.
#[derive(Debug, Serialize)]
pub(crate) struct Federation {
    pub(crate) sites: usize,
    pub(crate) corrupt: u16,
    pub(crate) threshold: Option<u16>,
    pub(crate) minimum: Option<u16>,
    /// Sites that a sum can do without.
    pub(crate) may_be_missing: Option<usize>,
    pub(crate) problem: Option<String>,
}

impl Facts {
    pub(crate) fn of(study: &Study) -> Result<Self, Failure> {
        let manifest = study.manifest();
        let wrong = |error| Failure::new(Exit::Study, anyhow::Error::from(error));
        let analysis = for_study(manifest).map_err(wrong)?;
        let mut uploads = Vec::new();
        let mut plans = Vec::new();
        for state in states(analysis.initial()) {
            let plan = ripieno_analysis::plan(analysis.as_ref(), &state).map_err(wrong)?;
            uploads.push(upload(state.step_name(), &plan));
            plans.push(plan);
        }
        if uploads.is_empty() {
            return Err(Failure::new(Exit::Internal, anyhow!("the study has no rounds")));
        }
        let columns = manifest.data.iter().flat_map(DataSpec::columns);
        Ok(Self {
            ok: true,
            name: manifest.name.clone(),
            study: study.digest(),
            purpose: manifest.purpose.clone(),
            analysis: manifest.analysis.kind(),
            columns: columns.map(str::to_owned).collect(),
            rounds_at_most: manifest.most_sums(),
            uploads,
            membership: manifest.aggregation.membership.name(),
            federations: SIZES.map(|size| federation(&manifest.aggregation, &plans, size)).into(),
        })
    }
}

/// A state of each kind of round that the study goes through.
fn states(initial: State) -> Vec<State> {
    let State::FedAvg(first) = &initial else { return vec![initial] };
    let counts = first.phase == Phase::Count;
    let phases = [Phase::Count, Phase::Train, Phase::Evaluate];
    let used = phases.into_iter().filter(|phase| counts || *phase != Phase::Count);
    used.map(|phase| {
        let mut state = first.clone();
        state.phase = phase;
        // The scale of a packed update; its length does not depend on it.
        state.max_rows = state.max_rows.max(1);
        State::FedAvg(state)
    })
    .collect()
}

fn upload(step: &'static str, plan: &Plan) -> Upload {
    let vectors = plan.inputs.iter().map(|input| Vector {
        name: input.name.clone(),
        values: input.length,
        encoding: match input.encoding {
            Encoding::Wide => "wide",
            Encoding::Packed { .. } => "packed",
        },
    });
    let lanes = plan.lanes();
    Upload { step, vectors: vectors.collect(), lanes, bytes: lanes.saturating_mul(8) }
}

fn federation(aggregation: &Aggregation, plans: &[Plan], sites: usize) -> Federation {
    let membership = aggregation.membership;
    let corrupt = aggregation.corrupt.unwrap_or_else(|| default_corrupt(sites, membership));
    let numbers = numbers(aggregation, plans, sites, corrupt);
    let (numbers, problem) = match numbers {
        Ok(numbers) => (Some(numbers), None),
        Err(problem) => (None, Some(problem)),
    };
    let spare = |minimum: u16| match membership {
        Membership::Fixed => 0,
        Membership::MayChange => sites.saturating_sub(usize::from(minimum)),
    };
    Federation {
        sites,
        corrupt,
        threshold: numbers.map(|(threshold, _)| threshold),
        minimum: numbers.map(|(_, minimum)| minimum),
        may_be_missing: numbers.map(|(_, minimum)| spare(minimum)),
        problem,
    }
}

/// t and m, or what stands in the way.
fn numbers(
    aggregation: &Aggregation,
    plans: &[Plan],
    sites: usize,
    corrupt: u16,
) -> Result<(u16, u16), String> {
    let params = Parameters::new(sites, corrupt, 1).map_err(|refusal| refusal.reason)?;
    let minimum = params.minimum(aggregation.minimum_sites);
    if usize::from(minimum) > sites {
        return Err(format!("no sum of fewer than {minimum} sites is opened"));
    }
    plans.iter().try_for_each(|plan| plan.check(sites)).map_err(|error| error.to_string())?;
    Ok((params.threshold(), minimum))
}
