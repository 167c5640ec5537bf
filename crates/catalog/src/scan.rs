//! Registering: one pass over a file that learns everything but its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_study::Digest;

use crate::cell::Cell;
#[cfg(feature = "parquet")]
use crate::columnar;
use crate::dataset::Column;
use crate::error::{CatalogError, Hint};
use crate::limits::MAX_COLUMN_NAME;
use crate::origin::Origin;
use crate::records::{Record, Records};

/// What a scan learns.
pub(crate) struct Scan {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    pub(crate) fingerprint: Digest,
    /// Digest of each column, where the content is read by columns.
    pub(crate) parts: Vec<Digest>,
}

/// Reads the whole file once and checks its form.
pub(crate) fn scan(origin: &Origin, file: &Arc<str>) -> Result<Scan, CatalogError> {
    #[cfg(feature = "parquet")]
    if columnar::is_parquet(origin) {
        return columnar::scan(&mut columnar::Parquet::open(origin, file, None)?);
    }
    let mut records = Records::open(origin, file.clone())?;
    let header = records.next()?.ok_or_else(|| CatalogError::Empty { file: file.clone() })?;
    let names = header_names(&header, file)?;
    let column = |name: &Arc<str>| Column::nothing_of(name.clone());
    let mut columns: Vec<_> = names.iter().map(column).collect();
    let mut rows = 0;
    while let Some(record) = records.next()? {
        check_row(&record, &names, file)?;
        for (field, column) in record.iter().zip(&mut columns) {
            column.count(Cell::read(field));
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(CatalogError::NoRows { file: file.clone() });
    }
    Ok(Scan { columns, rows, fingerprint: records.finish()?, parts: Vec::new() })
}

/// As many fields as the header, all in UTF-8.
pub(crate) fn check_row(
    record: &Record<'_>,
    names: &[Arc<str>],
    file: &Arc<str>,
) -> Result<(), CatalogError> {
    let (file, line) = (file.clone(), record.line);
    let (found, expected) = (record.len(), names.len());
    if found != expected {
        return Err(CatalogError::Ragged { file, line, found, expected, hint: Hint::of(names) });
    }
    let bad = record.iter().zip(names).find(|(field, _)| std::str::from_utf8(field).is_err());
    match bad {
        Some((_, name)) => Err(CatalogError::NotUtf8 { file, line, column: format!("{name:?}") }),
        None => Ok(()),
    }
}

/// The names, trimmed. Checked in the order in which a mistake is most likely: a file without a
/// header must not have its first row quoted in an error as doubled names.
pub(crate) fn header_names(
    header: &Record<'_>,
    file: &Arc<str>,
) -> Result<Vec<Arc<str>>, CatalogError> {
    let line = header.line;
    let mut names: Vec<Arc<str>> = Vec::with_capacity(header.len());
    for (index, field) in header.iter().enumerate() {
        names.push(header_name(field, index + 1, line, file)?);
    }
    let mut seen = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = seen.insert(name, index + 1) {
            let (file, name, second) = (file.clone(), name.clone(), index + 1);
            return Err(CatalogError::HeaderTwice { file, line, name, first, second });
        }
    }
    Ok(names)
}

fn header_name(
    field: &[u8],
    number: usize,
    line: u64,
    file: &Arc<str>,
) -> Result<Arc<str>, CatalogError> {
    let file = file.clone();
    if field.contains(&0) {
        return Err(CatalogError::Utf16 { file });
    }
    let Ok(name) = std::str::from_utf8(field) else {
        return Err(CatalogError::NotUtf8 { file, line, column: number.to_string() });
    };
    let name = name.trim();
    if name.is_empty() {
        Err(CatalogError::HeaderEmpty { file, line, number })
    } else if name.len() > MAX_COLUMN_NAME {
        Err(CatalogError::NameTooLong { file, line, number })
    } else if matches!(Cell::read(field), Cell::Number(_)) {
        Err(CatalogError::HeaderNumber { file, line, number })
    } else {
        Ok(name.into())
    }
}
