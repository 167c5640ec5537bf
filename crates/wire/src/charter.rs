//! Charters and the signatures under them, field by field.

use ripieno_identity::charter::MAX_NAME;
use ripieno_identity::{Charter, CharterConsent, CharterFields, CharterSite, FederationPolicy};

use crate::error::{Fault, WireError};
use crate::field::{
    Wire, digest, list, name, number, public_key, put, put_list, put_site, signature, site,
};
use crate::limits::MAX_CHARTER_SITES;
use crate::pb;

impl Wire for CharterSite {
    type Proto = pb::CharterSite;

    fn to_proto(&self) -> pb::CharterSite {
        pb::CharterSite { index: put_site(self.index), name: self.name.clone(), key: put(self.key) }
    }

    fn from_proto(proto: pb::CharterSite) -> Result<Self, WireError> {
        Ok(Self {
            index: site("charter_site.index", proto.index)?,
            name: name("charter_site.name", proto.name, MAX_NAME)?,
            key: public_key("charter_site.key", &proto.key)?,
        })
    }
}

impl Wire for Charter {
    type Proto = pb::Charter;

    fn to_proto(&self) -> pb::Charter {
        let fields = self.fields();
        pb::Charter {
            federation: fields.federation.clone(),
            version: fields.version,
            previous: fields.previous.map(put),
            sites: put_list(&fields.sites),
            next_index: u32::from(fields.next_index),
            coordinator: put(fields.coordinator),
            corrupt: u32::from(fields.corrupt),
            quorum: u32::from(fields.quorum),
            minimum_sites: u32::from(fields.policy.minimum_sites),
        }
    }

    fn from_proto(proto: pb::Charter) -> Result<Self, WireError> {
        let any = 0..=u16::MAX;
        let previous = proto.previous.map(|bytes| digest("charter.previous", &bytes));
        let fields = CharterFields {
            federation: name("charter.federation", proto.federation, MAX_NAME)?,
            version: proto.version,
            previous: previous.transpose()?,
            sites: list("charter.sites", proto.sites, MAX_CHARTER_SITES)?,
            next_index: number("charter.next_index", proto.next_index, any.clone())?,
            coordinator: public_key("charter.coordinator", &proto.coordinator)?,
            corrupt: number("charter.corrupt", proto.corrupt, any.clone())?,
            quorum: number("charter.quorum", proto.quorum, any.clone())?,
            policy: FederationPolicy {
                minimum_sites: number("charter.minimum_sites", proto.minimum_sites, any)?,
            },
        };
        Charter::new(fields).map_err(|bad| Fault::Charter(bad).of("charter"))
    }
}

impl Wire for CharterConsent {
    type Proto = pb::CharterConsent;

    fn to_proto(&self) -> pb::CharterConsent {
        pb::CharterConsent { site: put_site(self.site), signature: put(self.signature) }
    }

    fn from_proto(proto: pb::CharterConsent) -> Result<Self, WireError> {
        Ok(Self {
            site: site("charter_consent.site", proto.site)?,
            signature: signature("charter_consent.signature", &proto.signature)?,
        })
    }
}
