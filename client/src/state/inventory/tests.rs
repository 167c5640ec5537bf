//! What an inventory notices, and what it outlives.

use super::super::small::digest_of;
use super::book::NEXT;
use super::*;
use crate::layout;

const FILE: &str = "folder/file";

fn layout() -> (tempfile::TempDir, Layout) {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::at(root.path());
    std::fs::create_dir(layout.dir().join("folder")).unwrap();
    (root, layout)
}

fn found(layout: &Layout) -> Files {
    let digest = digest_of(&layout.dir().join(FILE)).unwrap();
    digest.map(|digest| (FILE.to_owned(), digest)).into_iter().collect()
}

/// Announces a change that is not made: the folder is away meanwhile.
fn fail(layout: &Layout, change: impl FnOnce(&Inventory) -> Result<(), BadFolder>) {
    let (inventory, _) = Inventory::open(layout).unwrap();
    let (here, away) = (layout.dir().join("folder"), layout.dir().join("away"));
    std::fs::rename(&here, &away).unwrap();
    change(&inventory).unwrap_err();
    assert!(inventory.failed().is_some());
    std::fs::rename(&away, &here).unwrap();
    let after = inventory.write(FILE, b"after a failure", 0o600).unwrap_err();
    assert!(matches!(after, BadFolder::Poisoned(_)), "{after}");
}

#[test]
fn a_change_that_was_announced_and_not_made_is_none() {
    let (_root, layout) = layout();
    drop(Inventory::ensure(&layout).unwrap());
    fail(&layout, |inventory| inventory.write(FILE, b"one", 0o600));
    let (inventory, _) = Inventory::open(&layout).unwrap();
    inventory.verify(&found(&layout)).unwrap();
    inventory.write(FILE, b"one", 0o600).unwrap();
    drop(inventory);
    fail(&layout, |inventory| inventory.write(FILE, b"two", 0o600));
    let (inventory, _) = Inventory::open(&layout).unwrap();
    inventory.verify(&found(&layout)).unwrap();
    drop(inventory);
    fail(&layout, |inventory| inventory.remove(FILE));
    let (inventory, _) = Inventory::open(&layout).unwrap();
    inventory.settle(&found(&layout)).unwrap();
    drop(inventory);
    // It was settled by the one that opened it first, and stays so.
    let (inventory, _) = Inventory::open(&layout).unwrap();
    inventory.mark().unwrap();
    inventory.verify(&found(&layout)).unwrap();
    assert_eq!(std::fs::read(layout.dir().join(FILE)).unwrap(), b"one");
    inventory.remove(FILE).unwrap();
    inventory.remove(FILE).unwrap();
    assert_eq!(found(&layout), Files::new());
    inventory.verify(&found(&layout)).unwrap();
}

#[test]
fn only_the_last_change_may_be_missing() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    let path = layout.dir().join(FILE);
    inventory.write(FILE, b"one", 0o600).unwrap();
    inventory.write(FILE, b"two", 0o600).unwrap();
    inventory.mark().unwrap();
    drop(inventory);
    std::fs::write(&path, b"one").unwrap();
    let (inventory, _) = Inventory::open(&layout).unwrap();
    let older = inventory.verify(&found(&layout)).unwrap_err();
    assert!(matches!(&older, BadFolder::Changed(changed) if *changed == path), "{older}");
    assert_eq!(inventory.differing(&found(&layout)), [FILE.to_owned()].into());
    std::fs::remove_file(&path).unwrap();
    let gone = inventory.verify(&found(&layout)).unwrap_err();
    assert!(matches!(gone, BadFolder::Missing(_)), "{gone}");
    let foreign = Files::from([("another".to_owned(), Digest::from_bytes([1; 32]))]);
    std::fs::write(&path, b"two").unwrap();
    let mut with_foreign = found(&layout);
    with_foreign.extend(foreign);
    let foreign = inventory.verify(&with_foreign).unwrap_err();
    assert!(matches!(foreign, BadFolder::Foreign(_)), "{foreign}");
    inventory.verify(&found(&layout)).unwrap();
}

#[test]
fn a_file_of_records_has_come_as_far_as_it_had() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    let path = layout.ledger();
    let mut file = AppendFile::create(&path, super::super::limits::LEDGER).unwrap();
    file.append(b"one").unwrap();
    inventory.follow("ledger", &file).unwrap();
    let one = std::fs::read(&path).unwrap();
    file.append(b"two").unwrap();
    inventory.mark().unwrap();
    drop((inventory, file));
    let follow = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let opened = AppendFile::open(&path, super::super::limits::LEDGER).unwrap();
        Inventory::open(&layout).unwrap().0.follow("ledger", &opened.file)
    };
    let whole = std::fs::read(&path).unwrap();
    follow(&whole).unwrap();
    let short = follow(&one).unwrap_err();
    assert!(matches!(short, BadFolder::Short { found: 1, records: 2, .. }), "{short}");
    let other = layout.dir().join("other");
    let mut fork = AppendFile::create(&other, super::super::limits::LEDGER).unwrap();
    [&b"one"[..], b"2", b"3"].into_iter().for_each(|record| fork.append(record).unwrap());
    let forked = follow(&std::fs::read(&other).unwrap()).unwrap_err();
    assert!(matches!(forked, BadFolder::Forked { records: 2, .. }), "{forked}");
}

#[test]
fn a_folder_that_is_an_older_one_stays_so() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    inventory.check_fresh().unwrap();
    inventory.condemn("a slot is missing").unwrap();
    inventory.mark().unwrap();
    drop(inventory);
    let stale = Inventory::open(&layout).unwrap().0.check_fresh().unwrap_err();
    assert!(stale.to_string().contains("a slot is missing"), "{stale}");
}

/// The other end causes what is written into it.
#[test]
fn repro_a_long_inventory_begins_anew_and_knows_the_same() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    let mut file = AppendFile::create(layout.ledger(), crate::state::limits::LEDGER).unwrap();
    inventory.follow("ledger", &file).unwrap();
    file.append(b"one").unwrap();
    for number in 0..100_u8 {
        inventory.write(FILE, &[number], 0o600).unwrap();
    }
    inventory.adopt("gone", Some(Digest::from_bytes([7; 32]))).unwrap();
    inventory.adopt("gone", None).unwrap();
    inventory.condemn("a slot is missing").unwrap();
    drop((inventory, file));
    let length = || std::fs::metadata(layout.inventory()).unwrap().len();
    let long = length();
    // What a crash leaves while the shorter one is made.
    std::fs::write(layout.dir().join(NEXT), b"half of it").unwrap();

    let (inventory, _) = Inventory::open(&layout).unwrap();
    inventory.verify(&found(&layout)).unwrap();
    inventory.book().shorten(long).unwrap();
    assert_eq!(length(), long, "up to there it stays");
    inventory.book().shorten(long - 1).unwrap();
    assert!(length() < 1024, "{} of {long}", length());
    assert!(!layout.dir().join(NEXT).exists());
    // It is gone on with, now and after a start.
    inventory.write(FILE, b"last", 0o600).unwrap();
    drop(inventory);
    let (inventory, torn) = Inventory::open(&layout).unwrap();
    assert_eq!(torn, None);
    inventory.verify(&found(&layout)).unwrap();
    assert!(matches!(inventory.check_fresh(), Err(BadFolder::Stale { .. })));
    std::fs::write(layout.dir().join(FILE), b"another").unwrap();
    assert!(matches!(inventory.verify(&found(&layout)), Err(BadFolder::Changed(_))));
    std::fs::remove_file(layout.ledger()).unwrap();
    let file = AppendFile::create(layout.ledger(), crate::state::limits::LEDGER).unwrap();
    assert!(matches!(inventory.follow("ledger", &file), Err(BadFolder::Short { .. })));
}

/// A coordinator that sends a study and its end over and over has files written over and over.
#[test]
fn repro_an_inventory_stays_short_while_the_daemon_runs() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    inventory.book().most = 4096;
    let length = || std::fs::metadata(layout.inventory()).unwrap().len();
    let mut longest = 0;
    for number in 0..100_u8 {
        inventory.write(FILE, &[number], 0o600).unwrap();
        inventory.remove(FILE).unwrap();
        longest = longest.max(length());
        inventory.book().most = 4096;
    }
    assert!((3072..4096 + 512).contains(&longest), "{longest}");
    inventory.write(FILE, b"last", 0o600).unwrap();
    drop(inventory);
    let (inventory, torn) = Inventory::open(&layout).unwrap();
    assert_eq!(torn, None);
    inventory.verify(&found(&layout)).unwrap();
    // What cannot be shortened in order takes nothing more.
    inventory.book().most = 0;
    std::fs::create_dir(layout.dir().join(NEXT)).unwrap();
    inventory.write(FILE, b"one more", 0o600).unwrap_err();
    assert!(inventory.failed().is_some());
    drop(inventory);
    std::fs::remove_dir(layout.dir().join(NEXT)).unwrap();
    Inventory::open(&layout).unwrap().0.verify(&found(&layout)).unwrap();
}

#[test]
fn a_snapshot_is_the_first_record_alone() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    inventory.mark().unwrap();
    let mut book = inventory.book();
    let snapshot = book.snapshot();
    book.file.append(&snapshot).unwrap();
    drop(book);
    drop(inventory);
    let refused = Inventory::open(&layout).unwrap_err();
    assert!(matches!(refused, BadFolder::Record { number: 2, .. }), "{refused}");
}

/// Without these a site would sign a second charter of one version, or go back to an epoch.
#[test]
fn repro_no_text_says_to_take_away_what_a_site_promised() {
    let (_root, layout) = layout();
    let inventory = Inventory::ensure(&layout).unwrap();
    for (name, away) in [
        (layout::KEY, false),
        (layout::LINEAGE, false),
        (layout::CONSENTS, false),
        ("studies/epochs", false),
        (layout::PROPOSAL, true),
    ] {
        let found = [(name.to_owned(), Digest::from_bytes([1; 32]))].into();
        let text = inventory.verify(&found).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains("Restore the newest folder"), "{text}");
        assert_eq!(text.contains("move the file away"), away, "{text}");
        assert_eq!(text.contains("come back as a new site"), !away, "{text}");
    }
}
