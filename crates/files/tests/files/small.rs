//! Small files, keys, and the folder that holds them.

use std::path::Path;

use ripieno_files::{
    FileError, Folder, KeyFile, LockFile, StateDir, write_atomically, write_output,
};
use zeroize::Zeroizing;

use crate::{as_ordinary_user, mode, ordinary_folder, set_mode};

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("charter.json");
    write_atomically(&path, b"the first charter", 0o644).unwrap();
    assert_eq!(mode(&path), 0o644, "whatever the umask");
    let old = std::fs::File::open(&path).unwrap();
    write_atomically(&path, b"the second", 0o600).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"the second");
    assert_eq!(std::io::read_to_string(old).unwrap(), "the first charter");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(names(folder.path()), ["charter.json"]);
}

#[test]
fn what_is_handed_on_may_be_read_by_whom_the_umask_lets() {
    let folder = tempfile::tempdir().unwrap();
    let (ordinary, path) = (folder.path().join("ordinary"), folder.path().join("result.json"));
    std::fs::write(&ordinary, b"").unwrap();
    for bytes in [b"first", b"again"] {
        write_output(&path, bytes).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(mode(&path), mode(&ordinary));
        set_mode(&path, 0o600);
    }
    assert_eq!(names(folder.path()), ["ordinary", "result.json"]);
    let nowhere = write_output(&folder.path().join("no/such"), b"").unwrap_err().to_string();
    assert!(nowhere.contains("no/such"), "{nowhere}");
}

#[test]
fn a_file_that_cannot_be_replaced_is_kept() {
    let folder = ordinary_folder();
    let path = folder.path().join("charter.json");
    as_ordinary_user(|| {
        write_atomically(&path, b"old", 0o600).unwrap();
        set_mode(folder.path(), 0o500);
        let error = write_atomically(&path, b"new", 0o600).unwrap_err().to_string();
        assert!(error.contains("charter.json") && error.contains("run this as"), "{error}");
        set_mode(folder.path(), 0o700);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(
            write_atomically(&path, b"new", 0o600),
            Err(FileError::System { doing: "replace", .. })
        ));
        assert_eq!(names(folder.path()), ["charter.json"], "nothing is left behind");
    });
    let nowhere = write_atomically(&folder.path().join("no/such"), b"", 0o600);
    assert!(matches!(nowhere, Err(FileError::System { .. })));
}

#[test]
fn a_key_is_kept_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::at(folder.path().join("site.key"));
    assert!(matches!(file.read(), Err(FileError::Missing(_))));
    let seed = Zeroizing::new([7; 32]);
    file.create(&seed).unwrap();
    assert_eq!(mode(file.path()), 0o600);
    assert_eq!(file.read().unwrap(), seed);
    assert!(matches!(file.create(&Zeroizing::new([8; 32])), Err(FileError::Exists(_))));
    assert_eq!(file.read().unwrap(), seed, "a key is never replaced");
    for exposed in [0o640, 0o604, 0o620, 0o602, 0o644] {
        set_mode(file.path(), exposed);
        let error = file.read().unwrap_err().to_string();
        let advice = format!("(mode {exposed:03o}); type: chmod 600 {}", file.path().display());
        assert!(error.ends_with(&advice), "{error}");
    }
    set_mode(file.path(), 0o400);
    assert_eq!(file.read().unwrap(), seed);
}

#[test]
fn what_is_no_key_is_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.key");
    for bytes in [&[][..], &[7; 31], &[7; 33], &[0; 32]] {
        write_atomically(&path, bytes, 0o600).unwrap();
        let error = KeyFile::at(&path).read().unwrap_err();
        assert!(matches!(error, FileError::Unfit { .. }), "{} bytes: {error}", bytes.len());
    }
    write_atomically(&path, &[7; 32], 0o600).unwrap();
    KeyFile::at(&path).read().unwrap();
    let link = folder.path().join("link.key");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(KeyFile::at(&link).read().is_err(), "links are not followed");
}

#[test]
fn a_state_folder_has_one_owner_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/ripieno");
    let state = StateDir::open(&path).unwrap();
    assert_eq!((mode(&path), mode(&folder.path().join("var"))), (0o700, 0o700));
    assert_eq!(mode(&path.join("lock")), 0o600);
    assert!(matches!(StateDir::open(&path), Err(FileError::InUse { .. })));
    drop(state);
    for exposed in [0o750, 0o701, 0o770] {
        set_mode(&path, exposed);
        let error = StateDir::open(&path).unwrap_err().to_string();
        assert!(error.ends_with(&format!("chmod 700 {}", path.display())), "{error}");
    }
    set_mode(&path, 0o700);
    let state = StateDir::open(&path).unwrap();
    let studies = state.root().folder("studies").unwrap();
    assert_eq!(mode(studies.path()), 0o700);
    set_mode(studies.path(), 0o755);
    assert!(matches!(state.root().folder("studies"), Err(FileError::Exposed { .. })));
    assert!(matches!(StateDir::open(path.join("lock")), Err(FileError::Unfit { .. })));
}

#[test]
fn names_do_not_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().join("state")).unwrap();
    let long = "a".repeat(129);
    for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", ".hidden", "a\0b", "é", &long] {
        assert!(matches!(state.root().file(name), Err(FileError::BadName { .. })), "{name:?}");
        assert!(state.root().folder(name).is_err(), "{name:?}");
    }
    let path = state.root().file("round-12.sum_v1").unwrap();
    assert_eq!(path, folder.path().join("state/round-12.sum_v1"));
}

#[test]
fn what_an_interrupted_replacement_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let studies = StateDir::open(&path).unwrap().root().folder("studies").unwrap();
    std::fs::write(studies.file("kept").unwrap(), b"kept").unwrap();
    for left in [path.join(".ripieno-tmp-a1b2c3"), studies.path().join(".ripieno-tmp-d4e5f6")] {
        std::fs::write(left, b"half").unwrap();
    }
    StateDir::open(&path).unwrap();
    assert_eq!(names(&path), ["lock", "studies"]);
    assert_eq!(names(studies.path()), ["kept"]);
}

#[test]
fn a_lock_file_is_held_by_one_and_free_when_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.lock");
    let held = LockFile::hold(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    let error = LockFile::hold(&path).unwrap_err();
    assert!(matches!(&error, FileError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("records.lock"), "{error}");
    drop(held);
    LockFile::hold(&path).unwrap();
}

#[test]
fn a_folder_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/objects");
    assert_eq!(Folder::open(&path).unwrap().path(), path);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
    set_mode(&path, 0o750);
    assert!(matches!(Folder::open(&path), Err(FileError::Exposed { folder: true, .. })));
}
