//! What all certificates of an authority have in common.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, SerialNumber};
use time::OffsetDateTime;

use super::{AuthorityError, MAX_CERTIFICATE_DAYS};
use crate::name::SubjectName;
use crate::serial::Serial;

/// How far the clock of the other end may be behind that of the authority.
const CLOCK_SKEW: Duration = Duration::from_mins(5);
const DAY: Duration = Duration::from_hours(24);

/// How long something holds: whole days from a point in time on. What is issued holds five minutes
/// before it as well, for clocks that are slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The start.
    pub from: SystemTime,
    /// The number of days.
    pub days: u16,
}

impl Validity {
    /// The first and the last second; the last one is no later than `at_most`.
    pub(super) fn bounds(
        self,
        most_days: u16,
        at_most: Option<SystemTime>,
    ) -> Result<(OffsetDateTime, OffsetDateTime), AuthorityError> {
        if !(1..=most_days).contains(&self.days) {
            return Err(AuthorityError::Days { days: self.days, most: most_days });
        }
        let end = self.from.checked_add(DAY * u32::from(self.days)).ok_or(AuthorityError::Time)?;
        let end = at_most.map_or(end, |most| end.min(most));
        if end <= self.from {
            return Err(AuthorityError::Ended);
        }
        let start = self.from.checked_sub(CLOCK_SKEW).ok_or(AuthorityError::Time)?;
        Ok((date(start)?, date(end)?))
    }
}

/// A certificate of this validity with a serial number of its own.
pub(super) fn params(
    validity: Validity,
    most_days: u16,
    at_most: Option<SystemTime>,
) -> Result<CertificateParams, AuthorityError> {
    let serial = Serial::draw().ok_or(AuthorityError::Randomness)?;
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = validity.bounds(most_days, at_most)?;
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A certificate for one end of a connection. Its use is still to be set.
pub(super) fn end_params(
    name: &SubjectName,
    validity: Validity,
    at_most: SystemTime,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = params(validity, MAX_CERTIFICATE_DAYS, Some(at_most))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name.as_str());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

/// A time as certificates write it, in whole seconds.
pub(super) fn date(time: SystemTime) -> Result<OffsetDateTime, AuthorityError> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| AuthorityError::Time)?;
    let seconds = i64::try_from(since.as_secs()).map_err(|_| AuthorityError::Time)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AuthorityError::Time)
}
