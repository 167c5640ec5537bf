//! The digest of each column, over its values in the order of the rows.

use std::sync::Arc;

use ripieno_study::{Digest, Hasher, Tag};
use zeroize::Zeroizing;

use super::batch::{Batch, Value};

/// Values are hashed in parts of at least so many bytes; where a part ends depends on the values
/// alone, and not on how they were read.
const PART: usize = 64 * 1024;

/// The digests of the columns that are being read.
pub(super) struct Digests(Vec<Column>);

struct Column {
    hasher: Hasher,
    part: Zeroizing<Vec<u8>>,
}

impl Digests {
    /// Of so many columns, of which nothing was read yet.
    pub(super) fn of(columns: usize) -> Self {
        let column = || Column {
            hasher: Hasher::new(Tag::Content).part("column"),
            part: Zeroizing::default(),
        };
        Self((0..columns).map(|_| column()).collect())
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        for (column, values) in self.0.iter_mut().zip(batch.columns()) {
            (0..batch.rows()).for_each(|row| column.add(values.get(row)));
        }
    }

    pub(super) fn finish(self) -> Vec<Digest> {
        self.0.into_iter().map(|column| column.hasher.part(&*column.part).finish()).collect()
    }
}

impl Column {
    fn add(&mut self, value: Value<'_>) {
        match value {
            Value::Missing => self.part.push(0),
            Value::Number(number) => {
                self.part.push(1);
                self.part.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Value::Whole(number) => {
                self.part.push(3);
                self.part.extend_from_slice(&number.to_le_bytes());
            }
            Value::Text(text) => {
                self.part.push(2);
                self.part.extend_from_slice(&(text.len() as u64).to_le_bytes());
                self.part.extend_from_slice(text.as_bytes());
            }
        }
        if self.part.len() >= PART {
            self.hasher = self.hasher.clone().part(&*self.part);
            self.part.clear();
        }
    }
}

/// The fingerprint of a table: of the names of its columns, and of their digests.
pub(super) fn together(names: &[Arc<str>], parts: &[Digest]) -> Digest {
    let table = Hasher::new(Tag::Content).part("columns");
    let all = names.iter().zip(parts);
    all.fold(table, |table, (name, part)| table.part(&**name).part(part)).finish()
}
