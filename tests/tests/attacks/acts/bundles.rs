//! E2 to E4: shares that are wrong, doubled, swapped or for somebody else, and acceptances.

use std::sync::atomic::{AtomicBool, Ordering};

use ripieno_identity::Signature;
use ripieno_secagg::epoch::{Acceptance, Bundle};
use ripieno_study::{Check, Culprit, SiteIndex};
use ripieno_tests::some_digest;
use ripieno_wire::{FromSite, ToSite};

use super::{COORDINATOR, set};
use crate::forger::{Deal, honest};
use crate::stage::{Sharing, Stage};

/// The order of the group: a second encoding of 0.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// An attack by its name, and what it changes.
type Change<T> = (&'static str, fn(&mut T));

pub(crate) async fn play(stage: &mut Stage) -> Result<(), String> {
    changed(stage).await?;
    elsewhere(stage).await?;
    bindings(stage).await?;
    wrong_shares(stage).await?;
    twice(stage).await?;
    accepted(stage).await
}

/// A bundle of the corrupt site for the victim, dealt by `deal`, and the way to it.
async fn dealt(stage: &mut Stage, deal: Deal<'_>) -> Result<(Sharing, Bundle), String> {
    let gathered = stage.gather(2).await?;
    let victim = stage.site(0);
    let sharing = stage.share(gathered, &[victim], deal).await?;
    let bundle = sharing.bundles[&victim].first().cloned().ok_or("a bundle")?;
    Ok((sharing, bundle))
}

/// The victim leaves the dealer out, and names it.
async fn left_out(
    stage: &mut Stage,
    name: &'static str,
    sharing: &Sharing,
    bundles: Vec<Bundle>,
    dealer: SiteIndex,
) {
    let victim = stage.site(0);
    let without = |said: &FromSite| match said {
        FromSite::Acceptance(acceptance) => {
            dealer == victim || !acceptance.dealers.contains(dealer)
        }
        _ => false,
    };
    let at = (Check::A3, Culprit::Site(dealer));
    stage.refuses_but(name, victim, sharing.message(bundles), at, without).await;
}

async fn changed(stage: &mut Stage) -> Result<(), String> {
    let corrupt = stage.corrupt.site;
    let changes: [Change<Bundle>; 9] = [
        ("a flipped AEAD tag", |bundle| {
            let last = bundle.sealed.last_mut().expect("it has a tag");
            *last ^= 1;
        }),
        ("a flipped bit of sealed shares", |bundle| bundle.sealed[0] ^= 1),
        ("sealed shares of another length", |bundle| bundle.sealed.truncate(40)),
        ("sealed shares of another length", |bundle| bundle.sealed.clear()),
        ("a share root, or its way, changed", |bundle| bundle.root = some_digest("a root")),
        ("a share root, or its way, changed", |bundle| {
            bundle.signature = Signature::from_bytes([0; 64]);
        }),
        ("a share root, or its way, changed", |bundle| bundle.path[0] = some_digest("a node")),
        ("a share root, or its way, changed", |bundle| bundle.path.push(some_digest("a node"))),
        ("a bundle of another epoch", |bundle| bundle.transcript = some_digest("an epoch")),
    ];
    for (name, change) in changes {
        let (sharing, mut bundle) = dealt(stage, &honest).await?;
        change(&mut bundle);
        left_out(stage, name, &sharing, vec![bundle], corrupt).await;
    }
    Ok(())
}

/// Bundles that are good where they belong.
async fn elsewhere(stage: &mut Stage) -> Result<(), String> {
    let (corrupt, victim, other) = (stage.corrupt.site, stage.site(0), stage.site(1));
    let name = "shares for another holder";
    let (sharing, _) = dealt(stage, &honest).await?;
    let mut bundle = sharing.bundles[&other].last().cloned().ok_or("a bundle")?;
    bundle.to = victim;
    left_out(stage, name, &sharing, vec![bundle], corrupt).await;

    let name = "shares in another dealer's name";
    let (sharing, mut bundle) = dealt(stage, &honest).await?;
    bundle.from = other;
    left_out(stage, name, &sharing, vec![bundle], other).await;

    let name = "the victim's own shares sent back";
    let (sharing, _) = dealt(stage, &honest).await?;
    let own = sharing.bundles[&other].iter().find(|bundle| bundle.from == victim);
    let mut bundle = own.cloned().ok_or("a bundle of the victim")?;
    bundle.to = victim;
    left_out(stage, name, &sharing, vec![bundle], victim).await;
    Ok(())
}

/// Key or associated data of another epoch, dealer or holder.
async fn bindings(stage: &mut Stage) -> Result<(), String> {
    let (corrupt, victim, other) = (stage.corrupt.site, stage.site(0), stage.site(1));
    for wrong in 0..6 {
        let (sharing, mut bundle) = dealt(stage, &honest).await?;
        let t = sharing.transcript.digest();
        let good = (t, corrupt, victim);
        let bad =
            [(some_digest("an epoch"), corrupt, victim), (t, other, victim), (t, corrupt, other)];
        let bindings = if wrong < 3 { [bad[wrong], good] } else { [good, bad[wrong - 3]] };
        let shares = sharing.forger.dealt(victim).concat();
        bundle.sealed = sharing.forger.seal_bound(&sharing.transcript, victim, bindings, &shares);
        let name = "wrong associated data, or a wrong key";
        left_out(stage, name, &sharing, vec![bundle], corrupt).await;
    }
    Ok(())
}

async fn wrong_shares(stage: &mut Stage) -> Result<(), String> {
    let (corrupt, victim) = (stage.corrupt.site, stage.site(0));
    let sealed: [Change<Vec<[u8; 32]>>; 5] = [
        ("swapped shares", |shares| shares.swap(0, 1)),
        ("swapped shares", |shares| shares.swap(0, 2)),
        ("a share dealt twice", |shares| shares[2] = shares[0]),
        ("a wrong share", |shares| shares[0][0] ^= 1),
        ("shares for more slots", |shares| shares.extend([[1; 32]; 2])),
    ];
    for (name, change) in sealed {
        let (sharing, mut bundle) = dealt(stage, &honest).await?;
        let mut shares = sharing.forger.dealt(victim).to_vec();
        change(&mut shares);
        bundle.sealed = sharing.forger.seal(&sharing.transcript, victim, &shares.concat());
        left_out(stage, name, &sharing, vec![bundle], corrupt).await;
    }
    for encoding in [ORDER, [0xff; 32], [0; 32]] {
        let done = AtomicBool::new(false);
        let deal = |holder: SiteIndex, _: u16, _: ripieno_secagg::Kind, share: [u8; 32]| {
            let first = holder == victim && !done.swap(true, Ordering::SeqCst);
            if first { encoding } else { share }
        };
        let (sharing, bundle) = dealt(stage, &deal).await?;
        let name = "a share that is not canonical, or zero";
        left_out(stage, name, &sharing, vec![bundle], corrupt).await;
    }
    Ok(())
}

/// The first counts; the second is refused and changes nothing.
async fn twice(stage: &mut Stage) -> Result<(), String> {
    let (corrupt, victim) = (stage.corrupt.site, stage.site(0));
    let (sharing, bundle) = dealt(stage, &honest).await?;
    let message = sharing.message(vec![bundle.clone(), bundle]);
    let at = (Check::A3, Culprit::Site(corrupt));
    let both = set([victim, corrupt]);
    let name = "shares of one dealer twice";
    let one = |said: &FromSite| matches!(said, FromSite::Acceptance(a) if a.dealers == both);
    stage.refuses_but(name, victim, message, at, one).await;
    Ok(())
}

type Relayed = fn(&Stage, &mut Vec<Acceptance>);

async fn accepted(stage: &mut Stage) -> Result<(), String> {
    let (corrupt, coordinator) = (Culprit::Site(stage.corrupt.site), COORDINATOR);
    let changes: [(&'static str, Culprit, Relayed); 6] = [
        ("an acceptance changed or left out", coordinator, |stage, all| {
            let (one, two) = (stage.site(0), stage.site(1));
            of(all, two).dealers = set([one, two]);
        }),
        ("an acceptance changed or left out", coordinator, |stage, all| {
            let own = stage.site(0);
            all.retain(|acceptance| acceptance.from != own);
        }),
        ("an acceptance changed or left out", coordinator, |stage, all| {
            let own = stage.site(0);
            of(all, own).dealers = set([own]);
        }),
        ("an acceptance twice", coordinator, |stage, all| {
            let twice = of(all, stage.site(1)).clone();
            all.push(twice);
        }),
        ("an acceptance of another epoch", coordinator, |stage, all| {
            let last = of(all, stage.corrupt.site);
            last.transcript = some_digest("an epoch");
            last.signature = stage.corrupt.key.sign(&last.digest());
        }),
        ("an acceptance of a stranger", corrupt, |stage, all| {
            let last = of(all, stage.corrupt.site);
            last.dealers.insert(SiteIndex::new(9).expect("not 0"));
            last.signature = stage.corrupt.key.sign(&last.digest());
        }),
    ];
    for (name, culprit, change) in changes {
        let gathered = stage.gather(2).await?;
        let sites = stage.honest.clone();
        let sharing = stage.share(gathered, &sites, &honest).await?;
        let mut acceptances = stage.acceptances(&sharing).await?;
        change(stage, &mut acceptances);
        let (epoch, victim) = (sharing.announced.epoch, stage.site(0));
        let message = ToSite::Acceptances { epoch, acceptances };
        stage.refuses(name, victim, message, Check::A3, culprit).await;
    }
    Ok(())
}

fn of(all: &mut [Acceptance], site: SiteIndex) -> &mut Acceptance {
    all.iter_mut().find(|acceptance| acceptance.from == site).expect("every holder accepts")
}
