//! What the server shows and whom it believes.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use thiserror::Error;

use crate::authority::RevocationList;
use crate::identity::TlsIdentity;
use crate::serial::Serial;
use crate::trust::TrustedAuthorities;

/// A server's certificate, the authorities whose certificates it takes, and their revocation
/// lists. TLS 1.3 only; no session is ever resumed, because a resumed one would not be verified
/// again.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    revoked: Arc<BTreeSet<Serial>>,
}

/// Why a server cannot be set up so.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BadServerTls {
    /// An authority has no list: every certificate of it would be refused.
    #[error("there is no revocation list signed by {0:?}: issue one, be it empty")]
    NoList(String),
    /// A list is by somebody else.
    #[error("revocation list {0} is signed by none of the trusted authorities")]
    ForeignList(u64),
    /// The library does not take the lists or the authorities.
    #[error("the authorities or their revocation lists cannot be used: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// The library does not take the key or the certificate.
    #[error("the server's key or certificate cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

impl ServerTls {
    /// Shows `identity` with the certificate of the trusted authority that issued it; takes the certificates that a trusted authority issued for clients, that
    /// hold now, and that are not on the authority's list. A list whose time is over makes it
    /// refuse every certificate of that authority: see [`RevocationList::next_update`].
    ///
    /// # Errors
    /// [`BadServerTls`] where an authority has no list, or a list no authority.
    pub fn new(
        identity: &TlsIdentity,
        trusted: &TrustedAuthorities,
        lists: &[RevocationList],
    ) -> Result<Self, BadServerTls> {
        match_lists(trusted, lists)?;
        let ders = lists.iter().map(|list| CertificateRevocationListDer::from(list.der().to_vec()));
        let provider = crate::provider();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(trusted.roots()?, provider.clone())
                .with_crls(ders)
                .enforce_revocation_expiration()
                .allow_unauthenticated()
                .build()?;
        let shown = SingleCertAndKey::from(identity.with_authority(trusted)?);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(shown));
        config.alpn_protocols = vec![crate::ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let revoked = lists.iter().flat_map(|list| list.serials().iter().cloned()).collect();
        Ok(Self { config: Arc::new(config), revoked: Arc::new(revoked) })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The certificates on the lists.
    pub(super) fn revoked(&self) -> &BTreeSet<Serial> {
        &self.revoked
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("revoked", &self.revoked).finish_non_exhaustive()
    }
}

fn match_lists(trusted: &TrustedAuthorities, lists: &[RevocationList]) -> Result<(), BadServerTls> {
    for authority in trusted.certificates() {
        if !lists.iter().any(|list| list.is_signed_by(authority)) {
            return Err(BadServerTls::NoList(authority.subject().to_owned()));
        }
    }
    let foreign =
        |list: &&RevocationList| !trusted.certificates().iter().any(|a| list.is_signed_by(a));
    lists.iter().find(foreign).map_or(Ok(()), |list| Err(BadServerTls::ForeignList(list.number())))
}
