//! Some rows of some columns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use crate::cell::Cell;
use crate::field::{Field, Fields};

/// These whole numbers are the same as `f64`.
const EXACT: RangeInclusive<i128> = -(1 << 53)..=1 << 53;

/// Rows that were read together. All columns have as many.
pub(crate) struct Batch {
    rows: usize,
    columns: Vec<Values>,
}

/// The values of a column.
pub(super) enum Values {
    /// Numbers; NaN where one is missing.
    Numbers(Zeroizing<Vec<f64>>),
    /// Whole numbers, and by row the text of those that no `f64` holds: record numbers may be that long.
    Whole(Zeroizing<Vec<Option<i128>>>, BTreeMap<usize, Zeroizing<String>>),
    /// Texts.
    Texts(Vec<Option<Zeroizing<String>>>),
}

/// One value.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Missing,
    Number(f64),
    Whole(i128),
    Text(&'a str),
}

impl Batch {
    pub(super) fn new(rows: usize, columns: Vec<Values>) -> Self {
        Self { rows, columns }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> &[Values] {
        &self.columns
    }

    /// A row, as what is done with columns takes it.
    pub(super) fn fields(&self, row: usize) -> RowOf<'_> {
        RowOf { batch: self, row }
    }

    /// The values of a row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = Value<'_>> {
        self.columns.iter().map(move |values| values.get(row))
    }
}

/// One row of a batch.
pub(crate) struct RowOf<'a> {
    batch: &'a Batch,
    row: usize,
}

impl Fields for RowOf<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        self.batch.columns.get(column).map_or(Field::Missing, |values| values.field(self.row))
    }
}

impl Values {
    /// Whole numbers.
    pub(super) fn whole(numbers: Zeroizing<Vec<Option<i128>>>) -> Self {
        let numbered = numbers.iter().enumerate();
        let large = numbered.filter_map(|(row, number)| Some((row, (*number)?)));
        let large = large.filter(|(_, number)| !EXACT.contains(number));
        let texts = large.map(|(row, number)| (row, Zeroizing::new(number.to_string()))).collect();
        Self::Whole(numbers, texts)
    }

    /// A value as what is done with columns takes it.
    #[allow(clippy::cast_precision_loss)] // Those that would lose some are texts.
    fn field(&self, row: usize) -> Field<'_> {
        if let Self::Whole(_, texts) = self
            && let Some(text) = texts.get(&row)
        {
            return Field::Text(text);
        }
        match self.get(row) {
            Value::Missing => Field::Missing,
            Value::Whole(number) => Field::Number(number as f64),
            Value::Number(number) if number.is_finite() => Field::Number(number),
            Value::Number(_) => Field::Text("inf"),
            Value::Text(text) => Field::read(text.as_bytes()),
        }
    }

    pub(super) fn get(&self, row: usize) -> Value<'_> {
        match self {
            Self::Numbers(numbers) => match numbers.get(row) {
                Some(number) if !number.is_nan() => Value::Number(*number),
                _ => Value::Missing,
            },
            Self::Whole(numbers, _) => {
                numbers.get(row).copied().flatten().map_or(Value::Missing, Value::Whole)
            }
            Self::Texts(texts) => {
                texts.get(row).and_then(Option::as_ref).map_or(Value::Missing, |t| Value::Text(t))
            }
        }
    }
}

impl<'a> Value<'a> {
    /// What a CSV file would say in its place.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Missing => Cow::Borrowed(""),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Whole(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }

    #[allow(clippy::cast_precision_loss)] // As where a CSV file has such a number.
    pub(crate) fn cell(self) -> Cell {
        match self {
            Self::Missing => Cell::Missing,
            Self::Number(number) if number.is_finite() => Cell::Number(number),
            Self::Number(_) => Cell::Text,
            Self::Whole(number) => Cell::Number(number as f64),
            Self::Text(text) => Cell::read(text.as_bytes()),
        }
    }
}
