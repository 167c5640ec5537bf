//! What is counted of one column before anybody asks what it means.

use std::collections::BTreeSet;

/// The values of a column's sample that are not missing.
pub(super) struct Column<'a> {
    pub(super) values: Vec<&'a str>,
    /// How many different ones.
    pub(super) distinct: usize,
}

/// What tables write for a missing value.
const MISSING: &[&str] =
    &["", "na", "n/a", "nan", "null", "none", "nil", "-", "--", ".", "?", "#n/a", "unknown"];

impl<'a> Column<'a> {
    pub(super) fn of(fields: impl Iterator<Item = &'a str>) -> Self {
        let present = |field: &&str| {
            !(field.len() <= 7 && MISSING.iter().any(|missing| field.eq_ignore_ascii_case(missing)))
        };
        let values: Vec<&str> = fields.filter(present).collect();
        let distinct = values.iter().collect::<BTreeSet<_>>().len();
        Self { values, distinct }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The share of values of which something is true; 0 where there are none.
    pub(super) fn share(&self, holds: impl Fn(&str) -> bool) -> f64 {
        ratio(self.values.iter().filter(|value| holds(value)).count(), self.len())
    }

    /// Different values by values: 1 where none is repeated.
    pub(super) fn distinctness(&self) -> f64 {
        ratio(self.distinct, self.len())
    }

    /// Whether there are few values that come back often.
    pub(super) fn is_categorical(&self) -> bool {
        match self.len() {
            0..=7 => self.distinct <= 2,
            8..=39 => self.distinct <= 5 && self.distinctness() <= 0.5,
            _ => self.distinct <= 40 && self.distinctness() <= 0.25,
        }
    }

    /// How many different sequences of digits, letters and other signs.
    pub(super) fn shapes(&self) -> usize {
        self.values.iter().map(|value| shape(value)).collect::<BTreeSet<_>>().len()
    }

    /// The length that all digits-only values have, where at least 97 % of all values have it.
    pub(super) fn width(&self) -> Option<usize> {
        let first = self.values.get(self.len() / 2)?.len();
        (self.share(|value| value.len() == first) >= 0.97).then_some(first)
    }

    /// The mean number of characters.
    pub(super) fn mean_length(&self) -> f64 {
        ratio(self.values.iter().map(|value| value.chars().count()).sum(), self.len())
    }

    /// The mean number of words.
    pub(super) fn mean_words(&self) -> f64 {
        ratio(self.values.iter().map(|value| value.split_whitespace().count()).sum(), self.len())
    }
}

/// A finite number with a decimal point, or one decimal comma.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = |text: &str| {
        text.bytes().all(|sign| matches!(sign, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'))
    };
    let pointed = text.replacen(',', ".", 1);
    let number = pointed.parse::<f64>().ok().filter(|_| plain(&pointed));
    number.filter(|number| number.is_finite())
}

/// Whether a value is digits and nothing else.
pub(super) fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit())
}

/// Digits as 9, letters as A, all else as it is; not more than 40 signs.
fn shape(text: &str) -> String {
    let sign = |sign: char| match sign {
        '0'..='9' => '9',
        sign if sign.is_alphabetic() => 'A',
        sign => sign,
    };
    text.chars().take(40).map(sign).collect()
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_do_not_count() {
        let column = Column::of(["a", "", "NA", "b", "null", "a", "?"].into_iter());
        assert_eq!((column.len(), column.distinct), (3, 2));
        assert!((column.share(|value| value == "a") - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(Column::of(std::iter::empty()).share(|_| true), 0.0);
    }

    #[test]
    fn numbers_with_points_and_commas() {
        assert_eq!(
            [number("1,5"), number("-2e3"), number("+7")],
            [Some(1.5), Some(-2e3), Some(7.0)]
        );
        for text in ["1,000,5", "inf", "nan", "1e999", "", "0x1", "12a"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
