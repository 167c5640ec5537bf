//! One byte of the database, or of the log beside it, is not what was written: that is an error, or
//! makes no difference.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sqlx::AssertSqlSafe;

use super::*;
use crate::store::StoreError;

/// Every so many bytes one is changed, where not every one is, in the long form and in the short one.
const STRIDES: (usize, usize) = (211, 1009);
/// Stands in each record.
const RECORD: &str = "a record of some length, for its bytes to be found in the file";

fn stride() -> usize {
    if std::env::var_os("RIPIENO_FAULT_SEEDS").is_some() { STRIDES.0 } else { STRIDES.1 }
}

/// In memory, where there is such a file system: the disk is played here, and a database is opened
/// many hundred times.
fn new_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.unwrap()
}

const TABLES: [&str; 15] = [
    "counters",
    "epochs",
    "studies",
    "outcomes",
    "sums",
    "seen",
    "events",
    "sites",
    "indices",
    "invitations",
    "certificates",
    "charters",
    "proposal",
    "consents",
    "bound",
];

/// A row in every table.
async fn filled() -> (TempDir, Store) {
    let (folder, store) = new_store().await;
    enrol(&store, &["north", "south", "west"]).await;
    store.invite(invitation(77, "east")).await.unwrap();
    let record = || Bytes::from_static(RECORD.as_bytes());
    let members = [("north".to_owned(), index(1)), ("south".to_owned(), index(2))];
    store.ratify(record(), 1, &members).await.unwrap();
    store.propose(record(), digest(5)).await.unwrap();
    store.consent(&digest(5), index(1), record()).await.unwrap();
    store.propose(record(), digest(6)).await.unwrap();
    store.consent(&digest(6), index(2), record()).await.unwrap();
    let changes = [
        Change::LastEpoch(7),
        Change::Epoch { number: 7, record: record() },
        study(1, RECORD),
        Change::Outcome { study: digest(1), slot: slot(3), record: record() },
        Change::Sum { study: digest(1), round: 1, record: record() },
        Change::Seen { site: index(2), record: record() },
    ];
    store.commit(&changes, &[event(1, RECORD), event(1, "next")]).await.unwrap();
    (folder, store)
}

/// All that the tables hold, as SQLite says it.
async fn dump(path: &Path) -> Vec<String> {
    let mut connection = other(path).await;
    let mut all = Vec::new();
    for table in TABLES {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let quoted: Vec<_> = columns.iter().map(|name| format!("quote({name})")).collect();
        let rows = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join("||','||"));
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
        assert!(!rows.is_empty(), "{table} has no row");
        all.extend(rows);
    }
    all
}

/// What a coordinator that was killed leaves.
struct Left(Vec<(&'static str, Vec<u8>)>);

impl Left {
    fn of(folder: &TempDir, names: &[&'static str]) -> Self {
        let read = |name: &&'static str| (*name, fs::read(folder.path().join(name)).unwrap());
        Self(names.iter().map(read).collect())
    }

    /// The same in a folder of its own, these bytes in place of those of one file. (In one folder
    /// the last connection would still be closing.)
    fn with(&self, name: &str, bytes: &[u8]) -> TempDir {
        let folder = new_folder();
        for (other, good) in &self.0 {
            let (path, bytes) =
                (folder.path().join(other), if *other == name { bytes } else { good });
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        folder
    }
}

/// Opens it and reads all that a coordinator reads when it starts.
async fn open(folder: &TempDir) -> Result<Store, StoreError> {
    let store = Store::open(&database(folder)).await?;
    store.load().await?;
    Ok(store)
}

/// Whether a change was noticed; where it was not, nothing may differ.
async fn noticed(left: &Left, name: &str, bytes: &[u8], expected: &[String], what: &str) -> bool {
    let folder = left.with(name, bytes);
    match open(&folder).await {
        Ok(store) => {
            assert_eq!(dump(&database(&folder)).await, expected, "{what} changed what is read");
            store.close().await.unwrap();
            false
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("coordinator.db"), "{what}: the file is named: {text}");
            true
        }
    }
}

#[tokio::test]
async fn a_changed_byte_of_the_database_is_noticed_or_makes_no_difference() {
    let (folder, store) = filled().await;
    store.close().await.unwrap();
    let expected = dump(&database(&folder)).await;
    let left = Left::of(&folder, &["coordinator.db"]);
    let good = left.0[0].1.clone();
    assert!(!noticed(&left, "coordinator.db", &good, &expected, "nothing").await);
    // Every byte of the first record of each kind, some of each page's head, and every so many.
    let marks = find_all(&good, RECORD.as_bytes());
    assert!(marks.len() >= 9, "{}", marks.len());
    let in_records = marks.iter().flat_map(|at| (*at..*at + RECORD.len()).step_by(9));
    let in_heads = (0..good.len() / 4096).flat_map(|page| (0..12).map(move |at| page * 4096 + at));
    let everywhere = (0..good.len()).step_by(stride());
    let (mut count, mut found) = (0, 0);
    for at in in_records.chain(in_heads).chain(everywhere) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let what = format!("bit {} of byte {at}", at % 8);
        let seen = noticed(&left, "coordinator.db", &bytes, &expected, &what).await;
        let is_in_record = marks.iter().any(|mark| (*mark..*mark + RECORD.len()).contains(&at));
        assert!(seen || !is_in_record, "{what} is of a record, and was not noticed");
        (count, found) = (count + 1, found + usize::from(seen));
    }
    println!("{found} of {count} changes were noticed, the others changed nothing");
}

#[tokio::test]
async fn a_database_that_was_cut_is_noticed() {
    let (folder, store) = filled().await;
    store.close().await.unwrap();
    let expected = dump(&database(&folder)).await;
    let left = Left::of(&folder, &["coordinator.db"]);
    let good = left.0[0].1.clone();
    for length in (0..good.len()).step_by(1000) {
        let what = format!("cut to {length} bytes");
        assert!(noticed(&left, "coordinator.db", &good[..length], &expected, &what).await);
    }
}

#[tokio::test]
async fn a_row_that_another_program_changed_is_noticed() {
    for change in [
        "UPDATE counters SET value = 1 WHERE name = 'last_epoch'",
        "UPDATE sites SET revoked = NULL, member = 0",
        "UPDATE certificates SET withdrawn = 5",
        "DELETE FROM bound",
        "UPDATE events SET at_ms = at_ms + 1 WHERE number = 2",
        "UPDATE seen SET site = site + 1",
        "UPDATE sums SET round = 2",
        "UPDATE outcomes SET slot = 4",
        "DROP INDEX outcomes_of_slot",
        "DELETE FROM checks WHERE name = 'sites'",
    ] {
        let (folder, store) = filled().await;
        store.close().await.unwrap();
        run(&database(&folder), change).await;
        let error = open(&folder).await.expect_err(change);
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error}");
    }
}

/// Its table is changed by the coordinator too, before the next start: each commit adds what it
/// changes itself, and vouches for nothing else.
#[tokio::test]
async fn repro_a_changed_row_is_not_made_good_by_the_next_commit() {
    for change in [
        "UPDATE certificates SET certificate = x'0102' WHERE site = 'south'",
        "UPDATE sites SET program = 'other' WHERE name = 'south'",
        "DELETE FROM certificates WHERE site = 'south'",
    ] {
        let (folder, store) = filled().await;
        run(&database(&folder), change).await;
        arrived(&store, "north", NOW).await.unwrap();
        store.note_holdings("north", Some(1), Some(&enrolment(1).serial)).await.unwrap();
        drop(store);
        let error = open(&folder).await.expect_err(change);
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error}");
    }
}

/// Records of commits whose frames stand in the log, one after the other.
fn step(number: u8) -> Change {
    Change::Study { study: digest(number), record: Bytes::from(vec![number; 300]) }
}

#[tokio::test]
async fn a_changed_byte_of_the_log_is_noticed_where_a_commit_would_be_lost() {
    let (folder, store) = new_store().await;
    store.settle().await.unwrap();
    let mut ends = Vec::new();
    let wal = folder.path().join("coordinator.db-wal");
    for number in 1..=4 {
        store.commit(&[step(number)], &[]).await.unwrap();
        ends.push(wal.metadata().unwrap().len());
    }
    let left = Left::of(&folder, &["coordinator.db", "coordinator.db-wal"]);
    let good = left.0[1].1.clone();
    drop(store);
    let (last, before) = (ends[2] as usize, ends[1] as usize);
    assert_eq!(good.len() as u64, ends[3]);
    for at in (0..32).chain((32..56).step_by(3)).chain((56..good.len()).step_by(stride())) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let folder = left.with("coordinator.db-wal", &bytes);
        match open(&folder).await {
            // The last commit is as good as torn by a crash; how many there were tells.
            Ok(store) => {
                let there = store.load().await.unwrap().studies.len();
                assert!(there == 4 || at >= before, "byte {at}: {there} are left");
                let whole = there as u64 == store.commits().count();
                assert!(there >= 2 && whole, "byte {at}: {there}");
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("coordinator.db-wal is damaged"), "byte {at}: {text}");
                assert!(at < last, "byte {at}: {text}");
            }
        }
    }
    // What a crash cuts off is no damage.
    for length in (before..good.len()).step_by(stride()) {
        let folder = left.with("coordinator.db-wal", &good[..length]);
        let there = open(&folder).await.unwrap().load().await.unwrap().studies.len();
        assert_eq!(there, if length < last { 2 } else { 3 }, "cut to {length}");
    }
}

fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let all = bytes.windows(wanted.len()).enumerate();
    all.filter(|(_, window)| *window == wanted).map(|(at, _)| at).collect()
}
