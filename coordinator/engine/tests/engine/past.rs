//! Studies that ended a while ago are in the store alone.

use std::time::Duration;

use ripieno_coordinator_engine::{CancelError, Ended, Recorded, SubmitError};
use ripieno_study::Digest;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight};
use crate::common::site;
use crate::common::studies::{fedavg, vector};
use crate::crashes::check_answers;

/// A federation that keeps one study that has ended in memory.
fn forgetful() -> Federation {
    let mut federation = Federation::new(&Settings::new(5, 1));
    federation.limits.ended = 1;
    federation.try_restore().unwrap();
    federation
}

fn complete(federation: &mut Federation, text: &str) -> Digest {
    let study = federation.submit(text);
    while federation.coordinator.report_json(&study).is_none() {
        assert!(federation.step(&[study]));
    }
    // Whoever is away stays away.
    federation.pass_time_until(federation.network.now + Duration::from_secs(2));
    study
}

fn stored(federation: &Federation, study: &Digest) -> Recorded {
    let record = federation.saved.studies.iter().find(|(known, _)| known == study);
    Recorded::read(*study, &record.expect("it is stored").1).expect("it is sound")
}

#[test]
fn of_the_studies_that_have_ended_few_stay_in_memory() {
    let mut federation = forgetful();
    federation.attend_all();
    let texts = [vector(6, 2, ""), vector(7, 1, ""), vector(8, 1, "")];
    let mut shown = Vec::new();
    let studies = texts.each_ref().map(|text| {
        let study = complete(&mut federation, text);
        shown.push(federation.coordinator.recorded(&study).expect("it has just ended"));
        study
    });
    federation.collect();
    for restarted in [false, true] {
        let clock = federation.clock();
        let coordinator = &mut federation.coordinator;
        assert_eq!(coordinator.statuses().count(), 1, "restarted: {restarted}");
        let past: Vec<_> = coordinator.past().map(|(study, _)| study).collect();
        assert!(past.len() == 2 && !past.contains(&studies[2]), "restarted: {restarted}");
        for study in &studies[..2] {
            assert!(coordinator.status(study).is_none());
            let over = coordinator.cancel(study, "late", clock);
            assert_eq!(over, Err(CancelError::Over(study.short())));
        }
        assert_eq!(stored(&federation, &studies[0]), shown[0]);
        assert_eq!((shown[0].status.round, &shown[0].text), (2, &texts[0]), "no third round");
        assert_eq!(shown[0].status.ended, Some(Ended::Done));
        let submission = federation.submission(&texts[0]);
        assert_eq!(
            federation.coordinator.researcher(&studies[0]),
            Some(submission.credential.fields.researcher)
        );
        let clock = federation.clock();
        let again = federation.coordinator.submit(&texts[0], submission, clock);
        assert!(matches!(again, Err(SubmitError::Known(_))), "{again:?}");
        assert_eq!(federation.saved.sums.len(), 1, "the newest sum of the last study");
        assert_eq!(federation.spools.inner.slots().len(), 1);
        federation.try_restore().unwrap();
        federation.collect();
        federation.collect();
    }
}

/// A site misses the end of a study, and comes back when only the store knows of it.
#[test]
fn a_site_that_comes_back_late_learns_what_became_of_a_slot_and_a_study() {
    for opened in [true, false] {
        let mut federation = forgetful();
        federation.network.hook = Some(Box::new(move |flight| match flight {
            Flight::Down(to, ToSite::Propose(_)) if opened && *to == site(5) => {
                Fate::Lose(Duration::from_secs(100_000))
            }
            Flight::Up(from, FromSite::Trailer { .. }) if !opened && *from == site(5) => {
                Fate::Lose(Duration::from_secs(100_000))
            }
            _ => Fate::Pass,
        }));
        federation.attend_all();
        let change = "membership = \"may-change\"";
        let study = complete(&mut federation, &vector(6, 1, change));
        federation.network.hook = None;
        for length in 7..9 {
            complete(&mut federation, &vector(length, 1, change));
        }
        federation.collect();
        assert!(federation.coordinator.status(&study).is_none());
        let hello = federation.sites[&site(5)].hello();
        assert_eq!((hello.unresolved.len(), hello.rounds.len()), (1, 1), "opened: {opened}");
        assert_eq!(federation.coordinator.unknown_slots(&hello), hello.unresolved);
        federation.attend(site(5));
        let known = |(_, slot, _): &&(_, _, _)| *slot == hello.unresolved[0];
        let outcome = federation.saved.outcomes.iter().find(known).expect("an outcome").2.clone();
        federation.coordinator.recall(site(5), &outcome).unwrap();
        federation.pass_time_until(federation.network.now + Duration::from_secs(1));
        let hello = federation.sites[&site(5)].hello();
        assert_eq!((hello.unresolved.len(), hello.rounds.len()), (0, 0), "opened: {opened}");
        check_answers(&federation);
    }
}

/// The state of a study is as long as its model; nothing starts from it once the study is over, and
/// whoever lists studies reads their records.
#[test]
fn repro_the_record_of_a_study_that_is_over_holds_no_state() {
    let mut federation = forgetful();
    federation.attend_all();
    let text = fedavg("");
    let study = federation.submit(&text);
    federation.collect();
    let has_state = |federation: &Federation| {
        let record = &federation.saved.studies[0].1;
        record.windows(12).any(|part| part == b"\"parameters\"")
    };
    assert!(has_state(&federation), "while it runs");
    let clock = federation.clock();
    federation.coordinator.cancel(&study, "enough", clock).unwrap();
    federation.run(&[study]);
    federation.collect();
    assert!(!has_state(&federation), "once it is over");
    let shown = federation.coordinator.recorded(&study).expect("it has just ended");
    assert_eq!(shown, stored(&federation, &study));
    assert_eq!((shown.status.step, &shown.text), ("", &text));
    federation.try_restore().unwrap();
    assert_eq!(federation.coordinator.recorded(&study), Some(shown), "after a restart");
}

#[test]
fn a_record_that_was_changed_or_is_of_a_study_that_runs_is_not_shown() {
    let mut federation = forgetful();
    federation.attend_all();
    let study = federation.submit(&vector(6, 1, ""));
    federation.collect();
    let record = federation.saved.studies[0].1.clone();
    let running = Recorded::read(study, &record).unwrap_err();
    assert!(running.to_string().contains("not over"), "{running}");
    federation.run(&[study]);
    federation.collect();
    let mut changed = federation.saved.studies[0].1.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let changed = Recorded::read(study, &changed.into()).unwrap_err();
    assert!(changed.to_string().contains("it was changed"), "{changed}");
}
