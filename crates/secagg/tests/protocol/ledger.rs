//! The ledger: what it keeps over a restart, what damage it finds, and that nothing leaves a site
//! before its record is durable (docs/protocol.md §6).

use ripieno_secagg::ledger::{Entry, LedgerError, Standing};
use ripieno_secagg::round::outcome::{Certificate, Outcome, VoidCertificate, void_digest};
use ripieno_secagg::{Ledger, SlotId};
use ripieno_study::{Check, Contract, Culprit, Membership, SiteSet};

use crate::common::refused::{COORDINATOR, assert_refused};
use crate::common::scene::{Scene, first};
use crate::common::tape::Tape;
use crate::common::{digest, set, site};

/// A scene after an opened, a voided, a decided and an unresolved slot: records of every kind.
fn lived() -> (Scene, [SlotId; 4]) {
    let mut scene = Scene::new(5, 1, Membership::MayChange);
    scene.run = scene.world.set_up(2, 4);
    let ids = [0, 1, 2, 3].map(|slot| scene.run.epoch(1).id(slot));
    scene.round(0, &first(4));
    let mut slot = scene.started(1);
    scene.collect(&mut slot, &first(4));
    let voiding = slot.collecting.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &first(5));
    scene.close_void(&certificate);
    scene.started(2);
    scene.upload(site(1), 2).unwrap();
    scene.world.member(1).ledger.decided(ids[2], true, "A. Steward").unwrap();
    scene.started(3);
    scene.upload(site(1), 3).unwrap();
    (scene, ids)
}

fn reopened(records: &[Vec<u8>]) -> Result<Ledger<Tape>, LedgerError> {
    Ledger::open(Tape::default(), records)
}

#[test]
fn a_reopened_ledger_is_the_same_one() {
    let (mut scene, ids) = lived();
    let records = scene.world.member(1).ledger_tape.records();
    let again = reopened(&records).unwrap();
    let ledger = &scene.world.member(1).ledger;
    assert_eq!(again.head(), ledger.head());
    assert_eq!(again.head().count, 11);
    let standing = ids.map(|id| again.standing(id).unwrap());
    use Standing::{Opened, Unresolved, Void};
    assert_eq!(standing, [Opened, Void, Opened, Unresolved]);
    assert_eq!(again.standing(SlotId { slot: 9, ..ids[0] }), None);
    let unresolved = |ledger: &Ledger<Tape>| ledger.unresolved().cloned().collect::<Vec<Entry>>();
    assert_eq!(unresolved(&again), unresolved(ledger));
    assert_eq!(unresolved(&again).len(), 1);
}

#[test]
fn a_reopened_ledger_goes_on_refusing() {
    let (mut scene, _) = lived();
    let records = scene.world.member(1).ledger_tape.records();
    scene.world.member(1).ledger = reopened(&records).unwrap();
    scene.run = scene.world.set_up(3, 1);
    let signed = scene.sign(scene.contract(0));
    assert_refused(scene.start(site(1), &signed), Check::S8, Culprit::Own);
    let contract = Contract { participants: set(2..=5), ..scene.contract(0) };
    let others = scene.sign(contract);
    scene.start(site(2), &others).unwrap();
}

#[test]
fn a_damaged_record_is_named_by_its_number() {
    let (mut scene, _) = lived();
    let records = scene.world.member(1).ledger_tape.records();
    for number in 0..records.len() {
        let damages: [fn(&mut Vec<u8>); 4] = [
            |record| record.truncate(record.len() / 2),
            Vec::clear,
            |record| record[0] = b'[',
            |record| record.extend_from_slice(b"{}"),
        ];
        for damage in damages {
            let mut spoilt = records.clone();
            damage(&mut spoilt[number]);
            match reopened(&spoilt) {
                Err(LedgerError::Damaged { number: found, .. }) => {
                    assert_eq!(found, number as u64 + 1);
                }
                other => panic!("record {number}: {other:?}"),
            }
        }
    }
}

/// A spent slot stays spent (check S4): a ledger that says otherwise is not opened.
#[test]
fn records_that_do_not_follow_from_each_other_are_damaged() {
    let (mut scene, _) = lived();
    let records = scene.world.member(1).ledger_tape.records();
    for number in 0..records.len() {
        let mut doubled = records.clone();
        doubled.insert(number, records[number].clone());
        let repeated_trailer = String::from_utf8_lossy(&records[number]).contains("\"trailer\"");
        let found = reopened(&doubled);
        // A repeated trailer digest says nothing new; its slot is still unresolved there.
        assert_eq!(found.is_ok(), repeated_trailer, "record {number} twice: {found:?}");
    }
    let without_entry = &records[1..];
    assert!(matches!(reopened(without_entry), Err(LedgerError::Damaged { number: 1, .. })));
    let mut swapped = records.clone();
    swapped.swap(0, 1);
    assert!(matches!(reopened(&swapped), Err(LedgerError::Damaged { number: 1, .. })));
}

/// A shorter or a changed ledger is a good ledger by itself; its head tells it from the one that
/// the peers have seen (check L1).
#[test]
fn a_truncated_or_reordered_ledger_has_another_head() {
    let (mut scene, _) = lived();
    let records = scene.world.member(1).ledger_tape.records();
    let head = reopened(&records).unwrap().head();
    for kept in 0..records.len() {
        let shorter = reopened(&records[..kept]).unwrap().head();
        assert!(shorter.count < head.count && shorter.digest != head.digest);
    }
    // The last two records, of one slot, before the decision on another one.
    let mut reordered = records.clone();
    reordered[8..].rotate_left(1);
    // One digit of a digest.
    let mut changed = records.clone();
    let digit = changed[10].iter().rposition(u8::is_ascii_digit).unwrap();
    changed[10][digit] = if changed[10][digit] == b'1' { b'2' } else { b'1' };
    for other in [reordered, changed] {
        let other = reopened(&other).unwrap().head();
        assert!(other.count == head.count && other.digest != head.digest);
    }
}

/// The journal fails at its k-th append, for every k of an upload. Nothing is sent, and the slot
/// takes no other data: neither in this process nor after a restart.
#[test]
fn nothing_is_uploaded_that_was_not_recorded() {
    for k in 0..2 {
        let mut scene = Scene::new(4, 1, Membership::Fixed);
        scene.started(0);
        let tape = scene.world.member(1).ledger_tape.clone();
        tape.fail_after(k);
        let failed = scene.upload(site(1), 0);
        assert!(matches!(failed, Err(LedgerError::Journal(_))), "{failed:?}");
        tape.mend();
        // The disk is whole again, but what it holds is unknown until it has been read.
        let again = scene.upload(site(1), 0);
        assert!(again.is_err(), "{again:?}");
        assert!(scene.run.epoch(1).own_trailer(0).is_none());

        // In the same process, with the ledger read again: the entry stands in the way of another.
        let records = tape.records();
        assert_eq!(records.len(), k);
        scene.world.member(1).ledger = reopened(&records).unwrap();
        let again = scene.upload(site(1), 0);
        match k {
            0 => drop(again.unwrap()),
            _ => assert_refused(again, Check::S4, COORDINATOR),
        }

        // After a restart: the slot is gone, and the entry needs its certificate.
        scene.world.member(1).ledger = reopened(&records).unwrap();
        scene.run = scene.world.set_up(2, 1);
        let signed = scene.sign(scene.contract(0));
        match k {
            0 => drop(scene.start(site(1), &signed).unwrap()),
            _ => assert_refused(scene.start(site(1), &signed), Check::S8, Culprit::Own),
        }
    }
}

#[test]
fn a_slot_whose_upload_failed_is_voided_like_any_other() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let slot = scene.started(0);
    let tape = scene.world.member(1).ledger_tape.clone();
    tape.fail_after(1);
    scene.upload(site(1), 0).unwrap_err();
    tape.mend();
    scene.world.member(1).ledger = reopened(&tape.records()).unwrap();
    let voiding = slot.collecting.give_up(scene.run.transcript());
    let certificate = scene.void(voiding, &first(4));
    scene.close_void(&certificate);
    let id = scene.run.epoch(1).id(0);
    assert_eq!(scene.world.member(1).ledger.standing(id), Some(Standing::Void));
    scene.goes_on(1);
}

/// Check U2 needs the record: without it there is no release.
#[test]
fn no_share_is_released_before_the_certificate_is_recorded() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let (opening, spool) = scene.certified(0, &first(4));
    let tape = scene.world.member(1).ledger_tape.clone();
    tape.fail_after(0);
    let failed = scene.open(site(1), opening.certificate(), None);
    assert!(matches!(failed, Err(LedgerError::Journal(_))), "{failed:?}");
    tape.mend();
    scene.world.member(1).ledger = reopened(&tape.records()).unwrap();
    scene.opened(opening, &spool);
}

#[test]
fn nothing_is_signed_before_the_witness_has_recorded() {
    let mut scene = Scene::new(4, 1, Membership::Fixed);
    let (deciding, spool) = scene.proposed(0, &first(4));
    let tape = scene.world.member(1).witness_tape.clone();
    for _ in 0..3 {
        // One more of the four heads is recorded, the next one is not.
        tape.fail_after(1);
        let failed = scene.decide(site(1), deciding.proposal());
        assert!(matches!(failed, Err(LedgerError::Journal(_))), "{failed:?}");
    }
    tape.mend();
    let opening = scene.certify(deciding, &first(4));
    scene.opened(opening, &spool);
}

#[test]
fn only_unresolved_slots_are_resolved() {
    let (mut scene, ids) = lived();
    let ledger = &mut scene.world.member(1).ledger;
    let unknown = SlotId { slot: 9, ..ids[0] };
    for id in [ids[0], ids[1], ids[2], unknown] {
        let head = ledger.head();
        let decided = ledger.decided(id, false, "A. Steward");
        assert!(matches!(decided, Err(LedgerError::NotUnresolved(found)) if found == id));
        let trailer = ledger.trailer(id, digest(1));
        assert!(matches!(trailer, Err(LedgerError::NotUnresolved(_))));
        assert_eq!(ledger.head(), head);
    }
    ledger.decided(ids[3], false, "A. Steward").unwrap();
    assert_eq!(ledger.standing(ids[3]), Some(Standing::Void));
}

/// An entry is admitted where it is made, whoever looked before (S4, S7, S8).
#[test]
fn an_entry_is_admitted_again_when_it_is_made() {
    let (mut scene, _) = lived();
    let ledger = &mut scene.world.member(1).ledger;
    let known = ledger.unresolved().next().unwrap().clone();
    let head = ledger.head();
    assert_refused(ledger.enter(known.clone(), 9), Check::S4, COORDINATOR);
    let beside = Entry { id: SlotId { slot: 9, ..known.id }, ..known };
    assert_refused(ledger.enter(beside.clone(), 9), Check::S8, Culprit::Own);
    let other = Entry { study: digest(7), ..beside };
    assert_refused(ledger.enter(other.clone(), 0), Check::S7, Culprit::Own);
    assert_eq!(ledger.head(), head);
    ledger.enter(other, 1).unwrap();
}

#[test]
fn another_study_s_other_set_on_the_same_data_is_shown() {
    let (mut scene, _) = lived();
    let (study, lineage) = (scene.study.digest, scene.study.lineage);
    let ledger = &scene.world.member(1).ledger;
    assert_eq!(ledger.other_sets(&digest(1), &lineage, &first(4)), [study]);
    assert!(ledger.other_sets(&digest(1), &lineage, &first(5)).is_empty(), "the same set");
    assert!(ledger.other_sets(&study, &lineage, &first(4)).is_empty(), "the same study");
    assert!(ledger.other_sets(&digest(1), &digest(1), &first(4)).is_empty(), "other data");
}

/// Slot 3 of the lived ledger is unresolved: certificates for it, signed by these sites.
fn void_of(scene: &Scene, id: SlotId, signers: &SiteSet) -> VoidCertificate {
    let sign = |site| (site, scene.world.members[&site].key.sign(&void_digest(id)));
    VoidCertificate { id, signatures: signers.iter().map(sign).collect() }
}

fn opened_of(scene: &Scene, id: SlotId, signers: &SiteSet) -> Certificate {
    let ctx = scene.run.epochs[&site(1)].contract(id.slot).expect("it is bound").ctx();
    let outcome = Outcome { id, ctx, survivors: first(4), trailers: digest(5) };
    let signed = outcome.digest();
    let sign = |site| (site, scene.world.members[&site].key.sign(&signed));
    Certificate { signatures: signers.iter().map(sign).collect(), outcome }
}

#[test]
fn repro_an_entry_is_enough_to_take_a_certificate() {
    let (mut scene, ids) = lived();
    let id = ids[3];
    let records = scene.world.member(1).ledger_tape.records();
    let roster = scene.world.roster.clone();
    // t = 4 and v = 3 of five holders with c = 1.
    let opened = |signers: &SiteSet| opened_of(&scene, id, signers);
    let void = |signers: &SiteSet| void_of(&scene, id, signers);
    let mut ledger = reopened(&records).unwrap();
    let mut other = opened(&first(5));
    other.outcome.survivors = first(5);
    let mut foreign = opened(&first(5));
    foreign.outcome.ctx = digest(1);
    let signed = foreign.outcome.digest();
    let sign = |site| (site, scene.world.members[&site].key.sign(&signed));
    foreign.signatures = first(5).iter().map(sign).collect();
    for lie in [opened(&first(3)), other, foreign] {
        assert_refused(ledger.take_opened(&roster, &lie), Check::U1, COORDINATOR);
    }
    let mut renamed = void_of(&scene, ids[2], &first(5));
    renamed.id = id;
    for lie in [void(&first(2)), renamed] {
        assert_refused(ledger.take_void(&roster, &lie), Check::U1, COORDINATOR);
    }
    assert_eq!(ledger.standing(id), Some(Standing::Unresolved));
    assert_eq!(ledger.head().count, records.len() as u64, "nothing was recorded");
    assert!(ledger.take_void(&roster, &void(&first(3))).unwrap());
    assert_eq!(ledger.standing(id), Some(Standing::Void));
    // The first certificate is the outcome: the ledger takes no other.
    assert!(!ledger.take_opened(&roster, &opened(&first(4))).unwrap());
    assert!(!ledger.take_void(&roster, &void(&first(4))).unwrap());
    assert_eq!(ledger.standing(id), Some(Standing::Void));
    let mut ledger = reopened(&records).unwrap();
    assert!(ledger.take_opened(&roster, &opened(&first(4))).unwrap());
    assert_eq!(ledger.standing(id), Some(Standing::Opened));
}

#[test]
fn repro_a_slot_without_an_entry_takes_no_certificate() {
    let (mut scene, ids) = lived();
    let roster = scene.world.roster.clone();
    let unknown = SlotId { slot: 9, ..ids[0] };
    let certificate = void_of(&scene, unknown, &first(5));
    let ledger = &mut scene.world.member(1).ledger;
    let head = ledger.head();
    assert!(!ledger.take_void(&roster, &certificate).unwrap());
    assert_eq!((ledger.standing(unknown), ledger.head()), (None, head));
}

#[test]
fn repro_a_certificate_outranks_a_steward_s_decision() {
    for decided in [true, false] {
        let (mut scene, ids) = lived();
        let (id, roster) = (ids[3], scene.world.roster.clone());
        let (void, opened) = (void_of(&scene, id, &first(3)), opened_of(&scene, id, &first(4)));
        let few = opened_of(&scene, id, &first(3));
        let member = scene.world.member(1);
        member.ledger.decided(id, decided, "A. Steward").unwrap();
        let before = member.ledger.standing(id);
        assert_refused(member.ledger.take_opened(&roster, &few), Check::U1, COORDINATOR);
        assert_eq!(member.ledger.standing(id), before, "a forgery does not");
        // What the steward did not expect.
        let expected = if decided { Standing::Void } else { Standing::Opened };
        let taken = match decided {
            true => member.ledger.take_void(&roster, &void),
            false => member.ledger.take_opened(&roster, &opened),
        };
        assert!(taken.unwrap());
        assert_eq!(member.ledger.standing(id), Some(expected));
        let mut again = reopened(&member.ledger_tape.records()).unwrap();
        assert_eq!((again.standing(id), again.head()), (Some(expected), member.ledger.head()));
        let late = again.decided(id, decided, "A. Steward");
        assert!(matches!(late, Err(LedgerError::NotUnresolved(_))), "{late:?}");
        assert!(!again.take_opened(&roster, &opened).unwrap(), "the outcome is known");
        assert!(!again.take_void(&roster, &void).unwrap());
    }
}
