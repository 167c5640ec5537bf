//! Keys and signatures (docs/protocol.md §2, E2).

use ripieno_identity::PublicKey;
use ripieno_secagg::kdf::is_contributory;
use x25519_dalek::StaticSecret;

use crate::support::file;

#[test]
fn signatures_are_those_of_the_reference() {
    let v = file("keys");
    for one in v.list("ed25519") {
        assert_eq!(one.signer("seed").public(), one.key("key"), "{}", one.label());
    }
    for one in v.list("signatures") {
        let signed = one.signer("seed").sign(&one.digest("digest"));
        assert_eq!(signed, one.signature("signature"), "{}", one.label());
        let verified = one.key("key").verify(&one.digest("digest"), &one.signature("signature"));
        assert_eq!(verified, Ok(()), "{}", one.label());
    }
}

#[test]
fn keys_that_are_not_canonical_or_of_prime_order_are_refused() {
    for one in file("keys").list("ed25519_refused") {
        assert!(PublicKey::from_bytes(&one.bytes("key")).is_err(), "{}", one.label());
    }
}

#[test]
fn signatures_that_only_lax_verification_takes_are_refused() {
    for one in file("keys").list("signatures_refused") {
        let verified = PublicKey::from_bytes(&one.bytes("key")).is_ok_and(|key| {
            key.verify(&one.digest("digest"), &one.signature("signature")).is_ok()
        });
        assert!(!verified, "{}", one.label());
    }
}

#[test]
fn exchange_keys_contribute_and_are_canonical() {
    let v = file("keys");
    for one in v.list("x25519") {
        let public = x25519_dalek::PublicKey::from(&StaticSecret::from(one.bytes("secret")));
        assert_eq!(public.to_bytes(), one.bytes("key"), "{}", one.label());
        assert!(is_contributory(&one.bytes("key")), "{}", one.label());
    }
    for one in v.list("x25519_refused") {
        assert!(!is_contributory(&one.bytes("key")), "{}", one.label());
    }
}
