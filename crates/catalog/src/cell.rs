//! What one field says.

/// A field of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing, or `NA`.
    Missing,
    /// A finite number.
    Number(f64),
    /// Anything else: text, `NaN`, `inf`, a number that no `f64` holds.
    Text,
}

impl Cell {
    /// Reads a field; blanks around it do not count.
    pub(crate) fn read(field: &[u8]) -> Self {
        let field = field.trim_ascii();
        if matches!(field, b"" | b"NA") {
            return Cell::Missing;
        }
        let number = std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok());
        number.filter(|number| number.is_finite()).map_or(Cell::Text, Cell::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_missing_values_and_the_rest() {
        for (text, number) in
            [("1", 1.0), (" -2.5 ", -2.5), ("1e3", 1e3), (".5", 0.5), ("+7.", 7.0)]
        {
            assert_eq!(Cell::read(text.as_bytes()), Cell::Number(number), "{text}");
        }
        for text in ["", "  ", "NA", " NA "] {
            assert_eq!(Cell::read(text.as_bytes()), Cell::Missing, "{text:?}");
        }
        for text in ["NaN", "nan", "inf", "-Infinity", "1e400", "1,5", "0x10", "na", "?", "1 2"] {
            assert_eq!(Cell::read(text.as_bytes()), Cell::Text, "{text}");
        }
        assert_eq!(Cell::read(b"\xff"), Cell::Text);
    }
}
