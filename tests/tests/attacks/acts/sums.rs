//! R5: sums, receipts and states that are altered, and those of earlier rounds.

use ripieno_secagg::round::open::SiteSecret;
use ripieno_secagg::round::outcome::Outcome;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_study::Check;
use ripieno_tests::{made, some_digest};
use ripieno_wire::{Parts, Published, ToSite};

use super::COORDINATOR;
use crate::stage::{Run, Stage};

type Change = fn(&mut Published, &Published);

/// Whether the coordinator signs the receipt again after the change.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Again,
    Not,
}

pub(crate) async fn play(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let mut case = stage.case(2, made::WIDE).await?;
    let earlier = stage.round(run, &mut case, 20).await?;
    let opened = stage.opened(run, &case, 21).await?;
    let good = stage.published(&case, &opened)?;
    for (name, sign, change) in CHANGES {
        let mut published = good.clone();
        change(&mut published, &earlier);
        if sign == Sign::Again {
            let digest = published.receipt.digest(&stage.roster.charter);
            published.receipt.signature = stage.key.sign(&digest);
        }
        let victim = stage.site(0);
        let message = ToSite::Published(published);
        stage.refuses(name, victim, message, Check::P1, COORDINATOR).await;
    }
    for site in stage.honest.clone() {
        stage.verify(site, good.clone()).await?;
    }
    Ok(())
}

const CHANGES: [(&str, Sign, Change); 20] = [
    ("an altered sum", Sign::Not, |p, _| bump(&mut p.sum)),
    ("an altered sum, signed", Sign::Again, |p, _| {
        bump(&mut p.sum);
        let plan = &p.contract.contract.plan;
        p.receipt.sum = tiles::root(Content::Sum, plan, &p.sum);
    }),
    ("an altered sum, signed", Sign::Again, |p, _| {
        p.sum.fill(0);
        let plan = &p.contract.contract.plan;
        p.receipt.sum = tiles::root(Content::Sum, plan, &p.sum);
    }),
    ("a sum of another length", Sign::Not, |p, _| p.sum = p.sum.part(0..15)),
    ("an altered next state", Sign::Again, |p, _| {
        p.receipt.next_state = some_digest("a state");
    }),
    ("an altered receipt", Sign::Not, |p, _| p.receipt.at += 1),
    ("a receipt of an earlier round replayed", Sign::Not, |p, e| p.receipt = e.receipt.clone()),
    ("a receipt of an earlier round replayed", Sign::Again, |p, e| {
        p.receipt.certificate = e.receipt.certificate.clone();
    }),
    ("the sum of an earlier round replayed", Sign::Again, |p, e| {
        p.sum = e.sum.clone();
        p.receipt.sum = e.receipt.sum;
    }),
    ("a certificate with too few signatures", Sign::Again, |p, _| {
        let signatures = &mut p.receipt.certificate.signatures;
        *signatures = std::mem::take(signatures).into_iter().take(3).collect();
    }),
    ("a certificate of another outcome", Sign::Again, |p, _| {
        p.receipt.certificate.outcome =
            Outcome { trailers: some_digest("trailers"), ..p.receipt.certificate.outcome.clone() };
    }),
    ("other trailers than the certified ones", Sign::Again, |p, _| p.receipt.trailers.swap(0, 1)),
    ("other trailers than the certified ones", Sign::Again, |p, e| {
        p.receipt.trailers[0] = e.receipt.trailers[0].clone();
    }),
    ("other secrets than the published ones", Sign::Again, |p, _| {
        p.receipt.selfs[1].scalar = p.receipt.selfs[2].scalar;
    }),
    ("other secrets than the published ones", Sign::Again, |p, _| drop(p.receipt.selfs.pop())),
    ("overlapping survivor and dropout lists", Sign::Again, |p, _| {
        let SiteSecret { site, scalar } = p.receipt.selfs[1].clone();
        p.receipt.roots.push(SiteSecret { site, scalar });
    }),
    ("another upload of a survivor", Sign::Not, |p, _| {
        if let Parts::Whole(uploads) = &mut p.parts {
            uploads.values_mut().skip(1).take(1).for_each(|lanes| bump(lanes));
        }
    }),
    ("an upload left out", Sign::Not, |p, _| {
        if let Parts::Whole(uploads) = &mut p.parts {
            drop(uploads.pop_last());
        }
    }),
    ("uploads in the wrong form", Sign::Not, |p, _| p.parts = Parts::Tiles(Default::default())),
    ("a sum under another contract", Sign::Not, |p, _| p.contract.contract.minimum = 5),
];

fn bump(lanes: &mut [u64]) {
    if let Some(lane) = lanes.first_mut() {
        *lane = lane.wrapping_add(1);
    }
}
