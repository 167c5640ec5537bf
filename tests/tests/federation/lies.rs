//! A coordinator that changes one number of what it publishes, and signs it, is refused by every
//! site, and gets nothing of them afterwards.

use std::collections::BTreeSet;

use ripieno_tests::{Federation, Kind, Special, audits, made, until};

use crate::support::{DONE, all, setup};

/// A federation whose coordinator lies.
async fn lied_to(lie: &str) -> Federation {
    let mut federation = setup(Kind::Processes, 4).found().await;
    let charter = federation.charter().await;
    federation.coordinator.stop().await;
    federation.replace_coordinator_by_liar();
    let arguments = ["--lie", lie, "--charter", &charter.to_string()].map(str::to_owned);
    let special = Special { arguments: arguments.into(), ..Special::default() };
    federation.start_specially(special).await;
    federation.all_present().await;
    federation
}

/// Waits until every site has refused by `check`, and gives their logs.
async fn refused_everywhere(federation: &Federation, check: &str) -> Vec<audits::Log> {
    until(DONE, "refusals of all sites", || async {
        let mut logs = federation.verify_audits(&[]);
        logs.truncate(federation.sites.len());
        let missing: Vec<_> =
            logs.iter().filter(|log| !log.checks().contains(check)).map(|l| &l.owner).collect();
        if missing.is_empty() { Ok(logs.clone()) } else { Err(format!("not yet: {missing:?}")) }
    })
    .await
}

/// How often something of this study left a site.
fn left(logs: &[audits::Log], round: &str) -> usize {
    let count = |log: &audits::Log| {
        log.steps("contribution").iter().filter(|e| e["fields"]["round"] == round).count()
    };
    logs.iter().map(count).sum()
}

async fn refused(lie: &str, check: &str) {
    let federation = lied_to(lie).await;
    // Two rounds; the lie is about the first sum, or about what follows it.
    let text = made::vector("lie", 50, 2, made::WIDE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    let logs = refused_everywhere(&federation, check).await;
    let ended = watch.ended(DONE).await;
    assert_eq!(ended.how, "failed", "{lie}: {}", ended.reason);
    let blamed: BTreeSet<_> = watch.refused().into_iter().map(|r| (r.check, r.culprit)).collect();
    assert!(blamed.contains(&(check.to_owned(), "coordinator".to_owned())), "{blamed:?}\n{watch}");
    // Nothing of the second round left, and no site has a result.
    let logs = federation.verify_audits(&logs);
    assert_eq!(left(&logs, "2"), 0, "{lie}: something left after the lie");
    for place in all(&federation) {
        let shown = federation.sites[place].show(&study).await;
        assert!(shown.report.is_none(), "{lie}: a site has a result");
    }
    for log in &logs[..federation.sites.len()] {
        let reasons: Vec<_> = log
            .of("refusal")
            .filter(|entry| entry["fields"]["check"] == check)
            .map(|entry| entry["fields"]["culprit"].clone())
            .collect();
        assert!(reasons.iter().all(|culprit| culprit == "the coordinator"), "{lie}: {reasons:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_was_altered_is_refused() {
    refused("sum", "P1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_was_altered_and_signed_is_refused() {
    refused("signed-sum", "P1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_next_state_is_refused() {
    refused("next-state", "P1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_was_altered_is_refused() {
    refused("receipt", "P1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_state_to_start_from_is_refused() {
    refused("state", "S5").await;
}
