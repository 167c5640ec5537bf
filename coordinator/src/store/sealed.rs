//! Records with a digest behind them: what the disk gives back is what was written, or an error.
//!
//! ```text
//! stored = record | SHA-256("ripieno-record-1" | table | 0 | key | record)
//! key    = each column of the row's key: integers as i64 LE, digests as their 32 bytes
//! ```
//!
//! The key is in it, so a record is not taken for that of another row. All of this is against
//! accidents of the disk: whoever can write the file can write a digest.

use std::path::Path;

use bytes::Bytes;
use ripieno_study::Digest;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::store::Store;
use crate::store::error::StoreError;

const DOMAIN: &[u8] = b"ripieno-record-1";
/// Bytes of the digest behind a record.
const SEAL_BYTES: usize = 32;

/// Which row of which table: its digest begins with this.
pub(super) struct Place {
    table: &'static str,
    begun: Sha256,
}

impl Place {
    /// A row of this table, whose key is still to be said.
    pub(super) fn of(table: &'static str) -> Self {
        let begun = Sha256::new().chain_update(DOMAIN).chain_update(table).chain_update([0]);
        Self { table, begun }
    }

    /// The next column of the key, an integer.
    pub(super) fn number(self, value: impl Into<i64>) -> Self {
        self.bytes(&value.into().to_le_bytes())
    }

    /// The next column of the key, a digest.
    pub(super) fn digest(self, value: &Digest) -> Self {
        self.bytes(value.as_bytes())
    }

    /// The next column of the key, as it is stored.
    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.begun.update(value);
        self
    }

    /// What is stored of a record.
    pub(super) fn seal(self, record: &[u8]) -> Vec<u8> {
        let seal = self.begun.chain_update(record).finalize();
        [record, &seal[..]].concat()
    }

    fn unseal(self, mut stored: Vec<u8>) -> Option<Bytes> {
        let (record, seal) = stored.split_last_chunk::<SEAL_BYTES>()?;
        if self.begun.chain_update(record).finalize()[..] != *seal {
            return None;
        }
        stored.truncate(stored.len() - SEAL_BYTES);
        Some(stored.into())
    }
}

/// A column of a row's key.
enum Column {
    Number(&'static str),
    Bytes(&'static str),
}

impl Column {
    fn name(&self) -> &'static str {
        match self {
            Self::Number(name) | Self::Bytes(name) => name,
        }
    }
}

/// Tables whose records are sealed, with the columns of their keys.
const SEALED: [(&str, &[Column]); 6] = [
    ("epochs", &[Column::Number("number")]),
    ("studies", &[Column::Bytes("study")]),
    ("outcomes", &[Column::Bytes("study"), Column::Bytes("transcript"), Column::Number("slot")]),
    ("sums", &[Column::Bytes("study"), Column::Number("round")]),
    ("seen", &[Column::Number("site")]),
    ("events", &[Column::Bytes("study"), Column::Number("number"), Column::Number("at_ms")]),
];

/// Puts its digest behind each record, within a transaction of the caller: of a database in which none
/// has one.
pub(super) async fn seal_all(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    for (table, key) in SEALED {
        seal_table(connection, (table, key)).await.map_err(StoreError::database(path, table))?;
    }
    Ok(())
}

async fn seal_table(
    connection: &mut SqliteConnection,
    (table, key): (&'static str, &[Column]),
) -> Result<(), sqlx::Error> {
    let names: Vec<_> = key.iter().map(Column::name).collect();
    let of_row = (2..).zip(&names).map(|(place, name)| format!("{name} = ${place}"));
    let update = format!(
        "UPDATE {table} SET record = $1 WHERE {}",
        of_row.collect::<Vec<_>>().join(" AND ")
    );
    let select =
        format!("SELECT {}, record FROM {table} WHERE record IS NOT NULL", names.join(", "));
    let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut *connection).await?;
    for row in rows {
        let (mut place, record): (_, Vec<u8>) = (Place::of(table), row.try_get("record")?);
        for column in key {
            place = match column {
                Column::Number(name) => place.number(row.try_get::<i64, _>(*name)?),
                Column::Bytes(name) => place.bytes(&row.try_get::<Vec<u8>, _>(*name)?),
            };
        }
        let mut query = sqlx::query(AssertSqlSafe(update.clone())).bind(place.seal(&record));
        for column in key {
            query = match column {
                Column::Number(name) => query.bind(row.try_get::<i64, _>(*name)?),
                Column::Bytes(name) => query.bind(row.try_get::<Vec<u8>, _>(*name)?),
            };
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

impl Store {
    /// The record of a row, if it is what was written there.
    pub(super) fn unseal(&self, place: Place, stored: Vec<u8>) -> Result<Bytes, StoreError> {
        let table = place.table;
        let damaged = || self.damaged(table, "a record is not what was written");
        place.unseal(stored).ok_or_else(damaged)
    }
}
