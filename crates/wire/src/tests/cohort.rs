//! The messages of a draw and of cohorts: round trips and bounds.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{any, sample};
use crate::WireError;
use crate::cohort::{
    decode_commit, decode_commits, decode_reveal, decode_reveals, decode_total, decode_word,
    encode_commit, encode_commits, encode_reveal, encode_reveals, encode_total, encode_word,
};
use crate::limits::{MAX_DRAW_BYTES, MAX_DRAW_SITES, MAX_SMALL_BYTES};

proptest! {
    #[test]
    fn draws(commits in vec(any::draw_commit(), 1..5), reveals in vec(any::reveal(), 1..5)) {
        prop_assert_eq!(decode_commit(encode_commit(&commits[0])), Ok(commits[0].clone()));
        prop_assert_eq!(decode_reveal(encode_reveal(&reveals[0])), Ok(reveals[0]));
        prop_assert_eq!(decode_commits(encode_commits(&commits)), Ok(commits));
        prop_assert_eq!(decode_reveals(encode_reveals(&reveals)), Ok(reveals));
    }

    #[test]
    fn totals(total in any::total(), word in any::word()) {
        prop_assert_eq!(decode_word(encode_word(&word)), Ok(word));
        prop_assert!(decode_total(encode_total(&total)) == Ok(total));
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        let bytes = Bytes::from(bytes);
        let _ = decode_commit(bytes.clone());
        let _ = decode_commits(bytes.clone());
        let _ = decode_reveal(bytes.clone());
        let _ = decode_reveals(bytes.clone());
        let _ = decode_word(bytes.clone());
        let _ = decode_total(bytes);
    }
}

#[test]
fn the_largest_draw_fits() {
    let (commit, reveal) = (sample(any::draw_commit()), sample(any::reveal()));
    // With its key and length a commitment in a list takes 3 bytes more, a reveal 2.
    assert!((encode_commit(&commit).len() + 4) * MAX_DRAW_SITES < MAX_DRAW_BYTES);
    let commits = encode_commits(&vec![commit; MAX_DRAW_SITES]);
    assert_eq!(decode_commits(commits).map(|commits| commits.len()), Ok(MAX_DRAW_SITES));
    let reveals = encode_reveals(&vec![reveal; MAX_DRAW_SITES]);
    assert_eq!(decode_reveals(reveals).map(|reveals| reveals.len()), Ok(MAX_DRAW_SITES));
}

#[test]
fn what_is_too_long_is_refused_before_it_is_decoded() {
    let zeros = |limit: usize| Bytes::from(vec![0; limit + 1]);
    let (small, draw) = (zeros(MAX_SMALL_BYTES), zeros(MAX_DRAW_BYTES));
    let refused = [
        (decode_commit(small.clone()).err(), "draw_commit", MAX_SMALL_BYTES),
        (decode_reveal(small.clone()).err(), "draw_reveal", MAX_SMALL_BYTES),
        (decode_word(small).err(), "cohort_word", MAX_SMALL_BYTES),
        (decode_commits(draw.clone()).err(), "draw_commits", MAX_DRAW_BYTES),
        (decode_reveals(draw).err(), "draw_reveals", MAX_DRAW_BYTES),
    ];
    for (found, message, limit) in refused {
        assert_eq!(found, Some(WireError::TooLarge { message, bytes: limit + 1, limit }));
    }
}

#[test]
fn lists_of_empty_messages_are_counted_before_they_are_decoded() {
    let found = decode_commits([0x0a, 0].repeat(70_000).into()).unwrap_err().to_string();
    assert_eq!(found, "draw_commits: not a message of ripieno.v1: more than 65599 fields");
    let found = decode_total([0x0a, 0].repeat(1100).into()).unwrap_err().to_string();
    assert_eq!(found, "cohort_total: not a message of ripieno.v1: more than 1087 fields");
    // One sum (field 1, 3000 bytes) with 1500 empty words (field 4).
    let words = [&[0x0a, 0xb8, 0x17][..], &[0x22, 0].repeat(1500)].concat();
    let found = decode_total(words.into()).unwrap_err().to_string();
    assert_eq!(found, "cohort_total: not a message of ripieno.v1: more than 1024 fields");
}
