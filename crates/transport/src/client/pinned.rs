//! Trust in an authority of which only the fingerprint is known: for enrolment.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::tls::verifier;
use crate::certificate::Fingerprint;
use crate::trust::{CaCertificate, TrustedAuthorities};

/// The most certificates beside a server's own that are looked at.
const MAX_SHOWN: usize = 4;

/// The authority with this fingerprint among certificates that were shown. That somebody shows it
/// proves nothing: it is no secret.
pub(super) fn find(
    fingerprint: Fingerprint,
    shown: &[CertificateDer<'_>],
) -> Option<CaCertificate> {
    let found = shown.iter().take(MAX_SHOWN).find(|der| Fingerprint::of(der) == fingerprint)?;
    CaCertificate::from_der(found).ok()
}

/// Verifies a server's certificate against the authority with this fingerprint, which the server
/// shows beside it; signature, name, use and time as the library does for any root.
#[derive(Debug)]
pub(super) struct Pinned {
    authority: Fingerprint,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    pub(super) fn new(authority: Fingerprint) -> Self {
        Self { authority, algorithms: crate::provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority =
            find(self.authority, intermediates).ok_or(CertificateError::UnknownIssuer)?;
        let trusted = TrustedAuthorities::new(vec![authority])
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        // No other certificate that was shown has a say.
        verifier(&trusted)?.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
