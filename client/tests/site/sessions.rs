//! A coordinator that comes, goes, stalls and talks nonsense.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ripieno_client::Ending;
use ripieno_identity::{AuthorityList, SigningKey};
use ripieno_rpc::Closing;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Say;
use ripieno_transport::TlsIdentity;
use ripieno_wire::encode_authorities;
use tonic::Status;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_site_arrives_and_is_connected() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.connection == "connected").await;
    let status = status(&daemon).await;
    assert_eq!((status.site.as_str(), status.federation.as_str()), ("st-anna", "North"));
    assert!(status.problem.is_empty() && status.alarms.is_empty(), "{:?}", status.alarms);
    let first = fake.read(|script| script.heard[0].clone());
    let Said::Arrival(arrival) = first else { panic!("the first word is the arrival") };
    assert_eq!((arrival.charter_version, arrival.charter), (0, None));
    assert!(arrival.clock.abs_diff(now()) < 60);
    assert!(matches!(within(daemon.shutdown()).await, Ok(Ending::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_comes_back_however_its_session_ends() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    fake.sessions(vec![
        vec![Act::End],
        vec![Act::Fail(Status::unavailable("stopping"))],
        vec![Act::Fail(Status::internal("broken"))],
        vec![Act::Say(Say::Closing(Closing { come_back_after_seconds: 0 })), Act::End],
        vec![],
    ]);
    let daemon = folder.start().await;
    fake.until(|script| script.arrivals == 5).await;
    until_status(&daemon, |status| status.connection == "connected").await;
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_waits_for_a_coordinator_that_is_away() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    fake.stop().await;
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.problem.contains("cannot be reached")).await;
    // The steward is answered all the same, and it ends at once.
    let begun = Instant::now();
    within(daemon.shutdown()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_does_not_wait_long_for_a_farewell() {
    let fake = Fake::start().await;
    fake.set(|script| script.lingers = true);
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.connection == "connected").await;
    let begun = Instant::now();
    within(daemon.shutdown()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_away_for_as_long_as_it_is_told() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let closing = Act::Say(Say::Closing(Closing { come_back_after_seconds: 2 }));
    fake.sessions(vec![vec![closing, Act::End], vec![]]);
    let begun = Instant::now();
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.connection == "waiting").await;
    fake.until(|script| script.arrivals == 2).await;
    assert!(begun.elapsed() >= Duration::from_secs(2));
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_ends_the_session_and_is_an_alarm() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    fake.sessions(vec![
        vec![Act::Say(Say::ToSite(Bytes::from_static(b"\xff\xff\xff")))],
        vec![Act::Say(Say::ToSite(vec![0; (1 << 20) + 1].into()))],
        vec![Act::Say(Say::Charters(Bytes::from_static(b"\xff")))],
        vec![],
    ]);
    let daemon = folder.start().await;
    // Charters that are none end no session: what is in force here stays so.
    until_status(&daemon, |status| status.alarms.iter().any(|a| a.contains("charters"))).await;
    // One place for each kind: of the two sessions the last one is shown, both are written down.
    let alarms = status(&daemon).await.alarms;
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    assert!(alarms[0].contains("charters are not taken"), "{alarms:?}");
    assert!(alarms[1].contains("1048577 bytes"), "{alarms:?}");
    within(daemon.shutdown()).await.unwrap();
    let shown = folder.run(&["audit", "show", "--json"]).await.json();
    let kinds: Vec<_> =
        shown["entries"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "alarm").count(), 3, "{kinds:?}");
    assert!(kinds.contains(&"stop".into()), "{kinds:?}");
}

/// Each list that is trusted is written down, to a log that only grows: so a coordinator cannot make
/// the site trust one after the other without end.
#[tokio::test(flavor = "multi_thread")]
async fn repro_lists_of_authorities_are_taken_over_a_few_times_an_hour() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let der = fake.authority.certificate().der().to_vec();
    let list = |number| {
        let signed = AuthorityList::sign(number, vec![der.clone()], "North", &fake.key);
        Act::Say(Say::Authorities(encode_authorities(&signed)))
    };
    // One that is held already counts for nothing.
    fake.sessions(vec![[1, 1, 1].into_iter().chain(2..=30).map(list).collect()]);
    let daemon = folder.start().await;
    let not_taken = |alarm: &String| alarm.contains("not taken: there were too many");
    until_status(&daemon, |status| status.alarms.iter().any(not_taken)).await;
    within(daemon.shutdown()).await.unwrap();
    let shown = folder.run(&["audit", "show", "--json"]).await.json();
    let entries = shown["entries"].as_array().unwrap();
    let trusted: Vec<_> =
        entries.iter().filter(|entry| entry["fields"]["step"] == "authorities").collect();
    assert_eq!(trusted.len(), 8, "{shown}");
    assert_eq!(trusted[7]["fields"]["number"], "8", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_authorities_that_another_key_signed_is_not_taken() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let held = std::fs::read(folder.file("authorities.pem")).unwrap();
    let der = fake.authority.certificate().der().to_vec();
    let another = SigningKey::from_seed(&zeroize::Zeroizing::new([9; 32]));
    let forged = encode_authorities(&AuthorityList::sign(2, vec![der], "North", &another));
    fake.sessions(vec![vec![Act::Say(Say::Authorities(forged))]]);
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.alarms.iter().any(|a| a.contains("not signed by"))).await;
    within(daemon.shutdown()).await.unwrap();
    assert_eq!(std::fs::read(folder.file("authorities.pem")).unwrap(), held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_an_alarm() {
    let fake = Fake::start().await;
    fake.set(|script| script.clock = 1000);
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.alarms.iter().any(|a| a.contains("by NTP"))).await;
    within(daemon.shutdown()).await.unwrap();
}

/// How often a certificate of 90 days is renewed that is so many days old, and its file then.
async fn renewals(aged: u64) -> (u32, bool) {
    let fake = Fake::start().await;
    fake.set(|script| script.aged = aged);
    let folder = Folder::enrolled(&fake).await;
    let path = folder.file("connection.pem");
    let before = TlsIdentity::load(&path).unwrap().certificate().clone();
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.connection == "connected").await;
    // It looks a second after the session has begun.
    let ends = status(&daemon).await.certificate_ends;
    let renewed = async || status(&daemon).await.certificate_ends > ends;
    let late = Instant::now() + Duration::from_secs(3);
    until(async || renewed().await || Instant::now() > late).await;
    within(daemon.shutdown()).await.unwrap();
    let after = TlsIdentity::load(&path).unwrap().certificate().clone();
    assert!(!folder.file("renewal.pem").exists());
    (fake.read(|script| script.renewals), after != before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_a_third_of_its_life_before_it_ends() {
    assert_eq!(renewals(61).await, (1, true));
    assert_eq!(renewals(59).await, (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_has_the_folder() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    let ran = folder.run(&["run"]).await;
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("is in use by process"), "{ran:?}");
    within(daemon.shutdown()).await.unwrap();
}
