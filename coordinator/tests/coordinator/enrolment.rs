//! How a site comes in, and what does not let one in.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ripieno_coordinator::folder::Folder;
use ripieno_coordinator::store::{NewCertificate, NewInvitation, Store};
use ripieno_identity::SigningKey;
use ripieno_identity::enrolment::{enrol_digest, request_digest};
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::{
    EnrolRequest, InviteRequest, InviteResponse, ProposeCharterRequest, RenewRequest,
    RevokeRequest, ShowCharterRequest, SitesRequest,
};
use ripieno_transport::authority::{Authority, Validity};
use ripieno_transport::request::{PendingRequest, VerifiedRequest};
use ripieno_transport::{PeerCertificate, TlsIdentity, TrustedAuthorities};
use ripieno_wire::Invitation;
use ripieno_wire::membership::{decode_charter, encode_consent};
use tonic::Code;

use crate::support::{Hub, Member, audit, enrolment, enrolment_of, failure, in_time, now};

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_lets_one_site_in_once() {
    let hub = Hub::start().await;
    let invitation = hub.invite("north").await;
    let (request, _, _) = enrolment(&invitation);
    let first = in_time(hub.calls(None).enrol(request.clone())).await.unwrap().into_inner();
    // The answer may have been lost.
    let same = in_time(hub.calls(None).enrol(request)).await.unwrap().into_inner();
    assert_eq!(same.certificate, first.certificate);
    let (again, _, _) = enrolment(&invitation);
    let status = failure(hub.calls(None).enrol(again)).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("used before"), "{status}");
    let sites = in_time(hub.operator().await.sites(SitesRequest {})).await.unwrap().into_inner();
    assert_eq!(
        (sites.sites[0].name.as_str(), sites.sites[0].standing.as_str()),
        ("north", "enrolled")
    );
    let log = audit(&hub.folder());
    assert!(log.contains("invited") && log.contains("enrolled") && log.contains("used before"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_has_expired_lets_nobody_in() {
    let mut hub = Hub::start().await;
    let mut invitation = hub.invite("north").await;
    invitation.secret[0] ^= 1;
    hub.stop().await;
    let store = Store::open(&hub.folder().join("coordinator.db")).await.unwrap();
    let (secret, site) = (invitation.secret_digest(), invitation.site.clone());
    let (created, expires) = (now() - 7200, now() - 3600);
    store.invite(NewInvitation { secret, site, created, expires }).await.unwrap();
    store.close().await.unwrap();
    hub.serve().await;
    let (request, _, _) = enrolment(&invitation);
    let status = failure(hub.calls(None).enrol(request)).await;
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(status.message().contains("has expired"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log() {
    let hub = Hub::start().await;
    let invitation = hub.invite("north").await;
    let hex: String = invitation.secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let (log, text) = (audit(&hub.folder()), invitation.to_text());
    assert!(log.contains("invited") && !log.contains(&hex) && !log.contains(text.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_lets_nobody_in() {
    let hub = Hub::start().await;
    let mut invitation = hub.invite("north").await;
    invitation.secret[0] ^= 1;
    let (request, _, _) = enrolment(&invitation);
    let status = failure(hub.calls(None).enrol(request)).await;
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("knows no such invitation"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_an_enrolment_is_checked() {
    let hub = Hub::start().await;
    let invitation = hub.invite("north").await;
    let (good, _, _) = enrolment(&invitation);
    let (other, _, _) = enrolment(&invitation);
    let changed = [
        EnrolRequest { signature: other.signature.clone(), ..good.clone() },
        EnrolRequest { key: other.key.clone(), ..good.clone() },
        // Somebody else's request under this site's signature.
        EnrolRequest { certificate_request: other.certificate_request.clone(), ..good.clone() },
        EnrolRequest { certificate_request: Bytes::from_static(b"\x30\x00"), ..good.clone() },
        EnrolRequest { secret: good.secret.slice(1..), ..good.clone() },
        EnrolRequest { key: Bytes::from(vec![0; 32]), ..good.clone() },
    ];
    for request in changed {
        let code = failure(hub.calls(None).enrol(request)).await.code();
        assert!(matches!(code, Code::Unauthenticated | Code::InvalidArgument), "{code}");
    }
    in_time(hub.calls(None).enrol(good)).await.expect("none of them used the invitation up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_invitation_replaces_an_unused_one_and_names_are_given_once() {
    let hub = Hub::start().await;
    let (first, second) = (hub.invite("north").await, hub.invite("north").await);
    let (request, _, _) = enrolment(&first);
    assert_eq!(failure(hub.calls(None).enrol(request)).await.code(), Code::NotFound);
    let (request, _, _) = enrolment(&second);
    in_time(hub.calls(None).enrol(request)).await.unwrap();
    let mut operator = hub.operator().await;
    for (site, hours, code) in [
        ("NORTH", 1, Code::AlreadyExists),
        ("no/rth", 1, Code::InvalidArgument),
        ("south", 0, Code::InvalidArgument),
        ("south", 169, Code::InvalidArgument),
    ] {
        let request = InviteRequest { site: site.into(), hours };
        assert_eq!(failure(operator.invite(request)).await.code(), code, "{site} {hours}");
    }
}

/// A key is one site's: that of one that enrolled lately, of a member, and of one that was revoked.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_one_site_lets_no_other_in() {
    let hub = Hub::start().await;
    let (members, _) = hub.found(&["a", "b", "c"]).await;
    let newcomer = hub.enrol("d").await;
    let revoke =
        RevokeRequest { site: "c".into(), reason: "its keys are lost".into(), corrupt: None };
    in_time(hub.operator().await.revoke(revoke)).await.unwrap();
    for (key, of, code) in [
        (&newcomer.key, "d", Code::Aborted),
        (&members[0].key, "a", Code::Aborted),
        (&members[2].key, "c", Code::AlreadyExists),
    ] {
        let invitation = hub.invite(&format!("not-{of}")).await;
        let (request, pending, _) = enrolment(&invitation);
        let request = signed(request, &pending, &invitation, key);
        let status = failure(hub.calls(None).enrol(request)).await;
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains("key"), "{status}");
    }
    let sites = in_time(hub.operator().await.sites(SitesRequest {})).await.unwrap().into_inner();
    let enrolled = sites.sites.iter().filter(|site| site.name.starts_with("not-"));
    assert!(enrolled.into_iter().all(|site| site.standing == "invited"));
}

/// An enrolment signed with a key that was there before.
fn signed(
    request: EnrolRequest,
    pending: &PendingRequest,
    invitation: &Invitation,
    key: &SigningKey,
) -> EnrolRequest {
    let (secret, made) = (invitation.secret_digest(), request_digest(pending.der()));
    let digest = enrol_digest(invitation.coordinator, &secret, &made, &key.public());
    EnrolRequest {
        key: Bytes::copy_from_slice(key.public().as_bytes()),
        signature: Bytes::copy_from_slice(key.sign(&digest).as_bytes()),
        ..request
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_not_try_for_ever() {
    let hub = Hub::start_with(|settings| settings.connections.enrolments_per_minute = 3).await;
    let invitation = hub.invite("north").await;
    for _ in 0..3 {
        let status = failure(hub.calls(None).enrol(EnrolRequest::default())).await;
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let (request, _, _) = enrolment(&invitation);
    let status = failure(hub.calls(None).enrol(request)).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
}

/// A certificate of a site that was issued so many days ago.
async fn issued_days_ago(hub: &mut Hub, site: &str, days: u64) -> TlsIdentity {
    hub.stop().await;
    let folder = Folder::at(hub.folder());
    let authority = Authority::load(&folder.authority()).unwrap();
    let pending = PendingRequest::create().unwrap();
    let request = VerifiedRequest::from_der(pending.der()).unwrap();
    let from = SystemTime::now() - Duration::from_hours(24 * days);
    let validity = Validity { from, days: 90 };
    let issued = authority.issue_site(&request, &site.parse().unwrap(), validity).unwrap();
    let store = Store::open(&folder.database()).await.unwrap();
    let new = NewCertificate {
        der: issued.der.clone(),
        request: request_digest(pending.der()),
        serial: issued.certificate.serial.to_string(),
        ends: now() + (90 - days) * 24 * 3600,
    };
    store.renew(site, &new).await.unwrap();
    store.close().await.unwrap();
    hub.serve().await;
    let trusted = TrustedAuthorities::new(vec![authority.certificate().clone()]).unwrap();
    pending.accept(&issued.der, &trusted, SystemTime::now()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_renews_its_certificate_on_a_new_key() {
    let mut hub = Hub::start().await;
    let mut member = hub.enrol("north").await;
    let pending = PendingRequest::create().unwrap();
    let request = RenewRequest { certificate_request: Bytes::copy_from_slice(pending.der()) };
    let status = failure(hub.calls(None).renew(request.clone())).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = failure(hub.calls(Some(&member.tls)).renew(request.clone())).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().starts_with("renewal-early"), "{status}");
    member.tls = issued_days_ago(&mut hub, "north", 30).await;
    let answer = in_time(hub.calls(Some(&member.tls)).renew(request)).await.unwrap().into_inner();
    let renewed = PeerCertificate::from_der(&answer.certificate).unwrap();
    assert_eq!(renewed.subject.as_str(), "north");
    assert_ne!(renewed.serial, member.tls.certificate().serial);
    let trusted = TrustedAuthorities::load(&hub.folder().join("authority.pem")).unwrap();
    let tls = pending.accept(&answer.certificate, &trusted, SystemTime::now()).unwrap();
    let renewed = Member { tls, ..member };
    hub.attend(&renewed, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_says_where_and_to_whom() {
    let hub = Hub::start().await;
    let Invitation { address, site, authority, coordinator, .. } = hub.invite("north").await;
    assert_eq!((address.as_str(), site.as_str()), ("127.0.0.1:1", "north"));
    let made = audit(&hub.folder());
    assert!(made.contains(&coordinator.to_string()));
    let trusted = TrustedAuthorities::load(&hub.folder().join("authority.pem")).unwrap();
    assert_eq!(*trusted.certificates()[0].fingerprint().digest(), authority);
}

/// A site that lost its certificate, or was away until it had ended, keeps its key and its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_comes_back_on_its_key_without_a_new_charter() {
    let hub = Hub::start().await;
    let (mut members, mut there) = hub.found(&["a", "b", "c"]).await;
    let charter = there[2].charter.clone().unwrap();
    let invitation = hub.invite("c").await;
    let (thief, _, _) = enrolment(&invitation);
    let status = failure(hub.calls(None).enrol(thief)).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("knows \"c\" by another key"), "{status}");
    let (peer, _) = enrolment_of(&members[0].key, &invitation);
    let status = failure(hub.calls(None).enrol(peer)).await;
    assert_eq!(status.code(), Code::Aborted);
    assert!(status.message().contains("key of the site \"a\""), "{status}");

    let old = members.pop().unwrap();
    let (request, pending) = enrolment_of(&old.key, &invitation);
    let answer = in_time(hub.calls(None).enrol(request)).await.unwrap().into_inner();
    there[2].end().await;
    let status = hub.try_attend(&old, Some(&charter)).await.err().unwrap();
    assert!(ripieno_rpc::connect_error(&status).is_some(), "the old certificate is cut: {status}");
    let trusted = TrustedAuthorities::load(&hub.folder().join("authority.pem")).unwrap();
    let tls = pending.accept(&answer.certificate, &trusted, SystemTime::now()).unwrap();
    let back = Member { tls, ..old };
    hub.attend(&back, Some(&charter)).await;
    let status = hub.status().await;
    assert_eq!((status.charter_version, status.alarms.len()), (1, 0), "{:?}", status.alarms);
    let sites = in_time(hub.operator().await.sites(SitesRequest {})).await.unwrap().into_inner();
    assert_eq!((sites.sites[2].standing.as_str(), sites.sites[2].index), ("member", 3));
    let log = audit(&hub.folder());
    assert!(log.contains("enrolled-again") && log.contains(&back.key.public().to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_site_does_not_come_back_on_its_key() {
    let hub = Hub::start().await;
    let (members, _there) = hub.found(&["a", "b", "c"]).await;
    let invitation = hub.invite("c").await;
    let request = RevokeRequest { site: "c".into(), reason: "stolen".into(), corrupt: None };
    in_time(hub.operator().await.revoke(request)).await.unwrap();
    let (request, _) = enrolment_of(&members[2].key, &invitation);
    let status = failure(hub.calls(None).enrol(request)).await;
    assert!(status.message().contains("knows no such invitation"), "{status}");
    let again = InviteRequest { site: "c".into(), hours: 1 };
    let status = failure(hub.operator().await.invite(again)).await;
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(status.message().contains("was revoked"), "{status}");
    // Nor under another name.
    let (request, _) = enrolment_of(&members[2].key, &hub.invite("c-2").await);
    let status = failure(hub.calls(None).enrol(request)).await;
    assert_eq!(status.code(), Code::AlreadyExists, "{status}");
}

async fn invited(hub: &Hub, site: &str) -> (Invitation, InviteResponse) {
    let request = InviteRequest { site: site.into(), hours: 1 };
    let answer = in_time(hub.operator().await.invite(request)).await.unwrap().into_inner();
    (Invitation::from_text(&answer.invitation).unwrap(), answer)
}

/// Somebody enrolled in a site's place; then the site itself does.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_proposal_lists_no_key_that_was_replaced() {
    let hub = Hub::start().await;
    let (members, mut there) = hub.found(&["a", "b", "c"]).await;
    let thief = hub.enrol("d").await;
    let propose = ProposeCharterRequest::default();
    in_time(hub.operator().await.propose_charter(propose)).await.unwrap();
    assert!(there[0].proposal().await.fields().sites.iter().any(|s| s.key == thief.key.public()));

    let (invitation, answer) = invited(&hub, "d").await;
    assert_eq!(
        (answer.key, answer.replaces.as_deref()),
        (None, Some(&thief.key.public().as_bytes()[..]))
    );
    let (request, _, own) = enrolment(&invitation);
    in_time(hub.calls(None).enrol(request)).await.unwrap();
    let shown = in_time(hub.operator().await.show_charter(ShowCharterRequest {})).await;
    let proposed = decode_charter(shown.unwrap().into_inner().proposed.unwrap()).unwrap();
    let listed: Vec<_> = proposed.fields().sites.iter().map(|site| site.key).collect();
    assert!(listed.contains(&own.public()) && !listed.contains(&thief.key.public()));

    // Signed, it is what the others know the site by.
    let charter = there[0].proposal().await;
    assert_eq!(charter, proposed);
    there[0].say(Said::Consent(encode_consent(&members[0].consent(&charter)))).await;
    in_time(async { while hub.signed().await.is_empty() {} }).await;
    let (invitation, answer) = invited(&hub, "d").await;
    assert_eq!(
        (answer.key.as_deref(), answer.replaces),
        (Some(&own.public().as_bytes()[..]), None)
    );
    let (request, _, _) = enrolment(&invitation);
    let status = failure(hub.calls(None).enrol(request)).await;
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    let (request, _) = enrolment_of(&own, &invitation);
    in_time(hub.calls(None).enrol(request)).await.unwrap();
}

/// The database of a coordinator that has stopped, from one folder to another in place of what is
/// there.
fn copy_database(from: &std::path::Path, to: &std::path::Path) {
    for file in ["coordinator.db-wal", "coordinator.db-shm"] {
        let _ = std::fs::remove_file(to.join(file));
    }
    std::fs::copy(from.join("coordinator.db"), to.join("coordinator.db")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn repro_an_older_database_lets_no_revoked_site_in() {
    let mut hub = Hub::start().await;
    let one = hub.enrol("one").await;
    let two = hub.enrol("two").await;
    hub.stop().await;
    let copy = hub.folder().join("copy");
    std::fs::create_dir(&copy).unwrap();
    copy_database(&hub.folder(), &copy);
    hub.serve().await;
    let request = RevokeRequest { site: "one".into(), reason: "stolen".into(), corrupt: None };
    in_time(hub.operator().await.revoke(request)).await.unwrap();
    hub.stop().await;
    copy_database(&copy, &hub.folder());
    // It is remembered from then on.
    for _ in 0..2 {
        hub.serve().await;
        let status = hub.try_attend(&one, None).await.err().unwrap();
        assert!(ripieno_rpc::connect_error(&status).is_some(), "refused by TLS: {status}");
        hub.attend(&two, None).await;
        assert_eq!(audit(&hub.folder()).matches("database-older").count(), 1);
        hub.stop().await;
    }
}
