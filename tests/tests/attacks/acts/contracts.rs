//! R1: contracts that are not what an honest coordinator would offer.

use ripieno_analysis::State;
use ripieno_analysis::vector::VectorState;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::plan::{Clip, Encoding, Packing};
use ripieno_study::{Check, Contract, Culprit, Membership, SiteIndex};
use ripieno_tests::{made, some_digest};
use ripieno_wire::ToSite;

use super::{COORDINATOR, set};
use crate::stage::{Case, Run, Stage};

/// The slot of the contracts that are refused: it is never used for anything else.
const SLOT: u16 = 0;

/// A sum that five sites must be in.
const FIVE: &str = "[aggregation]\nencoding = \"wide\"\nminimum_sites = 5\n";

pub(crate) async fn play(stage: &mut Stage, run: &Run) -> Result<(), String> {
    signatures(stage, run).await?;
    changes(stage, run).await?;
    slots(stage, run).await?;
    voided(stage, run).await?;
    rounds(stage, run).await
}

async fn refused(
    stage: &mut Stage,
    name: &'static str,
    signed: SignedContract,
    (check, culprit): (Check, Culprit),
) {
    let victim = stage.site(0);
    stage.refuses(name, victim, ToSite::Contract(signed), check, culprit).await;
}

async fn signatures(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let case = stage.case(1, made::WIDE).await?;
    let good = stage.sign(case.contract(run, SLOT));
    let charter = stage.roster.charter;
    let mut forged = good.clone();
    forged.signature = stage.corrupt.key.sign(&forged.digest(&charter));
    let mut elsewhere = good.clone();
    elsewhere.signature = stage.key.sign(&elsewhere.digest(&some_digest("another charter")));
    let mut changed = good;
    changed.contract.round += 1;
    let at = (Check::S1, COORDINATOR);
    for (name, signed) in [
        ("a contract that a site signed", forged),
        ("a contract under another charter", elsewhere),
        ("a contract changed on the way", changed),
    ] {
        refused(stage, name, signed, at).await;
    }
    Ok(())
}

type Change = fn(&mut Contract);

/// Contracts that are signed, and break a rule.
async fn changes(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let case = stage.case(2, made::WIDE).await?;
    let changes: [(&'static str, Check, Culprit, Change); 19] = [
        ("an epoch that nobody set up", Check::S4, COORDINATOR, |c| {
            c.transcript = some_digest("an epoch");
        }),
        ("a study that was never offered", Check::S2, Culprit::Own, |c| {
            c.study = some_digest("a study");
        }),
        ("an invented site takes part", Check::S3, COORDINATOR, |c| {
            c.participants.insert(SiteIndex::new(9).expect("not 0"));
        }),
        ("a sum over few sites", Check::S3, COORDINATOR, |c| {
            c.participants = c.participants.iter().take(3).collect();
        }),
        ("the minimum lowered", Check::S3, COORDINATOR, |c| c.minimum = 3),
        ("the minimum lowered", Check::S3, COORDINATOR, |c| {
            c.participants = c.participants.iter().take(1).collect();
            c.minimum = 1;
        }),
        ("the minimum lowered", Check::S3, COORDINATOR, |c| c.minimum = 0),
        ("a minimum that cannot be reached", Check::S3, COORDINATOR, |c| c.minimum = 6),
        ("a cohort that nobody drew", Check::S3, COORDINATOR, |c| c.cohort = 1),
        ("a slot that does not exist", Check::S4, COORDINATOR, |c| c.slot = 40),
        ("a slot that does not exist", Check::S4, COORDINATOR, |c| c.slot = 63),
        ("a trap model: a state that no sum gave", Check::S5, COORDINATOR, |c| {
            c.state = State::Vector(VectorState { round: 7, clipped: 0 }).digest();
        }),
        ("a trap model: a state that no sum gave", Check::S5, COORDINATOR, |c| {
            c.state = some_digest("a state");
        }),
        ("a round that does not come next", Check::S5, COORDINATOR, |c| c.round = 2),
        ("a round that does not come next", Check::S5, COORDINATOR, |c| c.round = 9),
        ("another plan: encoding, clip, length", Check::S6, COORDINATOR, |c| {
            let (packing, clip) = (Packing::One, Clip::Coordinate);
            c.plan.inputs[0].encoding = Encoding::Packed { packing, range: 1e9, clip };
        }),
        ("another plan: encoding, clip, length", Check::S6, COORDINATOR, |c| {
            c.plan.inputs[0].length -= 1;
        }),
        ("another plan: encoding, clip, length", Check::S6, COORDINATOR, |c| {
            c.plan.tile_lanes = 512;
        }),
        ("another rule of membership", Check::S8, COORDINATOR, |c| {
            c.membership = Membership::MayChange;
        }),
    ];
    for (name, check, culprit, change) in changes {
        let mut contract = case.contract(run, SLOT);
        change(&mut contract);
        let signed = stage.sign(contract);
        refused(stage, name, signed, (check, culprit)).await;
    }
    let five = stage.case(1, FIVE).await?;
    let mut contract = five.contract(run, SLOT);
    contract.minimum = 4;
    let signed = stage.sign(contract);
    refused(stage, "the study's own minimum lowered", signed, (Check::S3, COORDINATOR)).await;
    Ok(())
}

/// A slot is used once, by one contract; a study has one slot at a time.
async fn slots(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let (case, other) = (stage.case(1, made::WIDE).await?, stage.case(1, made::WIDE).await?);
    let victim = stage.site(0);
    stage.upload(victim, &stage.sign(case.contract(run, 1))).await?;
    let again = |case: &Case, change: Change| {
        let mut contract = case.contract(run, 1);
        change(&mut contract);
        contract
    };
    for contract in [
        again(&case, |c| c.minimum = 5),
        again(&case, |c| c.participants = c.participants.iter().take(4).collect()),
        again(&other, |_| ()),
    ] {
        let signed = stage.sign(contract);
        let at = (Check::S4, COORDINATOR);
        refused(stage, "a slot used again", signed, at).await;
    }
    let signed = stage.sign(case.contract(run, 2));
    let at = (Check::S8, Culprit::Own);
    refused(stage, "a second slot beside an open one", signed, at).await;
    Ok(())
}

/// A slot that was given up comes again, with another set.
async fn voided(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let case = stage.case(1, made::WIDE_MAY_CHANGE).await?;
    let contract = case.contract(run, 3);
    let victim = stage.site(0);
    stage.upload(victim, &stage.sign(contract.clone())).await?;
    let id = SlotId::of(&contract);
    let certificate = stage.void(id).await?;
    for site in stage.honest.clone() {
        stage.ask(site, ToSite::Voided(certificate.clone())).await?;
    }
    let mut fewer = contract.clone();
    fewer.participants = fewer.participants.iter().take(4).collect();
    for contract in [fewer, contract] {
        let signed = stage.sign(contract);
        let at = (Check::S4, COORDINATOR);
        refused(stage, "an aborted slot repeated with another set", signed, at).await;
    }
    Ok(())
}

/// After a sum.
async fn rounds(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let mut case = stage.case(3, made::WIDE).await?;
    let before = case.contract(run, 4);
    let first = stage.sign(before.clone());
    stage.round(run, &mut case, 4).await?;
    let at = (Check::S4, COORDINATOR);
    refused(stage, "a contract of an earlier round replayed", first, at).await;
    let mut again = before.clone();
    again.slot = SLOT;
    let signed = stage.sign(again);
    let at = (Check::S5, COORDINATOR);
    refused(stage, "an earlier round repeated in a new slot", signed, at).await;
    let mut stale = case.contract(run, SLOT);
    stale.state = before.state;
    let signed = stage.sign(stale);
    refused(stage, "an altered state after a sum", signed, at).await;
    let mut fewer = case.contract(run, SLOT);
    fewer.participants = set(fewer.participants.iter().take(4));
    let signed = stage.sign(fewer);
    let at = (Check::S8, COORDINATOR);
    refused(stage, "another set after a sum was opened", signed, at).await;
    Ok(())
}
