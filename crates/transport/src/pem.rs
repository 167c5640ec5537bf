//! PEM sections (RFC 7468), with private keys erased.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};
use thiserror::Error;
use zeroize::Zeroizing;

/// Columns of a line of base64.
const COLUMNS: usize = 64;
/// The most sections of one text.
const MAX_SECTIONS: usize = 16;

/// A kind of section that this crate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Certificate,
    PrivateKey,
    Request,
    RevocationList,
}

/// Why a text has no such section.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum BadPem {
    #[error("not a complete PEM text: {0}, so it was cut short or changed")]
    Damaged(&'static str),
    #[error("has no section {0}")]
    Missing(&'static str),
    #[error("has more than one section {0}")]
    Several(&'static str),
    #[error("has more than {MAX_SECTIONS} sections")]
    TooMany,
}

/// The sections of a text, in its order.
pub(crate) struct Sections(Vec<(Kind, Zeroizing<Vec<u8>>)>);

impl Sections {
    /// Takes a text apart. Sections of other kinds are passed over.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, BadPem> {
        let mut found = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            let (kind, der) = section.map_err(|error| BadPem::Damaged(damage(&error)))?;
            let der = Zeroizing::new(der);
            if found.len() == MAX_SECTIONS {
                return Err(BadPem::TooMany);
            }
            if let Some(kind) = Kind::of(kind) {
                found.push((kind, der));
            }
        }
        Ok(Self(found))
    }

    /// The sections of one kind.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(other, _)| *other == kind).map(|(_, der)| der.as_slice())
    }

    /// The one section of a kind.
    pub(crate) fn one(&self, kind: Kind) -> Result<&[u8], BadPem> {
        let mut all = self.all(kind);
        match (all.next(), all.next()) {
            (Some(der), None) => Ok(der),
            (None, _) => Err(BadPem::Missing(kind.label())),
            (Some(_), Some(_)) => Err(BadPem::Several(kind.label())),
        }
    }
}

/// Writes sections as one text.
pub(crate) fn encode(sections: &[(Kind, &[u8])]) -> Zeroizing<String> {
    // Reserved at once: what a string leaves behind when it grows is not erased.
    let room = |der: &[u8]| der.len() * 3 / 2 + 128;
    let capacity = sections.iter().map(|(_, der)| room(der)).sum();
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    for (kind, der) in sections {
        let mut line = Zeroizing::new(String::with_capacity(room(der)));
        STANDARD.encode_string(der, &mut line);
        text.push_str(&format!("-----BEGIN {}-----\n", kind.label()));
        // Base64 is ASCII: every byte is a boundary.
        for start in (0..line.len()).step_by(COLUMNS) {
            text.push_str(line.get(start..line.len().min(start + COLUMNS)).unwrap_or_default());
            text.push('\n');
        }
        text.push_str(&format!("-----END {}-----\n", kind.label()));
    }
    text
}

/// What is wrong, without quoting a line: it may be part of a key.
fn damage(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section has no beginning",
        _ => "a section is not base64",
    }
}

impl Kind {
    fn of(kind: SectionKind) -> Option<Self> {
        match kind {
            SectionKind::Certificate => Some(Self::Certificate),
            SectionKind::PrivateKey => Some(Self::PrivateKey),
            SectionKind::Csr => Some(Self::Request),
            SectionKind::Crl => Some(Self::RevocationList),
            _ => None,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::PrivateKey => "PRIVATE KEY",
            Self::Request => "CERTIFICATE REQUEST",
            Self::RevocationList => "X509 CRL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_round_trip_whatever_their_length() {
        for length in [1, 47, 48, 49, 500] {
            let der = vec![0xa5; length];
            let text = encode(&[(Kind::PrivateKey, &der), (Kind::RevocationList, b"list")]);
            assert!(text.lines().all(|line| line.len() <= COLUMNS));
            let sections = Sections::parse(text.as_bytes()).unwrap();
            assert_eq!(sections.one(Kind::PrivateKey), Ok(der.as_slice()));
            assert_eq!(sections.one(Kind::RevocationList), Ok(b"list".as_slice()));
            assert_eq!(sections.one(Kind::Request), Err(BadPem::Missing("CERTIFICATE REQUEST")));
        }
    }

    #[test]
    fn a_text_cut_short_or_doubled_is_an_error_at_every_length() {
        let text = encode(&[(Kind::Certificate, &[7; 100])]);
        for length in 0..text.trim_end().len() {
            let cut = Sections::parse(&text.as_bytes()[..length]);
            assert!(
                cut.and_then(|s| s.one(Kind::Certificate).map(<[u8]>::len)).is_err(),
                "{length}"
            );
        }
        let twice = format!("{}{}", *text, *text);
        let sections = Sections::parse(twice.as_bytes()).unwrap();
        assert_eq!(sections.one(Kind::Certificate), Err(BadPem::Several("CERTIFICATE")));
        let many = text.repeat(MAX_SECTIONS + 1);
        assert_eq!(Sections::parse(many.as_bytes()).err(), Some(BadPem::TooMany));
    }
}
