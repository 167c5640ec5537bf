//! The protocol's ledger and the audit log over real files.

use std::num::NonZeroU64;
use std::sync::Arc;

use ripieno_audit::{AuditError, AuditLog, Event, Kind, RECORD_BYTES, verify};
use ripieno_files::{AppendFile, Limits, read_records};
use ripieno_identity::SigningKey;
use ripieno_secagg::Head;
use ripieno_secagg::witness::Witness;
use zeroize::Zeroizing;

use crate::LIMITS;

#[test]
fn a_witness_remembers_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("witness");
    let site = ripieno_study::SiteIndex::new(2).unwrap();
    let head = Head::empty().after(b"one");
    let file = AppendFile::create(&path, LIMITS).unwrap();
    Witness::open(file, &[]).unwrap().advert(site, head).unwrap();
    let file = AppendFile::open(&path, LIMITS).unwrap().file;
    let records = file.records(0..file.count()).unwrap();
    let mut witness = Witness::open(file, &records).unwrap();
    assert_eq!(witness.highest(site), Some(head));
    assert!(witness.advert(site, Head::empty()).is_err());
}

#[test]
fn an_audit_log_goes_on_after_a_restart_and_a_torn_append() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let limits = Limits { record: RECORD_BYTES as u32, file: 1 << 20 };
    let key = Arc::new(SigningKey::from_seed(&Zeroizing::new([3; 32])));
    let every = NonZeroU64::new(4).unwrap();
    let open = |file| AuditLog::open(file, Arc::clone(&key), every);
    let event = |number| Event::new(Kind::Round, number).with("slot", number);
    let mut log = open(AppendFile::create(&path, limits).unwrap()).unwrap();
    let heads: Vec<_> = (1..=6).map(|number| log.append(event(number)).unwrap()).collect();
    drop(log);
    let size = path.metadata().unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size - 5).unwrap();
    let opened = AppendFile::open(&path, limits).unwrap();
    assert_eq!(opened.torn.unwrap().record, 6);
    let mut log = open(opened.file).unwrap();
    assert_eq!(log.head(), heads[4]);
    assert_eq!(log.append(event(6)).unwrap(), heads[5]);
    let report = verify(read_records(&path, limits).unwrap().records, &key.public());
    assert_eq!((report.entries, report.signed_heads, &report.fault), (6, 2, &None));
    assert!(heads.iter().all(|head| report.is_extension_of(*head)));
}

#[test]
fn a_full_audit_file_stops_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { record: RECORD_BYTES as u32, file: 1000 };
    let key = Arc::new(SigningKey::from_seed(&Zeroizing::new([3; 32])));
    let file = AppendFile::create(folder.path().join("audit"), limits).unwrap();
    let mut log = AuditLog::open(file, key, NonZeroU64::MIN).unwrap();
    let error = (0..9).find_map(|n| log.append(Event::new(Kind::Stop, n)).err()).unwrap();
    assert!(matches!(error, AuditError::Storage(_)));
    assert!(error.to_string().contains("audit: ") && error.to_string().contains("at most 1000"));
}
