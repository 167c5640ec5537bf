//! The operator's own certification authority.

mod issue;
mod revocation;

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, SubjectPublicKeyInfo,
};
use rustls::pki_types::ServerName;
use thiserror::Error;

use crate::certificate::{Fingerprint, PeerCertificate, parse};
use crate::files::{self, Access, FileError};
use crate::identity::TlsIdentity;
use crate::key::PrivateKey;
use crate::name::SubjectName;
use crate::pem::{self, Kind, Sections};
use crate::request::VerifiedRequest;
use crate::trust::CaCertificate;

pub use issue::Validity;
pub use revocation::{BadList, RevocationList, Revoked};

/// The longest life of an authority, in days.
pub const MAX_AUTHORITY_DAYS: u16 = 20 * 366;
/// The longest life of a site's or a server's certificate, in days.
pub const MAX_CERTIFICATE_DAYS: u16 = 400;
/// The longest life of a revocation list, in days.
pub const MAX_LIST_DAYS: u16 = 90;
/// The most names and addresses of one server.
pub const MAX_SERVER_NAMES: usize = 32;

/// The authority of one federation: it certifies the coordinator and the sites. Its private key
/// need not lie on the coordinator's machine.
#[derive(Debug)]
pub struct Authority {
    certificate: CaCertificate,
    issuer: Issuer<'static, PrivateKey>,
}

/// A certificate that an authority issued to a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// What it says.
    pub certificate: PeerCertificate,
}

/// Why an authority did not issue something.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The time asked for is empty or longer than allowed.
    #[error("{days} days: it must be 1 to {most}")]
    Days {
        /// What was asked for.
        days: u16,
        /// The most for what was asked.
        most: u16,
    },
    /// The authority's own certificate ends before.
    #[error(
        "the authority's certificate has ended, or this machine's clock is wrong: set the clock. An \
         authority is replaced before it ends (authority prepare, switch, retire); afterwards \
         another one is put in its place by hand, and every site is invited again"
    )]
    Ended,
    /// A time cannot stand in a certificate.
    #[error("the time is outside of what a certificate can hold: set this machine's clock")]
    Time,
    /// A server's name or address is none.
    #[error("{0:?} is neither a host name nor an IP address")]
    ServerName(String),
    /// A server has no name, or too many.
    #[error("{0} names for a server: it must have 1 to {MAX_SERVER_NAMES}")]
    ServerNames(usize),
    /// The system gave no randomness.
    #[error("the system gave no random numbers")]
    Randomness,
    /// A certificate or list could not be made.
    #[error("a certificate could not be made: {0}")]
    Encoding(#[from] rcgen::Error),
    /// What was made cannot be read back.
    #[error("a certificate was made that cannot be read: {0}")]
    Unreadable(String),
}

impl Authority {
    /// Makes a new authority for a federation, with a new key.
    ///
    /// # Errors
    /// [`AuthorityError`] where the time is longer than [`MAX_AUTHORITY_DAYS`] or the system gives
    /// no randomness.
    pub fn create(federation: &SubjectName, validity: Validity) -> Result<Self, AuthorityError> {
        let key = PrivateKey::generate()?;
        let mut params = issue::params(validity, MAX_AUTHORITY_DAYS, None)?;
        // The number keeps an authority and its successor apart: revocation lists are looked up
        // by the name of who issued them.
        let number = Fingerprint::of(&key.public_der()).digest().short();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, federation.as_str());
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Self::assemble(key, certificate.der()).map_err(AuthorityError::Unreadable)
    }

    /// Reads an authority from its PEM file.
    ///
    /// # Errors
    /// [`FileError`], which names the file.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read_private(path)?;
        Self::read(&bytes).map_err(|reason| FileError::content(path, &reason))
    }

    /// Writes key and certificate as one PEM file (0600), replacing it as a whole.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let key = (Kind::PrivateKey, self.issuer.key().der());
        let text = pem::encode(&[key, (Kind::Certificate, self.certificate.der())]);
        files::replace(path, text.as_bytes(), Access::Owner)
    }

    /// Its public certificate, with the fingerprint that an invitation carries.
    #[must_use]
    pub fn certificate(&self) -> &CaCertificate {
        &self.certificate
    }

    /// Issues a certificate with a new key to a server, such as the coordinator. `hosts` are the
    /// names and IP addresses under which it is reached. It ends with the authority's own at the
    /// latest.
    ///
    /// # Errors
    /// [`AuthorityError`] where a host is none, or the time is longer than
    /// [`MAX_CERTIFICATE_DAYS`].
    pub fn issue_server(
        &self,
        name: &SubjectName,
        hosts: &[&str],
        validity: Validity,
    ) -> Result<TlsIdentity, AuthorityError> {
        if !(1..=MAX_SERVER_NAMES).contains(&hosts.len()) {
            return Err(AuthorityError::ServerNames(hosts.len()));
        }
        if let Some(bad) = hosts.iter().find(|host| ServerName::try_from(**host).is_err()) {
            return Err(AuthorityError::ServerName((*bad).to_owned()));
        }
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = issue::end_params(name, validity, self.certificate.not_after())?;
        params.subject_alt_names = CertificateParams::new(hosts)?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = PrivateKey::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        TlsIdentity::new(key, certificate.der()).map_err(AuthorityError::Unreadable)
    }

    /// Issues a certificate to a site on the key of its request, under the name that the operator
    /// invited, for use as a client only. It ends with the authority's own at the latest.
    ///
    /// # Errors
    /// [`AuthorityError`] where the time is longer than [`MAX_CERTIFICATE_DAYS`].
    pub fn issue_site(
        &self,
        request: &VerifiedRequest,
        name: &SubjectName,
        validity: Validity,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let mut params = issue::end_params(name, validity, self.certificate.not_after())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = SubjectPublicKeyInfo::from_der(request.public_key())?;
        let der = params.signed_by(&key, &self.issuer)?.der().to_vec();
        let certificate = PeerCertificate::from_der(&der)
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))?;
        Ok(IssuedCertificate { der, certificate })
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        let sections = Sections::parse(bytes).map_err(|error| error.to_string())?;
        let key = sections.one(Kind::PrivateKey).map_err(|error| error.to_string())?;
        let key =
            PrivateKey::from_der(key).map_err(|_| "holds no ECDSA key on P-256 in PKCS #8")?;
        Self::assemble(key, sections.one(Kind::Certificate).map_err(|error| error.to_string())?)
    }

    fn assemble(key: PrivateKey, der: &[u8]) -> Result<Self, String> {
        let certificate = CaCertificate::from_der(der).map_err(|error| error.to_string())?;
        let parsed = parse(der).map_err(|error| error.to_string())?;
        if parsed.public_key().raw != key.public_der() {
            return Err("the certificate is on another key than the one beside it".to_owned());
        }
        let issuer = Issuer::from_ca_cert_der(&der.into(), key).map_err(|e| e.to_string())?;
        Ok(Self { certificate, issuer })
    }
}
