//! R4: released shares and their proofs.

use ripieno_secagg::round::open::{Release, ShareProof, SiteSecret};

use crate::common::{kind, put_kind};
use crate::error::WireError;
use crate::field::{
    Wire, digest, exact, list, path, put, put_list, put_path, put_secret, put_site, required,
    signature, site,
};
use crate::limits::MAX_SITES;
use crate::pb;

impl Wire for SiteSecret {
    type Proto = pb::SiteSecret;

    fn to_proto(&self) -> pb::SiteSecret {
        pb::SiteSecret { site: put_site(self.site), scalar: put_secret(self.scalar.to_vec()) }
    }

    fn from_proto(proto: pb::SiteSecret) -> Result<Self, WireError> {
        Ok(Self {
            site: site("site_secret.site", proto.site)?,
            scalar: exact("site_secret.scalar", &proto.scalar)?,
        })
    }
}

impl Wire for Release {
    type Proto = pb::Release;

    fn to_proto(&self) -> pb::Release {
        pb::Release {
            slot_id: Some(self.id.to_proto()),
            ctx: put(self.ctx),
            from: put_site(self.from),
            selfs: put_list(&self.selfs),
            roots: put_list(&self.roots),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Release) -> Result<Self, WireError> {
        Ok(Self {
            id: required("release.slot_id", proto.slot_id)?,
            ctx: digest("release.ctx", &proto.ctx)?,
            from: site("release.from", proto.from)?,
            selfs: list("release.selfs", proto.selfs, MAX_SITES)?,
            roots: list("release.roots", proto.roots, MAX_SITES)?,
            signature: signature("release.signature", &proto.signature)?,
        })
    }
}

impl Wire for ShareProof {
    type Proto = pb::ShareProof;

    fn to_proto(&self) -> pb::ShareProof {
        pb::ShareProof {
            slot_id: Some(self.id.to_proto()),
            holder: put_site(self.holder),
            dealer: put_site(self.dealer),
            kind: put_kind(self.kind),
            // The share is the dealer's, so its site is not said twice.
            share: put_secret(self.share.scalar.to_vec()),
            leaf_path: put_path(&self.leaf_path),
            path: put_path(&self.path),
            root: put(self.root),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::ShareProof) -> Result<Self, WireError> {
        let dealer = site("share_proof.dealer", proto.dealer)?;
        Ok(Self {
            id: required("share_proof.slot_id", proto.slot_id)?,
            holder: site("share_proof.holder", proto.holder)?,
            dealer,
            kind: kind("share_proof.kind", proto.kind)?,
            share: SiteSecret { site: dealer, scalar: exact("share_proof.share", &proto.share)? },
            leaf_path: path("share_proof.leaf_path", &proto.leaf_path)?,
            path: path("share_proof.path", &proto.path)?,
            root: digest("share_proof.root", &proto.root)?,
            signature: signature("share_proof.signature", &proto.signature)?,
        })
    }
}
