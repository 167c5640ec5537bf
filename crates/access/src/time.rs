//! Dates of a policy as seconds.

use toml::value::{Datetime, Offset};

/// Seconds since 1970 UTC of a date (its first moment, UTC) or of a date with time and offset.
/// `None` before 1970, and for a time without a date or without an offset.
pub(crate) fn unix_seconds(datetime: &Datetime) -> Option<u64> {
    let date = datetime.date?;
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let (time, offset) = match (datetime.time, datetime.offset) {
        (None, _) => (0, 0),
        (Some(time), Some(offset)) => {
            let minutes = i64::from(time.hour) * 60 + i64::from(time.minute);
            let seconds = i64::from(time.second.unwrap_or(0));
            let offset = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes) * 60,
            };
            (minutes * 60 + seconds, offset)
        }
        (Some(_), None) => return None,
    };
    u64::try_from(days * 86_400 + time - offset).ok()
}

/// Days from 1970-01-01 in the Gregorian calendar, after Howard Hinnant's `days_from_civil`:
/// years begin in March, so that a leap day ends its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let seconds = |text: &str| unix_seconds(&text.parse().unwrap());
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2000-03-01"), Some(951_868_800));
        assert_eq!(seconds("2024-02-29T23:59:59Z"), Some(1_709_251_199));
        assert_eq!(seconds("2030-01-01T01:00:00+01:00"), Some(1_893_456_000));
        assert_eq!(seconds("2100-03-01"), Some(4_107_542_400));
        for ambiguous in ["12:00:00", "2030-01-01T00:00:00", "1969-12-31"] {
            assert_eq!(seconds(ambiguous), None, "{ambiguous}");
        }
    }
}
