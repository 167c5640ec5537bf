//! A corrupt site against a true coordinator.

use ripieno_compute::local_vector;
use ripieno_identity::Signature;
use ripieno_rpc::UploadRequest;
use ripieno_secagg::epoch::{Advert, Bundle};
use ripieno_secagg::round::outcome::{Outcome, Proposal};
use ripieno_study::manifest::AnalysisSpec;
use ripieno_study::{Check, Digest, SiteIndex, Study};
use ripieno_tests::{Programs, made, some_digest};
use ripieno_wire::{FromSite, ToSite};
use tonic::{Code, Status};

use super::bytes::field;
use super::shares::{
    ballots, contract, opened, releases, uploaded, uploads, verdicts, wrong_share,
};
use crate::forger::{Forger, honest};
use crate::intruder::{Intruder, Place, hello};
use crate::table::Row;

/// Two tiles, and a sum that is verified in parts.
const LENGTH: usize = 13_200;
/// The true sites.
const ALL: [usize; 4] = [0, 1, 2, 3];

/// E1 to E4, ballots, and a wrong share.
pub(crate) async fn first_half(programs: Programs) -> Result<Vec<Row>, String> {
    let mut intruder = Intruder::enter(programs).await?;
    malformed(&mut intruder).await?;
    let text = made::vector("first", LENGTH, 1, made::WIDE);
    let study = intruder.offered(&text).await?;
    // From here on only the intruder hears what is sent, until the lines are mended.
    intruder.stall(&ALL);
    intruder.approve(study).await;
    let place = set_up(&mut intruder).await?;
    let (_, upload) = contract(&mut intruder, &place).await?;
    let proposal = proposed(&mut intruder, study, upload).await?;
    ballots(&mut intruder, &place, &proposal).await?;
    opened(&mut intruder).await?;
    wrong_share(&mut intruder, &place, &proposal).await?;
    unharmed(&intruder, &text, study).await?;
    Ok(intruder.rows)
}

/// Uploads, releases and verdicts.
pub(crate) async fn second_half(programs: Programs) -> Result<Vec<Row>, String> {
    let mut intruder = Intruder::enter(programs).await?;
    let text = made::vector("second", LENGTH, 1, made::WIDE);
    let study = intruder.offered(&text).await?;
    intruder.approve(study).await;
    let place = intruder.join().await?;
    let (signed, upload) = contract(&mut intruder, &place).await?;
    uploads(&mut intruder, &place, &signed, &upload).await?;
    let proposal = proposed(&mut intruder, study, upload).await?;
    intruder.say(FromSite::Ballot(place.forger.vote(&Outcome::of(&proposal)))).await;
    opened(&mut intruder).await?;
    releases(&mut intruder, &place, &proposal).await?;
    let published = intruder.hear("a sum", |message| match message {
        ToSite::Published(published) => Some(published.receipt.sum),
        _ => None,
    });
    let sum = published.await?;
    verdicts(&mut intruder, signed.contract.ctx(), sum).await;
    intruder.mend(&[0]);
    unharmed(&intruder, &text, study).await?;
    Ok(intruder.rows)
}

/// R3: survivors are proposed. From here on the first site hears nothing: without the intruder
/// there are too few ballots, and too few shares; and of the tiles of the sum one lacks a verdict.
async fn proposed(
    intruder: &mut Intruder,
    study: Digest,
    upload: Vec<FromSite>,
) -> Result<Proposal, String> {
    uploaded(intruder, study, ALL.len()).await;
    intruder.stall(&[0]);
    intruder.upload(upload).await.map_err(|status| status.to_string())?;
    let proposal = intruder.hear("a proposal", |message| match message {
        ToSite::Propose(proposal) => Some(proposal.clone()),
        _ => None,
    });
    proposal.await
}

/// The study ends with the sum of all, as if nothing had been tried.
async fn unharmed(intruder: &Intruder, text: &str, study: Digest) -> Result<(), String> {
    let watch = intruder.federation.researcher.watch(study);
    watch.done(std::time::Duration::from_secs(60)).await;
    let result = intruder.federation.researcher.result(&study).await;
    let study = Study::parse(text).map_err(|error| error.to_string())?;
    let AnalysisSpec::Vector(spec) = &study.manifest().analysis else {
        return Err("the study is no sum of vectors".into());
    };
    let state = ripieno_analysis::for_study(study.manifest()).map_err(|e| e.to_string())?;
    let state = state.initial();
    let mut total = vec![0.0; LENGTH];
    for site in &intruder.honest {
        let vectors = local_vector(spec, &state, *site).map_err(|error| error.to_string())?;
        total.iter_mut().zip(&vectors[0].values).for_each(|(sum, value)| *sum += value);
    }
    let norm = total.iter().map(|value| value * value).sum::<f64>().sqrt();
    let shown = result["norm"].as_f64().ok_or("a result without a norm")?;
    if (shown - norm).abs() > 1e-9 * norm {
        return Err(format!("the sum has norm {shown}, the true sites' vectors {norm}"));
    }
    Ok(())
}

async fn malformed(intruder: &mut Intruder) -> Result<(), String> {
    let id = |length: usize| [field(1, &vec![7; length]), vec![0x10, 0]].concat();
    // state_report.ctx and refusal_report.slot_id: 31 bytes; no such body; no body; two.
    let short = field(26, &field(1, &[7; 31]));
    let two = [field(26, &[]), field(26, &[])].concat();
    for bytes in [short, field(40, &field(1, &id(31))), field(60, &[1]), Vec::new(), two] {
        let name = "a site's bytes that are no message";
        intruder.refused_by(name, "wire", async |i| i.say_bytes(bytes.into()).await).await;
        intruder.come_back().await?;
    }
    let tile = field(20, &[field(1, &id(32)), field(3, &vec![1; (1 << 20) + 8])].concat());
    let name = "a tile of more lanes than there may be";
    let request = UploadRequest { from_site: tile.into() };
    intruder
        .refused_by(name, "wire", async |i| {
            // Before the coordinator has heard who comes, it takes no upload at all.
            let unheard = |refused: &Result<(), Status>| {
                refused.as_ref().is_err_and(|s| s.code() == Code::FailedPrecondition)
            };
            while unheard(&i.upload_bytes(vec![request.clone()]).await) {}
        })
        .await;
    let name = "an epoch's number that cannot be";
    let far = FromSite::Hello(hello(u64::MAX));
    intruder.refused(name, Check::A2, async |i| i.say(far).await).await;
    Ok(())
}

async fn set_up(intruder: &mut Intruder) -> Result<Place, String> {
    let mut forger = intruder.announced().await?;
    adverts(intruder, &forger).await;
    intruder.say(FromSite::Advert(forger.advert.clone())).await;
    intruder.mend(&ALL);
    let transcript = intruder.transcript().await?;
    let bundles = forger.bundles(&mut intruder.corrupt.rng, &transcript, &honest);
    let other = intruder.honest[0];
    let true_one = transcript.adverts().find(|(site, _)| *site == other);
    let message = FromSite::Advert(true_one.ok_or("a true site's advert")?.1.clone());
    let name = "a true site's message on another's line";
    intruder.refused(name, Check::A1, async |i| i.say(message).await).await;
    let mut in_another_name = bundles.clone();
    in_another_name[0].from = other;
    for (name, wrong) in [
        ("bundles in another site's name", in_another_name),
        ("bundles doubled or left out", bundles[1..].to_vec()),
        ("bundles doubled or left out", [bundles.clone(), bundles[..1].to_vec()].concat()),
    ] {
        let wrong: Vec<Bundle> = wrong;
        let message = FromSite::Bundles(wrong);
        intruder.refused(name, Check::A3, async |i| i.say(message).await).await;
    }
    intruder.say(FromSite::Bundles(bundles)).await;
    let place = intruder.shares(transcript, forger).await?;
    let all = place.transcript.holders();
    let good = place.forger.acceptance(&place.transcript, all);
    let mut unsigned = good.clone();
    unsigned.signature = Signature::from_bytes([0; 64]);
    let mut of_another = good.clone();
    of_another.from = other;
    for (name, wrong) in [
        ("an acceptance in another site's name", of_another),
        ("an acceptance without a signature", unsigned),
    ] {
        let message = FromSite::Acceptance(wrong);
        intruder.refused(name, Check::A3, async |i| i.say(message).await).await;
    }
    intruder.say(FromSite::Acceptance(good)).await;
    Ok(place)
}

async fn adverts(intruder: &mut Intruder, forger: &Forger) {
    for (name, advert) in bad_adverts(forger, intruder.honest[0]) {
        intruder.refused(name, Check::A1, async |i| i.say(FromSite::Advert(advert)).await).await;
    }
}

fn bad_adverts(forger: &Forger, other: SiteIndex) -> [(&'static str, Advert); 5] {
    let changed = |change: &dyn Fn(&mut Advert)| {
        let mut advert = forger.advert.clone();
        change(&mut advert);
        advert
    };
    let signed = |change: &dyn Fn(&mut Advert)| forger.sign_advert(changed(change));
    let unsigned = Signature::from_bytes([0; 64]);
    [
        ("an advert in another site's name", signed(&|advert| advert.from = other)),
        ("an advert without a signature", changed(&|advert| advert.signature = unsigned)),
        ("an advert with keys of low order", signed(&|advert| advert.channel_key = [0; 32])),
        (
            "an advert with a key twice",
            signed(&|advert| advert.slots[1].mask_key = advert.slots[0].mask_key),
        ),
        (
            "an advert for another charter",
            signed(&|advert| advert.charter = some_digest("a charter")),
        ),
    ]
}
