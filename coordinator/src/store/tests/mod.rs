//! The database on a real disk: committed, refused, killed, damaged, opened twice.

mod charters;
mod child;
mod commit;
mod damage;
mod full;
mod invitations;
mod large;
mod opening;
mod sites;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ripieno_coordinator_engine::Change;
use ripieno_identity::{PublicKey, SigningKey};
use ripieno_secagg::SlotId;
use ripieno_study::{Digest, SiteIndex};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, SqlSafeStr};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::store::{Enrolment, Heard, NewEvent, NewInvitation, SiteRow, Store, StoreError};

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("coordinator.db")
}

async fn new_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&database(&folder)).await.unwrap();
    (folder, store)
}

async fn reopened(folder: &TempDir, store: Store) -> Store {
    drop(store);
    Store::open(&database(folder)).await.unwrap()
}

/// Another program on the same file.
async fn other(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn run(path: &Path, sql: impl SqlSafeStr) {
    sqlx::raw_sql(sql).execute(&mut other(path).await).await.unwrap();
}

/// A site has arrived.
async fn arrived(store: &Store, site: &str, seen: u64) -> Result<Vec<SiteRow>, StoreError> {
    store.note_heard(&[Heard { site: site.into(), seen, ..Heard::default() }]).await
}

fn digest(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

fn index(number: u16) -> SiteIndex {
    SiteIndex::new(number).unwrap()
}

fn slot(number: u16) -> SlotId {
    SlotId { transcript: digest(0xee), slot: number }
}

fn key(number: u8) -> PublicKey {
    SigningKey::from_seed(&Zeroizing::new([number; 32])).public()
}

fn study(number: u8, record: &'static str) -> Change {
    Change::Study { study: digest(number), record: Bytes::from(record) }
}

fn event(number: u8, record: &'static str) -> NewEvent {
    NewEvent { study: digest(number), at_ms: NOW * 1000, record: Bytes::from(record) }
}

fn invitation(secret: u8, site: &str) -> NewInvitation {
    NewInvitation { secret: digest(secret), site: site.into(), created: NOW, expires: NOW + DAY }
}

fn enrolment(number: u8) -> Enrolment {
    let serial = format!("4{number:07}");
    let ends = NOW + 90 * DAY;
    let (key, request, certificate) = (key(number), digest(number), vec![number; 9]);
    Enrolment { key, request, certificate, serial, ends }
}

/// Sites that have redeemed their invitations, with the keys 1, 2, ...
async fn enrol(store: &Store, names: &[&str]) {
    for (number, name) in (1..).zip(names) {
        store.invite(invitation(100 + number, name)).await.unwrap();
        store.redeem(&digest(100 + number), NOW, enrolment(number)).await.unwrap();
    }
}
