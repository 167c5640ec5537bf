//! What several messages share.

use std::collections::BTreeMap;

use ripieno_identity::Signature;
use ripieno_secagg::{Head, Kind, SlotId};
use ripieno_study::{Check, Culprit, Refusal, SiteIndex};

use crate::error::{Fault, WireError};
use crate::field::{
    self, Wire, bounded, digest, put, put_reason, put_site, reason, signature, site, slot,
};
use crate::limits::MAX_SITES;
use crate::pb;

impl Wire for SlotId {
    type Proto = pb::SlotId;

    fn to_proto(&self) -> pb::SlotId {
        pb::SlotId { transcript: put(self.transcript), slot: u32::from(self.slot) }
    }

    fn from_proto(proto: pb::SlotId) -> Result<Self, WireError> {
        Ok(Self {
            transcript: digest("slot_id.transcript", &proto.transcript)?,
            slot: slot("slot_id.slot", proto.slot)?,
        })
    }
}

impl Wire for Head {
    type Proto = pb::LedgerHead;

    fn to_proto(&self) -> pb::LedgerHead {
        pb::LedgerHead { count: self.count, digest: put(self.digest) }
    }

    fn from_proto(proto: pb::LedgerHead) -> Result<Self, WireError> {
        Ok(Self { count: proto.count, digest: digest("ledger_head.digest", &proto.digest)? })
    }
}

/// Signatures by site.
pub(crate) fn signatures(
    field: &'static str,
    list: &[pb::SiteSignature],
) -> Result<BTreeMap<SiteIndex, Signature>, WireError> {
    bounded(field, list.len(), 0..=MAX_SITES)?;
    let entry = |entry: &pb::SiteSignature| {
        let site = site("site_signature.site", entry.site)?;
        Ok((site, signature("site_signature.signature", &entry.signature)?))
    };
    field::map(field, list.iter().map(entry))
}

pub(crate) fn put_signatures(map: &BTreeMap<SiteIndex, Signature>) -> Vec<pb::SiteSignature> {
    let entry = |(site, signature): (&SiteIndex, &Signature)| pb::SiteSignature {
        site: put_site(*site),
        signature: put(signature),
    };
    map.iter().map(entry).collect()
}

pub(crate) fn kind(field: &'static str, value: i32) -> Result<Kind, WireError> {
    match pb::ShareKind::try_from(value) {
        Ok(pb::ShareKind::Root) => Ok(Kind::Root),
        Ok(pb::ShareKind::Self_) => Ok(Kind::Own),
        Ok(pb::ShareKind::Unspecified) | Err(_) => Err(Fault::Unknown.of(field)),
    }
}

pub(crate) fn put_kind(kind: Kind) -> i32 {
    match kind {
        Kind::Root => pb::ShareKind::Root,
        Kind::Own => pb::ShareKind::Self_,
    }
    .into()
}

impl Wire for Refusal {
    type Proto = pb::Refusal;

    fn to_proto(&self) -> pb::Refusal {
        let (culprit, site) = match self.culprit {
            Culprit::Coordinator => (pb::Culprit::Coordinator, 0),
            Culprit::Site(site) => (pb::Culprit::Site, put_site(site)),
            Culprit::Own => (pb::Culprit::Own, 0),
        };
        pb::Refusal {
            check: self.check.to_string(),
            culprit: culprit.into(),
            site,
            reason: put_reason(&self.reason),
        }
    }

    fn from_proto(proto: pb::Refusal) -> Result<Self, WireError> {
        let check = Check::from_name(&proto.check);
        Ok(Self {
            check: check.ok_or_else(|| Fault::Unknown.of("refusal.check"))?,
            culprit: culprit(proto.culprit, proto.site)?,
            reason: reason("refusal.reason", proto.reason)?,
        })
    }
}

fn culprit(culprit: i32, at_fault: u32) -> Result<Culprit, WireError> {
    let culprit = match pb::Culprit::try_from(culprit) {
        Ok(pb::Culprit::Coordinator) => Culprit::Coordinator,
        Ok(pb::Culprit::Own) => Culprit::Own,
        Ok(pb::Culprit::Site) => return site("refusal.site", at_fault).map(Culprit::Site),
        Ok(pb::Culprit::Unspecified) | Err(_) => {
            return Err(Fault::Unknown.of("refusal.culprit"));
        }
    };
    if at_fault != 0 {
        return Err(Fault::Unexpected.of("refusal.site"));
    }
    Ok(culprit)
}
