//! Keys of low order, and signatures that only lax verification accepts: the published vectors of
//! Project Wycheproof, and those that a key's owner can make.

use std::collections::BTreeSet;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ripieno_files::KeyFile;
use ripieno_identity::Signature;
use ripieno_secagg::epoch::Advert;
use ripieno_study::{Check, Culprit};
use sha2::{Digest as _, Sha512};
use wycheproof::{eddsa, xdh};

use super::COORDINATOR;
use crate::stage::{Gathered, Stage};

pub(crate) async fn play(stage: &mut Stage) -> Result<(), String> {
    let corrupt = Culprit::Site(stage.corrupt.site);
    for key in low_order() {
        for channel in [false, true] {
            let name = "keys of low order, or not canonical";
            relayed(stage, name, (Check::A1, corrupt), |gathered, advert| {
                let here =
                    if channel { &mut advert.channel_key } else { &mut advert.slots[1].mask_key };
                *here = key;
                *advert = gathered.forger.sign_advert(advert.clone());
            })
            .await?;
        }
    }
    for difference in malleable() {
        let name = "signatures with another s";
        relayed(stage, name, (Check::A1, COORDINATOR), |_, advert| {
            let (r, s) = halves(&advert.signature);
            advert.signature = signature(&r, &add(s, difference));
        })
        .await?;
    }
    let secret = secret(stage);
    for torsion in &EIGHT_TORSION[1..] {
        let name = "signatures that a cofactor makes good";
        relayed(stage, name, (Check::A1, COORDINATOR), |_, advert| {
            advert.signature = with_torsion(&secret, torsion, advert.digest().as_bytes());
        })
        .await?;
    }
    Ok(())
}

/// Relays the corrupt site's advert as `change` makes it.
async fn relayed(
    stage: &mut Stage,
    name: &'static str,
    (check, culprit): (Check, Culprit),
    change: impl Fn(&Gathered, &mut Advert),
) -> Result<(), String> {
    let gathered = stage.gather(2).await?;
    let mut adverts = gathered.list();
    change(&gathered, adverts.last_mut().expect("there are adverts"));
    let victim = stage.site(1);
    stage.refuses(name, victim, gathered.message(adverts), check, culprit).await;
    Ok(())
}

/// Public keys of X25519 that give a secret of zeros, or have another encoding.
fn low_order() -> BTreeSet<[u8; 32]> {
    let vectors = xdh::TestSet::load(xdh::TestName::X25519).expect("published vectors");
    let tests = vectors.test_groups.into_iter().flat_map(|group| group.tests);
    let bad = [
        xdh::TestFlag::LowOrderPublic,
        xdh::TestFlag::ZeroSharedSecret,
        xdh::TestFlag::NonCanonicalPublic,
    ];
    let bad = tests.filter(|test| test.flags.iter().any(|flag| bad.contains(flag)));
    let keys = bad.map(|test| test.public_key.to_vec().try_into().expect("32 bytes"));
    let keys: BTreeSet<[u8; 32]> = keys.collect();
    assert!(keys.len() >= 20, "the vectors have become few: {}", keys.len());
    keys
}

/// What is added to s in the vectors that are good but for that, as numbers of 256 bits.
fn malleable() -> BTreeSet<[u8; 32]> {
    let vectors = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("published vectors");
    let tests: Vec<_> = vectors.test_groups.into_iter().flat_map(|group| group.tests).collect();
    let whole = |test: &&eddsa::Test| test.sig.len() == 64;
    let parts = |test: &eddsa::Test| halves(&Signature::from_bytes(sized(&test.sig)));
    let mut differences = BTreeSet::new();
    let lax = |test: &&eddsa::Test| {
        test.flags.contains(&eddsa::TestFlag::SignatureMalleability) && whole(test)
    };
    for test in tests.iter().filter(lax) {
        let (r, s) = parts(test);
        let same = |good: &&eddsa::Test| !good.result.must_fail() && parts(good).0 == r;
        let good = tests.iter().filter(whole).find(same).expect("the good signature with this R");
        differences.insert(add(s, negated(parts(good).1)));
    }
    assert!(differences.len() >= 8, "the vectors have become few: {}", differences.len());
    differences
}

fn sized(bytes: &[u8]) -> [u8; 64] {
    bytes.try_into().expect("64 bytes")
}

/// The scalar of the corrupt site's key (RFC 8032, section 5.1.5).
fn secret(stage: &Stage) -> Scalar {
    let dir = stage.federation.sites.last().expect("the corrupt site").dir();
    let seed = KeyFile::at(dir.join("site.key")).read().expect("a key");
    let hash: [u8; 64] = Sha512::digest(*seed).into();
    let low: [u8; 32] = std::array::from_fn(|at| hash[at]);
    Scalar::from_bytes_mod_order(clamp_integer(low))
}

/// A signature whose R has a part of small order: 8sB = 8R + 8kA holds, sB = R + kA does not.
fn with_torsion(secret: &Scalar, torsion: &EdwardsPoint, message: &[u8]) -> Signature {
    let nonce = Scalar::from(7_u64);
    let r = (EdwardsPoint::mul_base(&nonce) + torsion).compress().to_bytes();
    let key = EdwardsPoint::mul_base(secret).compress().to_bytes();
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.into());
    signature(&r, &(nonce + challenge * secret).to_bytes())
}

fn halves(signature: &Signature) -> ([u8; 32], [u8; 32]) {
    let bytes = signature.as_bytes();
    (std::array::from_fn(|at| bytes[at]), std::array::from_fn(|at| bytes[32 + at]))
}

fn signature(r: &[u8; 32], s: &[u8; 32]) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(r);
    bytes[32..].copy_from_slice(s);
    Signature::from_bytes(bytes)
}

/// `a + b` as little-endian numbers of 256 bits.
fn add(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|at| {
        let sum = u16::from(a[at]) + u16::from(b[at]) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    })
}

/// `−a`.
fn negated(a: [u8; 32]) -> [u8; 32] {
    let mut one = [0; 32];
    one[0] = 1;
    add(a.map(|byte| !byte), one)
}
