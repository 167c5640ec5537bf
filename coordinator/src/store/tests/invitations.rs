//! Sites come in.

use super::*;
use crate::store::{InviteError, RedeemError, Standing, StoreError};

/// The enrolment of a site that comes back with its key, on a new request.
fn returning(key: u8, number: u8) -> Enrolment {
    Enrolment { key: super::key(key), ..enrolment(number) }
}

#[tokio::test]
async fn an_invitation_is_redeemed_once() {
    let (folder, store) = new_store().await;
    store.invite(invitation(1, "north")).await.unwrap();
    let [row] = store.sites().await.unwrap().try_into().unwrap();
    assert_eq!((row.name.as_str(), row.standing, row.key), ("north", Standing::Invited, None));
    assert_eq!(store.peek(&digest(1), NOW).await.unwrap(), "north");
    let store = reopened(&folder, store).await;
    assert_eq!(store.redeem(&digest(1), NOW, enrolment(1)).await.unwrap(), "north");
    let [row] = store.sites().await.unwrap().try_into().unwrap();
    assert_eq!((row.standing, row.key), (Standing::Enrolled, Some(key(1))));
    assert_eq!(
        (row.serials.as_slice(), row.certificate_ends),
        (&[enrolment(1).serial][..], { NOW + 90 * DAY })
    );
    let again = store.redeem(&digest(1), NOW, enrolment(2)).await.unwrap_err();
    assert!(matches!(&again, RedeemError::Used(site) if site == "north"), "{again}");
    let peeked = store.peek(&digest(1), NOW).await.unwrap_err();
    assert!(matches!(peeked, RedeemError::Used(_)), "{peeked}");
    assert_eq!(store.sites().await.unwrap(), [row]);
}

#[tokio::test]
async fn of_two_that_redeem_at_once_one_wins() {
    let (_folder, store) = new_store().await;
    store.invite(invitation(1, "north")).await.unwrap();
    let (secret, redeem) = (digest(1), |number| enrolment(number));
    let (a, b) =
        tokio::join!(store.redeem(&secret, NOW, redeem(1)), store.redeem(&secret, NOW, redeem(2)));
    let winner = if a.is_ok() { 1 } else { 2 };
    let (won, lost) = if a.is_ok() { (a, b) } else { (b, a) };
    assert_eq!(won.unwrap(), "north");
    assert!(matches!(lost.unwrap_err(), RedeemError::Used(_)));
    let [row] = store.sites().await.unwrap().try_into().unwrap();
    assert_eq!(row.key, Some(key(winner)));
    assert_eq!(row.serials, [enrolment(winner).serial]);
}

#[tokio::test]
async fn unknown_expired_and_taken_ones_change_nothing() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north"]).await;
    store.invite(invitation(1, "south")).await.unwrap();
    let before = store.sites().await.unwrap();
    let unknown = store.redeem(&digest(9), NOW, enrolment(2)).await.unwrap_err();
    assert!(matches!(unknown, RedeemError::Unknown), "{unknown}");
    let late = store.redeem(&digest(1), NOW + DAY, enrolment(2)).await.unwrap_err();
    assert!(matches!(&late, RedeemError::Expired(site) if site == "south"), "{late}");
    assert!(matches!(store.peek(&digest(1), u64::MAX).await, Err(RedeemError::Expired(_))));
    let taken = store.redeem(&digest(1), NOW, enrolment(1)).await.unwrap_err();
    let RedeemError::WrongName { invited, holder } = taken else { panic!("{taken}") };
    assert_eq!((invited.as_str(), holder.as_str()), ("south", "north"));
    assert_eq!(store.sites().await.unwrap(), before);
    let last = NOW + DAY - 1;
    assert_eq!(store.redeem(&digest(1), last, enrolment(2)).await.unwrap(), "south");
}

#[tokio::test]
async fn a_redemption_that_fails_leaves_the_invitation_usable() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north"]).await;
    store.invite(invitation(1, "south")).await.unwrap();
    let serial = enrolment(1).serial;
    let twice = Enrolment { serial, ..enrolment(2) };
    let error = store.redeem(&digest(1), NOW, twice).await.unwrap_err();
    assert!(matches!(error, RedeemError::Store(StoreError::Database { .. })), "{error}");
    assert_eq!(store.redeem(&digest(1), NOW, enrolment(2)).await.unwrap(), "south");
}

#[tokio::test]
async fn a_second_invitation_replaces_an_unused_one() {
    let (_folder, store) = new_store().await;
    store.invite(invitation(1, "north")).await.unwrap();
    store.invite(invitation(2, "north")).await.unwrap();
    assert!(matches!(store.peek(&digest(1), NOW).await, Err(RedeemError::Unknown)));
    assert_eq!(store.peek(&digest(2), NOW).await.unwrap(), "north");
    assert_eq!(store.sites().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_site_that_lost_the_answer_is_invited_again_until_it_was_heard() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north"]).await;
    store.invite(invitation(1, "north")).await.unwrap();
    store.redeem(&digest(1), NOW + 5, enrolment(2)).await.unwrap();
    let [row] = store.sites().await.unwrap().try_into().unwrap();
    assert_eq!((row.key, row.serials.len()), (Some(key(2)), 1));
    let first = enrolment(1).serial;
    assert_eq!(store.site_by_serial(&first).await.unwrap(), None);
    let withdrawn = store.withdrawn().await.unwrap();
    assert_eq!(withdrawn.len(), 1, "the lost certificate counts nowhere");
    assert_eq!((&withdrawn[0].serial, withdrawn[0].at), (&first, NOW + 5));
    arrived(&store, "north", NOW + 9).await.unwrap();
    // From now on it is known by its key.
    assert_eq!(store.invite(invitation(3, "north")).await.unwrap(), Some(key(2)));
    let other = store.redeem(&digest(3), NOW, enrolment(3)).await.unwrap_err();
    assert!(matches!(&other, RedeemError::OtherKey(site) if site == "north"), "{other}");
}

#[tokio::test]
async fn a_member_comes_back_with_its_key_and_no_other() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north", "south"]).await;
    let members = [("north".to_owned(), index(1)), ("south".to_owned(), index(2))];
    store.ratify(Bytes::from_static(b"charter"), 1, &members).await.unwrap();
    arrived(&store, "north", NOW).await.unwrap();
    let before = store.sites().await.unwrap();
    assert_eq!(store.invite(invitation(7, "north")).await.unwrap(), Some(key(1)));
    // That it is heard once more, on its old certificate, does not end the invitation.
    arrived(&store, "north", NOW).await.unwrap();
    let other = store.redeem(&digest(7), NOW, enrolment(9)).await.unwrap_err();
    assert!(matches!(&other, RedeemError::OtherKey(site) if site == "north"), "{other}");
    let peer = store.redeem(&digest(7), NOW, returning(2, 9)).await.unwrap_err();
    assert!(matches!(&peer, RedeemError::WrongName { holder, .. } if holder == "south"), "{peer}");
    assert_eq!(store.sites().await.unwrap(), before, "nothing has changed");
    store.redeem(&digest(7), NOW + 5, returning(1, 9)).await.unwrap();
    let row = store.sites().await.unwrap().remove(0);
    assert_eq!(
        (row.standing, row.key, row.index),
        (Standing::Member, Some(key(1)), Some(index(1)))
    );
    assert_eq!(row.serials, [enrolment(9).serial], "the old certificate counts no more");
    assert_eq!(store.withdrawn().await.unwrap()[0].serial, enrolment(1).serial);
    let used = store.redeem(&digest(7), NOW + 6, returning(1, 8)).await.unwrap_err();
    assert!(matches!(used, RedeemError::Used(_)), "{used}");
    // Revoked, it does not come back, and neither does its key.
    store.invite(invitation(8, "north")).await.unwrap();
    store.revoke("north", "stolen", NOW).await.unwrap();
    let gone = store.redeem(&digest(8), NOW, returning(1, 7)).await.unwrap_err();
    assert!(matches!(gone, RedeemError::Unknown), "{gone}");
    store.invite(invitation(9, "west")).await.unwrap();
    let taken = store.redeem(&digest(9), NOW, returning(1, 7)).await.unwrap_err();
    assert!(matches!(taken, RedeemError::KeyTaken { .. }), "{taken}");
}

#[tokio::test]
async fn a_revoked_name_is_never_invited_again() {
    let (_folder, store) = new_store().await;
    store.invite(invitation(1, "north")).await.unwrap();
    store.revoke("north", "typing error", NOW).await.unwrap();
    assert!(matches!(store.peek(&digest(1), NOW).await, Err(RedeemError::Unknown)));
    let error = store.invite(invitation(2, "north")).await.unwrap_err();
    assert!(matches!(error, InviteError::Revoked(_)));
}

#[tokio::test]
async fn an_invitation_ends_when_its_site_is_heard_or_in_a_charter() {
    let (_folder, store) = new_store().await;
    enrol(&store, &["north", "south"]).await;
    store.invite(invitation(1, "north")).await.unwrap();
    arrived(&store, "north", NOW + 9).await.unwrap();
    assert!(matches!(store.peek(&digest(1), NOW).await, Err(RedeemError::Unknown)));
    // In a charter before it was ever heard.
    store.invite(invitation(2, "south")).await.unwrap();
    let members = [("south".to_owned(), index(1))];
    store.ratify(Bytes::from_static(b"charter"), 1, &members).await.unwrap();
    let before = store.sites().await.unwrap();
    let error = store.redeem(&digest(2), NOW, enrolment(9)).await.unwrap_err();
    assert!(matches!(&error, RedeemError::OtherKey(site) if site == "south"), "{error}");
    assert_eq!(store.sites().await.unwrap(), before);
}

#[tokio::test]
async fn the_same_request_gets_the_same_certificate_until_its_invitation_expires() {
    let (_folder, store) = new_store().await;
    store.invite(invitation(1, "north")).await.unwrap();
    let (one, two) = (key(1), key(2));
    let (same, other) = ((&one, &digest(1)), (&one, &digest(2)));
    assert_eq!(store.redeemed(&digest(1), NOW, same).await.unwrap(), None);
    store.redeem(&digest(1), NOW, enrolment(1)).await.unwrap();
    let again = store.redeemed(&digest(1), NOW, same).await.unwrap();
    assert_eq!(again, Some(("north".to_owned(), enrolment(1).certificate)));
    for (secret, now, by) in [
        (digest(2), NOW, same),
        (digest(1), NOW + DAY, same),
        (digest(1), NOW, other),
        (digest(1), NOW, (&two, &digest(1))),
    ] {
        assert_eq!(store.redeemed(&secret, now, by).await.unwrap(), None);
    }
    store.revoke("north", "lost", NOW).await.unwrap();
    assert_eq!(store.redeemed(&digest(1), NOW, same).await.unwrap(), None);
}
