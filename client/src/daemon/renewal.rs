//! A new certificate before the old one ends.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ripieno_rpc::RenewRequest;
use ripieno_transport::request::PendingRequest;
use ripieno_transport::{CaCertificate, PeerCertificate, TlsIdentity, TrustedAuthorities};
use thiserror::Error;
use tokio::time::timeout;
use tonic::Status;

use crate::config::Config;
use crate::layout;
use crate::link::{CALL, Client, Problem};
use crate::state::{BadFolder, Inventory};

/// At the latest so long before it ends, a certificate is renewed.
const LEAD: Duration = Duration::from_hours(30 * 24);

/// Why there is no new certificate.
#[derive(Debug, Error)]
pub(crate) enum NotRenewed {
    #[error("{}", Problem::from(.0).text)]
    Call(#[from] Status),
    #[error(transparent)]
    File(#[from] ripieno_transport::FileError),
    #[error(transparent)]
    Folder(#[from] BadFolder),
    #[error("{0}")]
    Answer(String),
    #[error("the coordinator answered with other authorities than those that this site trusts")]
    Authorities,
}

impl NotRenewed {
    /// What to do.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Authorities => {
                "The old certificate and the old authorities are kept. Call the federation's \
                 operator, on a number that you know: where the authority was changed on purpose, \
                 enrol with a new invitation"
            }
            _ => "It is tried again; if it stays so, ask the federation's operator",
        }
    }
}

/// Whether a certificate is to be renewed: 30 days or a third of its life before it ends, whatever
/// comes later.
pub(crate) fn is_due(certificate: &PeerCertificate, now: SystemTime) -> bool {
    let life = certificate.not_after.duration_since(certificate.not_before).unwrap_or_default();
    let left = certificate.not_after.duration_since(now).unwrap_or_default();
    left <= LEAD.min(life / 3)
}

/// Whether another authority certifies now than the one that issued this certificate: the first
/// of those that the site trusts.
pub(crate) fn is_superseded(config: &Config, identity: &TlsIdentity) -> bool {
    let trusted = TrustedAuthorities::load(&config.layout.authorities());
    let first = trusted.ok().and_then(|trusted| trusted.certificates().first().cloned());
    first.is_some_and(|first| !first.issued(identity.certificate_der()))
}

/// Fetches a certificate on a new key and puts it in the place of the old. Whom the site trusts
/// does not change with it: that takes an invitation, or a list that the coordinator signed. A
/// renewal that was interrupted goes on with the same request.
///
/// # Errors
/// [`NotRenewed`]; the old certificate is still there.
pub(crate) async fn renew(
    config: &Config,
    inventory: &Inventory,
    client: &mut Client,
) -> Result<TlsIdentity, NotRenewed> {
    let pending = pending(&config.layout.renewal())?;
    let request = Bytes::copy_from_slice(pending.der());
    let call = client.renew(RenewRequest { certificate_request: request });
    let late = |_| Status::deadline_exceeded("no answer to the request for a new certificate");
    let answer = timeout(CALL, call).await.map_err(late)??.into_inner();
    let trusted = TrustedAuthorities::load(&config.layout.authorities())?;
    check_same(&trusted, &answer.authorities)?;
    let identity = pending
        .accept(&answer.certificate, &trusted, SystemTime::now())
        .map_err(|error| NotRenewed::Answer(error.to_string()))?;
    inventory.write(layout::CONNECTION, identity.to_pem().as_bytes(), 0o600)?;
    // What is left behind is replaced by the next renewal.
    let _ = std::fs::remove_file(config.layout.renewal());
    Ok(identity)
}

/// The request that waits for its answer, or a new one, on the disk before it is sent.
pub(crate) fn pending(path: &std::path::Path) -> Result<PendingRequest, NotRenewed> {
    if path.exists() {
        return Ok(PendingRequest::load(path)?);
    }
    let pending = PendingRequest::create().map_err(|e| NotRenewed::Answer(e.to_string()))?;
    pending.save(path)?;
    Ok(pending)
}

/// The authorities of an answer are those that are trusted, none more and none less.
fn check_same(trusted: &TrustedAuthorities, named: &[Bytes]) -> Result<(), NotRenewed> {
    let known = |der: &Bytes| trusted.certificates().iter().any(|one| one.der() == der.as_ref());
    let named_too = |one: &CaCertificate| named.iter().any(|der| der.as_ref() == one.der());
    if named.iter().all(known) && trusted.certificates().iter().all(named_too) {
        Ok(())
    } else {
        Err(NotRenewed::Authorities)
    }
}

/// The authorities of an answer.
pub(crate) fn authorities(ders: &[Bytes]) -> Result<TrustedAuthorities, String> {
    let certificates = ders.iter().map(|der| CaCertificate::from_der(der));
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    TrustedAuthorities::new(certificates).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ripieno_transport::authority::{Authority, Validity};

    use super::*;

    fn authority(name: &str) -> CaCertificate {
        let validity = Validity { from: SystemTime::now(), days: 10 };
        Authority::create(&name.parse().unwrap(), validity).unwrap().certificate().clone()
    }

    #[test]
    fn a_renewal_changes_nobody_who_is_trusted() {
        let (own, other) = (authority("North"), authority("North"));
        let trusted = TrustedAuthorities::new(vec![own.clone()]).unwrap();
        let der = |one: &CaCertificate| Bytes::copy_from_slice(one.der());
        check_same(&trusted, &[der(&own)]).unwrap();
        for named in [vec![], vec![der(&other)], vec![der(&own), der(&other)]] {
            assert!(matches!(check_same(&trusted, &named), Err(NotRenewed::Authorities)));
        }
        let both = TrustedAuthorities::new(vec![own.clone(), other.clone()]).unwrap();
        check_same(&both, &[der(&other), der(&own)]).unwrap();
        check_same(&both, &[der(&own)]).unwrap_err();
    }
}
