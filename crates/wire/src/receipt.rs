//! R5: the coordinator's receipt.

use ripieno_secagg::round::publish::Receipt;

use crate::error::WireError;
use crate::field::{Wire, digest, list, put, put_list, required, signature};
use crate::limits::MAX_SITES;
use crate::pb;

impl Wire for Receipt {
    type Proto = pb::Receipt;

    fn to_proto(&self) -> pb::Receipt {
        pb::Receipt {
            certificate: Some(self.certificate.to_proto()),
            trailers: put_list(&self.trailers),
            selfs: put_list(&self.selfs),
            roots: put_list(&self.roots),
            sum: put(self.sum),
            next_state: put(self.next_state),
            at: self.at,
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Receipt) -> Result<Self, WireError> {
        Ok(Self {
            certificate: required("receipt.certificate", proto.certificate)?,
            trailers: list("receipt.trailers", proto.trailers, MAX_SITES)?,
            selfs: list("receipt.selfs", proto.selfs, MAX_SITES)?,
            roots: list("receipt.roots", proto.roots, MAX_SITES)?,
            sum: digest("receipt.sum", &proto.sum)?,
            next_state: digest("receipt.next_state", &proto.next_state)?,
            at: proto.at,
            signature: signature("receipt.signature", &proto.signature)?,
        })
    }
}
