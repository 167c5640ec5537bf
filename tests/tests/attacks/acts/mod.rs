//! What is tried, one file per part of the protocol.

mod adverts;
mod bundles;
mod bytes;
mod charters;
mod contracts;
mod coordinator;
mod keys;
mod outcomes;
mod shares;
mod sums;
mod verdicts;

pub(crate) use coordinator::{first_half, second_half};
use ripieno_study::{Culprit, SiteIndex};
use ripieno_tests::Programs;

use crate::stage::Stage;
use crate::table::Row;

pub(crate) const COORDINATOR: Culprit = Culprit::Coordinator;

/// E1 to E4: what is said while an epoch is set up.
pub(crate) async fn set_up(programs: Programs) -> Result<Vec<Row>, String> {
    let mut stage = Stage::set(programs).await;
    adverts::play(&mut stage).await?;
    keys::play(&mut stage).await?;
    bundles::play(&mut stage).await?;
    let run = stage.run(1).await?;
    stage.goes_on(&run, 0).await?;
    Ok(stage.rows())
}

/// R1: contracts, studies, charters, and bytes that are no message.
pub(crate) async fn contracts(programs: Programs) -> Result<Vec<Row>, String> {
    let mut stage = Stage::set(programs).await;
    let run = stage.run(40).await?;
    contracts::play(&mut stage, &run).await?;
    stage.goes_on(&run, 39).await?;
    charters::play(&mut stage).await?;
    bytes::play(&mut stage, &run, 38).await?;
    let run = stage.run(1).await?;
    stage.goes_on(&run, 0).await?;
    Ok(stage.rows())
}

/// R3 to R5: survivors, certificates, shares, sums.
pub(crate) async fn outcomes(programs: Programs) -> Result<Vec<Row>, String> {
    let mut stage = Stage::set(programs).await;
    let run = stage.run(40).await?;
    stage.control(&run, 38).await?;
    outcomes::play(&mut stage, &run).await?;
    sums::play(&mut stage, &run).await?;
    verdicts::play(&mut stage, &run).await?;
    stage.goes_on(&run, 39).await?;
    Ok(stage.rows())
}

/// A set of sites.
pub(crate) fn set(sites: impl IntoIterator<Item = SiteIndex>) -> ripieno_study::SiteSet {
    sites.into_iter().collect()
}
