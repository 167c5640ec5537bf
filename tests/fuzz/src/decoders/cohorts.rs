//! The messages of a draw, words of sites, and the sums of cohorts.

use std::fmt::Debug;

use bytes::Bytes;
use ripieno_wire::WireError;
use ripieno_wire::cohort::{
    decode_commit, decode_commits, decode_reveal, decode_reveals, decode_total, decode_word,
    encode_commit, encode_commits, encode_reveal, encode_reveals, encode_total, encode_word,
};

use super::fair;
use crate::allocations::within;
use crate::input::Input;

/// One of them.
pub fn cohorts(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 6;
    let bytes = Bytes::copy_from_slice(input.rest());
    match kind {
        0 => same_again(bytes, decode_commit, encode_commit),
        1 => same_again(bytes, decode_commits, |commits| encode_commits(commits)),
        2 => same_again(bytes, decode_reveal, encode_reveal),
        3 => same_again(bytes, decode_reveals, |reveals| encode_reveals(reveals)),
        4 => same_again(bytes, decode_word, encode_word),
        _ => same_again(bytes, decode_total, encode_total),
    }
}

fn same_again<T: PartialEq + Debug>(
    bytes: Bytes,
    decode: impl Fn(Bytes) -> Result<T, WireError>,
    encode: impl Fn(&T) -> Bytes,
) {
    let Ok(message) = within(fair(bytes.len()), || decode(bytes)) else { return };
    let again = decode(encode(&message));
    assert!(again.as_ref() == Ok(&message), "{message:?} has changed: {again:?}");
}
