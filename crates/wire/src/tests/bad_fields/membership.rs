//! Bad forms of charters, of their signatures and history, and of invitations.

use bytes::Bytes;
use prost::Message as _;

use super::{any, bytes, refused, sample, table};
use crate::decode_authorities;
use crate::membership::{decode_history, decode_ratified};
use crate::pb;

const TEXT: &str = "x";

#[test]
fn charters() {
    table! { sample(any::charter());
        "charter.federation: 0 bytes, 1 to 64 allowed" => |m| m.federation.clear(),
        "charter.federation: the text has control characters" => |m| m.federation = "a\n".into(),
        "charter: the name \"a/b\" is not 1 to 64 letters, digits, spaces, dots, dashes or \
         underscores" => |m| m.federation = "a/b".into(),
        "charter: version 0: version 1 has no previous charter, every later version names one"
            => |m| m.version = 0,
        "charter.previous: 31 bytes, 32 expected" => |m| m.previous = Some(bytes(31)),
        "charter.sites: 4097 items, 0 to 4096 allowed"
            => |m| m.sites = vec![pb::CharterSite::default(); 4097],
        "charter.next_index: not a number from 0 to 65535" => |m| m.next_index = 65536,
        "charter.coordinator: 0 bytes, 32 expected" => |m| m.coordinator = bytes(0),
        "charter.corrupt: not a number from 0 to 65535" => |m| m.corrupt = 65536,
        "charter.quorum: not a number from 0 to 65535" => |m| m.quorum = u32::MAX,
        "charter.minimum_sites: not a number from 0 to 65535" => |m| m.minimum_sites = 65536,
        "charter_site.index: not a number from 1 to 65535" => |m| m.sites[0].index = 0,
        "charter_site.name: 65 bytes, 1 to 64 allowed" => |m| m.sites[0].name = TEXT.repeat(65),
        "charter_site.key: 33 bytes, 32 expected" => |m| m.sites[0].key = bytes(33),
        "charter_site.key: the key is weak: its point is not of prime order"
            => |m| m.sites[0].key = bytes(32),
    }
}

#[test]
fn consents() {
    table! { sample(any::consent());
        "charter_consent.site: not a number from 1 to 65535" => |m| m.site = 65536,
        "charter_consent.signature: 63 bytes, 64 expected" => |m| m.signature = bytes(63),
    }
}

#[test]
fn lists_of_authorities() {
    let list = |sizes: &[usize], signature| pb::AuthorityList {
        number: 1,
        authorities: sizes.iter().map(|size| bytes(*size)).collect(),
        signature: bytes(signature),
    };
    let bad = |sizes: &[usize], signature, expected: &str| {
        let found = decode_authorities(list(sizes, signature).encode_to_vec().into());
        assert_eq!(found.unwrap_err().to_string(), expected);
    };
    bad(&[], 64, "authority_list.authorities: 0 items, 1 to 2 allowed");
    bad(&[9; 3], 64, "authority_list.authorities: 3 items, 1 to 2 allowed");
    bad(&[9, 0], 64, "authority_list.authorities: 0 bytes, 1 to 4096 allowed");
    bad(&[4097], 64, "authority_list.authorities: 4097 bytes, 1 to 4096 allowed");
    bad(&[9], 63, "authority_list.signature: 63 bytes, 64 expected");
    decode_authorities(list(&[1, 4096], 64).encode_to_vec().into()).unwrap();
}

#[test]
fn charters_with_signatures_and_their_history() {
    let consent = |site| pb::CharterConsent { site, signature: bytes(64) };
    let ratified = |consents| pb::RatifiedCharter {
        charter: Some(crate::field::Wire::to_proto(&sample(any::charter()))),
        consents,
    };
    let bad = |m: &pb::RatifiedCharter, expected: &str| {
        let found = decode_ratified(m.encode_to_vec().into()).unwrap_err().to_string();
        assert_eq!(found, expected);
    };
    bad(&pb::RatifiedCharter::default(), "ratified_charter.charter: missing");
    for consents in [vec![consent(2), consent(1)], vec![consent(1), consent(1)]] {
        let expected = "ratified_charter.consents: its keys do not strictly increase";
        bad(&ratified(consents), expected);
    }
    let many = ratified((1..=4097).map(consent).collect());
    bad(&many, "ratified_charter.consents: 4097 items, 0 to 4096 allowed");
    // Two halves of a charter, which a decoder would join.
    let half = ratified(Vec::new()).encode_to_vec();
    let found = decode_ratified([half.clone(), half].concat().into()).unwrap_err().to_string();
    assert_eq!(found, "ratified_charter.charter: 2 items, 1 to 1 allowed");

    let history = |bytes: Vec<u8>| decode_history(Bytes::from(bytes)).unwrap_err().to_string();
    assert_eq!(history(vec![0x08, 1]), "charter_history: it is not exactly one body");
    let many = pb::CharterHistory { charters: vec![ratified(Vec::new()); 1025] };
    assert_eq!(
        history(many.encode_to_vec()),
        "charter_history.charters: 1025 items, 0 to 1024 allowed"
    );
}

#[test]
fn invitations() {
    table! { sample(any::invitation());
        "invitation.address: 2 bytes, 3 to 262 allowed" => |m| m.address = ":1".into(),
        "invitation.address: 263 bytes, 3 to 262 allowed" => |m| m.address = TEXT.repeat(263),
        "invitation.address: the text has control characters" => |m| m.address = "a b:1".into(),
        "invitation.authority: 31 bytes, 32 expected" => |m| m.authority = bytes(31),
        "invitation.coordinator: the key is weak: its point is not of prime order"
            => |m| m.coordinator = bytes(32),
        "invitation.site: 0 bytes, 1 to 64 allowed" => |m| m.site.clear(),
        "invitation.secret: 31 bytes, 32 expected" => |m| m.secret = bytes(31),
    }
}
