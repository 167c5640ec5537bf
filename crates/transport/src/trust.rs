//! The certificates of a federation's authority: what both ends trust, and nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::certificate::{BadCertificate, Fingerprint, parse, system_time};
use crate::files::{self, Access, FileError};
use crate::pem::{self, Kind, Sections};

/// The most authorities at a time: the present one and, while it is replaced, the next.
pub const MAX_AUTHORITIES: usize = 2;

/// The public certificate of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificate {
    der: CertificateDer<'static>,
    subject: String,
    not_after: SystemTime,
}

impl CaCertificate {
    /// Takes a certificate in DER.
    ///
    /// # Errors
    /// [`BadTrust`] where it is none or not an authority's.
    pub fn from_der(der: &[u8]) -> Result<Self, BadTrust> {
        let parsed = parse(der)?;
        if !parsed.is_ca() {
            return Err(BadTrust::NotAnAuthority(parsed.subject().to_string()));
        }
        Ok(Self {
            subject: parsed.subject().to_string(),
            not_after: system_time(parsed.validity().not_after),
            der: CertificateDer::from(der.to_vec()),
        })
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What an operator reads out and a site compares before it trusts the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// Its subject, such as `O=North, CN=authority 3f2a9c41`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The last second in which it holds.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Whether it signed this certificate (DER).
    #[must_use]
    pub fn issued(&self, der: &[u8]) -> bool {
        let (Ok(own), Ok(other)) = (parse(&self.der), parse(der)) else { return false };
        own.subject() == other.issuer() && other.verify_signature(Some(own.public_key())).is_ok()
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem::encode(&[(Kind::Certificate, self.der())]).to_string()
    }
}

/// The authorities that an end trusts: one, or two while the first is replaced. The system's own
/// list of authorities is never asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedAuthorities(Vec<CaCertificate>);

/// Why certificates are not what an end can trust.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadTrust {
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// A certificate is a site's or a server's.
    #[error(
        "the certificate of {0:?} is not one of an authority: take the one that the operator gave out"
    )]
    NotAnAuthority(String),
    /// There are none or too many.
    #[error(
        "{0} certificates of authorities: there must be 1, or 2 while the authority is replaced"
    )]
    Count(usize),
    /// Two have the same subject, so it would be undecided whose revocations count.
    #[error("two certificates have the subject {0:?}")]
    Twice(String),
}

impl TrustedAuthorities {
    /// Trusts these, 1 to [`MAX_AUTHORITIES`] of different subjects.
    ///
    /// # Errors
    /// [`BadTrust`] on another number or a repeated subject.
    pub fn new(certificates: Vec<CaCertificate>) -> Result<Self, BadTrust> {
        if !(1..=MAX_AUTHORITIES).contains(&certificates.len()) {
            return Err(BadTrust::Count(certificates.len()));
        }
        for (i, one) in certificates.iter().enumerate() {
            if certificates.iter().take(i).any(|other| other.subject == one.subject) {
                return Err(BadTrust::Twice(one.subject.clone()));
            }
        }
        Ok(Self(certificates))
    }

    /// Takes the certificates of a PEM text.
    ///
    /// # Errors
    /// What is wrong, as text for whoever knows where the PEM came from.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let sections = Sections::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let certificates = sections.all(Kind::Certificate).map(CaCertificate::from_der);
        let certificates = certificates.collect::<Result<_, _>>();
        certificates.and_then(Self::new).map_err(|error| error.to_string())
    }

    /// Reads the certificates of a PEM file.
    ///
    /// # Errors
    /// [`FileError`], which names the file.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read(path)?;
        let text = str::from_utf8(&bytes).map_err(|error| FileError::content(path, &error))?;
        Self::from_pem(text).map_err(|reason| FileError::content(path, &reason))
    }

    /// Writes them as one PEM file (0644), replacing it as a whole.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        files::replace(path, self.to_pem().as_bytes(), Access::Everybody)
    }

    /// What [`save`](Self::save) writes.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let sections: Vec<_> = self.0.iter().map(|one| (Kind::Certificate, one.der())).collect();
        pem::encode(&sections).to_string()
    }

    /// The certificates.
    #[must_use]
    pub fn certificates(&self) -> &[CaCertificate] {
        &self.0
    }

    /// The roots of a verifier.
    pub(crate) fn roots(&self) -> Result<Arc<RootCertStore>, rustls::Error> {
        let mut roots = RootCertStore::empty();
        for one in &self.0 {
            roots.add(one.der.clone())?;
        }
        Ok(Arc::new(roots))
    }
}
