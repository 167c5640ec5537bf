//! Changes of the engine and events of studies.

use bytes::Bytes;
use ripieno_coordinator_engine::{Change, Saved};

use super::*;
use crate::store::{StoreError, StoredEvent};

fn every_kind() -> Vec<Change> {
    let record = Bytes::from_static;
    vec![
        Change::LastEpoch(7),
        Change::Epoch { number: 6, record: record(b"epoch 6") },
        Change::Epoch { number: 7, record: record(b"epoch 7") },
        study(2, "second name, first to come"),
        study(1, "study 1"),
        Change::Outcome { study: digest(1), slot: slot(4), record: record(b"outcome 4") },
        Change::Outcome { study: digest(1), slot: slot(3), record: record(b"outcome 3") },
        Change::Sum { study: digest(1), round: 1, record: record(b"sum 1") },
        Change::Sum { study: digest(1), round: 2, record: record(b"sum 2") },
        Change::Seen { site: index(65535), record: record(b"seen") },
    ]
}

#[tokio::test]
async fn what_was_committed_is_loaded_after_a_restart() {
    let (folder, store) = new_store().await;
    assert_eq!(store.load().await.unwrap(), Saved::default());
    let mut expected = Saved::default();
    let replaced = vec![
        Change::Epoch { number: 7, record: Bytes::from_static(b"epoch 7 again") },
        Change::EpochGone { number: 6 },
        study(1, "study 1 again"),
        Change::Outcome { study: digest(1), slot: slot(3), record: Bytes::from_static(b"again") },
        Change::Seen { site: index(65535), record: Bytes::from_static(b"seen again") },
        Change::SumGone { study: digest(1), round: 1 },
        Change::Sum { study: digest(1), round: 2, record: Bytes::from_static(b"sum 2 again") },
    ];
    for changes in [every_kind(), replaced] {
        store.commit(&changes, &[]).await.unwrap();
        expected.apply(&changes);
        assert_eq!(store.load().await.unwrap(), expected);
    }
    let store = reopened(&folder, store).await;
    assert_eq!(store.load().await.unwrap(), expected);
    store.close().await.unwrap();
    assert!(!folder.path().join("coordinator.db-wal").exists());
    let store = Store::open(&database(&folder)).await.unwrap();
    assert_eq!(store.load().await.unwrap(), expected);
}

#[tokio::test]
async fn within_a_commit_the_later_change_counts() {
    let (_folder, store) = new_store().await;
    let sum = |record: &'static str| Change::Sum {
        study: digest(1),
        round: 1,
        record: Bytes::from(record),
    };
    let gone = Change::SumGone { study: digest(1), round: 1 };
    let changes = [study(1, "a"), sum("first"), gone.clone(), sum("second"), study(1, "b")];
    store.commit(&changes, &[]).await.unwrap();
    let saved = store.load().await.unwrap();
    assert_eq!(saved.studies, [(digest(1), Bytes::from("b"))]);
    assert_eq!(saved.sums, [(digest(1), 1, Bytes::from("second"))]);
    store.commit(&[sum("third"), gone], &[]).await.unwrap();
    assert_eq!(store.load().await.unwrap().sums, []);
}

#[tokio::test]
async fn events_count_from_one_within_their_study() {
    let (folder, store) = new_store().await;
    let first = [event(1, "a"), event(2, "x"), event(1, "b")];
    assert_eq!(store.commit(&[], &first).await.unwrap(), [1, 1, 2]);
    let store = reopened(&folder, store).await;
    assert_eq!(store.commit(&[], &[event(1, "c")]).await.unwrap(), [3]);
    let stored = |number, record: &'static str| StoredEvent {
        number,
        at_ms: NOW * 1000,
        record: Bytes::from(record),
    };
    let all = store.events(&digest(1), 0, 10).await.unwrap();
    assert_eq!(all, [stored(1, "a"), stored(2, "b"), stored(3, "c")]);
    assert_eq!(store.events(&digest(1), 1, 1).await.unwrap(), [stored(2, "b")]);
    assert_eq!(store.events(&digest(1), u64::MAX, 10).await.unwrap(), []);
    assert_eq!(store.events(&digest(3), 0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_commit_that_fails_in_its_middle_leaves_nothing() {
    let (folder, store) = new_store().await;
    store.commit(&[study(1, "before")], &[event(1, "before")]).await.unwrap();
    let before = store.load().await.unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON seen \
                  BEGIN SELECT RAISE (ABORT, 'refused by a test'); END";
    run(&database(&folder), refuse).await;
    let error = store.commit(&every_kind(), &[event(1, "never")]).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("coordinator.db, seen") && text.contains("by a test"), "{text}");
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(store.events(&digest(1), 0, 10).await.unwrap().len(), 1);
    run(&database(&folder), "DROP TRIGGER refuse").await;
    assert_eq!(store.commit(&every_kind(), &[event(1, "then")]).await.unwrap(), [2]);
}

#[tokio::test]
async fn a_commit_that_fails_at_its_end_leaves_nothing() {
    let (_folder, store) = new_store().await;
    let outcome =
        Change::Outcome { study: digest(9), slot: slot(1), record: Bytes::from_static(b"o") };
    let orphan = [Change::LastEpoch(3), outcome.clone()];
    store.commit(&orphan, &[event(9, "never")]).await.unwrap_err();
    assert_eq!(store.load().await.unwrap(), Saved::default());
    // Within one commit the order does not matter.
    assert_eq!(store.commit(&[outcome, study(9, "s")], &[event(9, "e")]).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_number_beyond_the_database_is_refused() {
    let (_folder, store) = new_store().await;
    let error = store.commit(&[Change::LastEpoch(u64::MAX)], &[]).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { value: u64::MAX, .. }), "{error}");
}

#[tokio::test]
async fn commits_at_once_are_one_after_the_other() {
    let (_folder, store) = new_store().await;
    let commit = |number| {
        let store = &store;
        async move {
            let changes = [Change::Epoch { number, record: Bytes::from_static(b"e") }];
            store.commit(&changes, &[event(1, "e")]).await.unwrap()[0]
        }
    };
    let (a, b, c) = tokio::join!(commit(1), commit(2), commit(3));
    let mut numbers = [a, b, c];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(store.load().await.unwrap().epochs.len(), 3);
}
