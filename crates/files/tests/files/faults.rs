//! Disks that fail, as tests of other crates use them; and what is known of a file from elsewhere.

use ripieno_files::faults::{Call, Disk, Fault};
use ripieno_files::{AppendFile, FileError, read_records, remove, write_atomically};

use crate::LIMITS;

#[test]
fn a_disk_that_is_full_takes_half_of_a_record_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut file = AppendFile::create(&path, LIMITS).unwrap();
    file.append(b"one").unwrap();
    let disk = Disk::below(folder.path());
    disk.fail(0, Fault::Full);
    let error = file.append(b"two").unwrap_err().to_string();
    assert!(error.contains("ledger") && error.contains("free some space"), "{error}");
    assert!(matches!(file.append(b"three"), Err(FileError::Poisoned { .. })));
    let small = folder.path().join("charter");
    assert!(write_atomically(&small, b"two", 0o600).is_err());
    assert!(!small.exists());
    assert_eq!(disk.failed(), [(Call::Write, path.clone()), (Call::Write, small.clone())]);
    let torn = read_records(&path, LIMITS).unwrap().torn.unwrap();
    assert_eq!((torn.record, torn.bytes), (2, 21));
    drop(file);
    disk.mend();
    assert_eq!(AppendFile::open(&path, LIMITS).unwrap().file.count(), 1);
    write_atomically(&small, b"three", 0o600).unwrap();
}

/// After a flush that failed the system may say that the next one succeeds: nothing is written
/// behind it until the file has been read again.
#[test]
fn a_flush_that_failed_once_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut file = AppendFile::create(&path, LIMITS).unwrap();
    let disk = Disk::below(folder.path());
    disk.fail(1, Fault::Once);
    let error = file.append(b"one").unwrap_err().to_string();
    assert!(error.contains("make durable") && error.contains("ledger"), "{error}");
    assert!(matches!(file.append(b"two"), Err(FileError::Poisoned { .. })));
    assert_eq!(disk.calls(), [(Call::Write, path.clone()), (Call::Flush, path.clone())]);
    drop(file);
    // What can be read is written once more, and flushed anew.
    let file = AppendFile::open(&path, LIMITS).unwrap().file;
    assert_eq!(file.count(), 1);
    let after: Vec<_> = disk.calls().into_iter().skip(2).map(|(call, _)| call).collect();
    assert_eq!(after, [Call::Name, Call::Write, Call::Flush, Call::Flush]);
}

/// What is unknown to the disk after a failure is never more than what is written anew at the start.
#[test]
fn repro_many_records_are_flushed_in_groups_that_a_start_writes_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("witness");
    let mut file = AppendFile::create(&path, LIMITS).unwrap();
    let disk = Disk::below(folder.path());
    disk.fail(3, Fault::Once);
    let records: Vec<_> = (0..200_u8).map(|number| [number; 3]).collect();
    file.append_all(&records).unwrap_err();
    let calls: Vec<_> = disk.calls().into_iter().map(|(call, _)| call).collect();
    assert_eq!(calls, [Call::Write, Call::Flush, Call::Write, Call::Flush]);
    assert_eq!(file.count(), 128, "one group was acknowledged");
    drop(file);
    let file = AppendFile::open(&path, LIMITS).unwrap().file;
    assert_eq!(file.records(0..200).unwrap(), records);
}

#[test]
fn a_disk_that_may_only_be_read_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("charter");
    write_atomically(&small, b"one", 0o600).unwrap();
    let disk = Disk::below(folder.path());
    for number in 0..5 {
        disk.fail(disk.calls().len() + number, Fault::ReadOnly);
        let error = write_atomically(&small, b"two", 0o600).unwrap_err().to_string();
        assert!(error.contains("writable") && error.contains("folder") || number < 4, "{error}");
        // Only the last of its calls comes behind the change of the name.
        let expected: &[u8] = if number < 4 { b"one" } else { b"two" };
        assert_eq!(std::fs::read(&small).unwrap(), expected, "call {number}");
        disk.mend();
        write_atomically(&small, b"one", 0o600).unwrap();
    }
    disk.fail(0, Fault::ReadOnly);
    assert!(remove(&small).is_err());
    assert!(small.exists());
    disk.mend();
    remove(&small).unwrap();
    remove(&small).unwrap();
    assert!(!small.exists());
}

#[test]
fn how_far_a_file_has_come_is_known_elsewhere_and_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut file = AppendFile::create(&path, LIMITS).unwrap();
    let follower = file.follower();
    let mut tips = vec![follower.tip()];
    for record in [&b"one"[..], b"", b"three"] {
        file.append(record).unwrap();
        tips.push(follower.tip());
    }
    assert_eq!(tips.iter().map(|tip| tip.records).collect::<Vec<_>>(), [0, 1, 2, 3]);
    drop(file);
    let file = AppendFile::open(&path, LIMITS).unwrap().file;
    assert_eq!(file.follower().tip(), tips[3]);
    for (records, tip) in (0..).zip(&tips) {
        assert_eq!(file.tip_at(records).unwrap(), Some(*tip));
    }
    assert_eq!(file.tip_at(4).unwrap(), None);
    let other = folder.path().join("other");
    let mut other = AppendFile::create(other, LIMITS).unwrap();
    other.append(b"another one").unwrap();
    assert_ne!(other.follower().tip().check, tips[1].check);
}
