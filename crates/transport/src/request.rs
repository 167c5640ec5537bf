//! Enrolment of a site: it draws a key, sends a request for a certificate on it, and keeps the key.

use std::path::Path;
use std::time::SystemTime;

use rcgen::{CertificateParams, DistinguishedName};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use thiserror::Error;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::prelude::FromDer as _;

use crate::files::{self, Access, FileError};
use crate::identity::TlsIdentity;
use crate::key::PrivateKey;
use crate::pem::{self, BadPem, Kind, Sections};
use crate::trust::TrustedAuthorities;

/// The largest request that is taken, in bytes; ours have less than 300.
pub const MAX_REQUEST: usize = 8 << 10;

/// A site's private key with the request for a certificate on it. It claims no name: the site's
/// name is what the operator's invitation says.
#[derive(Debug)]
pub struct PendingRequest {
    key: PrivateKey,
    der: Vec<u8>,
}

/// The system gave no key or no signature.
#[derive(Debug, Error)]
#[error("no key could be made: {0}")]
pub struct NoKey(#[from] rcgen::Error);

/// Why a certificate is not the answer to a request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BadAnswer {
    /// It is no certificate, or one on another key.
    #[error("the certificate that came back is not for this site's request: {0}")]
    Certificate(String),
    /// No authority of the federation issued it for a site, or it does not hold now.
    #[error(
        "the certificate that came back cannot be used ({0}): ask the federation's operator, and compare the clocks"
    )]
    NotIssued(rustls::Error),
}

impl PendingRequest {
    /// Draws a key and makes the request.
    ///
    /// # Errors
    /// [`NoKey`] where the system gives no randomness.
    pub fn create() -> Result<Self, NoKey> {
        let key = PrivateKey::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let der = params.serialize_request(&key)?.der().to_vec();
        Ok(Self { key, der })
    }

    /// The request in DER: all that is sent.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Writes key and request as one PEM file (0600), so that an enrolment survives a restart.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let sections = [(Kind::PrivateKey, self.key.der()), (Kind::Request, self.der.as_slice())];
        files::replace(path, pem::encode(&sections).as_bytes(), Access::Owner)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`FileError`], which names the file.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read_private(path)?;
        let wrong = |error: BadPem| FileError::content(path, &error);
        let sections = Sections::parse(&bytes).map_err(wrong)?;
        let key = PrivateKey::from_der(sections.one(Kind::PrivateKey).map_err(wrong)?)
            .map_err(|_| FileError::content(path, &"holds no ECDSA key on P-256 in PKCS #8"))?;
        let request = VerifiedRequest::from_der(sections.one(Kind::Request).map_err(wrong)?)
            .map_err(|error| FileError::content(path, &error))?;
        if request.public_key != key.public_der() {
            return Err(FileError::content(path, &"the request is on another key than its own"));
        }
        Ok(Self { key, der: request.der })
    }

    /// Takes the certificate that came back: on this key, by an authority of the federation, for
    /// use as a client, valid now.
    ///
    /// # Errors
    /// [`BadAnswer`]; the request is lost with it, so [`save`](Self::save) it before.
    pub fn accept(
        self,
        certificate: &[u8],
        trusted: &TrustedAuthorities,
        now: SystemTime,
    ) -> Result<TlsIdentity, BadAnswer> {
        let identity = TlsIdentity::new(self.key, certificate).map_err(BadAnswer::Certificate)?;
        verify(certificate, trusted, now).map_err(BadAnswer::NotIssued)?;
        Ok(identity)
    }
}

/// Another's request of which the signature was verified: whoever sent it has the private key.
/// What else it claims is not even read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRequest {
    der: Vec<u8>,
    public_key: Vec<u8>,
}

/// Why bytes are no request that may be certified.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadRequest {
    /// They are not a request, or too many.
    #[error("not a certificate request in DER of at most {MAX_REQUEST} bytes")]
    Encoding,
    /// The key is of a kind that is not certified.
    #[error("the request is not for an ECDSA key on P-256")]
    Key,
    /// The signature is not by the key in the request.
    #[error("the request's signature is not by the key that it asks a certificate for")]
    Signature,
}

impl VerifiedRequest {
    /// Takes a request as a peer sent it.
    ///
    /// # Errors
    /// [`BadRequest`] says in what it fails.
    pub fn from_der(der: &[u8]) -> Result<Self, BadRequest> {
        if der.len() > MAX_REQUEST {
            return Err(BadRequest::Encoding);
        }
        let Ok(([], request)) = X509CertificationRequest::from_der(der) else {
            return Err(BadRequest::Encoding);
        };
        let key = &request.certification_request_info.subject_pki;
        let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
        if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != Some(OID_EC_P256) {
            return Err(BadRequest::Key);
        }
        request.verify_signature().map_err(|_| BadRequest::Signature)?;
        Ok(Self { public_key: key.raw.to_vec(), der: der.to_vec() })
    }

    /// The key as a SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

fn verify(der: &[u8], trusted: &TrustedAuthorities, now: SystemTime) -> Result<(), rustls::Error> {
    let roots = trusted.roots()?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, crate::provider());
    let verifier = verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?;
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(since);
    verifier.verify_client_cert(&CertificateDer::from(der), &[], now).map(drop)
}
