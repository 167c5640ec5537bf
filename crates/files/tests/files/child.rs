//! What a second process sees, and what one leaves that is killed or runs out of space. The test
//! binary starts itself again for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ripieno_files::{AppendFile, FileError, Opened, StateDir, read_records};

use crate::LIMITS;

const PATH: &str = "RIPIENO_FILES_TEST_PATH";

fn path() -> PathBuf {
    std::env::var_os(PATH).expect("only the tests beside this one run it").into()
}

/// A shell that runs one of the tests below after `prepare`.
fn child(prepare: &str, test: &str, path: &Path) -> Command {
    let mut shell = Command::new("sh");
    let binary = std::env::current_exe().unwrap();
    shell.arg("-c").arg(format!("{prepare} exec \"$0\" --ignored --exact --nocapture \"$1\""));
    shell.arg(binary).arg(format!("child::{test}")).env(PATH, path);
    shell
}

fn content(number: u64) -> Vec<u8> {
    format!("record {number} ").repeat(20).into_bytes()
}

#[test]
#[ignore = "run by the tests beside it"]
fn appends_for_ever() {
    let Opened { mut file, .. } = AppendFile::open(path(), LIMITS).unwrap();
    for number in file.count().. {
        file.append(&content(number)).unwrap();
        println!("acknowledged {number}");
    }
}

#[test]
#[ignore = "run by the tests beside it"]
fn appends_until_the_disk_is_full() {
    let Opened { mut file, .. } = AppendFile::open(path(), LIMITS).unwrap();
    let error = loop {
        match file.append(&content(file.count())) {
            Ok(()) => println!("acknowledged {}", file.count() - 1),
            Err(error) => break error,
        }
    };
    assert!(matches!(file.append(b"next"), Err(FileError::Poisoned { .. })));
    println!("refused: {error}");
}

#[test]
#[ignore = "run by the tests beside it"]
fn opens() {
    let folder = path();
    println!("refused: {}", AppendFile::open(folder.join("ledger"), LIMITS).unwrap_err());
    println!("refused: {}", StateDir::open(folder).unwrap_err());
}

fn acknowledged(line: &str) -> Option<u64> {
    line.split_once("acknowledged ")?.1.parse().ok()
}

/// All records are what was written, and every acknowledged one is among them.
fn assert_kept(path: &Path, acknowledged: u64) {
    let Opened { file, .. } = AppendFile::open(path, LIMITS).unwrap();
    assert!(file.count() > acknowledged, "{} of {acknowledged}", file.count());
    for (number, record) in (0..).zip(file.records(0..file.count()).unwrap()) {
        assert_eq!(record, content(number));
    }
}

#[test]
fn a_killed_process_leaves_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    drop(AppendFile::create(&path, LIMITS).unwrap());
    for round in 0..5 {
        let mut process =
            child("", "appends_for_ever", &path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let seen = lines.by_ref().filter_map(|line| acknowledged(&line.unwrap()));
        seen.take(5 + round).for_each(drop);
        process.kill().unwrap();
        process.wait().unwrap();
        // Lines that it wrote before it died.
        let last = lines.filter_map(|line| acknowledged(&line.ok()?)).last();
        assert_kept(&path, last.unwrap_or(0));
    }
}

#[test]
fn a_full_disk_ends_the_records_and_no_acknowledged_one_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    drop(AppendFile::create(&path, LIMITS).unwrap());
    // A limit on the size of files stands for the disk; the signal for it must not kill.
    let prepare = "trap '' XFSZ; ulimit -f 4;";
    let output = child(prepare, "appends_until_the_disk_is_full", &path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let refused = text.lines().find(|line| line.starts_with("refused: ")).unwrap();
    assert!(refused.contains("ledger") && refused.contains("ulimit -f"), "{refused}");
    let last = text.lines().filter_map(acknowledged).next_back().unwrap();
    let torn = read_records(&path, LIMITS).unwrap().torn.unwrap();
    assert_eq!(torn.record, last + 2, "the part of it that fitted");
    assert_kept(&path, last);
}

#[test]
fn a_second_process_is_refused_and_told_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path().join("state")).unwrap();
    let path = state.root().file("ledger").unwrap();
    let file = AppendFile::create(&path, LIMITS).unwrap();
    let output = child("", "opens", state.root().path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let refused: Vec<_> = text.lines().filter(|line| line.starts_with("refused: ")).collect();
    assert_eq!(refused.len(), 2, "{text}");
    // Device numbers of some file systems differ from those in the kernel's list of locks.
    let known = format!("process {}", std::process::id());
    for (line, name) in refused.iter().zip(["ledger", "lock"]) {
        assert!(line.contains(&format!("/{name} is in use by ")), "{line}");
        assert!(line.contains(&known) || line.contains("another process"), "{line}");
    }
    drop((file, state));
}
