//! Dates and times as tables write them.

/// A date that a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    pub(super) year: u32,
    /// Whether a time of day follows.
    pub(super) timed: bool,
}

/// Whether a day exists, in a year between 1850 and 2250: tables of patients may be shifted in time.
pub(super) fn day(year: u32, month: u32, day: u32) -> bool {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1850..2250).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

/// Reads a date: parts in the order of ISO 8601, Europe or the United States, eight digits, or with
/// the name of the month; perhaps with a time of day.
pub(super) fn read(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|sign| sign.is_ascii_digit()) {
        let number: u32 = text.parse().ok()?;
        let year = number / 10_000;
        return day(year, number / 100 % 100, number % 100).then_some(Date { year, timed: false });
    }
    let (date, timed) = match text.split_once(['T', ' ']) {
        Some((date, time)) if is_time(zone_off(time)) => (date, true),
        _ => (text, false),
    };
    let year = parts(date).or_else(|| named_month(date))?;
    Some(Date { year, timed })
}

/// Whether a text is a time of day, such as `23:59` or `07:05:00.5`.
pub(super) fn is_time(text: &str) -> bool {
    let (text, half) = match text.to_ascii_uppercase() {
        upper if upper.ends_with("AM") || upper.ends_with("PM") => {
            (text.get(..text.len() - 2).unwrap_or_default().trim(), true)
        }
        _ => (text, false),
    };
    let mut parts = text.split(':');
    let mut part = |most: u32| {
        let part = parts.next()?.split('.').next()?;
        let short = (1..=2).contains(&part.len()) && part.bytes().all(|sign| sign.is_ascii_digit());
        short.then(|| part.parse::<u32>().ok()).flatten().filter(|number| *number <= most)
    };
    let hour = part(if half { 12 } else { 23 });
    let minute = part(59);
    let second = part(60);
    let whole = match text.matches(':').count() {
        1 => true,
        2 => second.is_some(),
        _ => false,
    };
    hour.is_some() && minute.is_some() && whole
}

fn zone_off(time: &str) -> &str {
    time.split(['Z', '+', '-']).next().unwrap_or_default()
}

fn parts(text: &str) -> Option<u32> {
    let sign = ['-', '/', '.'].into_iter().find(|sign| text.contains(*sign))?;
    let mut numbers = [0; 3];
    let mut lengths = [0; 3];
    let mut found = 0;
    for part in text.split(sign) {
        let (number, length) = (numbers.get_mut(found)?, lengths.get_mut(found)?);
        let plain = (1..=4).contains(&part.len()) && part.bytes().all(|sign| sign.is_ascii_digit());
        *number = plain.then(|| part.parse().ok()).flatten()?;
        *length = part.len();
        found += 1;
    }
    let [a, b, c] = numbers;
    match (found, lengths) {
        (3, [4, 1..=2, 1..=2]) => day(a, b, c).then_some(a),
        (3, [1..=2, 1..=2, 4]) => (day(c, b, a) || day(c, a, b)).then_some(c),
        (3, [1..=2, 2, 2]) => {
            let year = if c < 40 { 2000 + c } else { 1900 + c };
            (day(year, b, a) || day(year, a, b)).then_some(year)
        }
        _ => None,
    }
}

fn named_month(text: &str) -> Option<u32> {
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec mai okt dez mei maj fev avr \
        ene abr ago dic gen mag giu lug set ott lut kwi cze lip sie wrz paz lis gru";
    let folded = super::fold::fold(text);
    let parts = folded.split([' ', '-', ',', '.', '/']).filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    let [_, _, year] = parts.as_slice() else { return None };
    let month = |part: &str| {
        part.get(..3).is_some_and(|start| MONTHS.split_whitespace().any(|month| month == start))
            && part.len() <= 10
    };
    let number = |part: &&&str| part.parse::<u32>().is_ok_and(|day| (1..=31).contains(&day));
    let two = parts.get(..2)?;
    let named = two.iter().any(|part| month(part)) && two.iter().filter(number).count() == 1;
    let year = year.parse::<u32>().ok().filter(|year| (1850..2250).contains(year));
    year.filter(|_| named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist_are_read_and_others_are_not() {
        for (text, year) in [
            ("2024-02-29", 2024),
            ("29.2.2024", 2024),
            ("02/29/2024", 2024),
            ("20240229", 2024),
            ("31/12/99", 1999),
            ("3 March 1970", 1970),
            ("Mar 3, 1970", 1970),
            ("03-MAI-1970", 1970),
            ("1970-01-01T10:00:00Z", 1970),
            ("2184-08-04 05:44:00", 2184),
        ] {
            assert_eq!(read(text).map(|date| date.year), Some(year), "{text}");
        }
        for text in [
            "2023-02-29",
            "20241301",
            "1.2",
            "10.5.3",
            "12.3.456",
            "1-1",
            "",
            "a-b-c",
            "2024-01-01-01",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read("2024-01-01 10:00").unwrap().timed && !read("2024-01-01").unwrap().timed);
    }

    #[test]
    fn times_of_day() {
        for text in ["00:00", "23:59:60", "7:05", "10:15:00.5", "11:30 PM"] {
            assert!(is_time(text), "{text}");
        }
        for text in ["24:00", "12:60", "1:2:3:4x", "12", "", ":", "13:00 PM", "aa:bb"] {
            assert!(!is_time(text), "{text}");
        }
    }
}
