//! Files of records.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ripieno_files::{AppendFile, FileError, Limits, Opened, read_records};
use tempfile::TempDir;

use crate::{LIMITS, as_ordinary_user, mode, ordinary_folder, set_mode};

const RECORDS: [&[u8]; 3] = [b"the first record", b"", b"the third and last record"];

/// A file with three records, and where each of them ends.
fn three() -> (TempDir, PathBuf, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut file = AppendFile::create(&path, LIMITS).unwrap();
    let ends = RECORDS.map(|record| {
        file.append(record).unwrap();
        path.metadata().unwrap().len()
    });
    (folder, path, ends.to_vec())
}

fn open(path: &Path) -> Result<Opened, FileError> {
    AppendFile::open(path, LIMITS)
}

fn flip(path: &Path, at: u64, change: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ change], at).unwrap();
}

#[test]
fn what_was_appended_is_read_back() {
    let (_folder, path, _) = three();
    let Opened { mut file, torn } = open(&path).unwrap();
    assert_eq!(torn, None);
    assert_eq!(file.records(0..u64::MAX).unwrap(), RECORDS);
    assert_eq!(file.records(1..2).unwrap(), [b""]);
    assert_eq!(file.records(3..9).unwrap(), Vec::<Vec<u8>>::new());
    file.append(b"four").unwrap();
    assert_eq!(file.records(2..9).unwrap(), [RECORDS[2], b"four"]);
    drop(file);
    assert_eq!(open(&path).unwrap().file.count(), 4);
    assert_eq!(mode(&path), 0o600);
}

/// Written together, they lie in the file as if they had come one by one; of a group that was cut
/// short, whole records stay.
#[test]
fn records_of_a_group_lie_as_any_others() {
    let (folder, path, ends) = three();
    let group = folder.path().join("group");
    let mut file = AppendFile::create(&group, LIMITS).unwrap();
    file.append_all(&[] as &[&[u8]]).unwrap();
    file.append_all(&RECORDS).unwrap();
    assert_eq!(file.records(0..9).unwrap(), RECORDS);
    assert_eq!(file.follower().tip(), file.tip_at(3).unwrap().unwrap());
    let large = vec![0; LIMITS.record as usize + 1];
    let refused = file.append_all(&[b"small".as_slice(), &large]).unwrap_err();
    assert!(matches!(refused, FileError::TooLarge { .. }), "{refused}");
    assert_eq!(file.count(), 3, "none of a group in which one is too large");
    drop(file);
    let whole = std::fs::read(&group).unwrap();
    assert_eq!(whole, std::fs::read(&path).unwrap());
    for size in ends[0]..=ends[2] {
        std::fs::write(&group, &whole[..size as usize]).unwrap();
        let count = open(&group).unwrap().file.count();
        assert_eq!(count, ends.iter().filter(|end| **end <= size).count() as u64, "{size}");
    }
}

#[test]
fn an_append_that_was_cut_short_at_any_byte_is_cut_off_and_reported() {
    let (_folder, path, ends) = three();
    let whole = std::fs::read(&path).unwrap();
    for size in ends[1]..=ends[2] {
        std::fs::write(&path, &whole[..size as usize]).unwrap();
        let before = read_records(&path, LIMITS).unwrap();
        let Opened { mut file, torn } = open(&path).unwrap();
        assert_eq!(before.torn, torn);
        let complete = size == ends[2];
        match torn {
            Some(torn) => {
                let place = (torn.record, torn.offset, torn.bytes);
                assert_eq!(place, (3, ends[1], size - ends[1]));
                assert!(torn.to_string().contains("ledger: record 3 at offset"), "{torn}");
                assert!(!complete && size > ends[1]);
            }
            None => assert!(complete || size == ends[1], "cut to {size} unseen"),
        }
        assert_eq!(file.count(), if complete { 3 } else { 2 }, "cut to {size}");
        assert_eq!(before.records, file.records(0..9).unwrap());
        file.append(b"goes on").unwrap();
        drop(file);
        let again = open(&path).unwrap();
        assert_eq!(again.torn, None);
        let last = again.file.count() - 1;
        assert_eq!(again.file.records(last..last + 1).unwrap(), [b"goes on"]);
    }
}

#[test]
fn one_changed_byte_anywhere_is_an_error_that_names_its_place() {
    let (_folder, path, ends) = three();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..ends[2] {
        for change in [1, 0x10, 0xff] {
            flip(&path, at, change);
            let changed = std::fs::read(&path).unwrap();
            match open(&path) {
                Err(FileError::Unfit { .. }) => assert!(at < 16, "byte {at}"),
                Err(FileError::Damaged { path: file, record, offset, .. }) => {
                    let expected = ends.iter().filter(|end| **end <= at).count();
                    let start = if expected == 0 { 16 } else { ends[expected - 1] };
                    assert_eq!((file, record, offset), (path.clone(), expected as u64 + 1, start));
                }
                other => panic!("byte {at} ^ {change}: {other:?}"),
            }
            assert!(read_records(&path, LIMITS).is_err());
            assert_eq!(std::fs::read(&path).unwrap(), changed, "the file is left as it is");
            flip(&path, at, change);
        }
    }
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(open(&path).unwrap().file.count(), 3);
}

#[test]
fn records_that_were_removed_moved_or_repeated_are_damage() {
    let (_folder, path, ends) = three();
    let whole = std::fs::read(&path).unwrap();
    let part = |from: u64, to: u64| &whole[from as usize..to as usize];
    let (mark, one, two, three) =
        (part(0, 16), part(16, ends[0]), part(ends[0], ends[1]), part(ends[1], ends[2]));
    for (parts, record) in [
        (vec![mark, two, three], 1),
        (vec![mark, one, three], 2),
        (vec![mark, one, three, two], 2),
        (vec![mark, one, one, two, three], 2),
        (vec![mark, one, two, three, three], 4),
        (vec![mark, one, two, three, &[0; 40]], 4),
    ] {
        std::fs::write(&path, parts.concat()).unwrap();
        match open(&path) {
            Err(FileError::Damaged { record: found, .. }) => assert_eq!(found, record),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn damage_that_comes_while_the_file_is_open_is_found_when_it_is_read() {
    let (_folder, path, ends) = three();
    let file = open(&path).unwrap().file;
    flip(&path, ends[1] + 10, 1);
    assert_eq!(file.records(0..2).unwrap().len(), 2);
    let error = file.records(0..3).unwrap_err();
    assert!(matches!(error, FileError::Damaged { record: 3, .. }), "{error}");
}

#[test]
fn a_file_that_is_gone_empty_or_another_is_never_begun_anew() {
    let (folder, path, _) = three();
    for content in [&b""[..], b"ripieno-app", b"another kind of file"] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(open(&path), Err(FileError::Unfit { .. })), "{content:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    std::fs::remove_file(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, FileError::Missing(missing) if *missing == path));
    assert!(error.to_string().contains("restore it from the backup"), "{error}");
    assert!(!path.exists());
    AppendFile::create(&path, LIMITS).unwrap();
    assert!(matches!(AppendFile::create(&path, LIMITS), Err(FileError::Exists(_))));
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(open(&link), Err(FileError::System { doing: "open", .. })));
    assert!(matches!(open(folder.path()), Err(FileError::System { .. })));
}

#[test]
fn a_length_beyond_the_limits_is_refused_and_not_allocated() {
    let (_folder, path, ends) = three();
    let small = Limits { record: 20, ..LIMITS };
    match AppendFile::open(&path, small) {
        Err(FileError::TooLarge { bytes: 25, limit: 20, .. }) => {}
        other => panic!("{other:?}"),
    }
    match AppendFile::open(&path, Limits { file: ends[2] - 1, ..LIMITS }) {
        Err(FileError::TooLarge { bytes, .. }) => assert_eq!(bytes, ends[2]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_opener_is_refused_by_name() {
    let (_folder, path, _) = three();
    let first = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    match &error {
        FileError::InUse { path: file, pid } => {
            assert_eq!(*file, path);
            assert!(pid.is_none_or(|pid| pid == std::process::id()), "{pid:?}");
        }
        other => panic!("{other}"),
    }
    assert!(error.to_string().contains("ledger is in use by"), "{error}");
    assert_eq!(read_records(&path, LIMITS).unwrap().records, RECORDS, "but it can be read");
    drop(first);
    open(&path).unwrap();
    let created = path.with_file_name("new");
    let held = AppendFile::create(&created, LIMITS).unwrap();
    assert!(matches!(open(&created), Err(FileError::InUse { .. })));
    drop(held);
    open(&created).unwrap();
}

#[test]
fn a_file_that_others_may_reach_is_refused_with_what_to_type() {
    let (_folder, path, _) = three();
    for exposed in [0o640, 0o604, 0o660, 0o601] {
        set_mode(&path, exposed);
        let error = open(&path).unwrap_err();
        assert!(matches!(error, FileError::Exposed { mode, .. } if mode == exposed), "{error}");
        assert!(error.to_string().ends_with(&format!("chmod 600 {}", path.display())), "{error}");
    }
    set_mode(&path, 0o600);
    open(&path).unwrap();
}

#[test]
fn a_folder_or_file_that_may_only_be_read_is_an_error_with_its_name() {
    let folder = ordinary_folder();
    let path = folder.path().join("ledger");
    as_ordinary_user(|| {
        AppendFile::create(&path, LIMITS).unwrap().append(b"one").unwrap();
        set_mode(&path, 0o400);
        let error = open(&path).unwrap_err();
        assert!(error.to_string().contains("ledger") && error.to_string().contains("run this as"));
        set_mode(folder.path(), 0o500);
        let error = AppendFile::create(folder.path().join("witness"), LIMITS).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("witness") && text.contains("run this as"), "{text}");
        assert_eq!(read_records(&path, LIMITS).unwrap().records, [b"one"]);
        set_mode(folder.path(), 0o700);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    });
}
