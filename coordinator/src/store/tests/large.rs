//! Sums that are objects beside the database.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ripieno_coordinator_engine::{Change, Saved};
use ripieno_files::FileError;

use super::*;
use crate::spool::{Object, ObjectError, Objects, Stored};
use crate::store::StoreError;

const LARGE: usize = (1 << 20) + 1;

fn sum(round: u32, byte: u8, length: usize) -> Change {
    Change::Sum { study: digest(1), round, record: Bytes::from(vec![byte; length]) }
}

fn objects(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path().join("objects")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn only_large_ones_are_objects_and_they_go_with_their_sum() {
    let (folder, store) = new_store().await;
    let changes = [study(1, "s"), sum(1, 1, LARGE - 1), sum(2, 2, LARGE), sum(3, 2, LARGE)];
    store.commit(&changes, &[]).await.unwrap();
    assert_eq!(objects(&folder).len(), 1, "two sums with one content");
    let mut expected = Saved::default();
    expected.apply(&changes);
    let store = reopened(&folder, store).await;
    assert_eq!(store.load().await.unwrap(), expected);
    let gone = |round| Change::SumGone { study: digest(1), round };
    store.commit(&[gone(2)], &[]).await.unwrap();
    assert_eq!(objects(&folder).len(), 1, "the other sum has it still");
    store.commit(&[sum(3, 4, LARGE)], &[]).await.unwrap();
    assert_eq!(objects(&folder).len(), 1, "replaced");
    store.commit(&[gone(3)], &[]).await.unwrap();
    assert_eq!(objects(&folder), [""; 0]);
}

#[tokio::test]
async fn what_a_crash_left_is_removed_at_the_next_opening() {
    let (folder, store) = new_store().await;
    store.commit(&[study(1, "s"), sum(1, 1, LARGE)], &[]).await.unwrap();
    std::fs::write(folder.path().join("objects/sum-left"), b"before its commit").unwrap();
    std::fs::write(folder.path().join("objects/upload-other"), b"not the store's").unwrap();
    let store = reopened(&folder, store).await;
    let left = objects(&folder);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!left.contains(&"sum-left".to_owned()));
    assert_eq!(store.load().await.unwrap().sums.len(), 1);
}

#[tokio::test]
async fn a_damaged_or_missing_one_is_named() {
    let (folder, store) = new_store().await;
    store.commit(&[study(1, "s"), sum(1, 1, LARGE)], &[]).await.unwrap();
    let [name] = objects(&folder).try_into().unwrap();
    let path = folder.path().join("objects").join(&name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[LARGE / 2] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = store.load().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }) && error.to_string().contains(&name));
    std::fs::remove_file(&path).unwrap();
    let error = store.load().await.unwrap_err();
    let missing = matches!(error, StoreError::Object(ObjectError::Missing { .. }));
    assert!(missing && error.to_string().contains(&name), "{error}");
}

/// A disk without room.
#[derive(Debug)]
struct Full;

fn full<T>() -> Result<T, ObjectError> {
    let error = std::io::ErrorKind::StorageFull.into();
    Err(FileError::System { doing: "create", path: "/there/objects".into(), error }.into())
}

impl Objects for Full {
    fn put(&self, _name: &str, _path: &Path) -> Result<(), ObjectError> {
        full()
    }

    fn open(&self, _name: &str) -> Result<Box<dyn Object>, ObjectError> {
        full()
    }

    fn delete(&self, _name: &str) -> Result<(), ObjectError> {
        full()
    }

    fn list(&self, _prefix: &str) -> Result<Vec<Stored>, ObjectError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn without_room_nothing_is_committed() {
    let (folder, store) = new_store().await;
    drop(store);
    let store = Store::open_with(&database(&folder), Arc::new(Full)).await.unwrap();
    let changes = [study(1, "s"), sum(1, 1, LARGE)];
    let error = store.commit(&changes, &[event(1, "never")]).await.unwrap_err().to_string();
    assert!(error.contains("/there/objects") && error.contains("free some space"), "{error}");
    assert_eq!(store.load().await.unwrap(), Saved::default());
    assert_eq!(store.events(&digest(1), 0, 1).await.unwrap(), []);
    let left = std::fs::read_dir(folder.path()).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains("tmp")).count(), 0);
}
