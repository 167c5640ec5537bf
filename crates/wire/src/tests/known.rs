//! Bytes written by hand from the `.proto` files: what a peer in another language sends.

use bytes::Bytes;
use ripieno_identity::Signature;
use ripieno_secagg::SlotId;
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::round::outcome::{Ballot, Vote};
use ripieno_study::{Check, Digest, Refusal, SiteIndex};

use crate::{FromSite, ToSite};

const ID: SlotId = SlotId { transcript: Digest::from_bytes([7; 32]), slot: 3 };

/// Fields 1 (32 bytes) and 2 (varint 3).
fn slot_id() -> Vec<u8> {
    [&[0x0a, 36, 0x0a, 32][..], &[7; 32], &[0x10, 3]].concat()
}

#[track_caller]
fn to_site(message: &ToSite, bytes: &[u8]) {
    assert_eq!(message.encode().as_ref(), bytes);
    assert!(ToSite::decode(Bytes::copy_from_slice(bytes)).as_ref() == Ok(message));
}

#[track_caller]
fn from_site(message: &FromSite, bytes: &[u8]) {
    assert_eq!(message.encode().as_ref(), bytes);
    assert!(FromSite::decode(Bytes::copy_from_slice(bytes)).as_ref() == Ok(message));
}

#[test]
fn messages_to_a_site() {
    let announcement = Announcement { epoch: 300, slots: 64 };
    to_site(&ToSite::Announce(announcement), &[0x0a, 5, 0x08, 0xac, 0x02, 0x10, 64]);
    let ended = ToSite::Ended { study: ID.transcript, reason: "no".into() };
    to_site(&ended, &[&[0x62, 38, 0x0a, 32][..], &[7; 32], &[0x12, 2, b'n', b'o']].concat());
    let request = [&[0xb2, 0x01, 38][..], &slot_id()].concat();
    to_site(&ToSite::VoidRequest(ID), &request);
}

#[test]
fn messages_from_a_site() {
    let tile = FromSite::Tile { id: ID, number: 5, lanes: vec![1, 0x0102_0304_0506_0708].into() };
    let lanes = [1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1];
    let content = [&slot_id()[..], &[0x10, 5, 0x1a, 16], &lanes].concat();
    from_site(&tile, &[&[0xa2, 0x01, 58][..], &content].concat());

    let from = SiteIndex::new(2).unwrap();
    let signature = Signature::from_bytes([9; 64]);
    let ballot = FromSite::Ballot(Ballot { id: ID, from, vote: Vote::Void, signature });
    // The vote, field 4, is an empty message.
    let content = [&slot_id()[..], &[0x10, 2, 0x22, 0, 0x2a, 64], &[9; 64]].concat();
    from_site(&ballot, &[&[0xb2, 0x01, 108][..], &content].concat());

    let refusal = Refusal::site(Check::A1, from, "no");
    let refused = FromSite::Refused { id: None, study: None, refusal };
    let content = [0x0a, 2, b'A', b'1', 0x10, 2, 0x18, 2, 0x22, 2, b'n', b'o'];
    from_site(&refused, &[&[0xc2, 0x02, 14, 0x1a, 12][..], &content].concat());
}

#[test]
fn fields_that_a_later_version_adds_to_a_body_are_ignored() {
    let bytes = [0x0a, 6, 0x08, 1, 0x10, 2, 0x78, 1];
    let decoded = ToSite::decode(Bytes::copy_from_slice(&bytes));
    assert!(decoded == Ok(ToSite::Announce(Announcement { epoch: 1, slots: 2 })));
}
