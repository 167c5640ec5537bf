//! A site's data sources: the only code that opens tables.
//!
//! [`Catalog::new`] scans each registered file once. What it learns (names of columns, how many
//! numbers, row count, digest) is free to read. Rows are not: [`Catalog::open`] demands the
//! [`Authority`] that was made with the catalogue, of which there is exactly one, and a [`Permit`]
//! that only this authority issues. Whoever holds the authority decides; holding a permit alone
//! does not open anything, so nobody can go around the governed view that the decider hands out.
//!
//! [`classify()`] reads any file of that form and says what its columns probably mean; no row leaves it.
//!
//! [`Entry`] is what a site writes down of a table: what was found, what a steward confirmed, how it
//! changed. [`Catalog::describe`] attaches it; policies read [`DataSet::facts`].
//!
//! Files are CSV in UTF-8, comma-separated, with one header line (docs/study.md), or, with the feature
//! `parquet`, flat Parquet files, whose names end with `.parquet`: of these only the named columns are
//! read, in batches.

mod catalog;
mod cell;
mod classify;
#[cfg(feature = "parquet")]
mod columnar;
mod dataset;
pub mod entry;
mod error;
mod field;
pub mod limits;
mod lines;
mod origin;
mod permit;
mod place;
mod reads;
mod records;
mod scan;
mod sieve;
mod table;

pub use catalog::{Catalog, Source};
pub use classify::{
    Class, MAX_SAMPLE_BYTES, MAX_SAMPLE_FIELD, MAX_SAMPLE_ROWS, SemanticType, Suggestion,
    UnknownName, classify,
};
pub use dataset::{Column, ColumnKind, DataSet, Range};
pub use entry::{ColumnFacts, Entry};
pub use error::{CatalogError, PermitError};
pub use field::{Field, Fields};
pub use origin::Roots;
pub use permit::{Authority, Permit, Terms};
pub use place::Place;
pub use reads::ColumnReads;
pub use sieve::{Sieve, Unfit, Why};
pub use table::{Row, Table};
