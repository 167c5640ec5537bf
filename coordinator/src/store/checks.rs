//! Digests of the tables whose rows are small, and of the schema: what the disk gives back is what
//! was written, or an error when the database is opened.
//!
//! ```text
//! digest = SHA-256("ripieno-table-1" | table | 0 | columns) + the sum of all
//!          SHA-256("ripieno-row-1" | table | 0 | row), mod 2^256, little-endian
//! ```
//!
//! A transaction takes the rows that it changes out of the sum as they were, and adds them as they
//! are: it costs as much as it changes, however long the table is, and a row that the disk has
//! changed meanwhile is not made good by it. Which ones they are is noted by triggers of this
//! connection, so no statement can be forgotten. All of this is against accidents of the disk.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio_stream::StreamExt as _;

use crate::store::error::StoreError;

/// Tables whose rows are not each sealed.
const TABLES: [&str; 9] = [
    "counters",
    "sites",
    "indices",
    "invitations",
    "certificates",
    "charters",
    "proposal",
    "consents",
    "bound",
];
/// The name of the schema among them.
const SCHEMA: &str = "sqlite_schema";

/// Checks every table, where digests were taken; says whether they were.
pub(super) async fn verify(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<bool, StoreError> {
    let failed = StoreError::database(path, "checks");
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'checks'")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    if there == 0 {
        return Ok(false);
    }
    let stored: Vec<(String, Vec<u8>)> = sqlx::query_as("SELECT name, digest FROM checks")
        .fetch_all(&mut *connection)
        .await
        .map_err(&failed)?;
    if stored.is_empty() {
        return Ok(false);
    }
    for table in all() {
        let found = digest_of(connection, path, table).await?;
        let is_right = |(name, digest): &(String, Vec<u8>)| name == table && *digest == found.0;
        if !stored.iter().any(is_right) {
            let what = format!("{table}: its rows are not what was written");
            return Err(StoreError::Damaged { path: path.to_owned(), what });
        }
    }
    Ok(true)
}

/// Takes the digest of every table, within a transaction of the caller.
pub(super) async fn take_all(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    for table in all() {
        take(connection, path, table).await?;
    }
    Ok(())
}

/// From now on this connection notes which rows it touches: as they were, and as they are.
pub(super) async fn watch(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    let mut statements =
        "CREATE TEMP TABLE touched (name TEXT NOT NULL, gone TEXT, come TEXT) STRICT;".to_owned();
    for table in TABLES {
        let columns = columns_of(connection, path, table).await?;
        let (old, new) = (quoted(&columns, "OLD."), quoted(&columns, "NEW."));
        let (old, new, none) = (old.as_str(), new.as_str(), "NULL");
        for (change, gone, come) in
            [("INSERT", none, new), ("UPDATE", old, new), ("DELETE", old, none)]
        {
            statements.push_str(&format!(
                "CREATE TEMP TRIGGER touched_{table}_{change} AFTER {change} ON main.{table} \
                 BEGIN INSERT INTO touched (name, gone, come) \
                 VALUES ('{table}', {gone}, {come}); END;"
            ));
        }
    }
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await
        .map(drop)
        .map_err(StoreError::database(path, "touched"))
}

/// Renews the digests of the tables that the transaction under way has touched.
pub(super) async fn renew(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    let failed = StoreError::database(path, "touched");
    let touched: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT name, gone, come FROM touched WHERE gone IS NOT come")
            .fetch_all(&mut *connection)
            .await
            .map_err(&failed)?;
    let mut rows = BTreeMap::<String, Vec<_>>::new();
    for (table, gone, come) in touched {
        rows.entry(table).or_default().push((gone, come));
    }
    for (table, rows) in rows {
        let mut sum = stored(connection, path, &table).await?;
        for (gone, come) in rows {
            gone.iter().for_each(|row| sum.subtract(&of_row(&table, row)));
            come.iter().for_each(|row| sum.add(&of_row(&table, row)));
        }
        put(connection, path, &table, &sum).await?;
    }
    sqlx::query("DELETE FROM touched").execute(connection).await.map(drop).map_err(&failed)
}

fn all() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().chain([SCHEMA])
}

async fn take(
    connection: &mut SqliteConnection,
    path: &Path,
    table: &str,
) -> Result<(), StoreError> {
    let sum = digest_of(connection, path, table).await?;
    put(connection, path, table, &sum).await
}

async fn put(
    connection: &mut SqliteConnection,
    path: &Path,
    table: &str,
    sum: &Sum,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO checks (name, digest) VALUES ($1, $2) \
                       ON CONFLICT DO UPDATE SET digest = excluded.digest";
    sqlx::query(PUT)
        .bind(table)
        .bind(sum.0.as_slice())
        .execute(connection)
        .await
        .map(drop)
        .map_err(StoreError::database(path, "checks"))
}

/// The digest that was taken of a table.
async fn stored(
    connection: &mut SqliteConnection,
    path: &Path,
    table: &str,
) -> Result<Sum, StoreError> {
    let stored: Option<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM checks WHERE name = $1")
        .bind(table)
        .fetch_optional(connection)
        .await
        .map_err(StoreError::database(path, "checks"))?;
    let sum = stored.and_then(|bytes| bytes.try_into().ok()).map(Sum);
    sum.ok_or_else(|| {
        let what = format!("{table}: the digest of its rows is missing");
        StoreError::Damaged { path: path.to_owned(), what }
    })
}

/// The digest of the columns and of all rows, as SQLite writes them in statements.
async fn digest_of(
    connection: &mut SqliteConnection,
    path: &Path,
    table: &str,
) -> Result<Sum, StoreError> {
    let columns = columns_of(connection, path, table).await?;
    let mut sum = of_columns(table, &columns);
    let which = match table {
        // `ANALYZE` makes these, of any program; they say how to search, and nothing of what is there.
        SCHEMA => " WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'",
        _ => "",
    };
    let select = format!("SELECT {} FROM {table}{which}", quoted(&columns, ""));
    // One after the other: they need not fit into memory.
    let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).fetch(connection);
    while let Some(row) = rows.next().await {
        sum.add(&of_row(table, &row.map_err(StoreError::database(path, "checks"))?));
    }
    Ok(sum)
}

async fn columns_of(
    connection: &mut SqliteConnection,
    path: &Path,
    table: &str,
) -> Result<Vec<String>, StoreError> {
    const COLUMNS: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
    if table == SCHEMA {
        // Where a table begins in the file is for the check of the pages to say.
        return Ok(["type", "name", "tbl_name", "sql"].map(str::to_owned).into());
    }
    sqlx::query_scalar(COLUMNS)
        .bind(table)
        .fetch_all(connection)
        .await
        .map_err(StoreError::database(path, "checks"))
}

/// An expression for all columns of one row; `of` stands before the name of each.
fn quoted(columns: &[String], of: &str) -> String {
    let quoted: Vec<_> = columns.iter().map(|name| format!("quote({of}\"{name}\")")).collect();
    quoted.join("||','||")
}

fn of_columns(table: &str, columns: &[String]) -> Sum {
    let mut hash = Sha256::new().chain_update(b"ripieno-table-1").chain_update(table);
    hash.update([0]);
    for column in columns {
        hash.update((column.len() as u64).to_le_bytes());
        hash.update(column);
    }
    Sum(hash.finalize().into())
}

fn of_row(table: &str, row: &str) -> Sum {
    let hash = Sha256::new().chain_update(b"ripieno-row-1").chain_update(table);
    Sum(hash.chain_update([0]).chain_update(row).finalize().into())
}

/// A number mod 2^256, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum([u8; 32]);

impl Sum {
    fn add(&mut self, other: &Self) {
        let mut carry = false;
        for (own, other) in self.0.iter_mut().zip(other.0) {
            let (sum, over) = own.overflowing_add(other);
            let (sum, again) = sum.overflowing_add(carry.into());
            (*own, carry) = (sum, over || again);
        }
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (own, other) in self.0.iter_mut().zip(other.0) {
            let (rest, under) = own.overflowing_sub(other);
            let (rest, again) = rest.overflowing_sub(borrow.into());
            (*own, borrow) = (rest, under || again);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_can_be_taken_out_in_any_order() {
        let rows = [[0xff; 32], [1; 32], [0x80; 32]].map(Sum);
        let start = of_row("sites", "'north'");
        let mut sum = start.clone();
        rows.iter().for_each(|row| sum.add(row));
        assert_ne!(sum, start);
        rows.iter().for_each(|row| sum.subtract(row));
        assert_eq!(sum, start);
        let mut twice = start.clone();
        [&rows[0], &rows[0]].into_iter().for_each(|row| twice.add(row));
        assert_ne!(twice, start, "two rows that are alike do not cancel each other");
    }
}
