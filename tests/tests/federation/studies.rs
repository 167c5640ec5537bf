//! Several studies at a time, and what researchers may ask.

use std::collections::BTreeSet;

use ripieno_tests::{Kind, made};
use tonic::Code;

use crate::support::{DONE, all, assert_sites_agree, complete, setup};

#[tokio::test(flavor = "multi_thread")]
async fn two_studies_at_once_have_the_results_that_each_has_alone() {
    let federation = setup(Kind::Processes, 4).found().await;
    let texts = [
        made::regression("one"),
        made::vector("two", 2000, 6, made::WIDE),
        made::regression("three"),
    ];
    let mut watched = Vec::new();
    for text in &texts {
        let study = federation.researcher.submit(text).await;
        watched.push((study, federation.researcher.watch(study)));
    }
    for (study, watch) in &watched {
        watch.done(DONE).await;
        let result = federation.researcher.result(study).await;
        assert_sites_agree(&federation, study, &all(&federation), &result).await;
    }
    let results = [
        federation.researcher.result(&watched[0].0).await,
        federation.researcher.result(&watched[2].0).await,
    ];
    assert_eq!(results[0]["coefficients"], results[1]["coefficients"]);
    let mut slots: Vec<_> = watched
        .iter()
        .flat_map(|(_, watch)| watch.finished())
        .map(|round| (round.epoch, round.slot))
        .collect();
    let rounds = slots.len();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), rounds, "a slot was opened for two studies");
    assert_eq!(federation.researcher.list().await.len(), 3);
}

/// One study that has ended stays in memory: the others are listed, shown, watched from the
/// database, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn studies_that_ended_a_while_ago_are_shown_from_the_database() {
    let mut federation = setup(Kind::InProcess, 4).phase("ended", 1).found().await;
    let mut done = Vec::new();
    for (name, rounds) in [("first", 2), ("second", 1), ("third", 1)] {
        let text = made::vector(name, 20, rounds, made::WIDE);
        let (study, _, result) = complete(&federation, &text).await;
        assert_sites_agree(&federation, &study, &all(&federation), &result).await;
        done.push((study, result));
    }
    for restarted in [false, true] {
        if restarted {
            federation.restart_coordinator().await;
            federation.all_present().await;
        }
        let listed = federation.researcher.list().await;
        let names: BTreeSet<_> = listed.iter().map(|status| status.name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["first", "second", "third"]), "{restarted}");
        assert!(listed.iter().all(|status| status.phase == "done"), "{restarted}");
        for (study, result) in &done {
            assert_eq!(&federation.researcher.result(study).await, result, "{restarted}");
            let watch = federation.researcher.watch(*study);
            watch.done(DONE).await;
            let rounds = federation.researcher.status(study).await.round;
            assert_eq!(watch.finished().last().unwrap().round, rounds, "{restarted}: {watch}");
        }
        let again = federation.researcher.submit(&made::vector("first", 20, 2, made::WIDE)).await;
        assert_eq!(again, done[0].0, "it is known");
        let over = federation.researcher.cancel(&done[0].0, "late").await.unwrap_err();
        assert_eq!(over.code(), Code::FailedPrecondition, "{over}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_that_was_cancelled_ends_everywhere() {
    let federation = setup(Kind::InProcess, 4).found().await;
    let text = made::vector("long", 100, 1000, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.phase(DONE, "collecting", 2).await;
    federation.researcher.cancel(&study, "enough").await.unwrap();
    let ended = watch.ended(DONE).await;
    assert_eq!(ended.how, "cancelled", "{}", ended.reason);
    assert!(ended.reason.contains("enough"), "{}", ended.reason);
    let again = federation.researcher.cancel(&study, "enough").await.unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition, "{again}");
}

/// What stands in a study's way is said before it is submitted.
#[tokio::test(flavor = "multi_thread")]
async fn a_study_is_checked_before_it_is_submitted() {
    let mut federation = setup(Kind::InProcess, 4).found().await;
    let there = |sites: Vec<(String, bool)>| sites.iter().filter(|(_, there)| *there).count();
    assert_eq!(there(federation.researcher.discover().await), 4);
    let good = federation.researcher.check(&made::regression("good")).await;
    assert!(good.problems.is_empty(), "{:?}", good.problems);
    let five = format!("{}[aggregation]\nminimum_sites = 5\n", made::regression("five"));
    let bad = federation.researcher.check(&five).await;
    assert!(!bad.problems.is_empty(), "four sites are no five");
    federation.sites[0].kill().await;
    federation.present(&[1, 2, 3]).await;
    assert_eq!(there(federation.researcher.discover().await), 3);
    assert!(federation.researcher.list().await.is_empty(), "a check starts nothing");
}

/// The policy leaves it to people: the study waits for them, and runs with those who agree.
#[tokio::test(flavor = "multi_thread")]
async fn stewards_decide() {
    let federation = setup(Kind::Processes, 4).corrupt(0).found().await;
    let rest = "[aggregation]\nmembership = \"may-change\"\ncorrupt = 0\n";
    let text = format!("{}{rest}", made::regression("asked"));
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    federation.sites[3].decide(&study, "refuse").await;
    federation.approve(&study, &[0, 1, 2]).await;
    watch.done(DONE).await;
    assert!(watch.survivors().values().all(|sites| *sites == [1, 2, 3].into()), "{watch}");
    let result = federation.researcher.result(&study).await;
    assert_eq!(result["n"], 120);
    assert_sites_agree(&federation, &study, &[0, 1, 2], &result).await;
    let status = federation.researcher.status(&study).await;
    let refused: Vec<_> = status.sites.iter().filter(|site| site.answer == "refused").collect();
    assert!(refused.len() == 1 && refused[0].index == 4, "one steward said no");
    assert!(!refused[0].rule.is_empty(), "the answer names its rule");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_vouched_for_may_ask() {
    let federation = setup(Kind::InProcess, 4).found().await;
    let text = made::regression("whose");
    let study = federation.researcher.submit(&text).await;
    // A proof for one method counts for no other.
    let proof = federation.researcher.proof("List", None);
    let request = ripieno_rpc::DiscoverRequest { proof };
    let refused = federation.researcher.client().discover(request).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    // A credential that was changed counts for nothing.
    let mut credential = federation.researcher.credential().clone();
    credential.fields.role = "director".into();
    let changed = federation.researcher.with(credential);
    let refused = changed.try_submit(&made::regression("other")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    federation.researcher.watch(study).done(DONE).await;
    assert_eq!(federation.researcher.list().await.len(), 1);
}
