//! Messages that are fetched, and lies about them.

use bytes::Bytes;
use ripieno_rpc::Parcel;
use ripieno_rpc::attend_response::Body as Say;
use ripieno_study::Digest;
use ripieno_wire::ToSite;

use crate::support::*;

fn ended(reason: &str) -> Bytes {
    ToSite::Ended { study: Digest::from_bytes([3; 32]), reason: reason.into() }.encode()
}

fn parcel(ticket: u64, bytes: u64) -> Act {
    Act::Say(Say::Parcel(Parcel { ticket, bytes }))
}

/// The alarm that a parcel leads to.
async fn alarm(announced: u64, parts: Vec<Bytes>) -> String {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    fake.set(|script| {
        script.parcels.insert(1, parts);
        script.sessions = vec![vec![parcel(1, announced)], vec![]];
    });
    let daemon = folder.start().await;
    fake.until(|script| script.arrivals == 2).await;
    until_status(&daemon, |status| !status.alarms.is_empty()).await;
    let alarms = status(&daemon).await.alarms;
    within(daemon.shutdown()).await.unwrap();
    alarms[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn parcels_and_messages_are_handled_in_their_order() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    // Each leads to an alarm with its reason, in the place of the one before.
    let [one, two, three] = ["one", "two", "three"]
        .map(|text| ended(&format!("{text}: was it restored from a backup?")));
    let (announced, half) = (two.len() as u64, two.len() / 2);
    fake.set(|script| {
        script.parcels.insert(7, vec![two.slice(..half), two.slice(half..)]);
        script.sessions = vec![vec![
            Act::Say(Say::ToSite(one)),
            parcel(7, announced),
            Act::Say(Say::ToSite(three)),
        ]];
    });
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.alarms.iter().any(|a| a.contains("(three:"))).await;
    let alarms = status(&daemon).await.alarms;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains("restored from a backup, it has forgotten"), "{alarms:?}");
    assert_eq!(fake.read(|script| script.arrivals), 1);
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_announced_is_refused() {
    let alarm = alarm(10, vec![vec![1; 8].into(), vec![1; 8].into()]).await;
    assert!(alarm.contains("of 10 bytes was announced, and 16 came"), "{alarm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn less_than_announced_is_refused() {
    let alarm = alarm(10, vec![vec![1; 8].into()]).await;
    assert!(alarm.contains("of 10 bytes was announced, and 8 came"), "{alarm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_fetched_that_is_too_long_for_any_message() {
    let alarm = alarm(u64::MAX, vec![vec![1; 8].into()]).await;
    assert!(alarm.contains("announced a message of 18446744073709551615 bytes"), "{alarm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_parts_are_refused() {
    let alarm = alarm(8, vec![Bytes::new(), vec![1; 8].into()]).await;
    assert!(alarm.contains("a part of 0 bytes"), "{alarm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_must_be_a_message() {
    let alarm = alarm(8, vec![vec![0xff; 8].into()]).await;
    assert!(alarm.contains("no message"), "{alarm}");
}
