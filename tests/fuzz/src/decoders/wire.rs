//! What a coordinator and a site say to each other.

use bytes::Bytes;
use ripieno_wire::{FromSite, ToSite};

use super::fair;
use crate::allocations::within;

/// A coordinator's bytes.
pub fn to_site(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let Ok(message) = within(fair(data.len()), || ToSite::decode(bytes)) else { return };
    let encoded = message.encode();
    let again = ToSite::decode(encoded.clone()).expect("what was decoded can be decoded again");
    assert!(again.encode() == encoded, "{again:?} is encoded in two ways");
}

/// A site's bytes.
pub fn from_site(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let Ok(message) = within(fair(data.len()), || FromSite::decode(bytes)) else { return };
    let encoded = message.encode();
    let again = FromSite::decode(encoded.clone()).expect("what was decoded can be decoded again");
    assert!(again == message, "{again:?} has changed");
    assert!(again.encode() == encoded, "{again:?} is encoded in two ways");
}
