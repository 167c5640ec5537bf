//! What a site shows and whom it believes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, SignatureScheme};

use super::pinned::{self, Pinned};
use crate::certificate::{Fingerprint, parse};
use crate::identity::TlsIdentity;
use crate::trust::{CaCertificate, TrustedAuthorities};

/// The longest name of an issuer that is passed on, in characters.
const MAX_ISSUER: usize = 200;

/// The authorities that a site trusts, and what it shows, once it has enrolled. TLS 1.3 only, no
/// resumption.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    verifier: Arc<dyn ServerCertVerifier>,
    pinned: Option<Fingerprint>,
}

impl ClientTls {
    /// Trusts these authorities and no others, the system's own least of all.
    ///
    /// # Errors
    /// [`rustls::Error`] where the key, the certificate or an authority cannot be used.
    pub fn new(
        trusted: &TrustedAuthorities,
        identity: Option<&TlsIdentity>,
    ) -> Result<Self, rustls::Error> {
        let verifier: Arc<dyn ServerCertVerifier> = verifier(trusted)?;
        let config = config(&verifier)?;
        let config = match identity {
            Some(identity) => {
                let shown = SingleCertAndKey::from(identity.for_handshakes()?);
                config.with_client_cert_resolver(Arc::new(shown))
            }
            None => config.with_no_client_auth(),
        };
        Ok(Self { config: finish(config), verifier, pinned: None })
    }

    /// Trusts the one authority whose certificate has this fingerprint. The server shows that
    /// certificate beside its own; shows nothing of itself. For enrolment, before anything but the
    /// fingerprint is known.
    ///
    /// # Errors
    /// [`rustls::Error`] where the library cannot be set up.
    pub fn pinned(authority: Fingerprint) -> Result<Self, rustls::Error> {
        let verifier: Arc<dyn ServerCertVerifier> = Arc::new(Pinned::new(authority));
        let config = config(&verifier)?.with_no_client_auth();
        Ok(Self { config: finish(config), verifier, pinned: Some(authority) })
    }

    /// The authority that is trusted by its fingerprint, among the certificates that a server
    /// showed.
    pub(super) fn pinned_among(&self, shown: &[CertificateDer<'_>]) -> Option<CaCertificate> {
        self.pinned.and_then(|fingerprint| pinned::find(fingerprint, shown.get(1..)?))
    }

    /// A configuration for one handshake, and what will tell who issued the other end's
    /// certificate, be it verified or not.
    pub(super) fn for_handshake(&self) -> (Arc<ClientConfig>, Arc<Witness>) {
        let witness =
            Arc::new(Witness { verifier: Arc::clone(&self.verifier), issuer: Mutex::default() });
        let mut config = ClientConfig::clone(&self.config);
        // "Dangerous" for a verifier that lets pass too much; this one only looks on.
        config.dangerous().set_certificate_verifier(Arc::clone(&witness) as _);
        (Arc::new(config), witness)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shows = self.config.client_auth_cert_resolver.has_certs();
        f.debug_struct("ClientTls").field("shows_a_certificate", &shows).finish_non_exhaustive()
    }
}

/// Leaves every decision to the library's verifier and remembers who issued the certificate: in a
/// network that inspects TLS that name says whom to ask.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Arc<dyn ServerCertVerifier>,
    issuer: Mutex<Option<String>>,
}

impl Witness {
    /// Who issued the certificate that was shown, in its own words.
    pub(super) fn issuer(&self) -> Option<String> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let issuer =
            parse(end_entity).ok().map(|certificate| printable(&certificate.issuer().to_string()));
        *self.issuer.lock().unwrap_or_else(PoisonError::into_inner) = issuer;
        let verifier = &self.verifier;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The library's verifier with these roots and no others.
pub(super) fn verifier(
    trusted: &TrustedAuthorities,
) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    WebPkiServerVerifier::builder_with_provider(trusted.roots()?, crate::provider())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))
}

fn config(
    verifier: &Arc<dyn ServerCertVerifier>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
    let config =
        ClientConfig::builder_with_provider(crate::provider()).with_protocol_versions(&[&TLS13])?;
    // "Dangerous" for a verifier that lets pass too much; both kinds end in the library's own.
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::clone(verifier)))
}

fn finish(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![crate::ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_ISSUER).collect()
}
