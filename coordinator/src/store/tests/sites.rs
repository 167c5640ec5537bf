//! Sites that are there, come back, renew and are revoked.

use super::*;
use ripieno_study::Digest;

use crate::store::{NewCertificate, Standing, StoreError};

fn certificate(serial: &str, ends: u64) -> NewCertificate {
    let request = Digest::from_bytes([9; 32]);
    NewCertificate { der: b"der".to_vec(), request, serial: serial.into(), ends }
}

#[tokio::test]
async fn an_arrival_is_noted() {
    let (folder, store) = new_store().await;
    enrol(&store, &["north", "south"]).await;
    let of = |site: &str, clock_offset| Heard {
        site: site.into(),
        seen: NOW + 60,
        clock_offset,
        program: "ripieno 0.1.0".into(),
        charter_version: 3,
        ..Heard::default()
    };
    let (first, again) = (of("south", 9), of("south", -7));
    let rows = store.note_heard(&[first, again]).await.unwrap();
    assert_eq!(rows, [store.site_by_name("south").await.unwrap().unwrap()]);
    let store = reopened(&folder, store).await;
    let [north, south] = store.sites().await.unwrap().try_into().unwrap();
    assert_eq!((north.seen, north.program.as_str()), (0, ""));
    assert_eq!((south.seen, south.clock_offset), (NOW + 60, -7));
    assert_eq!((south.program.as_str(), south.charter_version), ("ripieno 0.1.0", 3));
    let error = store.note_heard(&[of("south", 1), of("west", 0)]).await.unwrap_err();
    assert!(matches!(&error, StoreError::NoSite { name, .. } if name == "west"), "{error}");
    assert_eq!(store.site_by_name("south").await.unwrap().unwrap().clock_offset, -7, "all or none");
}

#[tokio::test]
async fn a_renewed_site_is_known_by_both_certificates_until_the_old_one_ends() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north"]).await;
    let old = enrolment(1);
    store.renew("north", &certificate("0a", old.ends + 30 * DAY)).await.unwrap();
    for serial in [old.serial.as_str(), "0a"] {
        let row = store.site_by_serial(serial).await.unwrap().unwrap();
        assert_eq!((row.name.as_str(), row.certificate_ends), ("north", old.ends + 30 * DAY));
        assert_eq!(row.serials, [old.serial.as_str(), "0a"]);
    }
    arrived(&store, "north", old.ends + DAY).await.unwrap();
    assert!(store.site_by_serial(&old.serial).await.unwrap().is_some());
    arrived(&store, "north", old.ends + DAY + 1).await.unwrap();
    assert!(store.site_by_serial(&old.serial).await.unwrap().is_none());
    arrived(&store, "north", old.ends + 900 * DAY).await.unwrap();
    assert!(store.site_by_serial("0a").await.unwrap().is_some(), "the newest is kept");
    assert!(store.site_by_serial("0b").await.unwrap().is_none());
}

#[tokio::test]
async fn only_enrolled_sites_renew() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north"]).await;
    store.invite(invitation(1, "south")).await.unwrap();
    store.revoke("north", "lost laptop", NOW).await.unwrap();
    for name in ["north", "south", "west"] {
        let error = store.renew(name, &certificate("0a", NOW + DAY)).await.unwrap_err();
        assert!(matches!(error, StoreError::NoSite { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_revoked_site_is_known_as_such_and_all_its_certificates_are_withdrawn() {
    let (folder, store) = new_store().await;
    enrol(&store, &["north", "south"]).await;
    store.renew("north", &certificate("0a", NOW + 99 * DAY)).await.unwrap();
    store.ratify(Bytes::from("c1"), 1, &[("north".into(), index(1))]).await.unwrap();
    let row = store.revoke("north", "lost laptop", NOW + 1).await.unwrap();
    assert_eq!((row.standing, row.index), (Standing::Revoked, Some(index(1))));
    assert_eq!(store.revoke("north", "again", NOW + 2).await.unwrap(), row);
    let store = reopened(&folder, store).await;
    for serial in [enrolment(1).serial.as_str(), "0a"] {
        assert_eq!(store.site_by_serial(serial).await.unwrap().unwrap(), row);
    }
    let withdrawn = store.withdrawn().await.unwrap();
    let listed: Vec<_> = withdrawn.iter().map(|c| (c.serial.as_str(), c.at, c.ends)).collect();
    let first = enrolment(1);
    assert_eq!(
        listed,
        [(first.serial.as_str(), NOW + 1, first.ends), ("0a", NOW + 1, NOW + 99 * DAY)]
    );
    let error = store.revoke("west", "", NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSite { .. }), "{error}");
    assert_eq!(store.sites().await.unwrap()[1].standing, Standing::Enrolled);
}

#[tokio::test]
async fn revocation_lists_are_counted_upwards() {
    let (folder, store) = new_store().await;
    assert_eq!(store.crl_number().await.unwrap(), 0);
    assert_eq!(store.next_crl_number().await.unwrap(), 1);
    assert_eq!(store.next_crl_number().await.unwrap(), 2);
    let store = reopened(&folder, store).await;
    assert_eq!(store.crl_number().await.unwrap(), 2);
    assert_eq!(store.next_crl_number().await.unwrap(), 3);
}

/// A site may say it as often as it likes.
#[tokio::test]
async fn repro_what_is_known_already_is_not_written_again() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north"]).await;
    let serial = enrolment(1).serial;
    for (list, is_news) in [(2, true), (2, false), (3, true), (3, false)] {
        let before = store.commits().count();
        let news = store.note_holdings("north", Some(list), Some(&serial)).await.unwrap();
        let written = store.commits().count() - before;
        assert_eq!((news, written), (is_news, u64::from(is_news)), "list {list}");
    }
}

#[tokio::test]
async fn what_a_site_holds_is_noted_and_what_is_withdrawn_counts_no_more() {
    let (folder, store) = new_store().await;
    enrol(&store, &["north", "south"]).await;
    store.renew("north", &certificate("0a", NOW + 99 * DAY)).await.unwrap();
    assert!(store.note_holdings("north", Some(2), Some("0a")).await.unwrap());
    assert!(!store.note_holdings("north", None, None).await.unwrap());
    // A certificate of another site is not its to hold.
    assert!(!store.note_holdings("south", None, Some("0a")).await.unwrap());
    let store = reopened(&folder, store).await;
    let [north, south] = store.sites().await.unwrap().try_into().unwrap();
    assert_eq!((north.authorities, south.authorities), (2, 0));
    let live = store.live_certificates(Some("north"), NOW).await.unwrap();
    let held: Vec<_> = live.iter().map(|one| (one.serial.as_str(), one.held)).collect();
    assert_eq!(held, [(enrolment(1).serial.as_str(), false), ("0a", true)]);
    assert_eq!(live[0].request, None);
    assert_eq!(live[1].request, Some(Digest::from_bytes([9; 32])));
    assert_eq!(store.live_certificates(None, NOW).await.unwrap().len(), 3);
    assert_eq!(store.live_certificates(None, NOW + 99 * DAY + 1).await.unwrap(), []);
    store.withdraw(&["0a".into()], NOW).await.unwrap();
    assert_eq!(store.live_certificates(Some("north"), NOW).await.unwrap().len(), 1);
    assert!(store.site_by_serial("0a").await.unwrap().is_none());
    let error = store.note_holdings("west", Some(1), None).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSite { .. }), "{error}");
}
