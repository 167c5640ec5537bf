//! R3 and R4: survivors, certificates, and requests for shares.

use ripieno_identity::Signature;
use ripieno_secagg::Kind;
use ripieno_secagg::round::outcome::{Certificate, Outcome, Proposal, VoidCertificate};
use ripieno_study::{Check, SiteSet};
use ripieno_tests::{made, some_digest};
use ripieno_wire::{FromSite, ToSite};

use super::{COORDINATOR, set};
use crate::stage::{Round, Run, Stage};

pub(crate) async fn play(stage: &mut Stage, run: &Run) -> Result<(), String> {
    survivors(stage, run).await?;
    fixed(stage, run).await?;
    trailers(stage, run).await?;
    split(stage, run).await?;
    twice(stage, run).await?;
    voids(stage, run).await?;
    certificates(stage, run).await?;
    shares(stage, run).await
}

/// A round of a new study up to its uploads.
async fn uploaded(
    stage: &mut Stage,
    run: &Run,
    (rule, slot): (&str, u16),
) -> Result<Round, String> {
    let case = stage.case(1, rule).await?;
    let signed = stage.sign(case.contract(run, slot));
    let all = signed.contract.participants.clone();
    stage.collect(run, signed, &all).await
}

/// What is left of a proposal with these survivors.
fn only(proposal: &Proposal, survivors: &SiteSet) -> Proposal {
    let mut proposal = proposal.clone();
    proposal.survivors = survivors.clone();
    proposal.trailers.retain(|trailer| survivors.contains(trailer.from));
    proposal
}

async fn refused(stage: &mut Stage, name: &'static str, proposal: Proposal, check: Check) {
    let victim = stage.site(0);
    stage.refuses(name, victim, ToSite::Propose(proposal), check, COORDINATOR).await;
}

async fn survivors(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let case = stage.case(1, made::WIDE_MAY_CHANGE).await?;
    let mut contract = case.contract(run, 0);
    let holders = contract.participants.clone();
    contract.participants.remove(stage.corrupt.site);
    let signed = stage.sign(contract.clone());
    let participants = contract.participants.clone();
    let round = stage.collect(run, signed, &participants).await?;
    let zeros = vec![0; usize::try_from(contract.plan.lanes()).expect("a small plan")];
    let mut wider = round.proposal.clone();
    wider.survivors = holders;
    wider.trailers.push(run.forger.upload(&run.transcript, &contract, zeros).trailer);
    refused(stage, "survivors who took no part", wider, Check::C1).await;
    for left in [3, 1, 0] {
        let fewer = only(&round.proposal, &set(participants.iter().take(left)));
        refused(stage, "fewer survivors than the minimum", fewer, Check::C1).await;
    }
    Ok(())
}

async fn fixed(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let round = uploaded(stage, run, (made::WIDE, 1)).await?;
    for left_out in [stage.corrupt.site, stage.site(1), stage.site(0)] {
        let mut survivors = round.proposal.survivors.clone();
        survivors.remove(left_out);
        let fewer = only(&round.proposal, &survivors);
        refused(stage, "another set than the fixed one", fewer, Check::C1).await;
    }
    Ok(())
}

type Change = fn(&mut Proposal, &Proposal);

async fn trailers(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let earlier = uploaded(stage, run, (made::WIDE, 2)).await?.proposal;
    let round = uploaded(stage, run, (made::WIDE, 3)).await?;
    let changes: [(&'static str, Change); 8] = [
        ("a trailer changed on the way", |p, _| p.trailers[1].root = some_digest("a root")),
        ("a trailer changed on the way", |p, _| p.trailers[1].lanes += 1),
        ("a trailer without a signature", |p, _| {
            p.trailers[1].signature = Signature::from_bytes([0; 64]);
        }),
        ("trailers in another order, or too few", |p, _| p.trailers.swap(1, 2)),
        ("trailers in another order, or too few", |p, _| p.trailers.truncate(4)),
        ("a trailer of an earlier round replayed", |p, e| p.trailers[1] = e.trailers[1].clone()),
        ("the victim's trailer of an earlier round", |p, e| p.trailers[0] = e.trailers[0].clone()),
        ("one site's trailer in another's place", |p, _| p.trailers[1] = p.trailers[2].clone()),
    ];
    for (name, change) in changes {
        let mut proposal = round.proposal.clone();
        change(&mut proposal, &earlier);
        refused(stage, name, proposal, Check::C2).await;
    }
    Ok(())
}

/// Each half of the sites was told another contract, good in itself: what they sent is noise to
/// each other's, and no share follows.
async fn split(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let case = stage.case(1, made::WIDE).await?;
    let one = case.contract(run, 4);
    let mut two = one.clone();
    two.minimum = 5;
    let all = one.participants.clone();
    let halves = [set(all.iter().take(2)), set(all.iter().skip(2).take(2))];
    let (one, two) = (stage.sign(one), stage.sign(two));
    let mark = stage.wire.mark();
    for (signed, half) in [(&one, &halves[0]), (&two, &halves[1])] {
        for site in half.iter() {
            stage.upload(site, signed).await?;
        }
    }
    let heard = stage.wire.since(mark);
    let mut trailers: Vec<_> = heard
        .into_iter()
        .filter_map(|heard| match heard.message {
            FromSite::Trailer { trailer, .. } => Some(trailer),
            _ => None,
        })
        .collect();
    let zeros = vec![0; usize::try_from(one.contract.plan.lanes()).expect("a small plan")];
    trailers.push(run.forger.upload(&run.transcript, &one.contract, zeros).trailer);
    for (contract, victim) in [(one, stage.site(0)), (two, stage.site(2))] {
        let proposal = Proposal { contract, survivors: all.clone(), trailers: trailers.clone() };
        let name = "different contracts to different sites";
        stage.refuses(name, victim, ToSite::Propose(proposal), Check::C2, COORDINATOR).await;
    }
    Ok(())
}

/// A second outcome for a slot.
async fn twice(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let round = uploaded(stage, run, (made::WIDE_MAY_CHANGE, 5)).await?;
    let (id, victim) = (round.id(), stage.site(0));
    stage.ballot(victim, ToSite::Propose(round.proposal.clone()), id).await?;
    for left_out in [stage.corrupt.site, stage.site(1)] {
        let mut survivors = round.proposal.survivors.clone();
        survivors.remove(left_out);
        let other = only(&round.proposal, &survivors);
        refused(stage, "different survivor sets", other, Check::C3).await;
    }
    let mut other = round.proposal.clone();
    let last = other.trailers.last_mut().ok_or("trailers")?;
    last.root = some_digest("another upload");
    *last = run.forger.sign_trailer(last.clone());
    refused(stage, "the same survivors, other uploads", other, Check::C3).await;
    let name = "VOID asked for after survivors were signed";
    stage.refuses(name, victim, ToSite::VoidRequest(id), Check::C3, COORDINATOR).await;
    Ok(())
}

async fn voids(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let round = uploaded(stage, run, (made::WIDE_MAY_CHANGE, 6)).await?;
    let (id, victim) = (round.id(), stage.site(0));
    let ballot = stage.ballot(victim, ToSite::VoidRequest(id), id).await?;
    let name = "survivors proposed after VOID was signed";
    refused(stage, name, round.proposal.clone(), Check::C3).await;
    let corrupt = run.forger.void(id);
    let two = [(victim, ballot.signature), (corrupt.from, corrupt.signature)];
    let signatures = two.into_iter().collect();
    let few = VoidCertificate { id, signatures };
    let mut forged = few.clone();
    forged.signatures.insert(stage.site(1), ballot.signature);
    for certificate in [few, forged] {
        let name = "a VOID certificate with too few signatures";
        let message = ToSite::Voided(certificate);
        stage.refuses(name, victim, message, Check::U1, COORDINATOR).await;
    }
    let outcome = Outcome::of(&round.proposal);
    let certificate = certificate(stage, run, &outcome);
    let message = ToSite::Open { certificate, proposal: Some(round.proposal) };
    let name = "shares asked for after VOID was signed";
    stage.refuses(name, victim, message, Check::U1, COORDINATOR).await;
    Ok(())
}

/// As good as the coordinator and the corrupt site can make one: their own signatures, and made-up
/// ones of the others.
fn certificate(stage: &Stage, run: &Run, outcome: &Outcome) -> Certificate {
    let own = run.forger.vote(outcome);
    let by_coordinator = stage.key.sign(&outcome.digest());
    let mut signatures: std::collections::BTreeMap<_, _> =
        stage.honest.iter().map(|site| (*site, by_coordinator)).collect();
    signatures.insert(own.from, own.signature);
    Certificate { outcome: outcome.clone(), signatures }
}

/// What opens nothing: fewer than t signatures, and other outcomes.
async fn certificates(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let round = uploaded(stage, run, (made::WIDE_MAY_CHANGE, 7)).await?;
    let (id, victim) = (round.id(), stage.site(0));
    let outcome = Outcome::of(&round.proposal);
    let mut true_ones = certificate(stage, run, &outcome);
    for site in stage.honest.clone() {
        let ballot = stage.ballot(site, ToSite::Propose(round.proposal.clone()), id).await?;
        true_ones.signatures.insert(site, ballot.signature);
    }
    let (one, two) = (stage.site(1), stage.site(2));
    let mut few = true_ones.clone();
    few.signatures.retain(|site, _| *site != one && *site != two);
    let mut copied = true_ones.clone();
    copied.signatures.insert(two, copied.signatures[&one]);
    copied.signatures.remove(&stage.corrupt.site);
    let stranger = ripieno_study::SiteIndex::new(9).ok_or("not 0")?;
    let mut outside = few.clone();
    outside.signatures.insert(stranger, true_ones.signatures[&one]);
    for (name, certificate) in [
        ("the threshold lowered: t - 1 signatures", few),
        ("a forged or copied signature", copied),
        ("a forged or copied signature", certificate(stage, run, &outcome)),
        ("the signature of an invented site", outside),
    ] {
        let message = ToSite::Open { certificate, proposal: None };
        stage.refuses(name, victim, message, Check::U1, COORDINATOR).await;
    }
    let mut survivors = round.proposal.survivors.clone();
    survivors.remove(one);
    let other = only(&round.proposal, &survivors);
    for proposal in [None, Some(other.clone())] {
        let mut swapped = true_ones.clone();
        swapped.outcome = Outcome::of(&other);
        let message = ToSite::Open { certificate: swapped, proposal };
        let name = "a certificate moved to another set";
        stage.refuses(name, victim, message, Check::U1, COORDINATOR).await;
    }
    Ok(())
}

/// A site is both survivor and dropout; shares are asked for twice.
async fn shares(stage: &mut Stage, run: &Run) -> Result<(), String> {
    let round = uploaded(stage, run, (made::WIDE_MAY_CHANGE, 8)).await?;
    let (id, victim, proposal) = (round.id(), stage.site(0), round.proposal.clone());
    stage.open(run, stage.certify(run, round).await?).await?;
    let mut survivors = proposal.survivors.clone();
    survivors.remove(stage.corrupt.site);
    let other = only(&proposal, &survivors);
    let certificate = certificate(stage, run, &Outcome::of(&other));
    for proposal in [None, Some(other)] {
        let message = ToSite::Open { certificate: certificate.clone(), proposal };
        let name = "a second unmask request, for another set";
        stage.refuses(name, victim, message, Check::U2, COORDINATOR).await;
    }
    for dealer in proposal.survivors.iter() {
        let name = "the other kind of share of a survivor";
        let message = ToSite::Prove { id, dealer, kind: Kind::Root };
        stage.refuses(name, victim, message, Check::U2, COORDINATOR).await;
    }
    Ok(())
}
