//! E1 and E2: announcements, and adverts that the coordinator changes, makes up, leaves out or
//! repeats.

use ripieno_identity::SigningKey;
use ripieno_secagg::epoch::Advert;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::ledger::Head;
use ripieno_study::{Check, Culprit, SiteIndex};
use ripieno_tests::{made, new_key, some_digest};
use ripieno_wire::{FromSite, ToSite};

use super::COORDINATOR;
use crate::stage::{Case, Gathered, Run, Stage};

/// An index that the charter does not list.
const STRANGER: u16 = 9;

pub(crate) async fn play(stage: &mut Stage) -> Result<(), String> {
    announcements(stage).await?;
    changed_on_the_way(stage).await?;
    signed_by_the_corrupt_site(stage).await?;
    copied(stage).await?;
    invented(stage).await?;
    smaller(stage).await?;
    split(stage).await?;
    ledgers(stage).await?;
    kept_open(stage).await?;
    shown_late(stage).await
}

/// Gathers the adverts of an epoch, and shows the first site what `change` makes of them.
async fn shown(
    stage: &mut Stage,
    name: &'static str,
    (check, culprit): (Check, Culprit),
    change: impl Fn(&Stage, &Gathered, &mut Vec<Advert>),
) -> Result<(), String> {
    let gathered = stage.gather(2).await?;
    let mut adverts = gathered.list();
    change(stage, &gathered, &mut adverts);
    let victim = stage.site(0);
    stage.refuses(name, victim, gathered.message(adverts), check, culprit).await;
    Ok(())
}

async fn announcements(stage: &mut Stage) -> Result<(), String> {
    let victim = stage.site(0);
    let mut last = stage.next_epoch(2);
    stage.advert(victim, last).await?;
    for epoch in [last.epoch, last.epoch - 1, 0] {
        let name = "an epoch's number used again";
        let message = ToSite::Announce(Announcement { epoch, slots: 2 });
        stage.refuses(name, victim, message, Check::A2, COORDINATOR).await;
    }
    last.epoch += (1 << 16) + 1;
    for epoch in [last.epoch, u64::MAX] {
        let message = ToSite::Announce(Announcement { epoch, slots: 2 });
        let name = "a number that uses the others up";
        stage.refuses(name, victim, message, Check::A2, COORDINATOR).await;
    }
    Ok(())
}

async fn changed_on_the_way(stage: &mut Stage) -> Result<(), String> {
    let own: [fn(&mut Advert); 3] = [
        |advert| advert.slots[0].mask_key = [9; 32],
        |advert| advert.slots[1].self_commitment = some_digest("another secret"),
        |advert| advert.channel_key = [9; 32],
    ];
    for change in own {
        let name = "the victim's own advert changed";
        let at = (Check::A1, COORDINATOR);
        shown(stage, name, at, |_, _, adverts| change(&mut adverts[0])).await?;
    }
    let others: [fn(&mut Advert); 5] = [
        |advert| advert.slots[0].mask_key = [9; 32],
        |advert| advert.channel_key = [9; 32],
        |advert| advert.slots.swap(0, 1),
        |advert| advert.ledger = Head::empty().after(b"a record"),
        |advert| advert.charter = some_digest("another charter"),
    ];
    for change in others {
        let name = "a true site's advert changed";
        let at = (Check::A1, COORDINATOR);
        shown(stage, name, at, |_, _, adverts| change(&mut adverts[1])).await?;
    }
    let earlier = stage.gather(2).await?.list();
    let name = "an advert of an earlier epoch replayed";
    shown(stage, name, (Check::A1, COORDINATOR), |_, _, adverts| {
        adverts[1] = earlier[1].clone();
    })
    .await
}

/// The coordinator relays what the corrupt site has signed, though it should not.
async fn signed_by_the_corrupt_site(stage: &mut Stage) -> Result<(), String> {
    let changes: [fn(&mut Advert); 3] = [
        |advert| advert.charter = some_digest("another charter"),
        |advert| advert.epoch += 1,
        |advert| advert.slots.truncate(1),
    ];
    for change in changes {
        let name = "an advert for another charter or epoch";
        shown(stage, name, (Check::A1, COORDINATOR), |_, gathered, adverts| {
            let last = adverts.last_mut().expect("there are adverts");
            change(last);
            *last = gathered.forger.sign_advert(last.clone());
        })
        .await?;
    }
    Ok(())
}

async fn copied(stage: &mut Stage) -> Result<(), String> {
    let copies: [fn(&mut Advert, &Advert); 4] = [
        |advert, other| advert.slots[0].mask_key = other.slots[0].mask_key,
        |advert, other| advert.slots[1].mask_key = other.slots[0].mask_key,
        |advert, other| advert.channel_key = other.channel_key,
        |advert, other| advert.slots[0].self_commitment = other.slots[0].self_commitment,
    ];
    for copy in copies {
        for first in [false, true] {
            let name = "a copied key of a peer";
            shown(stage, name, (Check::A1, COORDINATOR), |_, gathered, adverts| {
                let mut own = adverts.pop().expect("the corrupt site's");
                copy(&mut own, &adverts[1]);
                let own = gathered.forger.sign_advert(own);
                // Whichever comes first: nobody is to take the true site for the one that copied.
                adverts.insert(if first { 0 } else { adverts.len() }, own);
            })
            .await?;
        }
    }
    let corrupt = Culprit::Site(stage.corrupt.site);
    let name = "a key twice in one advert";
    shown(stage, name, (Check::A1, corrupt), |_, gathered, adverts| {
        let last = adverts.last_mut().expect("there are adverts");
        last.slots[1].mask_key = last.slots[0].mask_key;
        *last = gathered.forger.sign_advert(last.clone());
    })
    .await?;
    let name = "a true site's advert twice";
    shown(stage, name, (Check::A1, COORDINATOR), |_, _, adverts| {
        let twice = adverts[1].clone();
        adverts.insert(1, twice);
    })
    .await
}

async fn invented(stage: &mut Stage) -> Result<(), String> {
    let forge = |advert: &mut Advert, from: u16, key: &SigningKey| {
        advert.from = SiteIndex::new(from).expect("not 0");
        for (number, slot) in (100..).zip(&mut advert.slots) {
            slot.mask_key = [number; 32];
            slot.self_commitment = some_digest(&number.to_string());
        }
        advert.channel_key = [99; 32];
        advert.signature = key.sign(&advert.digest());
    };
    let name = "an invented site";
    shown(stage, name, (Check::A1, COORDINATOR), |stage, _, adverts| {
        let mut more = adverts[1].clone();
        forge(&mut more, STRANGER, &stage.key);
        adverts.push(more);
    })
    .await?;
    for by_coordinator in [true, false] {
        let name = "a site of the charter played by another";
        shown(stage, name, (Check::A1, COORDINATOR), |stage, _, adverts| {
            let from = adverts[1].from.get();
            let stranger = new_key();
            let key = if by_coordinator { &stage.key } else { &stranger };
            forge(&mut adverts[1], from, key);
        })
        .await?;
    }
    Ok(())
}

/// With fewer holders fewer shares would be enough.
async fn smaller(stage: &mut Stage) -> Result<(), String> {
    let name = "a smaller epoch to lower the threshold";
    for left in [3, 1] {
        shown(stage, name, (Check::A2, COORDINATOR), |_, _, adverts| adverts.truncate(left))
            .await?;
    }
    Ok(())
}

/// Each half of the sites sees another roster, good in itself.
async fn split(stage: &mut Stage) -> Result<(), String> {
    let gathered = stage.gather(2).await?;
    let (all, fewer) = (gathered.list(), gathered.list()[..4].to_vec());
    let mut bundles = Vec::new();
    for (place, site) in stage.honest.clone().into_iter().enumerate() {
        let adverts = if place < 2 { all.clone() } else { fewer.clone() };
        bundles.extend(stage.bundles(site, gathered.message(adverts)).await?);
    }
    let victim = stage.site(0);
    let again = gathered.message(fewer);
    let name = "two rosters under one epoch's number";
    stage.refuses(name, victim, again, Check::A2, COORDINATOR).await;
    // Bundles of the other half are not of this epoch: nobody's shares are accepted across.
    let of = |site: SiteIndex| bundles.iter().filter(move |bundle| bundle.to == site);
    let (other, ours) = (stage.site(2), stage.site(1));
    let bundle = of(victim).find(|bundle| bundle.from == other).cloned();
    let bundle = bundle.ok_or("a bundle of the other half")?;
    let good = of(victim).find(|bundle| bundle.from == ours).cloned();
    let epoch = gathered.announced.epoch;
    let message = ToSite::Bundles { epoch, bundles: good.into_iter().chain([bundle]).collect() };
    let name = "different rosters to different sites";
    let accepted = |said: &FromSite| match said {
        FromSite::Acceptance(acceptance) => !acceptance.dealers.contains(other),
        _ => false,
    };
    let at = (Check::A3, Culprit::Site(other));
    stage.refuses_but(name, victim, message, at, accepted).await;
    Ok(())
}

/// The corrupt site's ledger goes back, or has two pasts.
async fn ledgers(stage: &mut Stage) -> Result<(), String> {
    let (one, two) = (Head::empty().after(b"one"), Head::empty().after(b"two"));
    let victim = stage.site(0);
    let gathered = stage.gather(2).await?;
    let advertise = |gathered: &Gathered, head: Head| {
        let mut adverts = gathered.list();
        let last = adverts.last_mut().expect("there are adverts");
        last.ledger = head;
        *last = gathered.forger.sign_advert(last.clone());
        gathered.message(adverts)
    };
    let newest = one.after(b"more");
    stage.bundles(victim, advertise(&gathered, newest)).await?;
    stage.corrupt.ledger = newest;
    let corrupt = Culprit::Site(stage.corrupt.site);
    for head in [one, Head::empty(), two.after(b"more")] {
        let gathered = stage.gather(2).await?;
        let name = "a peer's ledger restored from a backup";
        let message = advertise(&gathered, head);
        stage.refuses(name, victim, message, Check::L1, corrupt).await;
    }
    Ok(())
}

/// The corrupt site plays one that was restored. The adverts of the others were taken before the
/// sum that it has forgotten, so its own is not older than what they had seen by then.
async fn kept_open(stage: &mut Stage) -> Result<(), String> {
    let mut case = stage.case(2, made::WIDE).await?;
    let mut before = stage.run(1).await?;
    let gathered = stage.gather(1).await?;
    let newer = stage.corrupt.ledger.after(b"the sum");
    before.forger.advert.ledger = newer;
    stage.round(&before, &mut case, 0).await?;
    let next = stage.finish(gathered).await?;
    forgotten(stage, "a set-up kept open while a site is restored", &case, next).await?;
    stage.corrupt.ledger = newer;
    Ok(())
}

/// The same; here its trailer in the sum that it has forgotten is shown when the next epoch has been
/// set up.
async fn shown_late(stage: &mut Stage) -> Result<(), String> {
    let case = stage.case(2, made::WIDE).await?;
    let mut before = stage.run(1).await?;
    let newer = stage.corrupt.ledger.after(b"the sum");
    before.forger.advert.ledger = newer;
    let signed = stage.sign(case.contract(&before, 0));
    let all = signed.contract.participants.clone();
    let round = stage.collect(&before, signed, &all).await?;
    let next = stage.run(1).await?;
    stage.open(&before, stage.certify(&before, round).await?).await?;
    forgotten(stage, "a trailer shown after its site was restored", &case, next).await?;
    stage.corrupt.ledger = newer;
    Ok(())
}

/// In the next epoch it names no sum of the study, and no count of records that anybody has seen.
async fn forgotten(
    stage: &mut Stage,
    name: &'static str,
    case: &Case,
    mut next: Run,
) -> Result<(), String> {
    let mut ledger = stage.corrupt.ledger;
    for record in 0..9_u8 {
        ledger = ledger.after(&[record]);
    }
    (next.forger.advert.ledger, next.forger.forgets) = (ledger, true);
    let signed = stage.sign(case.contract(&next, 0));
    let all = signed.contract.participants.clone();
    let round = stage.collect(&next, signed, &all).await?;
    let corrupt = Culprit::Site(stage.corrupt.site);
    for victim in stage.honest.clone() {
        let message = ToSite::Propose(round.proposal.clone());
        stage.refuses(name, victim, message, Check::L1, corrupt).await;
    }
    // A slot without an outcome would hold its epoch.
    let certificate = stage.void(round.id()).await?;
    for site in &stage.honest {
        stage.ask(*site, ToSite::Voided(certificate.clone())).await?;
    }
    Ok(())
}
