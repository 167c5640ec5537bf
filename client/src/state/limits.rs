//! What the files of a site may hold.

use ripieno_audit::RECORD_BYTES;
use ripieno_files::Limits;

/// A record holds a certificate with at most 128 signatures.
pub(crate) const LEDGER: Limits = Limits { record: 1 << 20, file: 8 << 30 };
/// A record holds one head.
pub(crate) const WITNESS: Limits = Limits { record: 4 << 10, file: 4 << 30 };
/// A record holds the digest of a file, and how far four others have come; the first one may hold
/// those of all files, of which there are little more than [`SHELF_RECORDS`].
pub(crate) const INVENTORY: Limits = Limits { record: 2 << 20, file: 4 << 30 };
/// An inventory up to here stays as it is at a start.
pub(crate) const SMALL_INVENTORY: u64 = 1 << 20;
/// In a run it may be so long before it is shortened.
pub(crate) const LARGE_INVENTORY: u64 = 16 << 20;
/// A record holds one entry.
#[allow(clippy::cast_possible_truncation)] // 72 KiB.
pub(crate) const AUDIT: Limits = Limits { record: RECORD_BYTES as u32, file: 16 << 30 };
/// The largest record of a study: its state, of at most as many numbers as a study has, as JSON.
pub(crate) const SHELF_RECORD: u64 = 4 << 30;
/// The most records of studies.
pub(crate) const SHELF_RECORDS: usize = 4096;
/// What is known of all tables: some hundred bytes for each column.
pub(crate) const CATALOG: u64 = 256 << 20;
/// All grants of owners.
pub(crate) const GRANTS: u64 = 16 << 20;
/// All charters.
pub(crate) const CHARTERS: u64 = 64 << 20;
/// One charter.
pub(crate) const CHARTER: u64 = 1 << 20;
/// Which charters were signed.
pub(crate) const CONSENTS: u64 = 1 << 20;
