//! The messages that set up an epoch.

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle, SlotAdvert};
use ripieno_secagg::params::MAX_SLOTS;

use crate::error::{Fault, WireError};
use crate::field::{
    Wire, bounded, digest, exact, list, path, put, put_list, put_path, put_site, put_sites,
    required, signature, site, sites, slots,
};
use crate::limits::MAX_SEALED;
use crate::pb;

impl Wire for Announcement {
    type Proto = pb::Announcement;

    fn to_proto(&self) -> pb::Announcement {
        pb::Announcement { epoch: self.epoch, slots: u32::from(self.slots) }
    }

    fn from_proto(proto: pb::Announcement) -> Result<Self, WireError> {
        Ok(Self { epoch: proto.epoch, slots: slots("announcement.slots", proto.slots)? })
    }
}

impl Wire for SlotAdvert {
    type Proto = pb::SlotAdvert;

    fn to_proto(&self) -> pb::SlotAdvert {
        pb::SlotAdvert { mask_key: put(self.mask_key), self_commitment: put(self.self_commitment) }
    }

    fn from_proto(proto: pb::SlotAdvert) -> Result<Self, WireError> {
        Ok(Self {
            mask_key: exact("slot_advert.mask_key", &proto.mask_key)?,
            self_commitment: digest("slot_advert.self_commitment", &proto.self_commitment)?,
        })
    }
}

impl Wire for Advert {
    type Proto = pb::Advert;

    fn to_proto(&self) -> pb::Advert {
        pb::Advert {
            charter: put(self.charter),
            epoch: self.epoch,
            from: put_site(self.from),
            channel_key: put(self.channel_key),
            slots: put_list(&self.slots),
            ledger: Some(self.ledger.to_proto()),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Advert) -> Result<Self, WireError> {
        bounded("advert.slots", proto.slots.len(), 1..=usize::from(MAX_SLOTS))?;
        Ok(Self {
            charter: digest("advert.charter", &proto.charter)?,
            epoch: proto.epoch,
            from: site("advert.from", proto.from)?,
            channel_key: exact("advert.channel_key", &proto.channel_key)?,
            slots: list("advert.slots", proto.slots, usize::from(MAX_SLOTS))?,
            ledger: required("advert.ledger", proto.ledger)?,
            signature: signature("advert.signature", &proto.signature)?,
        })
    }
}

impl Wire for Bundle {
    type Proto = pb::Bundle;

    fn to_proto(&self) -> pb::Bundle {
        pb::Bundle {
            transcript: put(self.transcript),
            from: put_site(self.from),
            to: put_site(self.to),
            nonce: put(self.nonce),
            sealed: put(&self.sealed),
            root: put(self.root),
            signature: put(self.signature),
            path: put_path(&self.path),
        }
    }

    fn from_proto(proto: pb::Bundle) -> Result<Self, WireError> {
        let found = proto.sealed.len();
        if found > MAX_SEALED {
            let fault = Fault::Length { found, low: 0, high: MAX_SEALED };
            return Err(fault.of("bundle.sealed"));
        }
        Ok(Self {
            transcript: digest("bundle.transcript", &proto.transcript)?,
            from: site("bundle.from", proto.from)?,
            to: site("bundle.to", proto.to)?,
            nonce: exact("bundle.nonce", &proto.nonce)?,
            sealed: proto.sealed.into(),
            root: digest("bundle.root", &proto.root)?,
            signature: signature("bundle.signature", &proto.signature)?,
            path: path("bundle.path", &proto.path)?,
        })
    }
}

impl Wire for Acceptance {
    type Proto = pb::Acceptance;

    fn to_proto(&self) -> pb::Acceptance {
        pb::Acceptance {
            transcript: put(self.transcript),
            from: put_site(self.from),
            dealers: put_sites(&self.dealers),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Acceptance) -> Result<Self, WireError> {
        Ok(Self {
            transcript: digest("acceptance.transcript", &proto.transcript)?,
            from: site("acceptance.from", proto.from)?,
            dealers: sites("acceptance.dealers", &proto.dealers)?,
            signature: signature("acceptance.signature", &proto.signature)?,
        })
    }
}
