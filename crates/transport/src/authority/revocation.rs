//! Lists of revoked certificates.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use rustls::pki_types::CertificateRevocationListDer;
use thiserror::Error;
use x509_parser::num_bigint::BigUint;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::issue::date;
use super::{Authority, AuthorityError, MAX_LIST_DAYS, Validity};
use crate::certificate::{parse, system_time};
use crate::files::{self, Access, FileError};
use crate::pem::{self, Kind, Sections};
use crate::serial::Serial;
use crate::trust::CaCertificate;

/// A certificate that no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: Serial,
    /// Since when.
    pub at: SystemTime,
}

/// A list of revoked certificates, signed by the authority. A server that has none of an
/// authority, or one whose time is over, takes no certificate of that authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    der: CertificateRevocationListDer<'static>,
    number: u64,
    next_update: SystemTime,
    serials: BTreeSet<Serial>,
}

/// Why bytes are no revocation list.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadList {
    /// They are not a list.
    #[error("not a list of revoked certificates in DER")]
    Encoding,
    /// It has no number or one of more than 64 bits.
    #[error("the list of revoked certificates has no number that counts it")]
    Number,
    /// It does not say when the next one comes.
    #[error("the list of revoked certificates does not say until when it counts")]
    NextUpdate,
    /// A serial number in it is none.
    #[error("the list of revoked certificates names a serial number that is none")]
    Serial,
}

impl Authority {
    /// Issues a list of revoked certificates. `number` counts the lists upwards, `validity` ends
    /// when the next list must be there. An empty list is needed as well: without one a server
    /// takes nobody's certificate.
    ///
    /// # Errors
    /// [`AuthorityError`] where the time is longer than [`MAX_LIST_DAYS`].
    pub fn issue_list(
        &self,
        revoked: &[Revoked],
        number: u64,
        validity: Validity,
    ) -> Result<RevocationList, AuthorityError> {
        let (this_update, next_update) = validity.bounds(MAX_LIST_DAYS, None)?;
        let entries = revoked.iter().map(|one| entry(one, validity.from));
        let list = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: entries.collect::<Result<_, _>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer)?;
        RevocationList::from_der(list.der())
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))
    }
}

impl RevocationList {
    /// Reads a list in DER. Its signature is verified by whoever is to go by it.
    ///
    /// # Errors
    /// [`BadList`] says in what it fails.
    pub fn from_der(der: &[u8]) -> Result<Self, BadList> {
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else {
            return Err(BadList::Encoding);
        };
        let number = list.crl_number().map(BigUint::to_u64_digits);
        let number = match number.as_deref() {
            Some([]) => 0,
            Some([number]) => *number,
            _ => return Err(BadList::Number),
        };
        let serials =
            list.iter_revoked_certificates().map(|one| Serial::from_bytes(one.raw_serial()));
        Ok(Self {
            number,
            next_update: list.next_update().map(system_time).ok_or(BadList::NextUpdate)?,
            serials: serials.collect::<Result<_, _>>().map_err(|_| BadList::Serial)?,
            der: CertificateRevocationListDer::from(der.to_vec()),
        })
    }

    /// Reads a list from its PEM file.
    ///
    /// # Errors
    /// [`FileError`], which names the file.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read(path)?;
        let sections = Sections::parse(&bytes).map_err(|e| FileError::content(path, &e))?;
        let der = sections.one(Kind::RevocationList).map_err(|e| FileError::content(path, &e))?;
        Self::from_der(der).map_err(|error| FileError::content(path, &error))
    }

    /// Writes it as a PEM file (0644), replacing it as a whole.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let text = pem::encode(&[(Kind::RevocationList, &*self.der)]);
        files::replace(path, text.as_bytes(), Access::Everybody)
    }

    /// The list in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its number: a higher one replaces it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Until when it counts; then the next one must be there.
    #[must_use]
    pub fn next_update(&self) -> SystemTime {
        self.next_update
    }

    /// The revoked certificates.
    #[must_use]
    pub fn serials(&self) -> &BTreeSet<Serial> {
        &self.serials
    }

    /// Whether this authority signed it.
    #[must_use]
    pub fn is_signed_by(&self, authority: &CaCertificate) -> bool {
        let (Ok(ca), Ok((_, list))) =
            (parse(authority.der()), CertificateRevocationList::from_der(&self.der))
        else {
            return false;
        };
        ca.subject().as_raw() == list.issuer().as_raw()
            && list.verify_signature(ca.public_key()).is_ok()
    }
}

fn entry(revoked: &Revoked, now: SystemTime) -> Result<RevokedCertParams, AuthorityError> {
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(revoked.serial.as_bytes()),
        // Some verifiers take an entry of the future for one that does not count yet.
        revocation_time: date(revoked.at.min(now))?,
        reason_code: None,
        invalidity_date: None,
    })
}
