//! A database that can grow no more, or cannot be written.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::store::StoreError;

#[tokio::test]
async fn without_room_a_commit_leaves_nothing_and_the_next_start_has_what_was_before() {
    let (folder, store) = new_store().await;
    store.commit(&[study(1, "before")], &[]).await.unwrap();
    let before = store.load().await.unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 1")
        .execute(&mut *store.connection().await)
        .await
        .unwrap();
    let large = Change::Study { study: digest(2), record: Bytes::from(vec![7; 500_000]) };
    let error = store.commit(std::slice::from_ref(&large), &[event(2, "never")]).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    assert!(text.contains("coordinator.db") && text.contains("free some space"), "{text}");
    assert_eq!(store.load().await.unwrap(), before);
    let store = reopened(&folder, store).await;
    assert_eq!(store.load().await.unwrap(), before);
    store.commit(&[large], &[]).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_named() {
    let (folder, store) = new_store().await;
    store.close().await.unwrap();
    let path = database(&folder);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    let opened = Store::open(&path).await;
    if std::fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // Nothing is forbidden to root.
        return println!("skipped: this user may write everything");
    }
    let text = opened.unwrap_err().to_string();
    assert!(text.contains("coordinator.db") && text.contains("writable"), "{text}");
}
