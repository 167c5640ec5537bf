//! Derivations and signed digests against an implementation in another language, written from
//! docs/protocol.md alone: `tests/vectors/reference.py` made `tests/vectors/ripieno-1.json`.

use std::collections::BTreeMap;

use curve25519_dalek::Scalar;
use ripieno_identity::charter::{Charter, CharterFields, CharterSite, FederationPolicy};
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Credential, CredentialFields, PublicKey, Signature, SigningKey, Submission,
};
use ripieno_secagg::Kind;
use ripieno_secagg::epoch::accept::Acceptance;
use ripieno_secagg::epoch::advertise::{Advert, SlotAdvert};
use ripieno_secagg::epoch::share::{leaf, root_digest};
use ripieno_secagg::kdf::{self, End, SlotName};
use ripieno_secagg::ledger::{Head, SlotId};
use ripieno_secagg::mask::{self, Position, Ring, Sign};
use ripieno_secagg::merkle;
use ripieno_secagg::round::open::{Release, SiteSecret};
use ripieno_secagg::round::outcome::{Certificate, Outcome, void_digest};
use ripieno_secagg::round::publish::{Receipt, Verdict};
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::tiles::{self, Content};
use ripieno_secagg::round::upload::{Trailer, trailers_digest};
use ripieno_secagg::shamir::{self, Interpolation};
use ripieno_study::manifest::digest_of;
use ripieno_study::plan::Clip;
use ripieno_study::{
    Contract, Digest, Encoding, InputSpec, Membership, Packing, Plan, Privacy, SiteIndex, SiteSet,
    Tag,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

const SITES: [u16; 3] = [1, 2, 5];
const SLOT: SlotName<'_> = SlotName { federation: "cardiology", epoch: 7, slot: 3 };

#[test]
fn charter_credential_and_submission() {
    let v = group("identity");
    let charter = Charter::new(CharterFields {
        federation: "cardiology".into(),
        version: 2,
        previous: Some(v.digest("previous")),
        sites: SITES
            .iter()
            .zip(v.many("site_seeds"))
            .map(|(i, seed)| named_site(*i, seed))
            .collect(),
        next_index: 6,
        coordinator: signer(v.bytes("coordinator_seed")).public(),
        corrupt: 0,
        quorum: 2,
        policy: FederationPolicy { minimum_sites: 3 },
    });
    let charter = charter.expect("a good charter");
    assert_eq!(charter.digest(), v.digest("charter"));
    let consent = consent_digest(&charter, site(5));
    assert_eq!(consent, v.digest("consent_of_5"));
    let key = signer(v.many("site_seeds")[2]);
    assert_eq!(key.sign(&consent).as_bytes()[..], v.hex("consent_signature_of_5"));

    let researcher = signer(v.bytes("researcher_seed"));
    let fields = credential_of(researcher.public());
    assert_eq!(Credential::digest_of(&fields), v.digest("credential"));
    let study = digest_of("name = \"ä study\"\n");
    assert_eq!(study, v.digest("study"));
    let credential = Credential::issue(fields, &key).expect("good texts");
    let submission = Submission::sign(study, credential, &researcher);
    assert_eq!(submission.signature.as_bytes()[..], v.hex("submission_signature"));
}

#[test]
fn context() {
    assert_eq!(contract().ctx(), group("contract").digest("ctx"));
}

#[test]
fn secrets_of_a_slot() {
    let v = group("masks");
    let ctx = contract().ctx();
    let (roots, selfs) = (v.many("roots"), v.many("selfs"));
    for (i, index) in SITES.into_iter().enumerate() {
        let key = kdf::mask_key(&roots[i], SLOT, site(index));
        assert_eq!(x25519_dalek::PublicKey::from(&key).to_bytes(), v.many("mask_keys")[i]);
        let commitment = kdf::self_commitment(&selfs[i], SLOT, site(index));
        assert_eq!(*commitment.as_bytes(), v.many("self_commits")[i]);
    }
    let self_seed = kdf::self_seed(&selfs[1], site(2), &ctx);
    assert_eq!(*self_seed.as_bytes(), v.bytes("self_seed_2"));
    let rounding = kdf::rounding_seed(&v.bytes("local"), site(2), &ctx);
    assert_eq!(*rounding.as_bytes(), v.bytes("rounding_seed_2"));
    let [one, two] = [0, 1].map(|i| StaticSecret::from(v.many("channel_secrets")[i]));
    let (from, to) = (site(1), site(2));
    let transcript = contract().transcript;
    for (own, peer) in [(&one, &two), (&two, &one)] {
        let peer = x25519_dalek::PublicKey::from(peer).to_bytes();
        let key = kdf::channel_key(own, &peer, &transcript, from, to).expect("contributory");
        assert_eq!(*key.as_bytes(), v.bytes("channel_key_1_to_2"));
    }
}

#[test]
fn masked_updates() {
    let v = group("masks");
    let ctx = contract().ctx();
    let sites = SITES.map(site);
    let keys: Vec<_> =
        v.many("roots").iter().zip(sites).map(|(r, s)| kdf::mask_key(r, SLOT, s)).collect();
    let end = |i: usize| End { site: sites[i], key: v.many("mask_keys")[i] };
    let seed = |i: usize, j: usize| kdf::pair_seed(&keys[i], end(i), end(j), &ctx).expect("a seed");
    assert_eq!(*seed(0, 2).as_bytes(), v.bytes("pair_seed_1_5"));
    assert_eq!(*seed(2, 0).as_bytes(), v.bytes("pair_seed_1_5"));
    for (i, expected) in v.get::<Vec<Vec<u64>>>("masked").into_iter().enumerate() {
        let u = u64::from(SITES[i]);
        let mut lanes =
            vec![u64::MAX - u, u64::MAX, u, 0, 0, 3, u, u.wrapping_neg(), 0, 7, 1 << 63];
        let own = kdf::self_seed(&v.many("selfs")[i], sites[i], &ctx);
        let mut seeds = vec![(own, Sign::Add)];
        for j in (0..3).filter(|j| *j != i) {
            seeds.push((seed(i, j), if i < j { Sign::Add } else { Sign::Subtract }));
        }
        let (wide, narrow) = lanes.split_at_mut(6);
        for (seed, sign) in &seeds {
            mask::apply(wide, seed, Position { vector: 0, first_lane: 0, ring: Ring::Pair }, *sign);
            mask::apply(
                narrow,
                seed,
                Position { vector: 1, first_lane: 0, ring: Ring::Lane },
                *sign,
            );
        }
        assert_eq!(lanes, expected, "site {u}");
    }
}

#[test]
fn shares_and_their_tree() {
    let v = group("sharing");
    let holders: Vec<_> = v.get::<Vec<u16>>("holders").into_iter().map(site).collect();
    let shares: Vec<Scalar> =
        v.many("shares").iter().map(|s| *shamir::canonical(s).expect("canonical")).collect();
    let weights = Interpolation::at_zero(&holders).expect("distinct holders");
    let secret = weights.combine(&shares).expect("one share a holder");
    assert_eq!(secret.to_bytes(), v.bytes("secret"));
    assert!(shamir::canonical(&v.bytes("not_canonical")).is_none());

    let leaves: Vec<_> = (0..3_u16)
        .flat_map(|slot| [(slot, Kind::Root), (slot, Kind::Own)])
        .map(|(slot, kind)| {
            leaf(site(1), site(5), slot, kind, &v.many("shares")[usize::from(slot)])
        })
        .collect();
    for (k, root) in v.many("share_tree").into_iter().enumerate() {
        assert_eq!(*merkle::root(Tag::ShareNode, &leaves[..k]).as_bytes(), root, "{k} leaves");
    }
}

#[test]
fn messages_of_an_epoch() {
    let v = group("messages");
    let transcript = contract().transcript;
    let slot = |pair: Vec<String>| SlotAdvert {
        mask_key: *parse(&pair[0]).as_bytes(),
        self_commitment: parse(&pair[1]),
    };
    let advert = Advert {
        charter: transcript,
        epoch: 7,
        from: site(5),
        channel_key: v.bytes("channel_pk"),
        slots: v.get::<Vec<Vec<String>>>("slots").into_iter().map(slot).collect(),
        ledger: Head { count: 11, digest: v.digest("head") },
        signature: filler(0),
    };
    assert_eq!(advert.digest(), v.digest("advert"));
    let root = root_digest(&transcript, site(5), &v.digest("root"));
    assert_eq!(root, v.digest("share_root"));
    let dealers = [1, 5].map(site).into_iter().collect();
    let acceptance = Acceptance { transcript, from: site(5), dealers, signature: filler(0) };
    assert_eq!(acceptance.digest(), v.digest("acceptance"));
    assert_eq!(Head::empty().after(b"a record").digest, v.digest("ledger_head"));
}

#[test]
fn messages_of_a_round() {
    let v = group("messages");
    let contract = contract();
    let (transcript, ctx) = (contract.transcript, contract.ctx());
    let id = SlotId { transcript, slot: 3 };
    let trailer = trailer(&v, ctx);
    assert_eq!(trailer.digest(), v.digest("trailer"));
    let trailers = vec![trailer.clone(), Trailer { signature: filler(2), ..trailer }];
    assert_eq!(trailers_digest(&trailers), v.digest("trailers"));
    let survivors: SiteSet = SITES.map(site).into_iter().collect();
    let outcome = Outcome { id, ctx, survivors, trailers: trailers_digest(&trailers) };
    assert_eq!(outcome.digest(), v.digest("outcome"));
    assert_eq!(void_digest(id), v.digest("void"));

    let scalars = v.many("scalars");
    let selfs = vec![SiteSecret { site: site(1), scalar: scalars[0] }];
    let roots = vec![SiteSecret { site: site(2), scalar: scalars[1] }];
    let release = Release {
        id,
        ctx,
        from: site(5),
        selfs: selfs.clone(),
        roots: roots.clone(),
        signature: filler(0),
    };
    assert_eq!(release.digest(), v.digest("release"));
    let signatures = BTreeMap::from([(site(1), filler(3)), (site(2), filler(4))]);
    let receipt = Receipt {
        certificate: Certificate { outcome, signatures },
        trailers,
        selfs,
        roots,
        sum: v.digest("sum"),
        next_state: v.digest("next"),
        at: 1_800_000_000,
        signature: filler(0),
    };
    assert_eq!(receipt.digest(&transcript), v.digest("receipt"));

    let verdict = Verdict {
        ctx,
        sum: v.digest("sum"),
        from: site(5),
        tiles: vec![0, 3, 9],
        holds: true,
        signature: filler(5),
    };
    assert_eq!(verdict.digest(), v.digest("verdict"));
    let signed = SignedContract { contract, verdicts: vec![verdict], signature: filler(0) };
    assert_eq!(signed.digest(&transcript), v.digest("contract"));
}

#[test]
fn streams_and_tiles() {
    let v = group("masks");
    // A seed comes out of a derivation alone, so the stream is that of a derived one.
    let seed = kdf::self_seed(&v.many("selfs")[1], site(2), &contract().ctx());
    let at = |first_lane| Position { vector: (1 << 40) + 5, first_lane, ring: Ring::Lane };
    let mut lanes = [0; 3];
    mask::apply(&mut lanes, &seed, at(1001), Sign::Add);
    assert_eq!(lanes.to_vec(), v.get::<Vec<u64>>("stream_lane_1001"));
    let v = group("messages");
    for (content, name) in [(Content::Masked, "tile_leaf"), (Content::Sum, "sum_tile_leaf")] {
        assert_eq!(tiles::leaf(content, 4, &[1, u64::MAX, 3]), v.digest(name));
    }
}

fn contract() -> Contract {
    let v = group("contract");
    let packed = Encoding::Packed { packing: Packing::Three, range: 0.5, clip: Clip::L2 };
    let input = |name: &str, length, encoding| InputSpec { name: name.into(), length, encoding };
    Contract {
        transcript: v.digest("transcript"),
        slot: 3,
        cohort: 0,
        study: group("identity").digest("study"),
        round: 9,
        participants: SITES.map(site).into_iter().collect(),
        minimum: 3,
        membership: Membership::MayChange,
        plan: Plan {
            inputs: vec![input("gradient", 5, Encoding::Wide), input("update", 1030, packed)],
            tile_lanes: 512,
        },
        privacy: Privacy::NoNoise,
        state: v.digest("state"),
    }
}

fn trailer(v: &Group, ctx: Digest) -> Trailer {
    Trailer {
        ctx,
        from: site(5),
        root: v.digest("root"),
        lanes: 11,
        ledger: Head { count: 12, digest: v.digest("head") },
        audit: v.digest("audit"),
        signature: filler(1),
    }
}

fn named_site(index: u16, seed: [u8; 32]) -> CharterSite {
    let key: PublicKey = signer(seed).public();
    CharterSite { index: site(index), name: format!("site {index}"), key }
}

fn credential_of(researcher: PublicKey) -> CredentialFields {
    CredentialFields {
        name: "Ada Lovelace".into(),
        role: "statistician".into(),
        department: "cardiology".into(),
        clearance: "pseudonymous".into(),
        expires: 1_900_000_000,
        federation: "cardiology".into(),
        home: site(2),
        researcher,
    }
}

fn site(index: u16) -> SiteIndex {
    SiteIndex::new(index).expect("an index from 1")
}

fn signer(seed: [u8; 32]) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(seed))
}

fn filler(byte: u8) -> Signature {
    Signature::from_bytes([byte; 64])
}

fn parse(hex: &str) -> Digest {
    serde_json::from_value(Value::from(hex)).expect("32 bytes as hexadecimal digits")
}

/// One group of vectors.
struct Group(Value);

fn group(name: &str) -> Group {
    let all: Value = serde_json::from_str(include_str!("../vectors/ripieno-1.json")).expect("JSON");
    Group(all[name].clone())
}

impl Group {
    fn get<T: DeserializeOwned>(&self, name: &str) -> T {
        T::deserialize(&self.0[name]).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn digest(&self, name: &str) -> Digest {
        self.get(name)
    }

    fn bytes(&self, name: &str) -> [u8; 32] {
        *self.digest(name).as_bytes()
    }

    fn many(&self, name: &str) -> Vec<[u8; 32]> {
        self.get::<Vec<Digest>>(name).into_iter().map(|digest| *digest.as_bytes()).collect()
    }

    fn hex(&self, name: &str) -> Vec<u8> {
        let text: String = self.get(name);
        let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal digits");
        (0..text.len()).step_by(2).map(digit).collect()
    }
}
