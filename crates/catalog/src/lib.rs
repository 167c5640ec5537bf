//! A site's data sources: the only code that opens tables.
//!
//! [`Catalog::new`] scans each registered file once. What it learns (names of columns, how many
//! numbers, row count, digest) is free to read. Rows are not: [`Catalog::open`] demands the
//! [`Authority`] that was made with the catalogue, of which there is exactly one, and a [`Permit`]
//! that only this authority issues. Whoever holds the authority decides; holding a permit alone
//! does not open anything, so nobody can go around the governed view that the decider hands out.
//!
//! Files are CSV in UTF-8, comma-separated, with one header line (docs/study.md).

mod catalog;
mod cell;
mod dataset;
mod error;
pub mod limits;
mod lines;
mod permit;
mod place;
mod reads;
mod records;
mod scan;
mod table;

pub use catalog::{Catalog, Source};
pub use dataset::{Column, ColumnKind, DataSet};
pub use error::{CatalogError, PermitError};
pub use permit::{Authority, Permit, Terms};
pub use place::Place;
pub use reads::ColumnReads;
pub use table::{Row, Table};
