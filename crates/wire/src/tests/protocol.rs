//! Four sites set up an epoch and open a sum; every message between them travels as bytes. What is
//! signed on one side verifies on the other, because nothing is lost on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_identity::{Signature, SigningKey};
use ripieno_secagg::epoch::advertise::{Announcement, Numbers};
use ripieno_secagg::epoch::{Advertised, Epoch};
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::round::outcome::{
    Ballot, Certificate, Outcome, Proposal, VoidCertificate, Vote,
};
use ripieno_secagg::round::publish::Receipt;
use ripieno_secagg::round::start::{Approved, SignedContract};
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Kind, Ledger, Party, Roster, SlotId};
use ripieno_study::{
    Contract, Digest, Encoding, Hasher, InputSpec, Membership, Plan, Privacy, SiteIndex, SiteSet,
    Tag,
};

use crate::{FromSite, Parts, Published, ToSite};

const EPOCH: u64 = 7;
const SLOTS: u16 = 2;

/// What the other end makes of a message.
macro_rules! across {
    ($message:expr, $pattern:pat => $value:expr) => {{
        let message = $message;
        let decoded = message.encode();
        match decode(&message, decoded) {
            $pattern => $value,
            other => panic!("{other:?} arrived"),
        }
    }};
}

trait Message: PartialEq + std::fmt::Debug + Sized {
    fn parse(bytes: bytes::Bytes) -> Self;
}

impl Message for ToSite {
    fn parse(bytes: bytes::Bytes) -> Self {
        Self::decode(bytes).unwrap()
    }
}

impl Message for FromSite {
    fn parse(bytes: bytes::Bytes) -> Self {
        Self::decode(bytes).unwrap()
    }
}

fn decode<M: Message>(sent: &M, bytes: bytes::Bytes) -> M {
    let received = M::parse(bytes);
    assert!(received == *sent, "{sent:?} was changed");
    received
}

struct Site {
    epoch: Epoch,
    ledger: Ledger<MemoryJournal>,
    witness: Witness<MemoryJournal>,
}

struct Federation {
    coordinator: SigningKey,
    roster: Arc<Roster>,
    sites: BTreeMap<SiteIndex, Site>,
}

fn index(n: u16) -> SiteIndex {
    SiteIndex::new(n).unwrap()
}

fn digest(n: u64) -> Digest {
    Hasher::new(Tag::State).number(n).finish()
}

fn plan() -> Plan {
    let input = InputSpec { name: "gradient".into(), length: 300, encoding: Encoding::Wide };
    Plan { inputs: vec![input], tile_lanes: 512 }
}

/// E1 to E4.
fn federation() -> Federation {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let coordinator = SigningKey::generate(&mut rng);
    let keys: BTreeMap<_, _> =
        (1..=4).map(|n| (index(n), Arc::new(SigningKey::generate(&mut rng)))).collect();
    let roster = Arc::new(Roster {
        charter: digest(0),
        federation: "four".into(),
        corrupt: 0,
        coordinator: coordinator.public(),
        sites: keys.iter().map(|(site, key)| (*site, key.public())).collect(),
        cohort: None,
    });
    let announced = across!(
        ToSite::Announce(Announcement { epoch: EPOCH, slots: SLOTS }),
        ToSite::Announce(announced) => announced
    );
    let journals = || Ledger::open(MemoryJournal::default(), &[]).unwrap();
    let mut advertised = Vec::new();
    for (site, key) in keys {
        let party = Party::new(site, key, roster.clone()).unwrap();
        let ledger = journals();
        let state =
            Advertised::new(party, announced, Numbers::default(), ledger.head(), &mut rng).unwrap();
        let witness = Witness::open(MemoryJournal::default(), &[]).unwrap();
        advertised.push((site, state, ledger, witness));
    }
    let adverts: Vec<_> = advertised
        .iter()
        .map(|(_, state, ..)| {
            let advert = state.advert().clone();
            across!(FromSite::Advert(advert), FromSite::Advert(advert) => advert)
        })
        .collect();
    let adverts = across!(
        ToSite::Adverts { epoch: EPOCH, slots: SLOTS, adverts },
        ToSite::Adverts { adverts, .. } => adverts
    );
    let dealt: Vec<_> = advertised
        .into_iter()
        .map(|(site, state, ledger, mut witness)| {
            let state = state.share(adverts.clone(), &mut witness, &mut rng).unwrap();
            (site, state, ledger, witness)
        })
        .collect();
    let bundles: Vec<_> = dealt
        .iter()
        .flat_map(|(_, state, ..)| {
            let bundles = state.bundles().to_vec();
            across!(FromSite::Bundles(bundles), FromSite::Bundles(bundles) => bundles)
        })
        .collect();
    let accepted: Vec<_> = dealt
        .into_iter()
        .map(|(site, state, ledger, witness)| {
            let bundles = bundles.iter().filter(|bundle| bundle.to == site).cloned().collect();
            let bundles = across!(
                ToSite::Bundles { epoch: EPOCH, bundles },
                ToSite::Bundles { bundles, .. } => bundles
            );
            let (state, faults) = state.accept(&bundles);
            assert!(faults.is_empty(), "{faults:?}");
            (site, state, ledger, witness)
        })
        .collect();
    let acceptances: Vec<_> = accepted
        .iter()
        .map(|(_, state, ..)| {
            let acceptance = state.acceptance().clone();
            across!(FromSite::Acceptance(acceptance), FromSite::Acceptance(it) => it)
        })
        .collect();
    let acceptances = across!(
        ToSite::Acceptances { epoch: EPOCH, acceptances },
        ToSite::Acceptances { acceptances, .. } => acceptances
    );
    let sites = accepted.into_iter().map(|(site, state, ledger, witness)| {
        (site, Site { epoch: state.join(acceptances.clone()).unwrap(), ledger, witness })
    });
    Federation { coordinator, roster, sites: sites.collect() }
}

impl Federation {
    fn transcript(&self) -> &ripieno_secagg::epoch::Transcript {
        self.sites[&index(1)].epoch.transcript()
    }

    fn contract(&self, slot: u16) -> SignedContract {
        let contract = Contract {
            transcript: self.transcript().digest(),
            slot,
            cohort: 0,
            study: digest(2),
            round: 1,
            participants: (1..=4).map(index).collect(),
            minimum: 3,
            membership: Membership::MayChange,
            plan: plan(),
            privacy: Privacy::NoNoise,
            state: digest(3),
        };
        let signature = Signature::from_bytes([0; 64]);
        let mut signed = SignedContract { contract, verdicts: vec![], signature };
        signed.signature = self.coordinator.sign(&signed.digest(&self.roster.charter));
        signed
    }
}

fn approved(plan: &Plan) -> Approved<'_> {
    Approved {
        study: digest(2),
        lineage: digest(4),
        fingerprint: None,
        round: 1,
        state: digest(3),
        plan,
        membership: Membership::MayChange,
        minimum_sites: 3,
        corrupt: 0,
        releases: 5,
        previous: None,
    }
}

fn collect(ballots: &[Ballot]) -> BTreeMap<SiteIndex, Signature> {
    ballots.iter().map(|ballot| (ballot.from, ballot.signature)).collect()
}

#[test]
fn a_sum_is_opened_over_bytes() {
    let mut all = federation();
    let (plan, lanes) = (plan(), 600);
    let signed = across!(ToSite::Contract(all.contract(1)), ToSite::Contract(signed) => signed);
    let id = SlotId { transcript: signed.contract.transcript, slot: 1 };
    let (mut trailers, mut uploads) = (Vec::new(), BTreeMap::new());
    for (site, state) in &mut all.sites {
        let Site { epoch, ledger, .. } = state;
        epoch.start(&signed, Some(&approved(&plan)), ledger).unwrap();
        if site.get() == 4 {
            continue; // Lost before its upload.
        }
        let upload = epoch.upload(1, &approved(&plan), vec![1; lanes], digest(5), ledger).unwrap();
        let mut received = Vec::new();
        for (number, tile) in (0..).zip(upload.lanes.chunks(512)) {
            let tile = FromSite::Tile { id, number, lanes: tile.to_vec().into() };
            received.extend_from_slice(&across!(tile, FromSite::Tile { lanes, .. } => lanes));
        }
        assert_eq!(received, *upload.lanes);
        uploads.insert(*site, received);
        let trailer = FromSite::Trailer { id, trailer: upload.trailer };
        trailers.push(across!(trailer, FromSite::Trailer { trailer, .. } => trailer));
    }
    let survivors: SiteSet = uploads.keys().copied().collect();
    let proposal = Proposal { contract: signed.clone(), survivors, trailers: trailers.clone() };
    let proposal = across!(ToSite::Propose(proposal), ToSite::Propose(proposal) => proposal);
    let outcome = Outcome::of(&proposal);
    let mut ballots = Vec::new();
    for state in all.sites.values_mut().take(3) {
        let ballot = state.epoch.decide(&proposal, &mut state.witness).unwrap();
        let ballot = across!(FromSite::Ballot(ballot), FromSite::Ballot(ballot) => ballot);
        assert_eq!(ballot.vote, Vote::Survivors(outcome.digest()));
        ballots.push(ballot);
    }
    let certificate = Certificate { outcome, signatures: collect(&ballots) };
    let open = ToSite::Open { certificate, proposal: Some(proposal) };
    let (certificate, proposal) =
        across!(open, ToSite::Open { certificate, proposal } => (certificate, proposal));
    let prove = ToSite::Prove { id, dealer: index(4), kind: Kind::Root };
    let (dealer, kind) = across!(prove, ToSite::Prove { dealer, kind, .. } => (dealer, kind));
    for Site { epoch, ledger, witness } in all.sites.values_mut() {
        let release = epoch.open(&certificate, proposal.as_ref(), ledger, witness).unwrap();
        let release = across!(FromSite::Release(release), FromSite::Release(release) => release);
        let key = &all.roster.sites[&release.from];
        key.verify(&release.digest(), &release.signature).unwrap();
        let proof = epoch.prove(1, dealer, kind).unwrap();
        let proof = across!(FromSite::Proof(proof), FromSite::Proof(proof) => proof);
        proof.verify(&all.roster, epoch.transcript()).unwrap();
    }
    let release = all.sites.values_mut().next().map(|site| {
        site.epoch.open(&certificate, None, &mut site.ledger, &mut site.witness).unwrap()
    });
    let release = release.unwrap();
    let mut receipt = Receipt {
        certificate,
        trailers,
        // Shares in place of reconstructed secrets: of the same form.
        selfs: release.selfs.clone(),
        roots: release.roots.clone(),
        sum: digest(8),
        next_state: digest(9),
        at: 1_700_000_000,
        signature: Signature::from_bytes([0; 64]),
    };
    receipt.signature = all.coordinator.sign(&receipt.digest(&all.roster.charter));
    let published = Published {
        contract: signed,
        receipt,
        sum: vec![3; lanes].into(),
        parts: Parts::Whole(uploads),
    };
    let published =
        across!(ToSite::Published(published), ToSite::Published(published) => published);
    let digest = published.receipt.digest(&all.roster.charter);
    all.roster.coordinator.verify(&digest, &published.receipt.signature).unwrap();
}

#[test]
fn a_slot_is_voided_over_bytes() {
    let mut all = federation();
    let id = SlotId { transcript: all.transcript().digest(), slot: 0 };
    let asked = across!(ToSite::VoidRequest(id), ToSite::VoidRequest(id) => id);
    let mut ballots = Vec::new();
    for site in all.sites.values_mut() {
        let ballot = site.epoch.void(asked.slot).unwrap();
        ballots.push(across!(FromSite::Ballot(ballot), FromSite::Ballot(ballot) => ballot));
    }
    let certificate = VoidCertificate { id, signatures: collect(&ballots) };
    let certificate =
        across!(ToSite::Voided(certificate), ToSite::Voided(certificate) => certificate);
    certificate.verify(&all.roster, all.transcript()).unwrap();
    for site in all.sites.values_mut() {
        site.epoch.close_void(&certificate, &mut site.ledger).unwrap();
    }
}
