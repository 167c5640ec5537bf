//! Keys and signatures that a lax Ed25519 accepts and that must be refused here.

use std::collections::HashSet;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ed25519_dalek::Verifier as _;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use ripieno_identity::{BadKey, BadSignature, PublicKey, Signature, SigningKey};
use ripieno_study::{Digest, Hasher, Tag};
use sha2::Digest as _;
use zeroize::Zeroizing;

/// p = 2^255 − 19 as little-endian bytes.
const FIELD_PRIME: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed;
    bytes[31] = 0x7f;
    bytes
};

/// The order of the prime-order group, 2^252 + 27742317777372353535851937790883648493.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn message(n: u64) -> Digest {
    Hasher::new(Tag::Study).number(n).finish()
}

/// `a + b` as little-endian numbers of 256 bits.
fn add(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|i| {
        let sum = u16::from(a[i]) + u16::from(b[i]) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    })
}

/// A seed, its secret scalar and its key: what a forger who owns the key works with.
fn forger() -> (SigningKey, Scalar, PublicKey) {
    let seed = Zeroizing::new([7; 32]);
    let hash: [u8; 64] = sha2::Sha512::digest(*seed).into();
    let low: [u8; 32] = std::array::from_fn(|i| hash[i]);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(low));
    let key = SigningKey::from_seed(&seed);
    let public = key.public();
    assert_eq!(EdwardsPoint::mul_base(&secret).compress().as_bytes(), public.as_bytes());
    (key, secret, public)
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &Digest) -> Scalar {
    let hash: [u8; 64] = sha2::Sha512::new()
        .chain_update(r)
        .chain_update(key)
        .chain_update(message)
        .finalize()
        .into();
    Scalar::from_bytes_mod_order_wide(&hash)
}

fn signature(r: &[u8; 32], s: &[u8; 32]) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(r);
    bytes[32..].copy_from_slice(s);
    Signature::from_bytes(bytes)
}

fn lax_accepts(key: &[u8; 32], message: &Digest, signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    ed25519_dalek::VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify(message.as_bytes(), &signature).is_ok())
}

#[test]
fn a_good_signature_verifies_and_any_change_spoils_it() {
    let (key, _, public) = forger();
    let good = key.sign(&message(1));
    assert_eq!(public.verify(&message(1), &good), Ok(()));
    assert_eq!(public.verify(&message(2), &good), Err(BadSignature { key: *public.as_bytes() }));
    for byte in 0..64 {
        let mut bytes = *good.as_bytes();
        bytes[byte] ^= 1;
        assert!(public.verify(&message(1), &Signature::from_bytes(bytes)).is_err(), "byte {byte}");
    }
    let other = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).public();
    assert_eq!(other.verify(&message(1), &good), Err(BadSignature { key: *other.as_bytes() }));
}

#[test]
fn the_eight_points_of_small_order_are_no_keys() {
    let encodings: HashSet<[u8; 32]> =
        EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    assert_eq!(encodings.len(), 8);
    for bytes in encodings {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(BadKey::Weak));
    }
    // What refusing them prevents: under the neutral element one signature fits every message.
    let neutral = EIGHT_TORSION[0].compress().to_bytes();
    let s = Scalar::from(5_u64);
    let any = signature(EdwardsPoint::mul_base(&s).compress().as_bytes(), s.as_bytes());
    assert!(lax_accepts(&neutral, &message(1), &any) && lax_accepts(&neutral, &message(2), &any));
}

#[test]
fn a_key_with_a_part_of_small_order_is_refused() {
    let (_, secret, _) = forger();
    for torsion in &EIGHT_TORSION[1..] {
        let mixed = (EdwardsPoint::mul_base(&secret) + torsion).compress().to_bytes();
        assert_eq!(PublicKey::from_bytes(&mixed), Err(BadKey::Weak));
    }
}

#[test]
fn a_second_encoding_of_a_point_is_refused() {
    // The 19 values of y that p ≤ y < 2^255 leaves, with either sign of x.
    let mut points = 0;
    for (k, sign) in (0..19_u8).flat_map(|k| [(k, 0), (k, 0x80)]) {
        let mut bytes = FIELD_PRIME;
        bytes[0] += k;
        bytes[31] |= sign;
        if CompressedEdwardsY(bytes).decompress().is_some() {
            points += 1;
            assert_eq!(PublicKey::from_bytes(&bytes), Err(BadKey::NotCanonical), "p + {k}");
        } else {
            assert_eq!(PublicKey::from_bytes(&bytes), Err(BadKey::NotAPoint), "p + {k}");
        }
    }
    assert!(points >= 10, "only {points} of the 38 encodings are points");
    // x = 0 with the sign of a negative x, for y = 1 and y = −1.
    let mut one = [0; 32];
    (one[0], one[31]) = (1, 0x80);
    let mut minus_one = FIELD_PRIME;
    (minus_one[0], minus_one[31]) = (0xec, 0xff);
    for bytes in [one, minus_one] {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(BadKey::NotCanonical));
    }
}

#[test]
fn bytes_that_are_no_point_are_refused() {
    let no_point = (0..=255_u8)
        .map(|byte| [byte; 32])
        .find(|bytes| CompressedEdwardsY(*bytes).decompress().is_none())
        .unwrap();
    assert_eq!(PublicKey::from_bytes(&no_point), Err(BadKey::NotAPoint));
}

#[test]
fn s_plus_the_group_order_is_refused() {
    let (key, _, public) = forger();
    let good = *key.sign(&message(1)).as_bytes();
    let (r, s) = (good[..32].try_into().unwrap(), good[32..].try_into().unwrap());
    assert!(public.verify(&message(1), &signature(r, s)).is_ok());
    assert!(public.verify(&message(1), &signature(r, &add(*s, GROUP_ORDER))).is_err());
}

#[test]
fn a_signature_whose_r_is_of_small_order_is_refused() {
    let (_, secret, public) = forger();
    let mut accepted_by_lax = 0;
    for torsion in &EIGHT_TORSION {
        // s·B = R + k·A needs R = 0; for the other seven the forger may hope for a verifier that
        // multiplies by the cofactor.
        let r = torsion.compress().to_bytes();
        let s = challenge(&r, public.as_bytes(), &message(1)) * secret;
        let forged = signature(&r, s.as_bytes());
        accepted_by_lax += usize::from(lax_accepts(public.as_bytes(), &message(1), &forged));
        assert!(public.verify(&message(1), &forged).is_err());
    }
    assert_eq!(accepted_by_lax, 1);
}

#[test]
fn a_secret_key_does_not_show_itself() {
    let (key, _, public) = forger();
    assert_eq!(format!("{key:?}"), "SigningKey(<redacted>)");
    let json = serde_json::to_string(&public).unwrap();
    assert_eq!(json, format!("\"{public}\""));
    assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), public);
    let weak = serde_json::to_string(&Digest::from_bytes(EIGHT_TORSION[3].compress().0)).unwrap();
    assert!(serde_json::from_str::<PublicKey>(&weak).unwrap_err().to_string().contains("weak"));
}

#[test]
fn rfc_8032_gives_the_same_key() {
    // RFC 8032 §7.1, test 2.
    let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let seed: Digest = serde_json::from_str(&format!("\"{seed}\"")).unwrap();
    let key = SigningKey::from_seed(&Zeroizing::new(*seed.as_bytes()));
    assert_eq!(key.public().to_string(), public);
}
