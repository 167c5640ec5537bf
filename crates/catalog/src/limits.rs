//! How large a file may be. Each limit is checked before memory is taken for what it limits.

/// The largest file, in bytes: 8 GiB. Files are streamed, never held.
pub const MAX_FILE_BYTES: u64 = 8 << 30;
/// The longest row, in bytes; a quoted field may span lines.
pub const MAX_ROW_BYTES: usize = 1 << 20;
/// The most columns.
pub const MAX_COLUMNS: usize = 8192;
/// The longest name of a column, in bytes.
pub const MAX_COLUMN_NAME: usize = 256;
/// The most cells that one opening may read: 2^27, held as 1 GiB.
pub const MAX_CELLS: u64 = 1 << 27;
/// The longest description of a Parquet file, in bytes: 64 MiB.
#[cfg(feature = "parquet")]
pub const MAX_PARQUET_FOOTER: u64 = 64 << 20;
/// The largest part of a column of a Parquet file that is taken apart at a time, in bytes: 1 GiB. A page
/// of it is held.
#[cfg(feature = "parquet")]
pub const MAX_PARQUET_CHUNK: u64 = 1 << 30;
