//! Records of ledger, witness and audit log, as their files give them back.

use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock};

use ripieno_audit::{AuditLog, Event, Kind, MemoryStorage, verify};
use ripieno_identity::SigningKey;
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::witness::Witness;
use ripieno_secagg::{Head, Ledger};
use ripieno_study::SiteIndex;

use super::fair;
use crate::allocations::within;
use crate::common::federation::key;
use crate::input::Input;

/// Whose audit log it would be.
pub(crate) static OWNER: LazyLock<Arc<SigningKey>> = LazyLock::new(|| Arc::new(key("site-01")));

/// Records of one of the three.
pub fn journals(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte() % 3;
    LazyLock::force(&OWNER);
    let records = input.parts();
    // A part takes two bytes at the least, and its place in a list more.
    within(fair(data.len()), || match kind {
        0 => ledger(&records),
        1 => witness(&records),
        _ => audit(records),
    });
}

fn ledger(records: &[Vec<u8>]) {
    let Ok(mut ledger) = Ledger::open(MemoryJournal::default(), records) else { return };
    assert_eq!(ledger.head().count, records.len() as u64);
    let open: Vec<_> = ledger.unresolved().map(|entry| entry.id).collect();
    for id in open {
        assert!(ledger.standing(id).is_some());
        ledger.decided(id, true, "steward").expect("an open slot can be decided about");
        assert!(ledger.unresolved().all(|entry| entry.id != id), "{id} was decided");
    }
}

fn witness(records: &[Vec<u8>]) {
    let Ok(mut witness) = Witness::open(MemoryJournal::default(), records) else { return };
    for index in 1..4 {
        let site = SiteIndex::new(index).expect("not 0");
        if let Some(highest) = witness.highest(site).filter(|head| head.count > 0) {
            let lower = Head { count: highest.count - 1, ..highest };
            assert!(witness.advert(site, lower).is_err(), "{site}: a ledger that went back");
        }
    }
}

/// A log that can be opened is one that its owner wrote, and takes one more entry.
fn audit(records: Vec<Vec<u8>>) {
    let report = verify(&records, &OWNER.public());
    assert!(report.entries <= records.len() as u64);
    assert!(report.is_extension_of(report.head()));
    let every = NonZeroU64::new(4).expect("not 0");
    let opened = AuditLog::open(MemoryStorage::from(records), Arc::clone(&OWNER), every);
    assert_eq!(opened.is_ok(), report.fault.is_none());
    let Ok(mut log) = opened else { return };
    assert_eq!(log.head(), report.head());
    let head = log.append(Event::new(Kind::Start, 1)).expect("an entry");
    assert_eq!(head.count, report.entries + 1);
}
