//! An opened sum, and a slot's certificate.

use bytes::Bytes;
use prost::Message;
use ripieno_secagg::round::outcome::{Certificate, VoidCertificate};
use ripieno_wire::{Parts, Published, ToSite};

use super::{misplaced, to_site};

/// A sum that was opened. The uploads of its survivors are in the spool.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SumRecord {
    /// Number of the epoch.
    #[prost(uint64, tag = "1")]
    pub(crate) epoch: u64,
    /// [`ToSite::Published`] without uploads.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) published: Bytes,
}

impl SumRecord {
    pub(crate) fn published(&self) -> Result<Published, String> {
        match to_site(&self.published)? {
            ToSite::Published(published) => Ok(published),
            _ => Err(misplaced("sum")),
        }
    }
}

/// No uploads.
pub(crate) fn no_parts() -> Parts {
    Parts::Whole(std::collections::BTreeMap::new())
}

/// What became of a slot.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OutcomeRecord {
    /// [`ToSite::Voided`], or [`ToSite::Open`] without its proposal.
    #[prost(bytes = "bytes", tag = "1")]
    certificate: Bytes,
}

/// The one certificate of a slot.
pub(crate) enum Outcome {
    Void(VoidCertificate),
    Opened(Certificate),
}

impl OutcomeRecord {
    pub(crate) fn void(certificate: &VoidCertificate) -> Self {
        Self { certificate: ToSite::Voided(certificate.clone()).encode() }
    }

    pub(crate) fn opened(certificate: &Certificate) -> Self {
        let certificate = certificate.clone();
        Self { certificate: ToSite::Open { certificate, proposal: None }.encode() }
    }

    pub(crate) fn outcome(&self) -> Result<Outcome, String> {
        match to_site(&self.certificate)? {
            ToSite::Voided(certificate) => Ok(Outcome::Void(certificate)),
            ToSite::Open { certificate, .. } => Ok(Outcome::Opened(certificate)),
            _ => Err(misplaced("certificate")),
        }
    }
}
