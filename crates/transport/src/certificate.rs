//! What a certificate says.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ripieno_study::Digest;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::name::{BadName, SubjectName};
use crate::serial::{NotASerial, Serial, hex_bytes};

/// The largest certificate that is taken, in bytes; ours have less than 1 KiB.
const MAX_CERTIFICATE: usize = 16 << 10;

/// The SHA-256 digest of a certificate, written as `openssl x509 -fingerprint -sha256` does:
/// 32 pairs of hexadecimal digits with colons between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(Digest);

/// Text that is no fingerprint.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a fingerprint is 32 pairs of hexadecimal digits with colons between them")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Digest::from_bytes(Sha256::digest(der).into()))
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.as_bytes().iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let digits: String = text.trim().split(':').collect();
        if digits.len() != 64 {
            return Err(NotAFingerprint);
        }
        let bytes: Option<[u8; 32]> = hex_bytes(&digits).and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Self(Digest::from_bytes(bytes))).ok_or(NotAFingerprint)
    }
}

/// What the certificate of one end of a connection says. That it was verified is up to whoever
/// hands it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its number with the authority: what a revocation names.
    pub serial: Serial,
    /// The common name of its subject.
    pub subject: SubjectName,
    /// The digest of all of it.
    pub fingerprint: Fingerprint,
    /// The first second in which it holds.
    pub not_before: SystemTime,
    /// The last second in which it holds.
    pub not_after: SystemTime,
}

/// Why bytes are no certificate of a federation.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCertificate {
    /// They are not a certificate, or there is something after it.
    #[error("not an X.509 certificate in DER of at most {MAX_CERTIFICATE} bytes")]
    Encoding,
    /// The serial number is empty or too long.
    #[error(transparent)]
    Serial(#[from] NotASerial),
    /// The subject does not have exactly one common name.
    #[error("the certificate's subject does not have exactly one common name")]
    Subject,
    /// The common name is not a name of this federation.
    #[error("in the certificate's subject: {0}")]
    Name(#[from] BadName),
}

impl PeerCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`BadCertificate`] where it is none, or its subject is not one that an
    /// [`Authority`](crate::authority::Authority) writes.
    pub fn from_der(der: &[u8]) -> Result<Self, BadCertificate> {
        let parsed = parse(der)?;
        let mut names = parsed.subject().iter_common_name();
        let (Some(name), None) = (names.next(), names.next()) else {
            return Err(BadCertificate::Subject);
        };
        Ok(Self {
            serial: Serial::from_bytes(parsed.raw_serial())?,
            subject: name.as_str().map_err(|_| BadCertificate::Subject)?.parse()?,
            fingerprint: Fingerprint::of(der),
            not_before: system_time(parsed.validity().not_before),
            not_after: system_time(parsed.validity().not_after),
        })
    }
}

/// Parses a certificate in DER with nothing after it.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, BadCertificate> {
    if der.len() > MAX_CERTIFICATE {
        return Err(BadCertificate::Encoding);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(BadCertificate::Encoding),
    }
}

/// The time of a certificate or list; what is before 1970 is 1970.
pub(crate) fn system_time(time: ASN1Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_what_openssl_prints() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        // FIPS 180-2 appendix B.1.
        assert!(text.starts_with("BA:78:16:BF:8F:01:CF:EA:41:41:40:DE"), "{text}");
        assert_eq!(text.parse(), Ok(fingerprint));
        assert_eq!(text.to_lowercase().parse(), Ok(fingerprint));
        assert_eq!(text[3..].parse::<Fingerprint>(), Err(NotAFingerprint));
        assert_eq!(text.replace('B', "X").parse::<Fingerprint>(), Err(NotAFingerprint));
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        for der in [&b""[..], b"\x30\x80", &[0x30; 100], &[0; MAX_CERTIFICATE + 1]] {
            assert_eq!(PeerCertificate::from_der(der), Err(BadCertificate::Encoding));
        }
    }
}
