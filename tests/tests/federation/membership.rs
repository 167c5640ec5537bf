//! Sites that are revoked, and charters that follow each other.

use std::collections::BTreeSet;

use ripieno_rpc::{ShowCharterRequest, ShowCharterResponse};
use ripieno_tests::{Federation, Kind, made, sign_when_proposed, until};
use ripieno_wire::membership::decode_charter;

use crate::sums::{expected, figures};
use crate::support::{DONE, assert_close, complete, impatient, setup};

/// The site that is revoked, by its place.
const REVOKED: usize = 4;

/// Revokes a site in the middle of a study, and has the others sign the charter without it.
async fn revoke(federation: &Federation) {
    let name = federation.sites[REVOKED].name.clone();
    let revoked = federation.coordinator.revoke(&name, "its key was stolen").await;
    assert!(revoked.cut >= 1, "its open connections are cut");
    let charter = decode_charter(revoked.proposed.expect("a charter without it")).unwrap();
    assert_eq!(charter.fields().version, 2);
    assert!(charter.fields().sites.iter().all(|site| site.name != name));
    let words = charter.fingerprint_words().join(" ");
    let quorum = usize::from(charter.fields().quorum);
    for site in federation.sites.iter().take(quorum) {
        sign_when_proposed(site, &words).await;
    }
}

/// The others, under the charter without it.
async fn others_are_there(federation: &Federation) {
    federation.present(&[0, 1, 2, 3]).await;
    until(DONE, "the new charter", || async {
        let version = federation.coordinator.status().await.charter_version;
        if version == 2 { Ok(()) } else { Err(format!("version {version} is in force")) }
    })
    .await;
    let sites = federation.coordinator.sites().await;
    let gone = sites.iter().find(|site| site.name == federation.sites[REVOKED].name).unwrap();
    assert_eq!((gone.standing.as_str(), gone.present), ("revoked", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_that_may_change_goes_on_without_a_revoked_site() {
    let federation = impatient(setup(Kind::Processes, 5)).corrupt(0).found().await;
    let text = made::vector("goes on", 30, 8, made::WIDE_MAY_CHANGE);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.phase(DONE, "collecting", 2).await;
    revoke(&federation).await;
    watch.done(DONE).await;
    let result = federation.researcher.result(&study).await;
    let last = watch.survivors()[&8].clone();
    assert_eq!(last, BTreeSet::from([1, 2, 3, 4]), "{watch}");
    assert_close("without it", &figures(&result), &expected(&text, 8, last), 1e-9);
    others_are_there(&federation).await;
    // The next study runs under the next charter.
    let next = made::vector("next", 30, 1, made::WIDE);
    let (_, watch, result) = complete(&federation, &next).await;
    assert_eq!(watch.survivors()[&1], BTreeSet::from([1, 2, 3, 4]), "{watch}");
    assert_close("next", &figures(&result), &expected(&next, 1, 1..=4), 1e-9);
    federation.verify_audits(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_of_fixed_sites_ends_with_one_of_them() {
    let federation = impatient(setup(Kind::Processes, 5)).corrupt(0).found().await;
    let text = made::vector("ends", 30, 1000, "[aggregation]\nencoding = \"wide\"\ncorrupt = 0\n");
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    watch.phase(DONE, "collecting", 2).await;
    revoke(&federation).await;
    let reason = watch.failed(DONE).await;
    assert!(reason.contains("fixed") && reason.contains("revoked"), "{reason}");
    others_are_there(&federation).await;
}

/// A site that was revoked gets no session any more, also after a restart of either side.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_site_stays_out() {
    let mut federation = impatient(setup(Kind::Processes, 5)).corrupt(0).found().await;
    revoke(&federation).await;
    others_are_there(&federation).await;
    federation.restart_coordinator().await;
    let site = &mut federation.sites[REVOKED];
    site.restart().await;
    until(DONE, "a reason", || async {
        let problem = site.status().await.problem;
        if problem.contains("revoked") { Ok(()) } else { Err(problem) }
    })
    .await;
    federation.present(&[0, 1, 2, 3]).await;
}

/// A charter is in force when the last needed steward has signed, and by the right words only.
#[tokio::test(flavor = "multi_thread")]
async fn other_words_sign_nothing() {
    let federation = setup(Kind::InProcess, 4).found().await;
    let proposed = federation.coordinator.propose(4).await;
    let words = decode_charter(proposed).unwrap().fingerprint_words().join(" ");
    let swapped: Vec<_> = words.split(' ').rev().collect();
    let refused = federation.sites[0].sign(&swapped.join(" ")).await;
    assert!(refused.is_err(), "a site signed by other words");
    for site in &federation.sites {
        sign_when_proposed(site, &words).await;
    }
    federation.all_present().await;
    until(DONE, "version 2", || async {
        let version = federation.coordinator.status().await.charter_version;
        if version == 2 { Ok(()) } else { Err(version.to_string()) }
    })
    .await;
}

/// A site that is there while the others sign the charter that lists it first.
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_that_looks_on_while_its_charter_is_signed_is_not_alarmed() {
    let setup = setup(Kind::InProcess, 4);
    let federation = setup.found().await;
    let mut newcomer = setup.join(&federation, "site-5").await;
    until(DONE, "the newcomer to be there", || async {
        let sites = federation.coordinator.sites().await;
        let there = sites.iter().any(|site| site.name == newcomer.name && site.present);
        if there { Ok(()) } else { Err("it is not".to_owned()) }
    })
    .await;
    let proposed = decode_charter(federation.coordinator.propose(4).await).unwrap();
    let words = proposed.fingerprint_words().join(" ");
    for site in federation.sites.iter().take(3) {
        sign_when_proposed(site, &words).await;
    }
    // It is asked to confirm the charter in force, and takes part.
    sign_when_proposed(&newcomer, &words).await;
    until(DONE, "version 2 at the newcomer", || async {
        let status = newcomer.status().await;
        assert!(status.alarms.is_empty(), "{:?}", status.alarms);
        if status.charter_version == 2 { Ok(()) } else { Err(status.charter_version.to_string()) }
    })
    .await;
    newcomer.stop().await;
}

/// Values of a vector that takes several chunks to upload.
const LARGE: usize = 140_000;

/// All have signed who must, and a round is under way: the operator is told what it waits for.
#[tokio::test(flavor = "multi_thread")]
async fn a_charter_with_all_signatures_waits_for_the_round_under_way() {
    let federation = setup(Kind::InProcess, 4).found().await;
    let study = federation.researcher.submit(&made::vector("waits", LARGE, 2, made::WIDE)).await;
    let watch = federation.researcher.watch(study);
    let line = &federation.sites[3].relay;
    line.stall_after(LARGE as u64 * 8);
    let charter = decode_charter(federation.coordinator.propose(4).await).unwrap();
    let words = charter.fingerprint_words().join(" ");
    watch.phase(DONE, "collecting", 1).await;
    for site in &federation.sites[..3] {
        assert!(!shown(&federation).await.waits_for_rounds, "a signature is missing");
        sign_when_proposed(site, &words).await;
    }
    let waits = until(DONE, "all signatures", || async {
        let shown = shown(&federation).await;
        if shown.signed.len() == 3 { Ok(shown.waits_for_rounds) } else { Err("too few".to_owned()) }
    })
    .await;
    let status = federation.coordinator.status().await;
    assert!(waits && status.charter_version == 1, "{}", status.charter_version);
    let said = |alarm: &String| alarm.contains("all its signatures") && alarm.contains("rounds");
    assert!(status.alarms.iter().any(said), "{:?}", status.alarms);
    line.mend();
    watch.done(DONE).await;
    until(DONE, "the new charter", || async {
        let version = federation.coordinator.status().await.charter_version;
        if version == 2 { Ok(()) } else { Err(format!("version {version} is in force")) }
    })
    .await;
    let shown = shown(&federation).await;
    assert!(shown.proposed.is_none() && !shown.waits_for_rounds);
}

async fn shown(federation: &Federation) -> ShowCharterResponse {
    let mut operator = federation.coordinator.operator().await;
    operator.show_charter(ShowCharterRequest {}).await.unwrap().into_inner()
}
