//! Moments as people read them.

use time::OffsetDateTime;

/// A moment in seconds since 1970-01-01 UTC, such as `2026-03-01 14:05 UTC`; what is beyond the
/// year 9999 is `never`.
#[must_use]
pub fn moment(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().map(OffsetDateTime::from_unix_timestamp);
    let Some(Ok(moment)) = moment else { return "never".into() };
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let (hour, minute) = (moment.hour(), moment.minute());
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_the_calendar() {
        assert_eq!(moment(0), "1970-01-01 00:00 UTC");
        assert_eq!(moment(951_827_696), "2000-02-29 12:34 UTC");
        assert_eq!(moment(u64::MAX), "never");
        assert_eq!(moment(1 << 40), "never");
    }
}
