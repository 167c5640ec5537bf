//! R5 of a large sum: sites verify tiles of it, and the next contract carries their verdicts.

use ripieno_identity::Signature;
use ripieno_secagg::coordinator::collect::sign_contract;
use ripieno_secagg::round::publish::{TilePart, Verdict};
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::Check;
use ripieno_tests::{made, some_digest};
use ripieno_wire::{FromSite, Parts, Published, ToSite};

use super::COORDINATOR;
use crate::stage::{Case, Run, Stage};

/// Two tiles, and a sum that is verified in parts.
const LENGTH: usize = 13_200;

type Change = fn(&mut Published);

pub(crate) async fn play(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let mut case = stage.case_of(LENGTH, 2, made::WIDE).await?;
    let opened = stage.opened(run, &case, 22).await?;
    let mut good = stage.published(&case, &opened)?;
    let parts = opened.0.parts(&opened.1);
    let parts = (0..).map_while(|position| parts.part(0, position).transpose());
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    good.parts = Parts::Tiles([(0, parts)].into());
    tiles_of(stage, &good).await;
    let victim = stage.site(0);
    let said = stage.ask(victim, ToSite::Published(good)).await?;
    let verdict = said.into_iter().find_map(|said| match said {
        FromSite::Verdict(verdict) => Some(verdict),
        _ => None,
    });
    let verdict = verdict.ok_or("a verdict on a good tile")?;
    case.advance(&opened.0)?;
    missing(stage, run, &case, &verdict).await;
    Ok(())
}

/// A tile that is not what its site sent, and a sum that is not that of the tiles.
async fn tiles_of(stage: &mut Stage, good: &Published) {
    let changes: [Change; 4] = [
        |published| of(published, |parts| parts[1].lanes[0] ^= 1),
        |published| of(published, |parts| parts[1].path.clear()),
        |published| of(published, |parts| drop(parts.pop())),
        |published| {
            published.sum[0] ^= 1;
            let plan = &published.contract.contract.plan;
            published.receipt.sum = tiles::root(Content::Sum, plan, &published.sum);
        },
    ];
    for change in changes {
        let mut published = good.clone();
        change(&mut published);
        let digest = published.receipt.digest(&stage.roster.charter);
        published.receipt.signature = stage.key.sign(&digest);
        let name = "a tile that was altered or left out";
        let at = (Check::P1, COORDINATOR);
        let no = |said: &FromSite| matches!(said, FromSite::Verdict(verdict) if !verdict.holds);
        let victim = stage.site(0);
        stage.refuses_but(name, victim, ToSite::Published(published), at, no).await;
    }
}

fn of(published: &mut Published, change: impl FnOnce(&mut Vec<TilePart>)) {
    if let Parts::Tiles(tiles) = &mut published.parts {
        change(tiles.get_mut(&0).expect("the first tile"));
    }
}

/// The next contract without the verdicts that it needs.
async fn missing(stage: &mut Stage, run: &Run, case: &Case, own: &Verdict) {
    let key = stage.corrupt.key.clone();
    let from = stage.corrupt.site;
    let sign = |change: &dyn Fn(&mut Verdict)| {
        let signature = Signature::from_bytes([0; 64]);
        let mut verdict = Verdict { from, tiles: vec![0, 1], signature, ..own.clone() };
        change(&mut verdict);
        verdict.signature = key.sign(&verdict.digest());
        verdict
    };
    let other = stage.site(1);
    let one = sign(&|_| ());
    let forged = sign(&|verdict| verdict.from = other);
    for (name, verdicts) in [
        ("a sum that nobody verified", vec![]),
        ("too few verdicts on a tile", vec![one.clone()]),
        ("too few verdicts on a tile", vec![own.clone(), one.clone()]),
        ("a verdict in a true site's name", vec![own.clone(), one.clone(), forged]),
        ("one site's verdict counted twice", vec![own.clone(), one.clone(), one.clone()]),
        ("a verdict on another sum", vec![sign(&|v| v.sum = some_digest("a sum"))]),
        ("a verdict that says no", vec![own.clone(), sign(&|v| v.holds = false)]),
    ] {
        let contract = case.contract(run, 23);
        let signed = sign_contract(&stage.roster.charter, &stage.key, contract, verdicts);
        let victim = stage.site(0);
        stage.refuses(name, victim, ToSite::Contract(signed), Check::S5, COORDINATOR).await;
    }
}
