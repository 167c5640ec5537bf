//! The audit log from outside: what its owner writes verifies, whatever else is done to it does
//! not.

use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use ripieno_audit::{
    AuditError, AuditLog, Entry, Event, Head, Kind, MemoryStorage, Report, Storage, StorageError,
    Wrong, verify,
};
use ripieno_identity::{BadSignature, PublicKey, SigningKey};
use zeroize::Zeroizing;

fn key(seed: u8) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(&Zeroizing::new([seed; 32])))
}

fn owner() -> PublicKey {
    key(1).public()
}

fn not_signed_by(key: PublicKey) -> Wrong {
    Wrong::Signature(BadSignature { key: *key.as_bytes() })
}

/// Records that outlive the log over them, and a disk that may be full.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<(MemoryStorage, bool)>>);

impl Disk {
    fn records(&self) -> Vec<Vec<u8>> {
        self.read(0..u64::MAX).unwrap()
    }

    fn set_full(&self, full: bool) {
        self.0.lock().unwrap().1 = full;
    }
}

impl Storage for Disk {
    fn count(&self) -> u64 {
        self.0.lock().unwrap().0.count()
    }

    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        let mut disk = self.0.lock().unwrap();
        if disk.1 { Err(StorageError::new("the disk is full")) } else { disk.0.append(record) }
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StorageError> {
        self.0.lock().unwrap().0.read(range)
    }
}

fn open(disk: &Disk, every: u64) -> Result<AuditLog<Disk>, AuditError> {
    AuditLog::open(disk.clone(), key(1), NonZeroU64::new(every).unwrap())
}

fn event(number: u64) -> Event {
    let kinds = [Kind::Start, Kind::Decision, Kind::Refusal, Kind::DataRead, Kind::Round];
    let kind = kinds[number as usize % kinds.len()];
    Event::new(kind, 1_700_000_000 + number).with("study", "abcd").with("slot", number)
}

fn write(signer: &Arc<SigningKey>, every: u64, events: impl IntoIterator<Item = Event>) -> Records {
    let disk = Disk::default();
    let every = NonZeroU64::new(every).unwrap();
    let mut log = AuditLog::open(disk.clone(), Arc::clone(signer), every).unwrap();
    for event in events {
        log.append(event).unwrap();
    }
    disk.records()
}

type Records = Vec<Vec<u8>>;

fn honest(length: u64, every: u64) -> Records {
    write(&key(1), every, (1..=length).map(event))
}

fn first_fault(records: &[Vec<u8>]) -> Option<u64> {
    verify(records, &owner()).fault.map(|fault| fault.record)
}

/// Numbers of the entries that carry a signature.
fn signed(records: &[Vec<u8>]) -> Vec<u64> {
    let has = |record: &[u8]| record.windows(12).any(|part| part == b",\"signature\"");
    (1..).zip(records).filter(|(_, record)| has(record)).map(|(number, _)| number).collect()
}

fn lengths() -> impl Strategy<Value = (u64, u64)> {
    (1..40u64, 1..12u64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Also when it was opened many times, and sealed between.
    #[test]
    fn an_honest_log_of_any_length_verifies(
        steps in proptest::collection::vec(0..10u8, 0..60),
        every in 1..12u64,
    ) {
        let disk = Disk::default();
        let mut log = open(&disk, every).unwrap();
        let mut heads = vec![log.head()];
        for (number, step) in (1..).zip(steps) {
            match step {
                0 => log = open(&disk, every).unwrap(),
                1 => {
                    let signed = log.seal(number).unwrap();
                    prop_assert_eq!(signed.verify(&owner()), Ok(()));
                    prop_assert_eq!(signed.head, log.head());
                    prop_assert_eq!(log.signed_head(), Some(signed));
                }
                _ => prop_assert_eq!(log.append(event(number)).unwrap(), log.head()),
            }
            heads.push(log.head());
        }
        let report = verify(disk.records(), &owner());
        prop_assert_eq!(&report.fault, &None);
        prop_assert_eq!(report.head(), log.head());
        prop_assert_eq!(report.last_signed, log.signed_head());
        prop_assert_eq!(report.signed_heads, signed(&disk.records()).len() as u64);
        prop_assert!(heads.iter().all(|head| report.is_extension_of(*head)));
    }

    #[test]
    fn one_changed_byte_is_found_in_its_record(
        (length, every) in lengths(),
        at in any::<prop::sample::Index>(),
        change in 1..=255u8,
    ) {
        let mut records = honest(length, every);
        let sizes: Vec<_> = records.iter().map(Vec::len).collect();
        let mut byte = at.index(sizes.iter().sum());
        let record = sizes.iter().position(|size| {
            let here = byte < *size;
            byte -= if here { 0 } else { *size };
            here
        });
        let record = record.unwrap();
        records[record][byte] ^= change;
        prop_assert_eq!(first_fault(&records), Some(record as u64 + 1));
    }

    #[test]
    fn a_removed_record_is_found(
        (length, every) in lengths(),
        at in any::<prop::sample::Index>(),
    ) {
        let records = honest(length, every);
        let at = at.index(records.len());
        let mut less = records.clone();
        less.remove(at);
        let report = verify(&less, &owner());
        let whole = verify(&records, &owner());
        if at + 1 < records.len() {
            prop_assert_eq!(report.fault.as_ref().map(|fault| fault.record), Some(at as u64 + 1));
        } else {
            // Nothing in the rest tells that more had been there, but a head that was kept does.
            prop_assert_eq!(&report.fault, &None);
        }
        prop_assert!(!report.is_extension_of(whole.head()));
    }

    #[test]
    fn records_that_change_places_are_found(
        (length, every) in (2..40u64, 1..12u64),
        (one, other) in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let mut records = honest(length, every);
        let (one, other) = (one.index(records.len()), other.index(records.len()));
        prop_assume!(one != other);
        records.swap(one, other);
        prop_assert_eq!(first_fault(&records), Some(one.min(other) as u64 + 1));
    }

    /// Also one that the same owner signed, in another log or earlier in this one.
    #[test]
    fn an_inserted_record_is_found(
        (length, every) in lengths(),
        (at, from) in any::<(prop::sample::Index, prop::sample::Index)>(),
        own in any::<bool>(),
    ) {
        let mut records = honest(length, every);
        let others = write(&key(1), 1, (1..=length + 1).map(|number| event(number + 7)));
        let source = if own { &records } else { &others };
        let record = source[from.index(source.len())].clone();
        let at = at.index(records.len() + 1);
        prop_assume!(records.get(at) != Some(&record));
        // The owner's first entry of another log begins a log; the next one does not follow it.
        let begins = at == 0 && record == others[0];
        records.insert(at, record);
        prop_assert_eq!(first_fault(&records), Some(at as u64 + 1 + u64::from(begins)));
    }

    /// Somebody without the key writes everything from an entry on anew, with a chain that fits.
    #[test]
    fn what_is_rewritten_is_found_up_to_the_last_signature(
        (length, every) in lengths(),
        from in any::<prop::sample::Index>(),
    ) {
        let records = honest(length, every);
        let from = from.index(records.len()) as u64 + 1;
        let altered = |number| {
            if number == from { event(number).with("rule", "none") } else { event(number) }
        };
        let forged = write(&key(2), every, (1..=length).map(altered));
        let mut mixed = records[..from as usize - 1].to_vec();
        mixed.extend_from_slice(&forged[from as usize - 1..]);
        let expected = signed(&records).into_iter().find(|number| *number >= from);
        let report = verify(&mixed, &owner());
        prop_assert_eq!(report.fault.as_ref().map(|fault| fault.record), expected);
        if let Some(fault) = report.fault {
            prop_assert_eq!(fault.wrong, not_signed_by(owner()));
        } else {
            prop_assert!(report.unsigned() > length - from, "the report says what is not signed");
        }
    }

    #[test]
    fn a_log_that_was_cut_or_forked_is_no_extension(
        (length, every) in lengths(),
        kept in any::<prop::sample::Index>(),
    ) {
        let records = honest(length, every);
        let whole = verify(&records, &owner());
        let kept = kept.index(records.len() + 1);
        let cut = verify(&records[..kept], &owner());
        prop_assert_eq!(&cut.fault, &None);
        prop_assert!(whole.is_extension_of(cut.head()));
        prop_assert_eq!(cut.is_extension_of(whole.head()), kept == records.len());
        let again = write(&key(1), every, (1..=length).map(|number| event(number + 1)));
        let again = verify(&again, &owner());
        prop_assert_eq!(&again.fault, &None);
        prop_assert_eq!(again.is_extension_of(cut.head()), kept == 0);
    }
}

#[test]
fn every_byte_of_three_records_counts() {
    let records = honest(3, 2);
    for (number, record) in records.iter().enumerate() {
        for at in 0..record.len() {
            for change in [1, 0x20, 0x80] {
                let mut changed = records.clone();
                changed[number][at] ^= change;
                assert_eq!(first_fault(&changed), Some(number as u64 + 1), "byte {at} ^ {change}");
            }
        }
        for length in 0..record.len() {
            let mut cut = records.clone();
            cut[number].truncate(length);
            assert_eq!(first_fault(&cut), Some(number as u64 + 1), "cut to {length}");
        }
    }
}

#[test]
fn another_key_is_found_at_the_first_entry() {
    let report = verify(honest(5, 100), &key(2).public());
    let fault = report.fault.unwrap();
    assert_eq!((fault.record, fault.wrong), (1, not_signed_by(key(2).public())));
    assert_eq!((report.entries, report.signed_heads), (0, 0));
}

#[test]
fn a_signature_cannot_be_taken_away() {
    let mut records = honest(3, 2);
    for number in [0, 1] {
        let line = String::from_utf8(records[number].clone()).unwrap();
        let (bare, _) = line.split_once(",\"signature\"").unwrap();
        records[number] = format!("{bare}}}").into_bytes();
        let fault = verify(&records, &owner()).fault.unwrap();
        assert_eq!((fault.record, fault.wrong), (number as u64 + 1, Wrong::Digest));
        records = honest(3, 2);
    }
}

#[test]
fn the_first_entry_and_every_nth_are_signed() {
    assert_eq!(signed(&honest(10, 4)), [1, 4, 8]);
    assert_eq!(signed(&honest(3, 1)), [1, 2, 3]);
    let report = verify(honest(10, 4), &owner());
    assert_eq!((report.entries, report.signed_heads, report.unsigned()), (10, 3, 2));
    let disk = Disk::default();
    let mut log = open(&disk, 100).unwrap();
    log.append(event(1)).unwrap();
    log.append(event(2)).unwrap();
    assert_eq!(log.seal(9).unwrap().head.count, 3, "an entry that carries the signature");
    assert_eq!(log.seal(10).unwrap().head.count, 3, "signed already");
    assert_eq!(log.entries(3..4).unwrap()[0].kind, Kind::Seal);
    assert_eq!(verify(disk.records(), &owner()).unsigned(), 0);
}

#[test]
fn an_altered_log_is_not_opened() {
    let records = honest(600, 7);
    let disk = |records: Records| Disk(Arc::new(Mutex::new((records.into(), false))));
    let log = open(&disk(records.clone()), 7).unwrap();
    assert_eq!(log.head().count, 600);
    let mut altered = records;
    altered[300][40] ^= 1;
    match open(&disk(altered), 7) {
        Err(AuditError::Damaged(fault)) => assert_eq!(fault.record, 301),
        other => panic!("{:?}", other.map(|log| log.head())),
    }
}

#[test]
fn after_a_failed_append_nothing_follows_until_the_log_is_opened_again() {
    let disk = Disk::default();
    let mut log = open(&disk, 3).unwrap();
    log.append(event(1)).unwrap();
    disk.set_full(true);
    let before = log.head();
    assert!(matches!(log.append(event(2)), Err(AuditError::Storage(_))));
    disk.set_full(false);
    assert!(matches!(log.append(event(2)), Err(AuditError::Storage(_))));
    assert!(matches!(log.seal(5), Ok(signed) if signed.head == before));
    assert_eq!(log.head(), before);
    let mut log = open(&disk, 3).unwrap();
    assert_eq!(log.append(event(2)).unwrap().count, 2);
}

#[test]
fn a_bad_event_changes_nothing() {
    let disk = Disk::default();
    let mut log = open(&disk, 3).unwrap();
    let bad = Event::new(Kind::Round, 1).with("Not a name", 1);
    assert!(matches!(log.append(bad), Err(AuditError::Event(_))));
    assert_eq!(log.head(), Head::empty());
    assert_eq!(log.append(event(1)).unwrap().count, 1);
}

#[test]
fn an_export_verifies_line_by_line() {
    let disk = Disk::default();
    let mut log = open(&disk, 8).unwrap();
    for number in 1..=700 {
        log.append(event(number)).unwrap();
    }
    let mut out = Vec::new();
    log.export(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let report: Report = verify(text.lines(), &owner());
    assert_eq!((report.entries, &report.fault), (700, &None));
    assert_eq!(report.head(), log.head());
    let numbers = |entries: Vec<Entry>| entries.iter().map(|e| e.number).collect::<Vec<_>>();
    assert_eq!(numbers(log.entries(0..3).unwrap()), [1, 2]);
    assert_eq!(numbers(log.entries(699..900).unwrap()), [699, 700]);
    assert_eq!(numbers(log.entries(5..5).unwrap()), [0; 0]);
    let json = serde_json::to_string(&log.seal(1).unwrap()).unwrap();
    let signed: ripieno_audit::SignedHead = serde_json::from_str(&json).unwrap();
    assert_eq!(signed.verify(&owner()), Ok(()));
    let longer = ripieno_audit::SignedHead {
        head: Head { count: signed.head.count + 1, ..signed.head },
        ..signed
    };
    assert!(longer.verify(&owner()).is_err(), "the count is signed too");
}
