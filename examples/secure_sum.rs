//! The protocol by hand: five sites add up three numbers, one of them is lost on the way, and
//! nobody learns more than the sum of the others.
//!
//! ```text
//! cargo run -p ripieno-examples --bin secure_sum
//! ```
//!
//! What is a function call here is a message in a real federation. The steps are those of
//! docs/protocol.md: E1–E4 set up one-time slots, R1–R5 use one of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use ripieno_encoding::{NamedVector, decode, encode, plan_for};
use ripieno_identity::SigningKey;
use ripieno_secagg::coordinator::{
    Collecting, Epoch as Relay, Gathering, MemorySpool, Opened, Reconstruction, sign_contract,
};
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_secagg::epoch::{Advertised, Epoch};
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::round::publish::verify_receipt;
use ripieno_secagg::round::start::Approved;
use ripieno_secagg::round::tiles;
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Ledger, Party, Roster};
use ripieno_study::plan::STANDARD_TILE;
use ripieno_study::{
    Contract, Digest, Encoding, InputSpec, Membership, Plan, Privacy, SiteIndex, SiteSet,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Each site's patients, events, and days of follow-up.
const VALUES: [[f64; 3]; 5] = [
    [120.0, 14.0, 8123.5],
    [88.0, 9.0, 6001.25],
    [240.0, 31.0, 17500.0],
    [57.0, 4.0, 3990.75],
    [133.0, 20.0, 9050.0],
];
/// The position of the site that is lost.
const LOST: usize = 2;
/// Sites that may work with the coordinator. Then t = 4 shares open a sum, of at least 4 sites.
const CORRUPT: u16 = 1;

/// What a site has in memory, and what it must never forget.
struct Site {
    epoch: Epoch,
    ledger: Ledger<MemoryJournal>,
    witness: Witness<MemoryJournal>,
    values: [f64; 3],
}

fn main() -> Result<()> {
    let sum = secure_sum()?;
    println!("site {} was lost; the sum of the other four:", LOST + 1);
    for (name, value) in ["patients", "events", "days of follow-up"].iter().zip(sum) {
        println!("  {name:<18} {value:>10}");
    }
    Ok(())
}

fn secure_sum() -> Result<Vec<f64>> {
    // Before everything: keys, and a charter that every site has signed (here only its digest).
    let mut rng = rand::rng();
    let coordinator = SigningKey::generate(&mut rng);
    let keys: BTreeMap<SiteIndex, Arc<SigningKey>> = (1..=5)
        .filter_map(SiteIndex::new)
        .map(|site| (site, Arc::new(SigningKey::generate(&mut rng))))
        .collect();
    let roster = Arc::new(Roster {
        charter: Digest::from_bytes([1; 32]),
        federation: "example".into(),
        corrupt: CORRUPT,
        coordinator: coordinator.public(),
        sites: keys.iter().map(|(site, key)| (*site, key.public())).collect(),
        cohort: None,
    });

    let (relay, mut sites) = set_up(&roster, &keys)?;
    let contract = contract(&relay);
    let opened = round(&roster, &coordinator, &contract, &relay, &mut sites)?;

    let survivors = opened.certificate().outcome.survivors.len();
    let sums = decode(&contract.plan, opened.sum(), survivors, contract.participants.len())?;
    Ok(sums.into_iter().flat_map(|vector| vector.values).collect())
}

/// E1–E4: every site deals out shares of its one-time secrets.
fn set_up(
    roster: &Arc<Roster>,
    keys: &BTreeMap<SiteIndex, Arc<SigningKey>>,
) -> Result<(Relay, BTreeMap<SiteIndex, Site>)> {
    let mut rng = rand::rng();
    let announced = Announcement { epoch: 1, slots: 1 };

    // E1: sites advertise keys for the epoch; the coordinator gathers them.
    let mut gathering = Gathering::new(roster.clone(), announced);
    let mut advertised = Vec::new();
    for (site, key) in keys {
        let party = Party::new(*site, key.clone(), roster.clone())?;
        let ledger = Ledger::open(MemoryJournal::default(), &[])?;
        let step = Advertised::new(party, announced, Numbers::default(), ledger.head(), &mut rng)?;
        gathering.receive(step.advert().clone())?;
        advertised.push((*site, step, ledger));
    }

    // E2: each site deals shares to the others, sealed for each of them.
    let mut sharing = gathering.close()?;
    let adverts: Vec<_> = sharing.transcript().adverts().map(|(_, a)| a.clone()).collect();
    let mut dealt = Vec::new();
    for (site, step, ledger) in advertised {
        let mut witness = Witness::open(MemoryJournal::default(), &[])?;
        let step = step.share(adverts.clone(), &mut witness, &mut rng)?;
        sharing.receive(site, step.bundles().to_vec())?;
        dealt.push((site, step, ledger, witness));
    }

    // E3: each site opens what was dealt to it, and says whose shares are good.
    let bundles: Vec<_> = keys.keys().map(|site| sharing.bundles_for(*site)).collect();
    let mut accepting = sharing.close();
    let mut accepted = Vec::new();
    for ((site, step, ledger, witness), bundles) in dealt.into_iter().zip(&bundles) {
        let (step, faults) = step.accept(bundles);
        assert!(faults.is_empty(), "{faults:?}");
        accepting.receive(step.acceptance().clone())?;
        accepted.push((site, step, ledger, witness));
    }

    // E4: with everybody's word, the slots of the epoch can be used.
    let relay = accepting.close();
    let mut sites = BTreeMap::new();
    for ((site, step, ledger, witness), values) in accepted.into_iter().zip(VALUES) {
        let epoch = step.join(relay.acceptances())?;
        sites.insert(site, Site { epoch, ledger, witness, values });
    }
    Ok((relay, sites))
}

/// Everything that defines the round. Its hash salts every mask.
fn contract(relay: &Relay) -> Contract {
    let values = InputSpec { name: "values".into(), length: 3, encoding: Encoding::Wide };
    let holders: SiteSet = relay.transcript().holders();
    Contract {
        transcript: relay.transcript().digest(),
        slot: 0,
        cohort: 0,
        study: Digest::from_bytes([2; 32]),
        round: 1,
        participants: holders,
        minimum: relay.transcript().params().minimum(0),
        membership: Membership::MayChange,
        plan: plan_for(&[values], STANDARD_TILE),
        privacy: Privacy::NoNoise,
        state: Digest::from_bytes([3; 32]),
    }
}

/// What a site's own side says of the round: the contract must agree with it.
fn approved(plan: &Plan) -> Approved<'_> {
    Approved {
        study: Digest::from_bytes([2; 32]),
        lineage: Digest::from_bytes([4; 32]),
        // There is no table here that could change.
        fingerprint: None,
        round: 1,
        state: Digest::from_bytes([3; 32]),
        plan,
        membership: Membership::MayChange,
        minimum_sites: 3,
        corrupt: CORRUPT,
        releases: 1,
        previous: None,
    }
}

/// R1–R5: one slot, from the contract to a sum that every site has verified.
fn round(
    roster: &Roster,
    coordinator: &SigningKey,
    contract: &Contract,
    relay: &Relay,
    sites: &mut BTreeMap<SiteIndex, Site>,
) -> Result<Opened> {
    let transcript = relay.transcript();
    let signed = sign_contract(&roster.charter, coordinator, contract.clone(), Vec::new());
    let approved = approved(&contract.plan);
    let lost = SiteIndex::new(LOST as u16 + 1);

    // R1 and R2: each site checks the contract, masks its vector and uploads it. One does not.
    let mut collecting = Collecting::new(signed.clone());
    let mut spool = MemorySpool::default();
    for (index, site) in &mut *sites {
        site.epoch.start(&signed, Some(&approved), &site.ledger)?;
        if Some(*index) == lost {
            continue;
        }
        let vector = NamedVector::new("values", site.values.to_vec());
        let participants = contract.participants.len();
        let encoded = encode(&contract.plan, &[vector], participants, &mut rand::rng())?;
        let no_log = Digest::from_bytes([0; 32]);
        let upload = site.epoch.upload(0, &approved, encoded.lanes, no_log, &mut site.ledger)?;
        for tile in tiles::tiles(&contract.plan) {
            let lanes = tile.of(&upload.lanes).to_vec();
            collecting.tile(*index, tile.number, lanes, &mut spool)?;
        }
        collecting.trailer(roster, upload.trailer.clone())?;
    }

    // R3: the coordinator names the survivors; every site signs one outcome of the slot, once.
    let mut deciding = collecting.propose().map_err(|_| "too few uploads")?;
    let proposal = deciding.proposal().clone();
    for site in sites.values_mut() {
        let ballot = site.epoch.decide(&proposal, &mut site.witness)?;
        deciding.ballot(roster, transcript, &ballot)?;
    }

    // R4: with t signatures, sites release shares: of the self mask of a survivor, of the mask key
    // of the lost site, never both of one.
    let mut opening = deciding.certify(transcript).map_err(|_| "too few signatures")?;
    let certificate = opening.certificate().clone();
    for site in sites.values_mut() {
        let release =
            site.epoch.open(&certificate, Some(&proposal), &mut site.ledger, &mut site.witness)?;
        opening.release(roster, transcript, release)?;
    }
    let Reconstruction::Complete(secrets) = opening.reconstruct(transcript) else {
        return Err("too few good shares".into());
    };
    let opened = opening.unmask(transcript, secrets, &spool)?;

    // R5: a signed receipt. Every site adds the uploads up again and compares.
    let next_state = Digest::from_bytes([5; 32]);
    let receipt = opened.receipt(&roster.charter, coordinator, next_state, 1_700_000_000);
    let uploads = opened.uploads(&spool)?;
    for site in sites.values_mut() {
        let own = site.epoch.own_trailer(0).cloned();
        let verified = verify_receipt(roster, transcript, contract, own.as_ref(), &receipt)?;
        verified.sum(opened.sum(), &uploads)?;
        verified.next_state(&next_state)?;
        site.epoch.close_published(&receipt.certificate, &mut site.ledger)?;
    }
    Ok(opened)
}

#[test]
fn the_sum_is_that_of_the_survivors() {
    let survivors = VALUES.iter().enumerate().filter(|(at, _)| *at != LOST);
    let expected =
        survivors.fold([0.0; 3], |sum, (_, values)| std::array::from_fn(|i| sum[i] + values[i]));
    assert_eq!(secure_sum().unwrap(), expected);
}
