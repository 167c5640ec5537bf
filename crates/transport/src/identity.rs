//! A private key with the certificate on it.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::certificate::{PeerCertificate, parse};
use crate::files::{self, Access, FileError};
use crate::key::PrivateKey;
use crate::pem::{self, Kind, Sections};
use crate::trust::TrustedAuthorities;

/// What one end shows of itself: a private key and the certificate on it. Both stand in one file,
/// so a renewal replaces both or none.
#[derive(Debug)]
pub struct TlsIdentity {
    key: PrivateKey,
    der: CertificateDer<'static>,
    certificate: PeerCertificate,
}

impl TlsIdentity {
    /// Puts a key and its certificate together; what is wrong is returned as text.
    pub(crate) fn new(key: PrivateKey, der: &[u8]) -> Result<Self, String> {
        let certificate = PeerCertificate::from_der(der).map_err(|error| error.to_string())?;
        let parsed = parse(der).map_err(|error| error.to_string())?;
        if parsed.public_key().raw != key.public_der() {
            return Err("the certificate is on another key than the one beside it".to_owned());
        }
        Ok(Self { key, der: CertificateDer::from(der.to_vec()), certificate })
    }

    /// Reads key and certificate from a PEM file.
    ///
    /// # Errors
    /// [`FileError`], which names the file: it is cut short, others may read it, or the
    /// certificate is on another key.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read_private(path)?;
        read(&bytes).map_err(|reason| FileError::content(path, &reason))
    }

    /// Writes key and certificate as one PEM file (0600), replacing it as a whole.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        files::replace(path, self.to_pem().as_bytes(), Access::Owner)
    }

    /// What [`save`](Self::save) writes: a secret.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(&[(Kind::PrivateKey, self.key.der()), (Kind::Certificate, &*self.der)])
    }

    /// What the other end will read in the certificate.
    #[must_use]
    pub fn certificate(&self) -> &PeerCertificate {
        &self.certificate
    }

    /// The certificate in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// Both in the form in which a handshake uses them.
    pub(crate) fn for_handshakes(&self) -> Result<Arc<CertifiedKey>, rustls::Error> {
        self.chain(vec![self.der.clone()])
    }

    /// As [`for_handshakes`](Self::for_handshakes), with the certificate of the authority that
    /// issued this one, where it is among these: for who knows the authority by its fingerprint.
    pub(crate) fn with_authority(
        &self,
        trusted: &TrustedAuthorities,
    ) -> Result<Arc<CertifiedKey>, rustls::Error> {
        let issuer = trusted.certificates().iter().find(|authority| authority.issued(&self.der));
        let issuer = issuer.map(|authority| CertificateDer::from(authority.der().to_vec()));
        self.chain([self.der.clone()].into_iter().chain(issuer).collect())
    }

    fn chain(
        &self,
        shown: Vec<CertificateDer<'static>>,
    ) -> Result<Arc<CertifiedKey>, rustls::Error> {
        Ok(Arc::new(CertifiedKey::new(shown, self.key.for_handshakes()?)))
    }
}

fn read(bytes: &[u8]) -> Result<TlsIdentity, String> {
    let sections = Sections::parse(bytes).map_err(|error| error.to_string())?;
    let key = sections.one(Kind::PrivateKey).map_err(|error| error.to_string())?;
    // The reason is not quoted: it speaks of the key's bytes.
    let key = PrivateKey::from_der(key).map_err(|_| "holds no ECDSA key on P-256 in PKCS #8")?;
    TlsIdentity::new(key, sections.one(Kind::Certificate).map_err(|error| error.to_string())?)
}
