//! Flat Parquet files, batch by batch.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use zeroize::Zeroizing;

use super::batch::{Batch, Values};
use super::windows::Windows;
use crate::error::CatalogError;
use crate::limits::{MAX_COLUMN_NAME, MAX_COLUMNS, MAX_PARQUET_CHUNK, MAX_PARQUET_FOOTER};
use crate::origin::{Origin, failed};

/// Rows of a batch.
const BATCH: usize = 4096;
/// At the end of a file: the length of its description, and a mark.
const TAIL: u64 = 8;

/// A Parquet file that is being read.
pub(crate) struct Parquet {
    file: Arc<str>,
    names: Vec<Arc<str>>,
    /// Where each of the names stands in a batch of the reader.
    places: Vec<usize>,
    reader: ParquetRecordBatchReader,
}

impl Parquet {
    /// Opens a file to read `wanted` columns, in that order, or all of them. Of the file the
    /// description and the parts that hold these columns can be read, and no other byte.
    pub(crate) fn open(
        origin: &Origin,
        file: &Arc<str>,
        wanted: Option<&[Arc<str>]>,
    ) -> Result<Self, CatalogError> {
        let opened = Arc::new(origin.open(file)?);
        let length = opened.metadata().map_err(|error| failed(file, error))?.len();
        let footer = footer(&opened, length, file)?;
        let windows = Windows::new(opened.clone(), length, vec![footer.clone()]);
        // The types of the file itself, not those that its writer may have noted for Arrow.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let described = guarded(|| ArrowReaderMetadata::load(&windows, options).ok());
        let described = described.ok_or_else(|| wrong(file, "its description is damaged"))?;
        let all = names(&described, file)?;
        let place = |name: &Arc<str>| {
            let known = || all.clone();
            all.iter().position(|one| one == name).ok_or_else(|| CatalogError::MissingColumn {
                file: file.clone(),
                column: name.to_string(),
                known: known(),
                hint: crate::error::Hint::of(&[]),
            })
        };
        let names = wanted.map_or_else(|| all.clone(), <[_]>::to_vec);
        let positions: Vec<usize> = names.iter().map(place).collect::<Result<_, _>>()?;
        let read: BTreeSet<usize> = positions.iter().copied().collect();
        let mut open = vec![footer];
        open.extend(chunks(&described, &read, length, file)?);
        let windows = Windows::new(opened, length, open);
        let mask = ProjectionMask::roots(described.parquet_schema(), read.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(windows, described)
            .with_projection(mask)
            .with_batch_size(BATCH);
        let reader = guarded(|| reader.build().ok());
        let reader = reader.ok_or_else(|| wrong(file, "its description is damaged"))?;
        // The reader hands columns over in the order of the file.
        let places = positions.iter().map(|position| read.range(..position).count()).collect();
        Ok(Self { file: file.clone(), names, places, reader })
    }

    /// The file's name in errors.
    pub(super) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The columns that are read.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The next rows, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>, CatalogError> {
        let batch = guarded(|| self.reader.next().transpose().ok());
        let batch = batch.ok_or_else(|| wrong(&self.file, "a part of it is damaged"))?;
        let Some(batch) = batch else { return Ok(None) };
        let mut columns = Vec::with_capacity(self.names.len());
        for (name, place) in self.names.iter().zip(&self.places) {
            let array = batch.columns().get(*place).and_then(values);
            columns.push(array.ok_or_else(|| CatalogError::ColumnType {
                file: self.file.clone(),
                column: name.clone(),
            })?);
        }
        Ok(Some(Batch::new(batch.num_rows(), columns)))
    }
}

/// The crate panics at some damaged files, where it should give an error: here they are the same. What
/// it worked on is not used again.
fn guarded<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}

fn wrong(file: &Arc<str>, what: &'static str) -> CatalogError {
    CatalogError::NotParquet { file: file.clone(), what }
}

/// Where the description of the file stands.
fn footer(opened: &File, length: u64, file: &Arc<str>) -> Result<Range<u64>, CatalogError> {
    let start = length.checked_sub(TAIL).ok_or_else(|| wrong(file, "it is too short"))?;
    let mut tail = [0; 8];
    opened.read_exact_at(&mut tail, start).map_err(|error| failed(file, error))?;
    let [a, b, c, d, mark @ ..] = tail;
    if mark != *b"PAR1" {
        return Err(wrong(file, "it does not end as one, or is encrypted"));
    }
    let described = u64::from(u32::from_le_bytes([a, b, c, d]));
    if described > MAX_PARQUET_FOOTER {
        return Err(wrong(file, "its description is too long"));
    }
    let start = start.checked_sub(described).ok_or_else(|| wrong(file, "it is cut off"))?;
    Ok(start..length)
}

/// The names of all columns, each of which has one value in a row.
fn names(described: &ArrowReaderMetadata, file: &Arc<str>) -> Result<Vec<Arc<str>>, CatalogError> {
    let fields = described.schema().fields();
    if fields.is_empty() || fields.len() > MAX_COLUMNS {
        return Err(wrong(file, "it has no columns, or more than 8192"));
    }
    let mut names: Vec<Arc<str>> = Vec::with_capacity(fields.len());
    let mut seen = BTreeSet::new();
    for field in fields {
        let name: Arc<str> = field.name().as_str().into();
        if name.trim().is_empty() || name.trim() != &*name || name.len() > MAX_COLUMN_NAME {
            return Err(wrong(file, "a column has no name, a very long one, or blanks around it"));
        }
        if !seen.insert(name.clone()) {
            return Err(wrong(file, "two columns have one name"));
        }
        if field.data_type().is_nested() {
            return Err(CatalogError::ColumnType { file: file.clone(), column: name });
        }
        names.push(name);
    }
    Ok(names)
}

/// Where the columns stand that are read.
fn chunks(
    described: &ArrowReaderMetadata,
    read: &BTreeSet<usize>,
    length: u64,
    file: &Arc<str>,
) -> Result<Vec<Range<u64>>, CatalogError> {
    let mut open = Vec::new();
    for group in described.metadata().row_groups() {
        for position in read {
            let cut = || wrong(file, "a column stands where the file does not reach");
            let chunk = group.columns().get(*position).ok_or_else(cut)?;
            // Negative where the description is damaged; the crate's own sum of them would panic.
            let first = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let start = u64::try_from(first).map_err(|_| cut())?;
            let bytes = u64::try_from(chunk.compressed_size()).map_err(|_| cut())?;
            let end = start.checked_add(bytes).filter(|end| *end <= length).ok_or_else(cut)?;
            if u64::try_from(chunk.uncompressed_size()).map_err(|_| cut())? > MAX_PARQUET_CHUNK {
                return Err(wrong(file, "a row group is too large; write smaller ones"));
            }
            open.push(start..end);
        }
    }
    Ok(open)
}

/// The values of a column of a batch; `None` where they are of no type that a cell holds.
fn values(array: &ArrayRef) -> Option<Values> {
    Some(match array.data_type() {
        DataType::Float64 => numbers::<Float64Type>(array, |number| number),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        DataType::Int64 => whole::<Int64Type>(array),
        DataType::UInt64 => whole::<UInt64Type>(array),
        DataType::Boolean => {
            let array = array.as_boolean();
            let number = |value: Option<bool>| value.map_or(f64::NAN, |v| f64::from(u8::from(v)));
            Values::Numbers(Zeroizing::new(array.iter().map(number).collect()))
        }
        DataType::Utf8 => texts(array.len(), |row| {
            let array = array.as_string::<i32>();
            (!array.is_null(row)).then(|| array.value(row).to_owned())
        }),
        DataType::Date32 => {
            let array = array.as_primitive::<Date32Type>();
            texts(array.len(), |row| {
                (!array.is_null(row)).then(|| array.value_as_date(row))?.map(|d| d.to_string())
            })
        }
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => moments::<TimestampSecondType>(array),
            TimeUnit::Millisecond => moments::<TimestampMillisecondType>(array),
            TimeUnit::Microsecond => moments::<TimestampMicrosecondType>(array),
            TimeUnit::Nanosecond => moments::<TimestampNanosecondType>(array),
        },
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, number: fn(T::Native) -> f64) -> Values {
    let array: &PrimitiveArray<T> = array.as_primitive();
    let all = array.iter().map(|value| value.map_or(f64::NAN, number));
    Values::Numbers(Zeroizing::new(all.collect()))
}

fn whole<T: ArrowPrimitiveType>(array: &ArrayRef) -> Values
where
    i128: From<T::Native>,
{
    let array: &PrimitiveArray<T> = array.as_primitive();
    Values::whole(Zeroizing::new(array.iter().map(|value| value.map(i128::from)).collect()))
}

fn moments<T: arrow_array::types::ArrowTimestampType>(array: &ArrayRef) -> Values
where
    i64: From<T::Native>,
{
    let array: &PrimitiveArray<T> = array.as_primitive();
    texts(array.len(), |row| {
        (!array.is_null(row)).then(|| array.value_as_datetime(row))?.map(|m| m.to_string())
    })
}

fn texts(rows: usize, text: impl Fn(usize) -> Option<String>) -> Values {
    Values::Texts((0..rows).map(|row| text(row).map(Zeroizing::new)).collect())
}
