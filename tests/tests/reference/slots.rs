//! Secrets of a slot, masks, shares and trees (docs/protocol.md §1, §3).

use curve25519_dalek::Scalar;
use ripieno_secagg::epoch::share::{leaf, root_digest};
use ripieno_secagg::kdf::{self, End, Seed, SlotName};
use ripieno_secagg::mask::{Masks, Position, Ring, Sign};
use ripieno_secagg::params::Parameters;
use ripieno_secagg::shamir::{self, Interpolation, Polynomial};
use ripieno_secagg::{Kind, merkle};
use ripieno_study::{Digest, Tag};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::support::{Drawn, Vector, file, site};

#[test]
fn thresholds() {
    for one in file("slots").list("parameters") {
        let [n, c, t, m, v]: [u16; 5] = one.parse();
        let sizes = Parameters::new(usize::from(n), c, 1).expect("good numbers");
        assert_eq!([sizes.threshold(), sizes.minimum(0), sizes.void_quorum()], [t, m, v]);
    }
}

#[test]
fn secrets_of_a_slot() {
    let v = file("slots");
    let (ctx, federation) = (v.digest("ctx"), v.text("federation"));
    let name = name(&v, &federation);
    for one in v.list("sites") {
        let site = one.site("site");
        let key = kdf::mask_key(&one.bytes("root"), name, site);
        assert_eq!(key.to_bytes(), one.bytes("mask_secret"));
        assert_eq!(PublicKey::from(&key).to_bytes(), one.bytes("mask_key"));
        let commitment = kdf::self_commitment(&one.bytes("self"), name, site);
        assert_eq!(commitment, one.digest("self_commitment"));
        let seed = kdf::self_seed(&one.bytes("self"), site, &ctx);
        assert_eq!(*seed.as_bytes(), one.bytes("self_seed"));
        let seed = kdf::rounding_seed(&one.bytes("local"), site, &ctx);
        assert_eq!(*seed.as_bytes(), one.bytes("rounding_seed"));
    }
}

#[test]
fn both_ends_of_a_pair_and_each_direction_of_a_channel() {
    let v = file("slots");
    let sites = v.list("sites");
    let end = |index: u16| {
        let one = sites.iter().find(|one| one.get::<u16>("site") == index).expect("a site");
        let end = End { site: site(index), key: one.bytes("mask_key") };
        (StaticSecret::from(one.bytes("mask_secret")), end)
    };
    for one in v.list("pairs") {
        let [low, high] = one.get::<[u16; 2]>("sites").map(end);
        for ((own, me), (_, peer)) in [(&low, &high), (&high, &low)] {
            let seed = kdf::pair_seed(own, *me, *peer, &v.digest("ctx")).expect("contributory");
            assert_eq!(*seed.as_bytes(), one.bytes("seed"));
        }
    }
    let secrets = v.at("channels").list("secrets");
    let [low, high] = [0, 1].map(|i: usize| StaticSecret::from(secrets[i].array()));
    for one in v.at("channels").list("keys") {
        for (own, peer) in [(&low, &high), (&high, &low)] {
            let peer = PublicKey::from(peer).to_bytes();
            let (from, to) = (one.site("dealer"), one.site("holder"));
            let key = kdf::channel_key(own, &peer, &v.digest("transcript"), from, to);
            assert_eq!(*key.expect("contributory").as_bytes(), one.bytes("key"));
        }
    }
}

#[test]
fn streams_and_rings() {
    let v = file("slots");
    // A seed comes out of a derivation alone, so the streams are those of a derived one.
    let seed: Seed = kdf::self_seed(&v.list("sites")[1].bytes("self"), site(2), &v.digest("ctx"));
    for one in v.list("streams") {
        let expected = one.lanes("lanes");
        let mut lanes = vec![0; expected.len()];
        let (vector, first_lane) = (one.get("vector"), one.get("first_lane"));
        let at = Position { vector, first_lane, ring: Ring::Lane };
        Masks::new([(&seed, Sign::Add)]).apply(&mut lanes, at);
        assert_eq!(lanes, expected);
    }
    for one in v.list("rings") {
        let ring = if one.get("wide") { Ring::Pair } else { Ring::Lane };
        let at = Position { vector: one.get("vector"), first_lane: 0, ring };
        for (sign, expected) in [(Sign::Add, "added"), (Sign::Subtract, "taken_off")] {
            let mut lanes = one.lanes("lanes");
            Masks::new([(&seed, sign)]).apply(&mut lanes, at);
            assert_eq!(lanes, one.lanes(expected));
        }
    }
}

#[test]
fn shares() {
    let v = file("slots");
    for one in v.list("sharing") {
        let holders = one.sites("holders");
        let wide = one.list("coefficients_wide");
        let drawn = wide.iter().flat_map(Vector::hex).collect();
        let (threshold, mut rng) = (wide.len(), Drawn::new(drawn));
        let secret = shamir::random_scalar(&mut rng);
        assert_eq!(secret.to_bytes(), one.bytes("secret"));
        let degree = u16::try_from(threshold).expect("a small threshold");
        let polynomial = Polynomial::draw(&secret, degree, &mut rng);
        rng.assert_spent();
        let shares: Vec<Scalar> = one.list("shares").iter().map(scalar).collect();
        for (holder, share) in holders.iter().zip(&shares) {
            assert_eq!(*polynomial.share(*holder), *share);
        }
        let weights = Interpolation::at_zero(&holders[holders.len() - threshold..]);
        let weights = weights.expect("distinct holders");
        let combine = |shares: &[Scalar]| weights.combine(shares).expect("t shares").to_bytes();
        let mut last = shares[shares.len() - threshold..].to_vec();
        assert_eq!(combine(&last), one.bytes("secret"));
        if threshold > 1 {
            let swapped: Vec<_> = last.iter().rev().copied().collect();
            assert_eq!(combine(&swapped), one.bytes("swapped_shares_give"));
        }
        *last.last_mut().expect("a share") += Scalar::ONE;
        assert_eq!(combine(&last), one.bytes("wrong_share_gives"));
    }
    for one in v.list("scalars_refused") {
        assert!(shamir::canonical(&one.array()).is_none());
    }
}

#[test]
fn trees() {
    let v = file("slots").at("trees");
    let (leaves, node) = (v.digests("leaves"), Tag::ShareNode);
    for (count, one) in v.list("by_count").iter().enumerate() {
        let leaves = &leaves[..count];
        let root = one.digest("root");
        assert_eq!(merkle::root(node, leaves), root, "{count} leaves");
        for (i, path) in one.all("paths").iter().enumerate() {
            let path: Vec<Digest> = path.parse();
            assert_eq!(merkle::path(node, leaves, i), path, "leaf {i} of {count}");
            let climb = |path: &[Digest]| merkle::root_from_path(node, leaves[i], i, count, path);
            assert_eq!(climb(&path), Some(root));
            assert_eq!(climb(&[path.clone(), vec![root]].concat()), None, "too long");
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(climb(shorter), None, "too short");
            }
        }
    }
}

#[test]
fn leaves_of_shares() {
    let v = file("slots");
    let (slot, v_leaves) = (v.get("slot"), v.at("leaves"));
    let share = v_leaves.bytes("share");
    for (kind, expected) in [(Kind::Root, "share_leaf_root"), (Kind::Own, "share_leaf_self")] {
        assert_eq!(leaf(site(2), site(300), slot, kind, &share), v_leaves.digest(expected));
    }
    let root = root_digest(&v.digest("transcript"), site(2), &v_leaves.digest("tree"));
    assert_eq!(root, v_leaves.digest("share_root"));
}

fn name<'a>(v: &Vector, federation: &'a str) -> SlotName<'a> {
    SlotName { federation, epoch: v.get("epoch"), slot: v.get("slot") }
}

fn scalar(share: &Vector) -> Scalar {
    *shamir::canonical(&share.array()).expect("canonical")
}
