//! When a site gets its next certificate.

use std::time::{Duration, SystemTime};

use ripieno_transport::PeerCertificate;
use thiserror::Error;
use tonic::Status;

use crate::clock::unix;

/// The most certificates of one site, by one authority, that count at a time.
pub(crate) const MOST_LIVE: usize = 4;

/// Why a site gets no certificate now.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum NotRenewed {
    /// Most of the life of the one that it shows is left.
    #[error(
        "renewal-early: more than two thirds of the certificate's life is left; it is renewed from \
         {from} (seconds since 1970-01-01 UTC) on"
    )]
    Early {
        /// From when on, in seconds since 1970-01-01 UTC.
        from: u64,
    },
    /// It has as many as may count.
    #[error(
        "renewal-too-many: this site has {MOST_LIVE} certificates that have not ended; another one \
         is made when one of them has, or when the operator has invited the site again"
    )]
    TooMany,
}

impl NotRenewed {
    /// The rule by its name, for the audit log.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Early { .. } => "renewal-early",
            Self::TooMany => "renewal-too-many",
        }
    }
}

impl From<NotRenewed> for Status {
    fn from(reason: NotRenewed) -> Self {
        match reason {
            NotRenewed::Early { .. } => Self::failed_precondition(reason.to_string()),
            NotRenewed::TooMany => Self::resource_exhausted(reason.to_string()),
        }
    }
}

/// Whether a site that shows this certificate gets another one. `superseded` says that another
/// authority certifies now than the one that issued it; `live` is how many by the present authority
/// count.
///
/// # Errors
/// [`NotRenewed`].
pub(crate) fn check(
    shown: &PeerCertificate,
    superseded: bool,
    live: usize,
    now: SystemTime,
) -> Result<(), NotRenewed> {
    let from = renewable_from(shown);
    if !superseded && now < from {
        return Err(NotRenewed::Early { from: unix(from) });
    }
    check_number(live)
}

/// Whether a site with so many certificates that count may have another one, whatever it shows.
///
/// # Errors
/// [`NotRenewed::TooMany`].
pub(crate) fn check_number(live: usize) -> Result<(), NotRenewed> {
    if live >= MOST_LIVE { Err(NotRenewed::TooMany) } else { Ok(()) }
}

/// When two thirds of its life are left.
fn renewable_from(certificate: &PeerCertificate) -> SystemTime {
    let life = certificate.not_after.duration_since(certificate.not_before);
    let life: Duration = life.unwrap_or_default();
    certificate.not_before + life / 3
}

#[cfg(test)]
mod tests {
    use ripieno_transport::authority::{Authority, Validity};
    use ripieno_transport::request::{PendingRequest, VerifiedRequest};
    use tonic::Code;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn certificate(from: SystemTime) -> PeerCertificate {
        let authority =
            Authority::create(&"North".parse().unwrap(), Validity { from, days: 900 }).unwrap();
        let request = PendingRequest::create().unwrap();
        let request = VerifiedRequest::from_der(request.der()).unwrap();
        let validity = Validity { from, days: 90 };
        let issued = authority.issue_site(&request, &"hospital-a".parse().unwrap(), validity);
        issued.unwrap().certificate
    }

    #[test]
    fn a_third_of_its_life_has_to_be_over() {
        let begun = SystemTime::now();
        let shown = certificate(begun);
        let check = |days, superseded| check(&shown, superseded, 1, begun + DAY * days);
        for early in [0, 29] {
            assert!(matches!(check(early, false), Err(NotRenewed::Early { .. })), "{early}");
            assert_eq!(check(early, true), Ok(()), "another authority certifies");
        }
        for late in [30, 60, 90] {
            assert_eq!(check(late, false), Ok(()), "{late}");
        }
    }

    #[test]
    fn four_certificates_may_count() {
        let begun = SystemTime::now();
        let shown = certificate(begun);
        for superseded in [false, true] {
            let check = |live| check(&shown, superseded, live, begun + DAY * 60);
            assert_eq!(check(3), Ok(()));
            assert_eq!(check(4), Err(NotRenewed::TooMany));
        }
    }

    #[test]
    fn each_refusal_has_a_code_and_its_name() {
        let codes = [
            (NotRenewed::Early { from: 7 }, Code::FailedPrecondition),
            (NotRenewed::TooMany, Code::ResourceExhausted),
        ];
        for (reason, code) in codes {
            let status = Status::from(reason);
            assert_eq!(status.code(), code);
            assert!(status.message().starts_with(reason.rule()), "{status}");
        }
    }
}
