//! What one field of a row says, whatever the source.

use std::borrow::Cow;

/// A field as a source has it.
#[derive(Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// Nothing, or `NA`.
    Missing,
    /// A text without blanks around it, which may spell a number.
    Text(&'a str),
    /// A finite number of a source that has types.
    Number(f64),
}

/// One row of the columns that a permit reads, whatever the source.
pub trait Fields {
    /// The field of a column, which counts from 0 in [`Permit::reads`](crate::Permit::reads);
    /// [`Field::Missing`] beyond the last.
    fn field(&self, column: usize) -> Field<'_>;
}

impl<'a> Field<'a> {
    /// Reads a field of a text file. Text that is not UTF-8 says nothing that fits anywhere.
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        match bytes.trim_ascii() {
            b"" | b"NA" => Field::Missing,
            bytes => Field::Text(std::str::from_utf8(bytes).unwrap_or("\u{fffd}")),
        }
    }

    /// The finite number that it says, if it says one.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        match self {
            Field::Missing => None,
            Field::Number(number) => Some(number).filter(|number| number.is_finite()),
            Field::Text(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        }
    }

    /// What it says as text; `None` where it is missing.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Field::Missing => None,
            Field::Text(text) => Some(text.into()),
            Field::Number(number) => Some(number.to_string().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_of_a_field() {
        assert!(matches!(Field::read(b" NA "), Field::Missing));
        assert!(matches!(Field::read(b"  "), Field::Missing));
        assert_eq!(Field::read(b" -2.5 ").number(), Some(-2.5));
        assert_eq!(Field::read(b"01234").text().as_deref(), Some("01234"));
        assert_eq!(Field::Number(41.0).text().as_deref(), Some("41"));
        assert_eq!(Field::Number(f64::NAN).number(), None);
        for text in ["NaN", "inf", "1e400", "1,5", "0x10", "?", "1 2"] {
            assert_eq!(Field::read(text.as_bytes()).number(), None, "{text}");
        }
        assert_eq!(Field::read(b"\xff").number(), None);
    }
}
