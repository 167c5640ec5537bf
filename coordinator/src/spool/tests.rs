//! Uploads on a real disk: cut short, complete, damaged, too many. The test binary starts itself
//! again to be killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ripieno_coordinator_engine::Spools;
use ripieno_files::FileError;
use ripieno_secagg::SlotId;
use ripieno_secagg::coordinator::Spool;
use ripieno_study::{Digest, SiteIndex};
use tempfile::TempDir;

use super::*;

const PATH: &str = "RIPIENO_SPOOL_TEST_PATH";
/// Bytes of an upload of two tiles of 3 lanes.
const TWO_TILES: u64 = 16 + 2 * (40 + 24) + 40;

fn slot(number: u16) -> SlotId {
    SlotId { transcript: Digest::from_bytes([7; 32]), slot: number }
}

fn site(number: u16) -> SiteIndex {
    SiteIndex::new(number).unwrap()
}

fn lanes(tile: usize) -> Vec<u64> {
    vec![u64::MAX - tile as u64, 1 << 40, tile as u64]
}

fn fill(spool: &mut dyn Spool, from: SiteIndex) {
    for tile in 0..2 {
        spool.put(from, tile, lanes(tile).into()).unwrap();
    }
}

fn assert_there(spool: &dyn Spool, from: SiteIndex) {
    for tile in 0..2 {
        assert_eq!(spool.get(from, tile).unwrap(), lanes(tile));
    }
    assert!(spool.get(from, 2).is_err());
}

fn assert_absent(spool: &dyn Spool, from: SiteIndex) {
    let error = spool.get(from, 0).unwrap_err();
    assert!(error.reason.contains("not there"), "{error}");
}

fn names(folder: &TempDir, name: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder.path().join(name)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn object(folder: &TempDir) -> PathBuf {
    let names = names(folder, "objects");
    assert_eq!(names.len(), 1);
    folder.path().join("objects").join(names.first().unwrap())
}

#[test]
fn tiles_come_back_before_and_after_the_upload_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    fill(&mut *spool, site(1));
    fill(&mut *spool, site(2));
    // The same tile again, longer: it counts instead.
    spool.put(site(1), 0, vec![9; 5].into()).unwrap();
    assert_eq!(spool.get(site(1), 0).unwrap(), [9; 5]);
    spool.put(site(1), 0, lanes(0).into()).unwrap();
    for complete in [false, true] {
        assert_there(&*spool, site(1));
        assert_there(&*spool, site(2));
        assert_absent(&*spool, site(3));
        if !complete {
            spool.complete(site(1)).unwrap();
            spool.complete(site(1)).unwrap();
            spool.complete(site(2)).unwrap();
        }
    }
    assert!(spool.complete(site(3)).is_err());
    assert_eq!(names(&folder, "spool"), ["lock".to_owned()].into());
    let other = spools.open(slot(2)).unwrap();
    assert_absent(&*other, site(1));
}

#[test]
fn after_a_restart_complete_uploads_are_there_and_others_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    fill(&mut *spool, site(1));
    spool.complete(site(1)).unwrap();
    fill(&mut *spool, site(12));
    // As a killed process leaves it.
    std::mem::forget(spool);
    drop(spools);
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    assert_eq!(names(&folder, "spool"), ["lock".to_owned()].into());
    let mut spool = spools.open(slot(1)).unwrap();
    assert_there(&*spool, site(1));
    assert_absent(&*spool, site(12));
    // Nobody knew that it was complete: it comes again.
    spool.put(site(1), 0, vec![5; 3].into()).unwrap();
    assert_eq!(spool.get(site(1), 0).unwrap(), [5; 3]);
    spool.put(site(1), 1, vec![6; 3].into()).unwrap();
    spool.complete(site(1)).unwrap();
    drop(spool);
    assert_eq!(spools.open(slot(1)).unwrap().get(site(1), 1).unwrap(), [6; 3]);
}

#[test]
#[ignore = "run by the test beside it"]
fn uploads_for_ever() {
    let path = std::env::var_os(PATH).expect("only the tests beside this one run it");
    let mut spools = DiskSpools::open(Path::new(&path)).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    for number in 1.. {
        fill(&mut *spool, site(number));
        spool.complete(site(number)).unwrap();
        println!("acknowledged {number}");
    }
}

#[test]
fn a_killed_process_leaves_the_complete_uploads_and_no_part_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_path!().split_once("::").unwrap().1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", &format!("{module}::uploads_for_ever")])
        .env(PATH, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let number = |line: &str| line.split_once("acknowledged ")?.1.parse::<u16>().ok();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.by_ref().filter_map(|line| number(&line.ok()?)).take(20).last();
    child.kill().unwrap();
    child.wait().unwrap();
    let last = lines.filter_map(|line| number(&line.ok()?)).last().or(seen).unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let spool = spools.open(slot(1)).unwrap();
    for number in 1..=last {
        assert_there(&*spool, site(number));
    }
    for number in last + 1..last + 3 {
        if spool.get(site(number), 0).is_ok() {
            assert_there(&*spool, site(number));
        }
    }
    assert_eq!(names(&folder, "spool"), ["lock".to_owned()].into());
}

#[test]
fn every_damaged_byte_is_an_error_and_never_another_value() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    fill(&mut *spool, site(1));
    spool.complete(site(1)).unwrap();
    drop(spool);
    let path = object(&folder);
    let good = std::fs::read(&path).unwrap();
    assert_eq!(good.len() as u64, TWO_TILES);
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
        let spool = spools.open(slot(1)).unwrap();
        let read: Vec<_> = (0..2).map(|tile| spool.get(site(1), tile)).collect();
        assert!(read.iter().any(Result::is_err), "byte {place}");
        for (tile, read) in read.into_iter().enumerate() {
            match read {
                Ok(found) => assert_eq!(found, lanes(tile), "byte {place}"),
                Err(error) => assert!(error.to_string().contains("site 1"), "{error}"),
            }
        }
    }
    for length in 0..good.len() {
        std::fs::write(&path, &good[..length]).unwrap();
        let error = spools.open(slot(1)).unwrap().get(site(1), 0).unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("send its upload again"), "{error}");
    }
}

#[test]
fn an_upload_in_the_place_of_another_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    fill(&mut *spool, site(1));
    spool.complete(site(1)).unwrap();
    let path = object(&folder);
    let other = path.to_str().unwrap().replace("-1-1", "-1-2");
    std::fs::copy(&path, other).unwrap();
    let spool = spools.open(slot(1)).unwrap();
    assert_there(&*spool, site(1));
    assert!(spool.get(site(2), 0).unwrap_err().reason.contains("damaged"));
}

#[test]
fn a_damaged_upload_is_discarded_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    fill(&mut *spool, site(1));
    spool.complete(site(1)).unwrap();
    drop(spool);
    std::fs::write(object(&folder), b"x").unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    assert!(spool.complete(site(1)).is_err());
    spool.discard(site(1));
    assert_absent(&*spool, site(1));
    assert_eq!(names(&folder, "objects"), BTreeSet::new());
    fill(&mut *spool, site(1));
    spool.discard(site(1));
    assert_absent(&*spool, site(1));
    fill(&mut *spool, site(1));
    spool.complete(site(1)).unwrap();
    assert_there(&*spool, site(1));
}

#[test]
fn slots_are_removed_and_kept_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    for number in [1, 11, 2, 3] {
        let mut spool = spools.open(slot(number)).unwrap();
        fill(&mut *spool, site(1));
        spool.complete(site(1)).unwrap();
    }
    std::fs::write(folder.path().join("objects/sum-1"), b"not an upload").unwrap();
    std::fs::write(folder.path().join("objects/upload-"), b"of no slot").unwrap();
    spools.remove(slot(1));
    let there = |spools: &mut DiskSpools| {
        let of = |number: &u16| spools.open(slot(*number)).unwrap().get(site(1), 0).is_ok();
        [1, 11, 2, 3].into_iter().filter(of).collect::<Vec<_>>()
    };
    assert_eq!(there(&mut spools), [11, 2, 3]);
    spools.keep_only(&[slot(3), slot(1), slot(11)].into());
    assert_eq!(there(&mut spools), [11, 3]);
    assert!(names(&folder, "objects").contains("sum-1"));
    assert!(!names(&folder, "objects").contains("upload-"));
}

#[test]
fn all_uploads_together_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let objects = Arc::new(LocalObjects::open(folder.path().join("objects")).unwrap());
        let spool = folder.path().join("spool");
        DiskSpools::open_with(&spool, objects, 2 * TWO_TILES).unwrap()
    };
    let mut spools = open();
    let mut spool = spools.open(slot(1)).unwrap();
    let refused = |spool: &mut dyn Spool, from| {
        let error = spool.put(from, 0, lanes(0).into()).unwrap_err();
        assert!(error.reason.contains("all uploads together"), "{error}");
    };
    fill(&mut *spool, site(1));
    spool.complete(site(1)).unwrap();
    fill(&mut *spool, site(2));
    refused(&mut *spool, site(3));
    spool.discard(site(2));
    fill(&mut *spool, site(3));
    spool.complete(site(3)).unwrap();
    drop(spool);
    drop(spools);
    // What was there counts after a restart, and no longer when it is removed.
    let mut spools = open();
    let mut spool = spools.open(slot(2)).unwrap();
    refused(&mut *spool, site(1));
    spools.remove(slot(1));
    fill(&mut *spool, site(1));
    fill(&mut *spool, site(2));
    spool.complete(site(1)).unwrap();
    spool.complete(site(2)).unwrap();
    spool.discard(site(1));
    fill(&mut *spool, site(3));
    assert_there(&*spool, site(3));
    // An upload in the place of the same one counts once.
    spool.discard(site(3));
    fill(&mut *spool, site(2));
    spool.complete(site(2)).unwrap();
    fill(&mut *spool, site(3));
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = DiskSpools::open(folder.path()).unwrap();
    let error = DiskSpools::open(folder.path()).unwrap_err();
    assert!(matches!(error, ObjectError::File(FileError::InUse { .. })), "{error}");
}

/// A disk that can be read in all other places takes more work.
#[test]
fn repro_an_upload_that_cannot_be_read_is_the_matter_of_its_slot() {
    let folder = tempfile::tempdir().unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    for number in [1, 2] {
        fill(&mut *spool, site(number));
        spool.complete(site(number)).unwrap();
    }
    drop(spool);
    drop(spools);
    // A folder can be opened and looked at as a file can, and each read of it is refused.
    let name = upload::Owner { slot: slot(1), site: site(1) }.name();
    let unreadable = folder.path().join("objects").join(name);
    std::fs::remove_file(&unreadable).unwrap();
    std::fs::create_dir(&unreadable).unwrap();
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    let error = spool.get(site(1), 0).unwrap_err().to_string();
    assert!(error.contains(unreadable.to_str().unwrap()), "{error}");
    assert_there(&*spool, site(2));
    assert!(spool.complete(site(1)).is_err());
    assert_eq!(spools.faults().first(), None);
}

#[test]
fn a_disk_that_refuses_is_kept_in_mind_and_one_without_room_is_not() {
    use std::io::ErrorKind::{FileTooLarge, Other, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let (write, flush) = ("write an upload in", objects::FLUSH);
    for (doing, kind, is_kept) in [
        (write, StorageFull, false),
        (write, QuotaExceeded, false),
        (write, ReadOnlyFilesystem, true),
        (write, FileTooLarge, true),
        (write, Other, true),
        (flush, StorageFull, true),
        (flush, Other, true),
    ] {
        let faults = Faults::default();
        let file = FileError::System { doing, path: "/there".into(), error: kind.into() };
        faults.note(&upload::UploadError::File(file));
        assert_eq!(faults.first().is_some(), is_kept, "{doing}: {kind}");
    }
}

/// Objects on a disk that may be full.
#[derive(Debug)]
struct Scarce {
    objects: LocalObjects,
    full: AtomicBool,
}

impl Objects for Scarce {
    fn put(&self, name: &str, path: &Path) -> Result<(), ObjectError> {
        if self.full.load(Ordering::Relaxed) {
            let error = std::io::ErrorKind::StorageFull.into();
            let path = "/there/objects".into();
            return Err(FileError::System { doing: "create a file in", path, error }.into());
        }
        self.objects.put(name, path)
    }

    fn open(&self, name: &str) -> Result<Box<dyn Object>, ObjectError> {
        self.objects.open(name)
    }

    fn delete(&self, name: &str) -> Result<(), ObjectError> {
        self.objects.delete(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Stored>, ObjectError> {
        self.objects.list(prefix)
    }
}

#[test]
fn a_full_disk_is_named_and_the_upload_can_be_completed_later() {
    let folder = tempfile::tempdir().unwrap();
    let objects = LocalObjects::open(folder.path().join("objects")).unwrap();
    let scarce = Arc::new(Scarce { objects, full: AtomicBool::new(true) });
    let spool = folder.path().join("spool");
    let mut spools = DiskSpools::open_with(&spool, scarce.clone(), u64::MAX).unwrap();
    let faults = spools.faults();
    let mut spool = spools.open(slot(1)).unwrap();
    fill(&mut *spool, site(1));
    assert_eq!(faults.first(), None);
    let error = spool.complete(site(1)).unwrap_err().to_string();
    assert!(error.contains("/there/objects") && error.contains("free some space"), "{error}");
    assert_eq!(faults.first(), None, "no room is the matter of the slot alone");
    assert!(error.contains("site 1"), "{error}");
    assert_there(&*spool, site(1));
    assert_eq!(names(&folder, "objects"), BTreeSet::new());
    scarce.full.store(false, Ordering::Relaxed);
    spool.complete(site(1)).unwrap();
    assert_there(&*spool, site(1));
    drop(spool);
    assert_there(&*spools.open(slot(1)).unwrap(), site(1));
}

#[test]
#[ignore = "run by the test beside it"]
fn puts_until_the_disk_is_full() {
    let path = std::env::var_os(PATH).expect("only the tests beside this one run it");
    let mut spools = DiskSpools::open(Path::new(&path)).unwrap();
    let mut spool = spools.open(slot(1)).unwrap();
    spool.put(site(1), 0, vec![1; 200].into()).unwrap();
    let error = spool.put(site(1), 1, vec![2; 1000].into()).unwrap_err();
    println!("refused: {error}");
    // What fits still fits, in the place of what did not.
    spool.put(site(1), 1, vec![3; 50].into()).unwrap();
    spool.complete(site(1)).unwrap();
}

#[test]
fn a_tile_that_did_not_fit_leaves_nothing_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_path!().split_once("::").unwrap().1;
    // A limit on the size of files stands for the disk; the signal for it must not kill.
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 6; exec \"$0\" --ignored --exact --nocapture \"$1\"")
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::puts_until_the_disk_is_full"))
        .env(PATH, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let refused = text.lines().find(|line| line.starts_with("refused: ")).unwrap();
    let spool = folder.path().join("spool");
    assert!(refused.contains(spool.to_str().unwrap()), "{refused}");
    let mut spools = DiskSpools::open(folder.path()).unwrap();
    let spool = spools.open(slot(1)).unwrap();
    assert_eq!(spool.get(site(1), 0).unwrap(), [1; 200]);
    assert_eq!(spool.get(site(1), 1).unwrap(), [3; 50]);
}
