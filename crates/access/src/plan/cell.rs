//! A value on its way through the steps of a plan.

use std::fmt;

use ripieno_catalog::Field;
use zeroize::Zeroizing;

/// A value that steps change in place. Its memory is used again for the next row, and overwritten
/// at the end.
#[derive(Default)]
pub struct Cell {
    kind: Kind,
    number: f64,
    text: Zeroizing<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Kind {
    #[default]
    Missing,
    Number,
    Text,
}

impl Cell {
    /// Takes a field of a source over.
    pub fn load(&mut self, field: Field<'_>) {
        match field {
            Field::Missing => self.clear(),
            Field::Number(number) => self.set_number(number),
            Field::Text(text) => self.set_text(|into| into.push_str(text)),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.kind == Kind::Missing
    }

    /// The finite number that it is or spells.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.field().number()
    }

    /// The value as text; `None` where it is missing.
    #[must_use]
    pub fn text(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.field().text()
    }

    /// Makes it missing.
    pub fn clear(&mut self) {
        self.kind = Kind::Missing;
    }

    /// Makes it a number; one that is not finite is missing.
    pub fn set_number(&mut self, number: f64) {
        self.kind = if number.is_finite() { Kind::Number } else { Kind::Missing };
        self.number = number;
    }

    /// Makes it the text that `write` adds to an empty one.
    pub fn set_text(&mut self, write: impl FnOnce(&mut String)) {
        self.text.clear();
        write(&mut self.text);
        self.kind = Kind::Text;
    }

    fn field(&self) -> Field<'_> {
        match self.kind {
            Kind::Missing => Field::Missing,
            Kind::Number => Field::Number(self.number),
            Kind::Text => Field::Text(&self.text),
        }
    }
}

/// Shows the type, never the value.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Missing => "missing",
            Kind::Number => "number",
            Kind::Text => "text",
        })
    }
}
