//! Tables that are read by columns and in batches: Parquet.
//!
//! Each column has its own digest, and the fingerprint of the table is made of them. So a table is
//! opened for some columns, and known to be the one that was registered, without a byte of the others.

mod batch;
mod digests;
mod parquet;
mod windows;

use std::path::Path;

use crate::dataset::{Column, DataSet};
use crate::error::{CatalogError, PermitError};
use crate::origin::Origin;
use crate::scan::Scan;
use crate::sieve::Sieve;
use crate::table::Table;
use digests::Digests;
pub(crate) use parquet::Parquet;

/// Whether the name of a file says that it is Parquet.
pub(crate) fn is_parquet(origin: &Origin) -> bool {
    let extension = Path::new(&origin.path).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// Reads a whole table once, all of its columns.
pub(crate) fn scan(table: &mut Parquet) -> Result<Scan, CatalogError> {
    let names = table.names().to_vec();
    let mut columns: Vec<_> = names.iter().cloned().map(Column::nothing_of).collect();
    let mut digests = Digests::of(names.len());
    let mut rows = 0;
    while let Some(batch) = table.next()? {
        digests.add(&batch);
        for (column, values) in columns.iter_mut().zip(batch.columns()) {
            (0..batch.rows()).for_each(|row| column.count(values.get(row).cell()));
        }
        rows += batch.rows() as u64;
    }
    if rows == 0 {
        return Err(CatalogError::NoRows { file: table.file().clone() });
    }
    let parts = digests.finish();
    Ok(Scan { columns, rows, fingerprint: digests::together(&names, &parts), parts })
}

/// Reads the columns at `positions` of a registered table, and no others, and counts the rows in
/// `read`. Where one of them is not
/// what was registered, that goes before any fault of the new content.
pub(crate) fn fill(
    table: &mut Table,
    set: &DataSet,
    positions: &[usize],
    sieve: &mut dyn Sieve,
    read: &mut u64,
) -> Result<(), CatalogError> {
    let file = set.origin();
    let changed = || CatalogError::from(PermitError::Changed { file: set.file().into() });
    let other = |error| match error {
        error @ (CatalogError::NotFound { .. }
        | CatalogError::Unreadable { .. }
        | CatalogError::NotAFile { .. }
        | CatalogError::Outside { .. }
        | CatalogError::Link { .. }) => error,
        _ => changed(),
    };
    let wanted = positions.iter().filter_map(|position| set.columns().get(*position));
    let wanted: Vec<_> = wanted.map(|column| column.name.clone()).collect();
    let mut source = Parquet::open(file, &set.file, Some(&wanted)).map_err(other)?;
    let mut digests = Digests::of(wanted.len());
    let (mut taken, mut rows) = (Ok(()), 0_u64);
    while let Some(batch) = source.next().map_err(other)? {
        digests.add(&batch);
        rows = rows.saturating_add(batch.rows() as u64);
        // More than were registered are not taken; that they are there shows in the digests. Behind a
        // fault nothing is taken, but the rest is compared.
        for row in (0..batch.rows()).take_while(|_| rows <= set.rows()) {
            if taken.is_ok() {
                *read += 1;
                taken = table.take(*read, &batch.fields(row), sieve);
            }
        }
    }
    let registered = positions.iter().map(|position| set.parts.get(*position));
    let same = registered.eq(digests.finish().iter().map(Some));
    if same && rows == set.rows() { taken } else { Err(changed()) }
}
