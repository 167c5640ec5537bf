//! W1 to W4: the draw, with all its messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_secagg::cohort::{CommitList, Committed, Draw};
use ripieno_secagg::{Party, Roster};
use ripieno_study::{SiteIndex, Study};
use ripieno_wire::cohort::{
    decode_commit, decode_commits, decode_reveal, decode_reveals, encode_commit, encode_commits,
    encode_reveal, encode_reveals,
};

use crate::cohorts::cast::{Cast, name};
use crate::cohorts::member::Member;
use crate::cohorts::setup::Cohort;
use crate::error::SimulationError;
use crate::federation::rng_for;
use crate::network::Traffic;

/// The draw, and everybody in the cohort that it gives.
pub(super) struct Drawn {
    pub(super) draw: Draw,
    pub(super) cohorts: Vec<Cohort>,
}

/// Sites commit, reveal, and take their places. The two lists are public, and the same bytes at
/// every site: they are verified once here, by what every site runs. What a site asks of them for
/// itself, each asks.
pub(super) fn draw(cast: &mut Cast, study: &Study) -> Result<Drawn, SimulationError> {
    let mut traffic: BTreeMap<SiteIndex, Traffic> = BTreeMap::new();
    let mut committed = Vec::new();
    let mut commits = Vec::new();
    for (site, key) in &cast.keys {
        let party = Party::new(*site, Arc::clone(key), Arc::clone(&cast.roster))?;
        let mut rng = rng_for(cast.seed, &format!("secrets of {}", name(*site)));
        let state = Committed::new(party, study.digest(), &mut rng);
        let bytes = encode_commit(state.commit());
        traffic.entry(*site).or_default().sent += bytes.len() as u64;
        commits.push(decode_commit(bytes)?);
        committed.push((*site, state, rng));
    }
    let bytes = encode_commits(&commits);
    let list = CommitList::verify(&cast.roster, study.digest(), decode_commits(bytes.clone())?)?;
    traffic.values_mut().for_each(|traffic| traffic.received += bytes.len() as u64);

    let mut revealed = Vec::new();
    let mut reveals = Vec::new();
    for (site, state, rng) in committed {
        let state = state.reveal(&list)?;
        let bytes = encode_reveal(&state.reveal());
        traffic.entry(site).or_default().sent += bytes.len() as u64;
        reveals.push(decode_reveal(bytes)?);
        revealed.push((site, state, rng));
    }
    let bytes = encode_reveals(&reveals);
    let draw = Draw::new(&list, cast.roster.corrupt, &decode_reveals(bytes.clone())?)?;
    traffic.values_mut().for_each(|traffic| traffic.received += bytes.len() as u64);

    let rosters = rosters(cast, &draw)?;
    let cohort = |number: &u32| Cohort::new(*number, Arc::clone(&rosters[*number as usize]));
    let mut cohorts: Vec<_> = draw.cohorts().map(|(number, _)| cohort(&number)).collect();
    for (site, state, rng) in revealed {
        // One roster a cohort is shared, so that no site holds a copy of its own.
        let number = state.join(&draw)?.roster().cohort.map_or(0, |cohort| cohort.number);
        let traffic = traffic.get(&site).copied().unwrap_or_default();
        let (Some(cohort), Some(key)) = (cohorts.get_mut(number as usize), cast.keys.get(&site))
        else {
            return Err(SimulationError::Stuck);
        };
        let party = Party::new(site, Arc::clone(key), Arc::clone(&cohort.roster))?;
        cohort.members.insert(site, Member::new(party, rng, traffic)?);
    }
    Ok(Drawn { draw, cohorts })
}

fn rosters(cast: &Cast, draw: &Draw) -> Result<Vec<Arc<Roster>>, SimulationError> {
    let roster = |(number, _)| draw.roster(&cast.roster, number).map(Arc::new);
    let rosters: Option<Vec<_>> = draw.cohorts().map(roster).collect();
    rosters.ok_or(SimulationError::Stuck)
}
