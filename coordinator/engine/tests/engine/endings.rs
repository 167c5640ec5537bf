//! Studies are cancelled, and sites revoked, at every point.

use std::time::Duration;

use ripieno_coordinator_engine::{CancelError, Ended, Event, SuccessionError};
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{Charter, CharterConsent, CharterFields, RatifiedCharter};
use ripieno_study::{Digest, SiteIndex};
use ripieno_wire::{FromSite, StudyVerdict, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{glm, vector};
use crate::few::ASK;
use crate::oracle::{assert_all_resolved, assert_sums};

/// One run for each drain that changes something, up to which a study goes on undisturbed; then
/// `act` acts, and `check` sees the end.
fn at_every_drain(
    settings: impl Fn() -> Settings,
    text: &str,
    act: impl Fn(&mut Federation, &Digest),
    mut check: impl FnMut(&Federation, &Digest, &str),
) {
    let mut at = 0;
    loop {
        let mut federation = Federation::new(&settings());
        let study = federation.begin(text);
        while federation.crashes.drains <= at && federation.step(&[study]) {}
        if federation.crashes.drains <= at {
            break;
        }
        let phase = federation.coordinator.status(&study).unwrap().phase;
        println!("at drain {at}, {phase}");
        act(&mut federation, &study);
        federation.run(&[study]);
        check(&federation, &study, &format!("at drain {at}, {phase}"));
        at += 1;
    }
    assert!(at > 20, "a study has more drains than {at}");
}

fn ended(federation: &Federation, study: &Digest) -> Ended {
    federation.coordinator.status(study).unwrap().ended.unwrap()
}

fn cancel_everywhere(text: &str, crash: bool) {
    let settings = || Settings::new(4, 1);
    let (mut cancelled, mut done) = (0, 0);
    let act = |federation: &mut Federation, study: &Digest| {
        let clock = federation.clock();
        let over = federation.coordinator.status(study).unwrap().ended.is_some();
        let result = federation.coordinator.cancel(study, "a mistake", clock);
        assert_eq!(result.is_err(), over);
        if crash {
            federation.collect();
            federation.crash_coordinator();
        }
    };
    at_every_drain(settings, text, act, |federation, study, when| {
        match ended(federation, study) {
            Ended::Cancelled(reason) => {
                assert_eq!(reason, "a mistake", "{when}");
                cancelled += 1;
            }
            Ended::Done => done += 1,
            Ended::Failed(reason) => panic!("{when}: {reason}"),
        }
        assert_all_resolved(federation);
        for (index, site) in &federation.sites {
            assert!(
                site.hello().rounds.is_empty(),
                "{when}: {index} does not know that it is over"
            );
        }
    });
    assert!(cancelled > 10 && done > 0, "{cancelled} cancelled, {done} done");
}

#[test]
fn a_study_is_cancelled_in_every_phase() {
    cancel_everywhere(&vector(6, 2, ""), false);
}

#[test]
fn a_study_is_cancelled_in_every_phase_and_the_coordinator_crashes() {
    cancel_everywhere(&vector(6, 2, ""), true);
}

#[test]
fn a_study_is_cancelled_while_its_sum_is_verified_in_parts() {
    cancel_everywhere(&vector(17_000, 2, ""), true);
}

#[test]
fn what_is_over_or_unknown_is_not_cancelled() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    let study = federation.begin(&vector(6, 1, ""));
    federation.run(&[study]);
    let clock = federation.clock();
    let over = federation.coordinator.cancel(&study, "late", clock).unwrap_err();
    assert_eq!(over, CancelError::Over(study.short()));
    let other = federation.charter.digest();
    let unknown = federation.coordinator.cancel(&other, "late", clock).unwrap_err();
    assert_eq!(unknown, CancelError::Unknown(other.short()));
}

/// A site that was away when a study was cancelled hears of it when it is back, once.
#[test]
fn a_site_that_was_away_hears_that_a_study_is_over() {
    let mut federation = Federation::new(&Settings::new(5, 1));
    let study = federation.begin(&vector(6, 4, ""));
    while federation.coordinator.status(&study).unwrap().phase != "collecting" {
        federation.step(&[study]);
    }
    federation.lose(site(5), None);
    let clock = federation.clock();
    federation.coordinator.cancel(&study, "a mistake", clock).unwrap();
    federation.run(&[study]);
    assert!(federation.sites[&site(5)].hello().rounds.contains_key(&study));
    federation.attend(site(5));
    federation.run(&[study]);
    assert!(federation.sites[&site(5)].hello().rounds.is_empty());
    let status = federation.coordinator.status(&study).unwrap();
    assert_eq!(
        (status.phase, status.ended),
        ("cancelled", Some(Ended::Cancelled("a mistake".into())))
    );
}

/// The charter without one site, signed by the others.
fn without(federation: &Federation, gone: SiteIndex) -> RatifiedCharter {
    let fields = federation.charter.charter().fields().clone();
    let sites: Vec<_> = fields.sites.iter().filter(|site| site.index != gone).cloned().collect();
    let quorum = u16::try_from(sites.len()).unwrap();
    let proposed = Charter::new(CharterFields {
        version: fields.version + 1,
        previous: Some(federation.charter.digest()),
        sites,
        quorum,
        ..fields
    });
    let proposed = proposed.unwrap();
    let others = federation.keys.iter().filter(|(index, _)| **index != gone);
    let consents = others.map(|(index, key)| CharterConsent {
        site: *index,
        signature: key.sign(&consent_digest(&proposed, *index)),
    });
    let consents = consents.collect();
    federation.charter.succeed(proposed, consents).unwrap()
}

/// Site 6 is revoked, and the charter without it comes in force once nothing is under way.
fn revoke(federation: &mut Federation, study: &Digest, crash: bool) {
    let gone = site(6);
    federation.lose(gone, None);
    let clock = federation.clock();
    federation.collect();
    federation.coordinator.expel(gone, clock);
    federation.coordinator.hold();
    let charter = without(federation, gone);
    if federation.coordinator.status(study).unwrap().ended.is_none() {
        // That the site is out of the study is not stored.
        let early = federation.coordinator.succeed(charter.clone(), federation.clock());
        assert_eq!(early, Err(SuccessionError::UnderWay));
    }
    while !(federation.coordinator.is_quiet() && federation.network.is_silent()) {
        let was_quiet = federation.coordinator.is_quiet();
        if !federation.step(&[*study]) {
            break;
        }
        // Also once it is quiet: the certificate that made it so is not stored, and would be lost.
        if !was_quiet || !federation.coordinator.is_quiet() {
            let early = federation.coordinator.succeed(charter.clone(), federation.clock());
            assert_eq!(early, Err(SuccessionError::UnderWay));
        }
        federation.collect();
    }
    federation.collect();
    let clock = federation.clock();
    federation.coordinator.succeed(charter.clone(), clock).unwrap();
    federation.sites.remove(&gone);
    federation.charter = charter.clone();
    if crash {
        // The charter is stored, and what followed from it is not.
        federation.network.forget();
    }
    for (index, site) in &mut federation.sites {
        site.succeed(charter.clone()).unwrap_or_else(|refusal| panic!("{index}: {refusal}"));
    }
    if crash {
        federation.restore();
    }
}

fn revoke_everywhere(membership: &str, crash: bool) -> (usize, usize) {
    let text = vector(6, 2, membership);
    let (mut failed, mut done) = (0, 0);
    let act = |federation: &mut Federation, study: &Digest| revoke(federation, study, crash);
    at_every_drain(
        || Settings::new(6, 1),
        &text,
        act,
        |federation, study, when| {
            match ended(federation, study) {
                Ended::Failed(reason) => {
                    assert!(reason.contains("site 6"), "{when}: {reason}");
                    failed += 1;
                }
                Ended::Done => done += 1,
                Ended::Cancelled(_) => panic!("{when}"),
            }
            assert_sums(federation, &text);
            assert_all_resolved(federation);
        },
    );
    (failed, done)
}

#[test]
fn a_site_is_revoked_in_every_phase_of_a_fixed_study() {
    let (failed, done) = revoke_everywhere("", false);
    assert!(failed > 5 && done > 5, "{failed} failed, {done} done");
}

#[test]
fn a_site_is_revoked_in_every_phase_of_a_study_that_may_change() {
    let (failed, done) = revoke_everywhere("membership = \"may-change\"", false);
    assert!(failed == 0 && done > 20, "{failed} failed, {done} done");
}

/// The new charter is stored, but the coordinator's process ends before what followed from it is.
#[test]
fn a_charter_comes_in_force_with_a_crash() {
    let (failed, done) = revoke_everywhere("membership = \"may-change\"", true);
    assert!(failed == 0 && done > 20, "{failed} failed, {done} done");
    let (failed, done) = revoke_everywhere("", true);
    assert!(failed > 5 && done > 5, "{failed} failed, {done} done");
}

#[test]
fn nothing_is_sent_to_or_taken_from_a_revoked_site() {
    let mut federation = Federation::new(&Settings::new(6, 1));
    let study = federation.begin(&vector(6, 2, "membership = \"may-change\""));
    federation.collect();
    let clock = federation.clock();
    federation.coordinator.expel(site(6), clock);
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Down(to, message) => {
            let offered = matches!(message, ToSite::Study(_) | ToSite::Announce(_));
            assert!(offered || *to != site(6), "{message:?}");
            Fate::Pass
        }
        Flight::Up(..) => Fate::Pass,
    }));
    federation.run(&[study]);
    assert!(federation.coordinator.report_json(&study).is_some());
    assert!(!federation.coordinator.present().contains(site(6)));
    let status = federation.coordinator.status(&study).unwrap();
    assert_eq!(status.refused[&site(6)], ("H1".to_owned(), "it was revoked".to_owned()));
}

/// Site 1 says no, site 5 is revoked: the study waits for the charter without it, as before, whatever
/// the process does meanwhile.
#[test]
fn repro_a_restart_after_a_revocation_ends_no_study_that_waits_for_the_next_charter() {
    let settings = || Settings::new(5, 1);
    for (settings, phase) in [(settings(), "waiting"), (settings().policy(ASK), "offering")] {
        let mut federation = Federation::new(&settings);
        federation.network.hook = Some(Box::new(|flight| match flight {
            Flight::Up(from, FromSite::StudyAnswer(answer)) if *from == site(1) => {
                let mut answer = answer.clone();
                let (rule, reason) = ("policy.purpose".into(), "not here".into());
                answer.verdict = StudyVerdict::Refused { rule, reason };
                Fate::Replace(vec![Flight::Up(*from, FromSite::StudyAnswer(answer))])
            }
            _ => Fate::Pass,
        }));
        federation.coordinator.hold();
        let study = federation.begin(&glm(""));
        federation.pass_time_until(Duration::from_secs(1));
        federation.lose(site(5), None);
        let clock = federation.clock();
        federation.coordinator.expel(site(5), clock);
        federation.crashes.revoked = site(5).into();
        federation.collect();
        for restarts in 0..3 {
            let status = federation.coordinator.status(&study).unwrap();
            assert_eq!((status.phase, status.ended), (phase, None), "{restarts} restarts");
            federation.crash_coordinator();
            // A restarted coordinator is not held: with an epoch, too, it waits.
            let later = federation.network.now + Duration::from_secs(300);
            federation.pass_time_until(later);
        }
    }
}

#[test]
fn no_round_begins_while_rounds_are_held() {
    let mut federation = Federation::new(&Settings::new(4, 1));
    federation.coordinator.hold();
    let study = federation.begin(&vector(6, 1, ""));
    federation.pass_time_until(Duration::from_secs(600));
    let status = federation.coordinator.status(&study).unwrap();
    assert_eq!(status.phase, "waiting");
    assert_eq!(federation.saved.last_epoch, 0);
    let clock = federation.clock();
    federation.coordinator.release(clock);
    federation.run(&[study]);
    assert!(federation.coordinator.report_json(&study).is_some());
}

/// Numbers of epochs go on under the next charter, also after a restart.
#[test]
fn epochs_are_counted_over_all_charters_of_a_federation() {
    for crash in [false, true] {
        let mut federation = Federation::new(&Settings::new(6, 1).slots(4));
        let study = federation.begin(&vector(6, 9, ""));
        federation.run(&[study]);
        federation.collect();
        let before = federation.saved.last_epoch;
        assert!(before > 2, "{before}");
        revoke(&mut federation, &study, crash);
        federation.attend_all();
        let text = vector(7, 1, "");
        let study = federation.submit(&text);
        federation.run(&[study]);
        assert_sums(&federation, &text);
        let (epoch, holders) = federation.coordinator.epoch().expect("an epoch");
        assert_eq!((epoch, holders.len()), (before + 1, 5), "crash: {crash}");
    }
}

#[test]
fn a_charter_that_does_not_follow_is_refused() {
    let mut federation = Federation::new(&Settings::new(6, 1));
    let charter = without(&federation, site(6));
    let clock = federation.clock();
    federation.coordinator.succeed(charter.clone(), clock).unwrap();
    let again = federation.coordinator.succeed(charter, clock).unwrap_err();
    assert!(again.to_string().contains("another one as the one before"), "{again}");
}

/// A result that stands by the verdicts of a site that has left: nobody is shown a verdict that the
/// charter has no key for.
#[test]
fn verdicts_of_a_site_that_has_left_are_shown_to_nobody() {
    let mut federation = Federation::new(&Settings::new(6, 1));
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Down(to, ToSite::Settled { .. }) if *to == site(5) => Fate::Drop,
        _ => Fate::Pass,
    }));
    let study = federation.begin(&vector(40_000, 1, ""));
    federation.run(&[study]);
    federation.network.hook = Some(Box::new(|flight| match flight {
        Flight::Down(_, ToSite::Settled { verdicts, .. }) => {
            assert!(verdicts.iter().all(|verdict| verdict.from != site(6)), "{verdicts:?}");
            Fate::Pass
        }
        _ => Fate::Pass,
    }));
    for crash in [false, true] {
        if crash {
            federation.crash_coordinator();
        } else {
            revoke(&mut federation, &study, false);
        }
        federation.attend(site(5));
        federation.run(&[study]);
        let refused =
            |event: &Event| matches!(event, Event::Refused { site: from, .. } if *from == site(5));
        let refused: Vec<_> = federation.network.events.iter().filter(|e| refused(e)).collect();
        assert!(refused.is_empty(), "{refused:?}");
    }
}
