//! R3: certificates for the one outcome of a slot.

use ripieno_secagg::round::outcome::{Certificate, VoidCertificate};

use crate::common::{put_signatures, signatures};
use crate::error::WireError;
use crate::field::{Wire, required};
use crate::pb;

impl Wire for Certificate {
    type Proto = pb::Certificate;

    fn to_proto(&self) -> pb::Certificate {
        pb::Certificate {
            outcome: Some(self.outcome.to_proto()),
            signatures: put_signatures(&self.signatures),
        }
    }

    fn from_proto(proto: pb::Certificate) -> Result<Self, WireError> {
        Ok(Self {
            outcome: required("certificate.outcome", proto.outcome)?,
            signatures: signatures("certificate.signatures", &proto.signatures)?,
        })
    }
}

impl Wire for VoidCertificate {
    type Proto = pb::VoidCertificate;

    fn to_proto(&self) -> pb::VoidCertificate {
        pb::VoidCertificate {
            slot_id: Some(self.id.to_proto()),
            signatures: put_signatures(&self.signatures),
        }
    }

    fn from_proto(proto: pb::VoidCertificate) -> Result<Self, WireError> {
        Ok(Self {
            id: required("void_certificate.slot_id", proto.slot_id)?,
            signatures: signatures("void_certificate.signatures", &proto.signatures)?,
        })
    }
}
