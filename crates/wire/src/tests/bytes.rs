//! Bytes that no honest peer sends.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

use super::any;
use crate::{FromSite, ToSite};

/// Whatever is decoded is well-formed: it survives its own encoding.
fn decode_both(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(message) = ToSite::decode(Bytes::copy_from_slice(bytes)) {
        prop_assert!(ToSite::decode(message.encode()) == Ok(message));
    }
    if let Ok(message) = FromSite::decode(Bytes::copy_from_slice(bytes)) {
        prop_assert!(FromSite::decode(message.encode()) == Ok(message));
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Remove(Index),
    Insert(Index, u8),
    Double(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        at().prop_map(Change::Cut),
        at().prop_map(Change::Remove),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (at(), at()).prop_map(|(from, to)| Change::Double(from, to)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let place = |index: &Index| index.index(bytes.len());
    match change {
        Change::Set(at, byte) => {
            let at = place(at);
            bytes[at] = *byte;
        }
        Change::Flip(at, bit) => {
            let at = place(at);
            bytes[at] ^= 1 << bit;
        }
        Change::Cut(at) => bytes.truncate(place(at)),
        Change::Remove(at) => {
            bytes.remove(place(at));
        }
        Change::Insert(at, byte) => bytes.insert(place(at), *byte),
        Change::Double(from, to) => {
            let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
            let part = bytes[from..to].to_vec();
            bytes.splice(from..from, part);
        }
    }
}

/// `content` as the body with this field number.
fn framed(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut value in [usize::from(number) << 3 | 2, content.len()] {
        while value > 0x7f {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }
    bytes.extend_from_slice(content);
    bytes
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        decode_both(&bytes)?;
    }

    #[test]
    fn any_bytes_in_a_body(number in 1..45_u8, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        decode_both(&framed(number, &bytes))?;
    }

    #[test]
    fn a_changed_body_to_a_site(
        message in any::to_site(), changes in prop::collection::vec(change(), 1..6), whole: bool,
    ) {
        changed(&message.encode(), &changes, whole)?;
    }

    #[test]
    fn a_changed_body_from_a_site(
        message in any::from_site(), changes in prop::collection::vec(change(), 1..6), whole: bool,
    ) {
        changed(&message.encode(), &changes, whole)?;
    }
}

/// Changes the bytes of a message, or those of its body alone, framed anew.
fn changed(bytes: &[u8], changes: &[Change], whole: bool) -> Result<(), TestCaseError> {
    if whole {
        let mut bytes = bytes.to_vec();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        return decode_both(&bytes);
    }
    let key = if bytes[0] > 0x7f { 2 } else { 1 };
    let length = bytes[key..].iter().position(|byte| *byte < 0x80).unwrap() + 1;
    let number = if key == 2 { (bytes[0] & 0x7f) >> 3 | bytes[1] << 4 } else { bytes[0] >> 3 };
    let mut body = bytes[key + length..].to_vec();
    prop_assert_eq!(framed(number, &body), bytes);
    changes.iter().for_each(|change| apply(&mut body, change));
    decode_both(&framed(number, &body))
}
