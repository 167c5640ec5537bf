//! The largest honest messages fit their limits, and larger ones do not.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::round::open::SiteSecret;
use ripieno_secagg::round::publish::TilePart;
use ripieno_study::{SiteIndex, SiteSet};

use super::{any, sample};
use crate::limits::{
    MAX_CONTROL_BYTES, MAX_REASON, MAX_RULE, MAX_SEALED, MAX_SMALL_BYTES, MAX_STUDY_TEXT,
    MAX_TILE_LANES,
};
use crate::{FromSite, Parts, StudyVerdict, ToSite, WireError};

/// 128 sites with the longest indices.
fn all() -> SiteSet {
    (0..128).map(|back| SiteIndex::new(u16::MAX - back).unwrap()).collect()
}

fn signatures() -> BTreeMap<SiteIndex, Signature> {
    all().iter().map(|site| (site, Signature::from_bytes([1; 64]))).collect()
}

#[track_caller]
fn fits_to(message: &ToSite) {
    assert!(ToSite::decode(message.encode()).as_ref() == Ok(message));
}

#[track_caller]
fn fits_from(message: &FromSite) {
    assert!(FromSite::decode(message.encode()).as_ref() == Ok(message));
}

#[test]
fn the_largest_epoch() {
    let mut advert = sample(any::advert());
    advert.slots = vec![advert.slots[0]; 64];
    fits_from(&FromSite::Advert(advert.clone()));
    fits_to(&ToSite::Adverts { epoch: u64::MAX, slots: 64, adverts: vec![advert; 128] });
    let mut bundle = sample(any::bundle());
    bundle.sealed = vec![1; MAX_SEALED];
    bundle.path = vec![sample(any::digest()); 8];
    fits_from(&FromSite::Bundles(vec![bundle.clone(); 127]));
    fits_to(&ToSite::Bundles { epoch: u64::MAX, bundles: vec![bundle; 127] });
    let mut acceptance = sample(any::acceptance());
    acceptance.dealers = all();
    fits_from(&FromSite::Acceptance(acceptance.clone()));
    fits_to(&ToSite::Acceptances { epoch: u64::MAX, acceptances: vec![acceptance; 128] });
}

#[test]
fn the_largest_study() {
    let mut offer = sample(any::study_offer());
    offer.text = "x".repeat(MAX_STUDY_TEXT);
    fits_to(&ToSite::Study(offer));
    let study = sample(any::digest());
    fits_to(&ToSite::Ended { study, reason: "x".repeat(MAX_REASON) });
    let mut answer = sample(any::study_answer());
    let (rule, reason) = ("r".repeat(MAX_RULE), "x".repeat(MAX_REASON));
    answer.verdict = StudyVerdict::Refused { rule, reason: reason.clone() };
    fits_from(&FromSite::StudyAnswer(answer));
    let mut refusal = sample(any::refusal());
    refusal.reason = reason;
    let (id, study) = (Some(sample(any::slot_id())), Some(sample(any::digest())));
    fits_from(&FromSite::Refused { id, study, refusal });
}

#[test]
fn the_largest_round() {
    let secrets = || all().iter().map(|site| SiteSecret { site, scalar: [1; 32] }).collect();
    let mut release = sample(any::release());
    (release.selfs, release.roots) = (secrets(), secrets());
    fits_from(&FromSite::Release(release));
    let mut proof = sample(any::share_proof());
    proof.path = vec![sample(any::digest()); 40];
    proof.leaf_path.clone_from(&proof.path);
    fits_from(&FromSite::Proof(proof));
    let mut voided = sample(any::void_certificate());
    voided.signatures = signatures();
    fits_to(&ToSite::Voided(voided));

    let mut verdict = sample(any::verdict());
    verdict.tiles = (0..8192).collect();
    fits_from(&FromSite::Verdict(verdict.clone()));
    let mut proposal = sample(any::proposal());
    proposal.contract.verdicts = vec![verdict; 128];
    proposal.trailers = vec![sample(any::trailer()); 128];
    proposal.survivors = all();
    let mut certificate = sample(any::certificate());
    certificate.signatures = signatures();
    fits_to(&ToSite::Open { certificate, proposal: Some(proposal) });
}

#[test]
fn the_largest_tile_and_upload() {
    let id = sample(any::slot_id());
    let lanes = vec![u64::MAX; MAX_TILE_LANES as usize];
    fits_from(&FromSite::Tile { id, number: (1 << 21) - 1, lanes: lanes.clone().into() });
    let mut longer = lanes.clone();
    longer.push(0);
    let refused = FromSite::decode(FromSite::Tile { id, number: 0, lanes: longer.into() }.encode());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "tile_upload.lanes: 1048584 bytes are no lanes: \
         not a multiple of 8, or too many or too few"
    );
    let mut published = sample(any::published());
    published.parts = Parts::Whole([(sample(any::site()), lanes.clone())].into());
    // A published sum is no control message.
    published.sum = lanes.repeat(9).into();
    assert!(published.sum.len() * 8 > MAX_CONTROL_BYTES);
    fits_to(&ToSite::Published(published));
}

/// The least bytes a field that an honest sum has: vectors of one lane each, and as many of them as a
/// plan can have, so that the paths are short.
#[test]
fn the_smallest_parts_of_all_sites_fit() {
    for (tiles, path) in [(8, 3), (16, 4), (17, 5), (32, 5), (33, 6), (64, 6)] {
        let digest = sample(any::digest());
        let parts = (1..=128).map(|index| TilePart {
            from: SiteIndex::new(index).unwrap(),
            lanes: vec![1].into(),
            path: vec![digest; path],
        });
        let parts: Vec<_> = parts.collect();
        let mut published = sample(any::published());
        published.sum = vec![1; tiles as usize].into();
        published.parts = Parts::Tiles((0..tiles).map(|number| (number, parts.clone())).collect());
        fits_to(&ToSite::Published(published));
    }
}

/// A long sum gave room for one empty part to each eight of its bytes.
#[test]
fn repro_a_long_sum_brings_few_empty_parts_with_it() {
    let parts = within(2, &[]).repeat(1000);
    let tiles = within(5, &within(1, &parts).repeat(100));
    let published = [within(3, &vec![0; 1 << 20]), tiles].concat();
    let bytes = [&[0xd2, 0x01][..], &within(0, &published)[1..]].concat();
    let refused = ToSite::decode(bytes.into()).unwrap_err().to_string();
    assert!(refused.ends_with("too many fields for so few bytes"), "{refused}");
}

#[test]
fn a_message_beyond_its_class_is_refused_by_its_length() {
    let mut ballot_like = vec![0xb2, 0x01];
    ballot_like.extend([0x80 | 1, 0x80, 0x01]); // 16385, little-endian in sevens
    ballot_like.extend(vec![0; MAX_SMALL_BYTES + 1]);
    let refused = FromSite::decode(ballot_like.into());
    let limit = MAX_SMALL_BYTES;
    let expected = WireError::TooLarge { message: "ballot", bytes: limit + 1, limit };
    assert!(refused == Err(expected));
}

/// A message of this field and content.
fn within(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

/// Empty items of a list take two bytes each here and two hundred when they are decoded: a proposal
/// of 8 MiB took a gigabyte.
#[test]
fn repro_lists_of_inner_messages_are_counted_before_they_are_decoded() {
    // Fields: propose 21, open 24 and published 26 take two bytes; what is in them one.
    let body = |key: [u8; 2], content: &[u8]| [&key[..], &within(0, content)[1..]].concat();
    let many = |number: u8, items: usize| [number << 3 | 2, 0].repeat(items);
    let contract = within(1, &many(2, 100_000));
    let plan = within(1, &within(1, &within(10, &many(1, 2000))));
    let refused = |bytes: Vec<u8>| match ToSite::decode(bytes.into()) {
        Err(WireError::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let more = "more than 1024 fields";
    assert_eq!(refused(body([0xaa, 0x01], &contract)), more, "verdicts of a proposal");
    assert_eq!(refused(body([0xaa, 0x01], &plan)), more, "inputs of its plan");
    assert_eq!(refused(body([0xc2, 0x01], &within(1, &many(2, 2000)))), more, "signatures");
    assert_eq!(refused(body([0xd2, 0x01], &within(2, &many(2, 2000)))), more, "trailers");
    assert_eq!(refused(body([0xd2, 0x01], &within(4, &many(1, 2000)))), more, "uploads");
    assert_eq!(refused(within(2, &within(3, &many(5, 2000)))), more, "slots of an advert");
    // What stands twice is joined.
    let twice = within(2, &many(2, 1000)).repeat(1000);
    assert_eq!(refused(body([0xd2, 0x01], &twice)), "too many fields for so few bytes");
    let tiles = within(5, &within(1, &many(2, 1000)).repeat(100));
    assert_eq!(refused(body([0xd2, 0x01], &tiles)), "too many fields for so few bytes");
    let bundles = FromSite::decode(within(2, &within(1, &many(8, 2000))).into());
    assert!(bundles.unwrap_err().to_string().contains(more), "the path of a bundle");
}
