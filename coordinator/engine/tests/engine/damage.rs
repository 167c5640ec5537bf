//! What was stored is damaged, or cannot be stored.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use ripieno_coordinator_engine::{Ended, Event, Saved};
use ripieno_identity::{Signature, SigningKey};
use ripieno_secagg::round::outcome::{Ballot, Vote};
use ripieno_study::{Check, Digest, SiteIndex};
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::vector;
use crate::oracle::{assert_all_resolved, assert_blamed, assert_sums};

const TEXT: fn() -> String = || vector(6, 2, "");

/// A federation whose study has just come to a phase.
fn at(text: &str, phase: &str, round: u32) -> (Federation, Digest) {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(text);
    loop {
        federation.collect();
        let status = federation.coordinator.status(&study).unwrap();
        let has_uploads = phase != "collecting" || status.uploaded.len() == 2;
        if status.phase == phase && status.round == round && has_uploads {
            return (federation, study);
        }
        assert!(federation.step(&[study]), "there is no phase {phase} in round {round}");
    }
}

fn change(federation: &Federation, from: SiteIndex) {
    federation.spools.faults.changed.lock().unwrap().insert(from);
}

fn mend(federation: &Federation) {
    federation.spools.faults.changed.lock().unwrap().clear();
    federation.spools.faults.lost.store(false, Ordering::Relaxed);
}

#[track_caller]
fn failure(federation: &Federation, study: &Digest) -> String {
    match federation.coordinator.status(study).unwrap().ended {
        Some(Ended::Failed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn voided(federation: &Federation) -> usize {
    crate::oracle::voided(federation)
}

#[test]
fn an_upload_that_is_lost_while_they_come_in_is_sent_again() {
    let (mut federation, study) = at(&TEXT(), "collecting", 1);
    let uploaded = federation.coordinator.status(&study).unwrap().uploaded;
    change(&federation, uploaded.iter().next().unwrap());
    federation.crash_coordinator();
    let left = federation.coordinator.status(&study).unwrap().uploaded;
    assert_eq!((uploaded.len(), left.len()), (2, 1));
    mend(&federation);
    federation.run(&[study]);
    assert!(federation.coordinator.report_json(&study).is_some());
    assert_eq!(voided(&federation), 0);
    assert_sums(&federation, &TEXT());
}

/// Holders may have signed the survivors by then, and would refuse VOID: only the certificate says
/// what became of the slot.
#[test]
fn a_slot_whose_uploads_are_lost_before_its_certificate_is_certified_and_lost() {
    for signed in 0..3 {
        let (mut federation, study) = at(&TEXT(), "deciding", 1);
        let mut ballots = 0;
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(_, FromSite::Ballot(_)) => {
                ballots += 1;
                if ballots <= signed { Fate::Drop } else { Fate::Pass }
            }
            _ => Fate::Pass,
        }));
        while signed > 0 && !federation.network.answers.iter().any(|(_, said)| is_ballot(said)) {
            federation.step(&[study]);
        }
        change(&federation, site(2));
        federation.crash_coordinator();
        mend(&federation);
        federation.run(&[study]);
        let reason = failure(&federation, &study);
        assert!(reason.contains("the certified sum of round 1 is lost"), "{reason}");
        assert_eq!(voided(&federation), 0);
        assert!(federation.network.now < Duration::from_secs(600), "{:?}", federation.network.now);
        assert_all_resolved(&federation);
    }
}

fn is_ballot(said: &[FromSite]) -> bool {
    said.iter().any(|message| matches!(message, FromSite::Ballot(_)))
}

#[test]
fn a_certified_slot_whose_uploads_are_lost_ends_the_study() {
    for (text, phase) in [(TEXT(), "opening"), (vector(17_000, 2, ""), "settling")] {
        let (mut federation, study) = at(&text, phase, 2);
        federation.spools.faults.lost.store(true, Ordering::Relaxed);
        federation.crash_coordinator();
        mend(&federation);
        federation.run(&[study]);
        let reason = failure(&federation, &study);
        assert!(reason.contains("the certified sum of round 2 is lost"), "{phase}: {reason}");
        assert_all_resolved(&federation);
        assert!(federation.sites.values().all(|site| site.hello().rounds.is_empty()), "{phase}");
    }
}

#[test]
fn an_upload_that_cannot_be_kept_ends_the_study_without_an_open_slot() {
    let (mut federation, study) = at(&TEXT(), "waiting", 1);
    federation.spools.faults.full.store(true, Ordering::Relaxed);
    federation.run(&[study]);
    assert!(federation.spools.faults.failed.load(Ordering::Relaxed) > 0);
    let reason = failure(&federation, &study);
    assert!(reason.contains("could not be kept: tile 0 of site 1: the disk is full"), "{reason}");
    assert_eq!(voided(&federation), 1);
    assert_all_resolved(&federation);
}

#[test]
fn uploads_that_nobody_needs_are_removed() {
    let text = vector(6, 4, "");
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&text);
    federation.run(&[study]);
    federation.collect();
    assert_eq!(federation.spools.inner.slots().len(), 1, "those of the last sum are kept");
}

/// Every record, with a byte changed and of another version: the error says which one it is. Where
/// only a study hangs on it, only that study is over.
#[test]
fn a_record_that_was_changed_is_named() {
    let (mut federation, study) = at(&TEXT(), "collecting", 2);
    let sound = federation.saved.clone();
    let records = [
        sound.seen.len(),
        sound.epochs.len(),
        sound.studies.len(),
        sound.outcomes.len(),
        sound.sums.len(),
    ];
    assert!(records.iter().all(|count| *count > 0), "{records:?}");
    let names = [
        "the ledger of site 1".to_owned(),
        "epoch 1".to_owned(),
        format!("study {}", study.short()),
        "the outcome of slot 0 of epoch".to_owned(),
        format!("the sum of round 1 of study {}", study.short()),
    ];
    for (kind, name) in names.iter().enumerate() {
        for (at, what) in [(0, "version"), (40, "it was changed"), (usize::MAX, "it was changed")] {
            federation.saved = sound.clone();
            let record = first(&mut federation.saved, kind);
            let mut bytes = record.to_vec();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 0x10;
            *record = bytes.into();
            let error = match kind < 2 || at == 0 {
                true => federation.try_restore().unwrap_err().to_string(),
                false => quarantined(&mut federation, &study),
            };
            assert!(error.contains(name) && error.contains(what), "{name}, byte {at}: {error}");
        }
    }
    // A record that is missing is noticed by what hangs on it.
    federation.saved = Saved { epochs: Vec::new(), ..sound.clone() };
    let error = quarantined(&mut federation, &study);
    assert!(error.contains("epoch 1 is not stored"), "{error}");
    federation.saved = Saved { studies: Vec::new(), ..sound.clone() };
    let error = quarantined(&mut federation, &study);
    assert!(error.contains("no record of the study itself"), "{error}");
    federation.saved = sound;
    federation.crash_coordinator();
    federation.run(&[study]);
    assert!(federation.coordinator.report_json(&study).is_some());
}

/// Why the one study is over at once, of which nothing that is stored changes.
fn quarantined(federation: &mut Federation, study: &Digest) -> String {
    federation.try_restore().unwrap();
    let (before, drained) = (federation.saved.clone(), federation.coordinator.drain());
    federation.saved.apply(&drained.changes);
    assert_eq!(federation.saved.studies, before.studies);
    assert_eq!(federation.saved.outcomes, before.outcomes);
    assert_eq!(federation.saved.sums, before.sums);
    let reasons = drained.events.iter().filter_map(|event| match event {
        Event::StudyFailed { study: failed, reason } if failed == study => Some(reason.clone()),
        _ => None,
    });
    let reasons: Vec<String> = reasons.collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(federation.coordinator.status(study).is_none());
    let (submission, clock) = (federation.submission(&TEXT()), federation.clock());
    assert!(federation.coordinator.submit(&TEXT(), submission, clock).is_err());
    reasons[0].clone()
}

/// One study's record is damaged: its sites hear that it is over, and another study goes on.
#[test]
fn a_damaged_study_does_not_keep_the_others_from_going_on() {
    let (mut federation, study) = at(&TEXT(), "collecting", 1);
    let other = vector(7, 2, "");
    let second = federation.submit(&other);
    federation.collect();
    let record = federation.saved.studies.iter_mut().find(|(of, _)| *of == study).unwrap();
    let mut bytes = record.1.to_vec();
    bytes[50] ^= 1;
    record.1 = bytes.into();
    federation.crashes.submitted.retain(|(text, _)| *text == other);
    federation.crash_coordinator();
    federation.run(&[second]);
    assert!(federation.coordinator.report_json(&second).is_some());
    for (index, site) in &federation.sites {
        assert!(!site.hello().rounds.contains_key(&study), "{index} does not know that it is over");
    }
}

fn first(saved: &mut Saved, kind: usize) -> &mut Bytes {
    match kind {
        0 => &mut saved.seen[0].1,
        1 => &mut saved.epochs[0].1,
        2 => &mut saved.studies[0].1,
        3 => &mut saved.outcomes[0].2,
        _ => &mut saved.sums[0].2,
    }
}

/// Check U1 also where the uploads are gone: a ballot that is for something else, or that its site did
/// not sign, does not count.
#[test]
fn forged_ballots_on_a_slot_whose_uploads_are_lost_do_not_count() {
    let forge: [fn(&mut Ballot, &SigningKey); 3] = [
        |ballot, own| {
            ballot.vote = Vote::Void;
            ballot.signature = own.sign(&ballot.digest());
        },
        |ballot, own| {
            ballot.vote = Vote::Survivors(ballot.id.transcript);
            ballot.signature = own.sign(&ballot.digest());
        },
        |ballot, _| ballot.signature = Signature::from_bytes([2; 64]),
    ];
    for change_ballot in forge {
        let (mut federation, study) = at(&TEXT(), "deciding", 1);
        change(&federation, site(2));
        federation.crash_coordinator();
        mend(&federation);
        let own = federation.keys[&site(1)].clone();
        let opens = Rc::new(RefCell::new(Vec::new()));
        let seen = opens.clone();
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Up(from, FromSite::Ballot(ballot)) if *from == site(1) => {
                let mut ballot = *ballot;
                change_ballot(&mut ballot, &own);
                Fate::Replace(vec![Flight::Up(*from, FromSite::Ballot(ballot))])
            }
            Flight::Down(_, ToSite::Open { certificate, .. }) => {
                seen.borrow_mut().push(certificate.clone());
                Fate::Pass
            }
            _ => Fate::Pass,
        }));
        federation.run(&[study]);
        assert_blamed(&federation, site(1), Check::U1);
        assert!(failure(&federation, &study).contains("the certified sum of round 1 is lost"));
        let opens = opens.borrow();
        assert!(!opens.is_empty());
        assert!(opens.iter().all(|certificate| !certificate.signatures.contains_key(&site(1))));
    }
}
