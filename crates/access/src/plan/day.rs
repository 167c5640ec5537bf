//! Days as tables write them.

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// A day that exists, in a year from 1800 to 2299.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let exists =
            (1800..2300).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// Reads `2024-03-05`, `20240305` or `05.03.2024`, perhaps with a time behind it, which does not
    /// count. Forms with slashes are not read: day and month could be either.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let date = text.split(['T', ' ']).next()?;
        if date.len() == 8 && !date.contains(['-', '.']) {
            let part = |range: std::ops::Range<usize>| date.get(range);
            return Self::of([part(0..4)?, part(4..6)?, part(6..8)?]);
        }
        let (sign, backwards) = if date.contains('-') { ('-', false) } else { ('.', true) };
        let mut parts = date.split(sign);
        let three = [parts.next()?, parts.next()?, parts.next()?];
        if parts.next().is_some() {
            return None;
        }
        let [first, month, last] = three;
        Self::of(if backwards { [last, month, first] } else { three })
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    fn of([year, month, day]: [&str; 3]) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|sign| sign.is_ascii_digit());
        let short = |text: &str| (1..=2).contains(&text.len()) && digits(text);
        if year.len() != 4 || !digits(year) || !short(month) || !short(day) {
            return None;
        }
        Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_three_forms_and_no_guesses() {
        let day = Day::new(2024, 3, 5);
        for text in ["2024-03-05", "20240305", "05.03.2024", "5.3.2024", "2024-03-05T23:59:00Z"] {
            assert_eq!(Day::read(text), day, "{text}");
        }
        for text in
            ["05/03/2024", "2023-02-29", "24-03-05", "2024-13-01", "2024-03", "x", "", "1-2-3-4"]
        {
            assert_eq!(Day::read(text), None, "{text}");
        }
        assert_eq!(Day::read("2000-02-29"), Day::new(2000, 2, 29));
        assert_eq!(Day::read("1900-02-29"), None);
    }
}
