//! The versions of the tables. A migration that was released is never changed: the next one is
//! added.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection};

use crate::store::checks;
use crate::store::error::StoreError;
use crate::store::sealed;

/// `application_id` of a coordinator's database: "ripc".
const APPLICATION: i64 = 0x7269_7063;

/// Number, name and statements of each version.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "coordinator", include_str!("../../migrations/0001_coordinator.sql")),
    (2, "invitations", include_str!("../../migrations/0002_invitations.sql")),
    (3, "authorities", include_str!("../../migrations/0003_authorities.sql")),
    (4, "outcomes", include_str!("../../migrations/0004_outcomes.sql")),
    (5, "checks", include_str!("../../migrations/0005_checks.sql")),
];

/// Checks that this is a coordinator's database (or, where it `is_new`, none yet) that is whole and
/// not newer than this program, and brings its tables to the newest version.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    path: &Path,
    is_new: bool,
) -> Result<(), StoreError> {
    check_whole(connection, path).await?;
    check_kind(connection, path, is_new).await?;
    check_version(connection, path).await?;
    let mut taken = checks::verify(connection, path).await?;
    let before = changed_rows(connection, path).await?;
    migrate(connection, path).await?;
    // A migration that changes the schema or these tables removes the digests at its end. Where
    // there was none, all was read just now.
    if changed_rows(connection, path).await? != before {
        taken = checks::verify(connection, path).await?;
    }
    if !taken {
        let failed = StoreError::database(path, "checks");
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(&failed)?;
        if has_counted_nothing(&mut transaction, path).await? {
            sealed::seal_all(&mut transaction, path).await?;
        }
        checks::take_all(&mut transaction, path).await?;
        transaction.commit().await.map_err(&failed)?;
    }
    checks::watch(connection, path).await
}

/// Rows that this connection has changed: each migration writes down that it was done.
async fn changed_rows(connection: &mut SqliteConnection, path: &Path) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT total_changes()")
        .fetch_one(connection)
        .await
        .map_err(StoreError::database(path, "migrations"))
}

/// Before anything is compared with digests: a newer program may take them otherwise.
async fn check_version(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let failed = StoreError::database(path, "migrations");
    let there: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await
            .map_err(&failed)?;
    if there == 0 {
        return Ok(());
    }
    let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map_err(&failed)?;
    let known = newest();
    match found.filter(|found| *found > known) {
        Some(found) => Err(StoreError::Newer { path: path.to_owned(), found, known }),
        None => Ok(()),
    }
}

/// Whether no program that counts transactions has written anything: whatever records there are, one
/// of before version 5 wrote, without digests behind them.
async fn has_counted_nothing(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT value = 0 FROM counters WHERE name = 'commits'")
        .fetch_one(connection)
        .await
        .map_err(StoreError::database(path, "counters"))
}

fn newest() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let migrator = migrator();
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => {
            StoreError::Newer { path: path.to_owned(), found, known: newest() }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            StoreError::database(path, "migrations")(error)
        }
        // Of a released version the statements never change.
        other => StoreError::Damaged { path: path.to_owned(), what: other.to_string() },
    })
}

fn migrator() -> Migrator {
    let of = |(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(
            *version,
            (*name).into(),
            MigrationType::Simple,
            (*sql).into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(of).collect())
}

async fn check_whole(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(connection)
        .await
        .map_err(StoreError::database(path, "all tables"))?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(StoreError::Damaged { path: path.to_owned(), what: found }),
    }
}

/// The first migration says whose database it is; until then it is empty.
async fn check_kind(
    connection: &mut SqliteConnection,
    path: &Path,
    is_new: bool,
) -> Result<(), StoreError> {
    let failed = StoreError::database(path, "all tables");
    let kind: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema")
        .fetch_one(connection)
        .await
        .map_err(&failed)?;
    let what = match (kind, tables) {
        (0, 0) if is_new => return Ok(()),
        (0 | APPLICATION, 0) => "it has no tables: what it held is lost",
        (APPLICATION, _) => return Ok(()),
        _ => "it is a database of another program",
    };
    Err(StoreError::Damaged { path: path.to_owned(), what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_from_one() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|(version, ..)| *version).collect();
        assert_eq!(versions, (1..=MIGRATIONS.len() as i64).collect::<Vec<_>>());
    }

    #[test]
    fn the_tables_name_the_same_application() {
        let (_, _, first) = MIGRATIONS[0];
        assert!(first.contains(&format!("PRAGMA application_id = {APPLICATION};")));
    }
}
