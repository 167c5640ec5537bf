//! The largest honest messages fit their limits, and larger ones do not.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::round::open::SiteSecret;
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
    fits_from(&FromSite::Tile { id, number: (1 << 21) - 1, lanes: lanes.clone() });
    let mut longer = lanes.clone();
    longer.push(0);
    let refused = FromSite::decode(FromSite::Tile { id, number: 0, lanes: longer }.encode());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "tile_upload.lanes: 1048584 bytes are no lanes: \
         not a multiple of 8, or too many or too few"
    );
    let mut published = sample(any::published());
    published.parts = Parts::Whole([(sample(any::site()), lanes.clone())].into());
    // A published sum is no control message.
    published.sum = lanes.repeat(9);
    assert!(published.sum.len() * 8 > MAX_CONTROL_BYTES);
    fits_to(&ToSite::Published(published));
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
