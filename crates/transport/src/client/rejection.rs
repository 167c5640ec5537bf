//! That a server does not take our certificate.

use std::error::Error as StdError;
use std::io;

use rustls::AlertDescription;
use thiserror::Error;

/// Why a server refused the certificate of this end. In TLS 1.3 the own handshake is over by then:
/// it comes with the first read, so also as the cause of a failed call.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
    /// It does not hold now, by the server's clock.
    #[error("its time is over or has not come, by the server's clock")]
    Expired,
    /// The server does not know who issued it, or has no revocation list that counts now.
    #[error("the server does not know its authority, or has no valid revocation list of it")]
    UnknownAuthority,
    /// It is not one of a site.
    #[error("it is not for use as a client")]
    WrongUse,
    /// The server wants one and was shown none.
    #[error("none was shown")]
    Missing,
    /// Something else.
    #[error("the server cannot use it")]
    Other,
}

impl Rejection {
    /// Looks for the server's alert among the causes of an error.
    #[must_use]
    pub fn among_causes_of(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            match error.downcast_ref::<rustls::Error>() {
                Some(rustls::Error::AlertReceived(alert)) => return Self::of(*alert),
                _ => next = cause(error),
            }
        }
        None
    }

    /// What to do next.
    pub(super) fn advice(self) -> String {
        match self {
            Self::Revoked => {
                "Ask the federation's operator why it was revoked: one whose certificate was \
                replaced enrols again with a new invitation, one that was revoked comes back as a \
                new site."
            }
            Self::Expired => {
                "Compare this machine's clock with the true time; if it is right, ask \
                the federation's operator for a new certificate."
            }
            Self::UnknownAuthority => {
                "Ask the federation's operator whether the coordinator's \
                revocation list is up to date, and whether the authority was replaced."
            }
            Self::WrongUse | Self::Missing | Self::Other => {
                "Ask the federation's operator for a new invitation, and enrol again."
            }
        }
        .to_owned()
    }

    /// What an alert says of our certificate, if it speaks of it.
    fn of(alert: AlertDescription) -> Option<Self> {
        match alert {
            AlertDescription::CertificateRevoked => Some(Self::Revoked),
            AlertDescription::CertificateExpired => Some(Self::Expired),
            AlertDescription::UnknownCA => Some(Self::UnknownAuthority),
            AlertDescription::UnsupportedCertificate => Some(Self::WrongUse),
            AlertDescription::CertificateRequired => Some(Self::Missing),
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => Some(Self::Other),
            _ => None,
        }
    }
}

/// The next cause. An I/O error says what is behind that which it carries, so that is asked for.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match carried {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
