//! Sessions that end, double, or come late.

use std::collections::BTreeSet;
use std::time::Duration;

use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::{Arrival, AttendRequest};
use ripieno_tests::{Federation, Kind, made, unix_now, until, within};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::sums::{expected, figures};
use crate::support::{DONE, all, assert_close, assert_sites_agree, complete, impatient, setup};

/// Values of a vector that takes several chunks to upload.
const LARGE: usize = 140_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_session_of_a_site_ends_the_first() {
    let federation = setup(Kind::Processes, 4).found().await;
    let site = &federation.sites[3];
    let (say, said) = mpsc::channel(1);
    let charter = federation.charter().await;
    let arrival = Arrival {
        charter_version: 1,
        charter: Some(charter.as_bytes().to_vec().into()),
        program: "a copy".into(),
        clock: unix_now(),
        holdings: None,
    };
    say.send(AttendRequest { body: Some(Said::Arrival(arrival)) }).await.unwrap();
    let mut client = site.calls();
    let mut session = client.attend(ReceiverStream::new(said)).await.unwrap().into_inner();
    let first = session.message().await.unwrap().unwrap();
    assert!(matches!(first.body, Some(Heard::Welcome(_))), "a session begins with a welcome");
    // The site itself has lost its session, comes back, and ends this one.
    within(DONE, "the end of the copy's session", async {
        while let Ok(Some(_)) = session.message().await {}
    })
    .await;
    federation.all_present().await;
    let text = made::regression("after two sessions");
    let (study, watch, result) = complete(&federation, &text).await;
    assert!(watch.refused().is_empty(), "{watch}");
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
}

/// What comes after the survivors were named is refused, and its sender counts as missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_upload_is_refused_and_counted() {
    let federation = impatient(setup(Kind::Processes, 5)).corrupt(0).found().await;
    let text = made::vector("late", LARGE, 2, made::WIDE_MAY_CHANGE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    let line = &federation.sites[4].relay;
    line.stall_after(LARGE as u64 * 8);
    watch.phase(DONE, "deciding", 1).await;
    line.mend();
    watch.done(DONE).await;
    let first = watch.finished().remove(0);
    assert_eq!((first.survivors, first.missing), (vec![1, 2, 3, 4], vec![5]), "{watch}");
    let last = watch.survivors()[&2].clone();
    let result = federation.researcher.result(&study).await;
    assert_close("late", &figures(&result), &expected(&text, 2, last), 1e-9);
    assert_eq!(result["summands"], watch.survivors()[&2].len());
    let all = federation.verify_audits(&[]);
    ripieno_tests::audits::assert_outcomes_are_unique(&all[..5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_comes_back_while_all_sites_are_cut_off() {
    let mut federation = impatient(setup(Kind::Processes, 4)).found().await;
    let text = made::vector("away", 500, 6, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.phase(DONE, "collecting", 2).await;
    federation.sites.iter().for_each(|site| site.relay.cut());
    let before = federation.verify_audits(&[]);
    federation.restart_coordinator().await;
    federation.sites.iter().for_each(|site| site.relay.mend());
    watch.done(DONE).await;
    assert_right(&federation, &text, 6, &study).await;
    federation.verify_audits(&before);
}

/// Nothing is under way when machines are restarted: the next study has its result.
#[tokio::test(flavor = "multi_thread")]
async fn machines_are_restarted_between_studies() {
    let mut federation = impatient(setup(Kind::Processes, 4)).found().await;
    for (name, coordinator) in [("first", false), ("sites", false), ("everything", true)] {
        let text = made::vector(name, 50, 2, made::WIDE);
        let (study, _, _) = complete(&federation, &text).await;
        assert_right(&federation, &text, 2, &study).await;
        if coordinator {
            federation.coordinator.kill().await;
        }
        for site in &mut federation.sites {
            site.kill().await;
        }
        federation.start().await;
        federation.all_present().await;
    }
    let text = made::vector("last", 50, 2, made::WIDE);
    let (study, _, _) = complete(&federation, &text).await;
    assert_right(&federation, &text, 2, &study).await;
}

/// Whoever held shares of a slot is gone: it may have been opened, and nobody can tell. The sites
/// say so to their stewards, and take part in the next study.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_all_holders_lost_stays_unresolved() {
    let patient = impatient(setup(Kind::Processes, 4)).phase("collect_seconds", 60);
    let mut federation = patient.found().await;
    let text = made::vector("lost", LARGE, 6, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.phase(DONE, "collecting", 1).await;
    // Votes come late: no set is certified before everything is killed.
    federation.sites.iter().for_each(|site| site.relay.delay(Duration::from_secs(3)));
    watch.phase(DONE, "deciding", 1).await;
    federation.kill().await;
    federation.sites.iter().for_each(|site| site.relay.mend());
    let before = federation.verify_audits(&[]);
    federation.start().await;
    federation.all_present().await;
    federation.verify_audits(&before);
    for site in &federation.sites {
        // Under way until the study has ended.
        until(DONE, "a slot without an outcome", || async {
            match site.status().await.unresolved.is_empty() {
                true => Err(format!("{} does not tell its steward", site.name)),
                false => Ok(()),
            }
        })
        .await;
    }
    let next = made::vector("next", 50, 1, made::WIDE);
    let (study, _, result) = complete(&federation, &next).await;
    assert_close("next", &figures(&result), &expected(&next, 1, 1..=4), 1e-9);
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_site_is_restarted_in_the_middle() {
    let mut federation = impatient(setup(Kind::Processes, 4)).found().await;
    let text = made::vector("restarts", 500, 8, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    for place in 0..4 {
        let round = u32::try_from(place).unwrap() + 1;
        watch.phase(DONE, "collecting", round).await;
        federation.sites[place].restart().await;
    }
    watch.done(DONE).await;
    assert_right(&federation, &text, 8, &study).await;
    let everyone = BTreeSet::from([1, 2, 3, 4]);
    assert!(watch.survivors().values().all(|survivors| *survivors == everyone), "{watch}");
}

/// A line that is slow, and one that is cut at times, change nothing.
#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_lines() {
    let federation = setup(Kind::InProcess, 4).found().await;
    federation.sites[0].relay.delay(Duration::from_millis(20));
    let text = made::vector("lines", 500, 5, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    for round in 1..=3 {
        watch.phase(DONE, "collecting", round).await;
        let line = &federation.sites[1].relay;
        line.cut();
        line.mend();
    }
    watch.done(DONE).await;
    assert_right(&federation, &text, 5, &study).await;
}

async fn assert_right(
    federation: &Federation,
    text: &str,
    rounds: u32,
    study: &ripieno_study::Digest,
) {
    let result = federation.researcher.result(study).await;
    assert_close("sum", &figures(&result), &expected(text, rounds, 1..=4), 1e-9);
    assert_sites_agree(federation, study, &all(federation), &result).await;
}
