//! A large sum, decoded from where its bytes are kept.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ripieno_wire::{ReadAt, ToSite, decode_sum};

use super::fair;
use crate::allocations::within;

/// Bytes in memory, read as if they were in a file.
struct Kept(Bytes);

impl ReadAt for Kept {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..));
        let from = from.and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A coordinator's bytes, of which the tiles stay where they are.
pub fn large_sum(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let decode = |bytes: &Bytes| decode_sum(Arc::new(Kept(bytes.clone())));
    let Ok(message) = within(fair(data.len()), || decode(&bytes)) else { return };
    let encoded = message.encode();
    let again = decode(&encoded).expect("what was decoded can be decoded again");
    assert!(again.encode() == encoded, "{again:?} is encoded in two ways");
    // There it may have more fields than a message in memory may.
    if let Ok(whole) = ToSite::decode(bytes) {
        assert!(whole.encode() == encoded, "{whole:?} is another one where it is in memory");
    }
}
