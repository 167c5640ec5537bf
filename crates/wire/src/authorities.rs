//! The signed list of authorities, as bytes (docs/protocol.md §2, authorities).

use bytes::Bytes;
use prost::Message as _;
use ripieno_identity::AuthorityList;
use ripieno_identity::authorities::MAX_AUTHORITIES;

use crate::envelope::{self, Body, body};
use crate::error::{Fault, WireError};
use crate::field::{bounded, put, signature};
use crate::limits::{MAX_FIELDS, MAX_SMALL_BYTES};
use crate::pb;

const LIST: Body = body(0, "authority_list", MAX_SMALL_BYTES);
/// The largest certificate of an authority, in bytes.
const MAX_CERTIFICATE: usize = 4 << 10;

/// The bytes of a list of authorities.
#[must_use]
pub fn encode_authorities(list: &AuthorityList) -> Bytes {
    let authorities = list.authorities.iter().map(put).collect();
    let signature = put(list.signature.as_bytes());
    pb::AuthorityList { number: list.number, authorities, signature }.encode_to_vec().into()
}

/// A list of authorities, not yet verified.
///
/// # Errors
/// [`WireError`] names the field.
pub fn decode_authorities(bytes: Bytes) -> Result<AuthorityList, WireError> {
    envelope::whole(LIST, &bytes, MAX_FIELDS)?;
    let proto: pb::AuthorityList = envelope::parse(LIST, bytes)?;
    bounded("authority_list.authorities", proto.authorities.len(), 1..=MAX_AUTHORITIES)?;
    for der in &proto.authorities {
        if der.is_empty() || der.len() > MAX_CERTIFICATE {
            let length = Fault::Length { found: der.len(), low: 1, high: MAX_CERTIFICATE };
            return Err(length.of("authority_list.authorities"));
        }
    }
    Ok(AuthorityList {
        number: proto.number,
        authorities: proto.authorities.iter().map(|der| der.to_vec()).collect(),
        signature: signature("authority_list.signature", &proto.signature)?,
    })
}

#[cfg(test)]
mod tests {
    use ripieno_identity::Signature;

    use super::*;

    fn list(authorities: Vec<Vec<u8>>) -> AuthorityList {
        AuthorityList { number: 3, authorities, signature: Signature::from_bytes([7; 64]) }
    }

    #[test]
    fn a_list_comes_back_as_it_was() {
        let list = list(vec![b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(decode_authorities(encode_authorities(&list)), Ok(list));
    }

    #[test]
    fn too_much_or_too_little_is_refused() {
        let one = || b"one".to_vec();
        for bad in [vec![], vec![one(); 3], vec![vec![]], vec![vec![0; MAX_CERTIFICATE + 1]]] {
            assert!(decode_authorities(encode_authorities(&list(bad))).is_err());
        }
        let bytes = encode_authorities(&list(vec![one()]));
        assert!(decode_authorities(bytes.slice(..bytes.len() - 1)).is_err(), "cut short");
    }
}
