//! Which files are opened, and which are refused.

use std::os::unix::fs::PermissionsExt;

use ripieno_files::FileError;

use super::*;
use crate::store::StoreError;

async fn refused(path: &Path) -> (StoreError, String) {
    let error = Store::open(path).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "the error names the file: {text}");
    (error, text)
}

#[tokio::test]
async fn a_second_coordinator_is_refused_while_the_first_lives() {
    let (folder, store) = new_store().await;
    let error = Store::open(&database(&folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::File(FileError::InUse { .. })), "{error}");
    drop(store);
    Store::open(&database(&folder)).await.unwrap();
}

#[tokio::test]
async fn a_database_is_neither_replaced_nor_made_by_the_way() {
    let (folder, store) = new_store().await;
    drop(store);
    let error = Store::create(&database(&folder)).await.unwrap_err();
    assert!(matches!(error, StoreError::File(FileError::Exists(_))), "{error}");
    let missing = folder.path().join("missing.db");
    let (error, _) = refused(&missing).await;
    assert!(matches!(error, StoreError::File(FileError::Missing(_))), "{error}");
    assert!(!missing.exists());
}

#[tokio::test]
async fn only_its_owner_may_reach_it() {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    store.commit(&[study(1, "s")], &[]).await.unwrap();
    for name in ["coordinator.db", "coordinator.db-wal", "coordinator.db.lock"] {
        let mode = folder.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(store);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let (error, text) = refused(&path).await;
    assert!(matches!(error, StoreError::File(FileError::Exposed { .. })), "{error}");
    assert!(text.contains("chmod 600"), "{text}");
}

#[tokio::test]
async fn commits_are_flushed() {
    let (_folder, store) = new_store().await;
    let mut connection = store.connection().await;
    for (pragma, expected) in
        [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA cell_size_check", 1)]
    {
        let set: i64 = sqlx::query_scalar(pragma).fetch_one(&mut *connection).await.unwrap();
        assert_eq!(set, expected, "{pragma}");
    }
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn tables_of_a_newer_program_are_refused_and_left_alone() {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    store.close().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (99, 'to come', TRUE, x'00', 1)";
    run(&path, newer).await;
    let (error, text) = refused(&path).await;
    assert!(matches!(error, StoreError::Newer { found: 99, known: 5, .. }), "{error}");
    assert!(text.contains("install the program"), "{text}");
    run(&path, "DELETE FROM _sqlx_migrations WHERE version = 99").await;
    Store::open(&path).await.unwrap();
}

/// The schema of a newer one need not be what this one would have made.
#[tokio::test]
async fn repro_newer_tables_are_named_so_and_not_damaged() {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    store.close().await.unwrap();
    let newer = "CREATE TABLE wishes (name TEXT PRIMARY KEY) STRICT; \
                 INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (6, 'to come', TRUE, x'00', 1)";
    run(&path, newer).await;
    let (error, _) = refused(&path).await;
    assert!(matches!(error, StoreError::Newer { found: 6, known: 5, .. }), "{error}");
}

#[tokio::test]
async fn repro_what_another_program_notes_for_its_searches_is_no_damage() {
    let (folder, store) = new_store().await;
    store.commit(&[study(1, "s")], &[]).await.unwrap();
    store.close().await.unwrap();
    run(&database(&folder), "ANALYZE").await;
    let mut other = other(&database(&folder)).await;
    let made: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'")
            .fetch_one(&mut other)
            .await
            .unwrap();
    assert!(made > 0);
    drop(other);
    Store::open(&database(&folder)).await.unwrap();
}

/// What a program of before version 5 left: no digests, neither behind records nor of tables.
#[tokio::test]
async fn repro_records_of_version_4_get_their_digests() {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    store.close().await.unwrap();
    let of_4 = "DROP TABLE checks; DELETE FROM counters WHERE name = 'commits'; \
                DELETE FROM _sqlx_migrations WHERE version = 5; \
                INSERT INTO epochs VALUES (7, 'epoch'); \
                INSERT INTO studies VALUES (zeroblob(32), 'study'); \
                INSERT INTO outcomes VALUES (zeroblob(32), zeroblob(32), 3, 'outcome'); \
                INSERT INTO sums VALUES (zeroblob(32), 1, 'sum', NULL); \
                INSERT INTO seen VALUES (2, 'seen'); \
                INSERT INTO events VALUES (zeroblob(32), 1, 5, 'event')";
    let of_4 = of_4.replace("'epoch'", "CAST('epoch' AS BLOB)");
    let of_4 = ["study", "outcome", "sum", "seen", "event"].iter().fold(of_4, |text, word| {
        text.replace(&format!("'{word}'"), &format!("CAST('{word}' AS BLOB)"))
    });
    run(&path, sqlx::AssertSqlSafe(of_4)).await;
    // At the first start, and at the next.
    for commits in 0..2 {
        let store = Store::open(&path).await.unwrap();
        let saved = store.load().await.unwrap();
        let word = Bytes::from_static;
        assert_eq!(saved.epochs, [(7, word(b"epoch"))]);
        assert_eq!(saved.studies, [(digest(0), word(b"study"))]);
        let slot = SlotId { transcript: digest(0), slot: 3 };
        assert_eq!(saved.outcomes, [(digest(0), slot, word(b"outcome"))]);
        assert_eq!(saved.sums, [(digest(0), 1, word(b"sum"))]);
        assert_eq!(saved.seen, [(index(2), word(b"seen"))]);
        let events = store.events(&digest(0), 0, 10).await.unwrap();
        assert_eq!(events[0].record, word(b"event"));
        assert_eq!(store.commits().count(), commits);
        store.commit(&[Change::LastEpoch(7)], &[]).await.unwrap();
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder);
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    run(&path, "CREATE TABLE patients (name TEXT); CREATE TABLE visits (at TEXT)").await;
    let (error, text) = refused(&path).await;
    assert!(matches!(error, StoreError::Damaged { .. }) && text.contains("another program"));
}

#[tokio::test]
async fn repro_an_emptied_database_does_not_begin_anew() {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    store.commit(&[Change::LastEpoch(7)], &[]).await.unwrap();
    store.close().await.unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    let (error, text) = refused(&path).await;
    assert!(matches!(error, StoreError::Damaged { .. }) && text.contains("empty"), "{text}");
    assert_eq!(path.metadata().unwrap().len(), 0, "nothing was made in its place");
}

/// A database of several pages, closed, with these bytes changed.
async fn damaged(change: impl FnOnce(&mut Vec<u8>)) -> (TempDir, PathBuf) {
    let (folder, store) = new_store().await;
    let path = database(&folder);
    for number in 0..40 {
        let record = Bytes::from(vec![number; 1000]);
        let changes = [Change::Study { study: digest(number), record }];
        store.commit(&changes, &[]).await.unwrap();
    }
    store.close().await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_damaged_database_is_named() {
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[..16].copy_from_slice(b"not a database!!"),
        |bytes| {
            let third = bytes.len() / 4096 / 3 * 4096;
            bytes[third..].fill(0xa5);
        },
        |bytes| bytes.truncate(bytes.len() / 2),
        // A page of records, which nothing reads before they are loaded.
        |bytes| {
            let last = bytes.len() - 4096;
            bytes[last..last + 100].fill(0xa5);
        },
    ];
    for change in changes {
        let (_folder, path) = damaged(change).await;
        let (error, text) = refused(&path).await;
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(text.contains("restore it from the backup"), "{text}");
    }
    // Only that the cases above can fail.
    let (_folder, path) = damaged(|_| {}).await;
    assert_eq!(Store::open(&path).await.unwrap().load().await.unwrap().studies.len(), 40);
}

#[tokio::test]
async fn rows_that_mean_nothing_are_named() {
    let (folder, store) = new_store().await;
    run(&database(&folder), "INSERT INTO seen (site, record) VALUES (70000, x'00')").await;
    let error = store.load().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("coordinator.db is damaged: seen: a record"), "{text}");
}
