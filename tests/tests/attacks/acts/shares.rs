//! A corrupt site against a true coordinator, in a round: tiles, trailers, ballots, shares, verdicts.

use ripieno_identity::Signature;
use ripieno_secagg::Kind;
use ripieno_secagg::ledger::SlotId;
use ripieno_secagg::round::open::{Release, ShareProof, SiteSecret};
use ripieno_secagg::round::outcome::{Ballot, Outcome, Proposal};
use ripieno_secagg::round::publish::Verdict;
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::upload::Trailer;
use ripieno_study::{Check, Digest, SiteIndex, SiteSet};
use ripieno_tests::some_digest;
use ripieno_wire::{FromSite, ToSite};

use crate::forger::no_sums;
use crate::intruder::{Intruder, Place};

/// A share that nobody dealt: a canonical scalar.
const WRONG: [u8; 32] = [1; 32];

/// R1: the contract, and an honest upload of zeros for it.
pub(crate) async fn contract(
    intruder: &mut Intruder,
    place: &Place,
) -> Result<(SignedContract, Vec<FromSite>), String> {
    let signed = intruder.hear("a contract", |message| match message {
        ToSite::Contract(signed) => Some(signed.clone()),
        _ => None,
    });
    let signed = signed.await?;
    let messages = place.forger.zeros(&place.transcript, &signed.contract, no_sums());
    Ok((signed, messages))
}

/// Waits until the coordinator has the uploads of so many true sites.
pub(crate) async fn uploaded(intruder: &Intruder, study: Digest, count: usize) {
    let status = ripieno_tests::until(std::time::Duration::from_secs(30), "uploads", || async {
        let status = intruder.federation.researcher.status(&study).await;
        let there = status.sites.iter().filter(|site| site.uploaded).count();
        if there >= count { Ok(()) } else { Err(format!("{there} uploads")) }
    });
    status.await;
}

pub(crate) async fn uploads(
    intruder: &mut Intruder,
    place: &Place,
    signed: &SignedContract,
    good: &[FromSite],
) -> Result<(), String> {
    let id = SlotId::of(&signed.contract);
    let trailer = match good.last() {
        Some(FromSite::Trailer { trailer, .. }) => trailer.clone(),
        _ => return Err("an upload ends with its trailer".into()),
    };
    let other = intruder.honest[0];
    let tiles = good[..2].to_vec();
    let ends = |change: &dyn Fn(&mut Trailer), sign: bool| {
        let mut trailer = trailer.clone();
        change(&mut trailer);
        let trailer = if sign { place.forger.sign_trailer(trailer) } else { trailer };
        let mut upload = tiles.clone();
        upload.push(FromSite::Trailer { id, trailer });
        upload
    };
    let short = match &good[1] {
        FromSite::Tile { id, number, lanes } => {
            FromSite::Tile { id: *id, number: *number, lanes: lanes.part(1..lanes.len()) }
        }
        _ => return Err("a tile".into()),
    };
    let end = good[2].clone();
    let missing = vec![good[1].clone(), end.clone()];
    for (name, upload) in [
        ("tiles out of order, or left out", missing),
        ("a tile of another length", vec![good[0].clone(), short, end.clone()]),
        ("a trailer in another site's name", ends(&|t| t.from = other, true)),
        ("a trailer without a signature", ends(&|t| t.audit = some_digest("a log"), false)),
        ("a trailer that its tiles do not fit", ends(&|t| t.root = some_digest("a root"), true)),
        ("a trailer of another round", ends(&|t| t.ctx = some_digest("a round"), true)),
    ] {
        intruder.refused(name, Check::R1, async |i| drop(i.upload(upload).await)).await;
    }
    Ok(())
}

pub(crate) async fn ballots(
    intruder: &mut Intruder,
    place: &Place,
    proposal: &Proposal,
) -> Result<(), String> {
    let outcome = Outcome::of(proposal);
    let good = place.forger.vote(&outcome);
    let mut other = outcome.clone();
    other.survivors.remove(intruder.honest[0]);
    let in_another_name = Ballot { from: intruder.honest[0], ..good };
    let unsigned = Ballot { signature: Signature::from_bytes([0; 64]), ..good };
    for (name, wrong) in [
        ("a ballot in another site's name", in_another_name),
        ("a ballot without a signature", unsigned),
        ("a ballot for another set", place.forger.vote(&other)),
        ("a ballot for VOID, beside survivors", place.forger.void(outcome.id)),
    ] {
        let message = FromSite::Ballot(wrong);
        intruder.refused(name, Check::U1, async |i| i.say(message).await).await;
    }
    intruder.say(FromSite::Ballot(good)).await;
    Ok(())
}

/// R4: shares are asked for.
pub(crate) async fn opened(intruder: &mut Intruder) -> Result<(), String> {
    intruder
        .hear("a certificate", |message| matches!(message, ToSite::Open { .. }).then_some(()))
        .await
}

/// The share that a dealer dealt to the intruder.
fn share(place: &Place, slot: u16, dealer: SiteIndex, kind: Kind) -> SiteSecret {
    let at = 2 * usize::from(slot) + usize::from(kind == Kind::Own);
    SiteSecret { site: dealer, scalar: place.shares[&dealer][at] }
}

pub(crate) async fn releases(
    intruder: &mut Intruder,
    place: &Place,
    proposal: &Proposal,
) -> Result<(), String> {
    let outcome = Outcome::of(proposal);
    let (id, ctx, survivors) = (outcome.id, outcome.ctx, outcome.survivors.clone());
    let of = |kind: Kind, sites: &SiteSet| -> Vec<SiteSecret> {
        sites.iter().map(|dealer| share(place, id.slot, dealer, kind)).collect()
    };
    let selfs = of(Kind::Own, &survivors);
    let release = |selfs: Vec<SiteSecret>, roots| place.forger.release(id, ctx, selfs, roots);
    let good = release(selfs.clone(), Vec::new());
    let in_another_name = Release { from: intruder.honest[0], ..good.clone() };
    let unsigned = Release { signature: Signature::from_bytes([0; 64]), ..good.clone() };
    let elsewhere = place.forger.release(id, some_digest("a round"), selfs.clone(), Vec::new());
    let mut twice = selfs.clone();
    twice[1] = twice[0].clone();
    let mut swapped = selfs.clone();
    swapped.swap(0, 1);
    for (name, wrong) in [
        ("a release in another site's name", in_another_name),
        ("a release without a signature", unsigned),
        ("shares for another round", elsewhere),
        ("shares doubled or swapped", release(twice, Vec::new())),
        ("shares doubled or swapped", release(swapped, Vec::new())),
        ("overlapping lists: both kinds of a share", release(selfs, of(Kind::Root, &survivors))),
    ] {
        let message = FromSite::Release(wrong);
        intruder.refused(name, Check::R2, async |i| i.say(message).await).await;
    }
    intruder.say(FromSite::Release(good)).await;
    Ok(())
}

/// A share that is canonical and wrong: the sum does not open with it; its holder cannot prove it,
/// and the others' are enough.
pub(crate) async fn wrong_share(
    intruder: &mut Intruder,
    place: &Place,
    proposal: &Proposal,
) -> Result<(), String> {
    let outcome = Outcome::of(proposal);
    let (id, ctx) = (outcome.id, outcome.ctx);
    let survivors = outcome.survivors.iter();
    let mut selfs: Vec<_> = survivors.map(|d| share(place, id.slot, d, Kind::Own)).collect();
    selfs[0].scalar = WRONG;
    let dealer = selfs[0].site;
    let release = place.forger.release(id, ctx, selfs, Vec::new());
    intruder.say(FromSite::Release(release)).await;
    intruder
        .hear("a request for a proof", |message| match message {
            ToSite::Prove { dealer: asked, .. } if *asked == dealer => Some(()),
            _ => None,
        })
        .await?;
    let proof = ShareProof {
        id,
        holder: intruder.corrupt.site,
        dealer,
        kind: Kind::Own,
        share: SiteSecret { site: dealer, scalar: WRONG },
        leaf_path: Vec::new(),
        path: Vec::new(),
        root: some_digest("a root"),
        signature: Signature::from_bytes([0; 64]),
    };
    let message = FromSite::Proof(proof);
    intruder
        .refused("a proof that proves nothing", Check::R2, async |i| i.say(message).await)
        .await;
    intruder.refused("a wrong share", Check::R2, async |i| i.mend(&[0])).await;
    Ok(())
}

pub(crate) async fn verdicts(intruder: &mut Intruder, ctx: Digest, sum: Digest) {
    let from = intruder.corrupt.site;
    let verdict = |tiles: Vec<u32>, holds: bool| Verdict {
        ctx,
        sum,
        from,
        tiles,
        holds,
        signature: Signature::from_bytes([0; 64]),
    };
    let key = intruder.corrupt.key.clone();
    let sign = |mut verdict: Verdict| {
        verdict.signature = key.sign(&verdict.digest());
        verdict
    };
    let mut in_another_name = sign(verdict(vec![0], true));
    in_another_name.from = intruder.honest[0];
    for (name, wrong) in [
        ("a verdict in another site's name", in_another_name),
        ("a verdict without a signature", verdict(vec![0], true)),
        ("a false alarm about a tile", sign(verdict(vec![0], false))),
        ("a verdict on tiles that are not there", sign(verdict(vec![0, 2], true))),
        ("a verdict on tiles that are not there", sign(verdict(Vec::new(), true))),
    ] {
        let message = FromSite::Verdict(wrong);
        intruder.refused(name, Check::P1, async |i| i.say(message).await).await;
    }
}
