//! Another authority for connections, while the federation goes on.

use std::time::SystemTime;

use bytes::Bytes;
use ripieno_identity::AuthorityList;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::authority_request::Step;
use ripieno_rpc::{AuthorityRequest, AuthorityResponse, Holdings, RenewRequest, RenewResponse};
use ripieno_transport::request::PendingRequest;
use ripieno_transport::{CaCertificate, Fingerprint, TlsIdentity, TrustedAuthorities};
use ripieno_wire::decode_authorities;
use tonic::{Code, Status};

use crate::support::{
    Attendance, BETWEEN, Hub, Member, audit, enrolment, enrolment_of, failure, in_time,
};

async fn step(hub: &Hub, step: Step, force: bool) -> Result<AuthorityResponse, Status> {
    let request = AuthorityRequest { step: step.into(), force };
    in_time(hub.operator().await.authority(request)).await.map(tonic::Response::into_inner)
}

async fn status(hub: &Hub) -> AuthorityResponse {
    step(hub, Step::Status, false).await.unwrap()
}

/// All of an answer but the sites.
fn figures(status: &AuthorityResponse) -> (&str, &str, &str, u64) {
    (&status.phase, &status.present, &status.other, status.list)
}

async fn refused(hub: &Hub, what: Step) -> Status {
    let status = failure(step(hub, what, false)).await;
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    status
}

async fn again(hub: &mut Hub) {
    hub.stop().await;
    hub.serve().await;
}

/// The next list that a site is sent, which it takes over.
async fn take(hub: &Hub, there: &mut Attendance) -> AuthorityList {
    loop {
        if let Heard::Authorities(bytes) = there.next().await.unwrap() {
            let list = decode_authorities(bytes).unwrap();
            list.verify("North", hub.key()).unwrap();
            there.say(Said::Holdings(holdings(hub, &list))).await;
            return list;
        }
    }
}

fn holdings(hub: &Hub, list: &AuthorityList) -> Holdings {
    let digest = list.digest("North", hub.key());
    let digest = Bytes::copy_from_slice(digest.as_bytes());
    Holdings { list: list.number, digest, certificate: Bytes::new() }
}

/// The status, as soon as it is so.
async fn until(hub: &Hub, so: impl Fn(&AuthorityResponse) -> bool) -> AuthorityResponse {
    in_time(async {
        loop {
            let status = status(hub).await;
            if so(&status) {
                return status;
            }
            tokio::time::sleep(BETWEEN).await;
        }
    })
    .await
}

/// The status, as soon as these lists are held.
async fn held(hub: &Hub, lists: &[u64]) -> AuthorityResponse {
    let of = |status: &AuthorityResponse| status.sites.iter().map(|s| s.list).collect::<Vec<_>>();
    until(hub, |status| of(status) == lists).await
}

async fn ask(
    hub: &Hub,
    shown: &TlsIdentity,
    pending: &PendingRequest,
) -> Result<RenewResponse, Status> {
    let request = RenewRequest { certificate_request: Bytes::copy_from_slice(pending.der()) };
    in_time(hub.calls(Some(shown)).renew(request)).await.map(tonic::Response::into_inner)
}

/// A new certificate; the same request once more gets the same.
async fn renew(hub: &Hub, member: &Member, list: &AuthorityList) -> TlsIdentity {
    let pending = PendingRequest::create().unwrap();
    let answer = ask(hub, &member.tls, &pending).await.unwrap();
    let repeated = ask(hub, &member.tls, &pending).await.unwrap();
    assert_eq!(answer.certificate, repeated.certificate);
    assert_eq!(answer.authorities, list.authorities);
    let trusted = list.authorities.iter().map(|der| CaCertificate::from_der(der).unwrap());
    let trusted = TrustedAuthorities::new(trusted.collect()).unwrap();
    pending.accept(&answer.certificate, &trusted, SystemTime::now()).unwrap()
}

/// A site says that this certificate is on its disk.
async fn keep(there: &Attendance, hub: &Hub, list: &AuthorityList, tls: &TlsIdentity) {
    let certificate = Fingerprint::of(tls.certificate_der());
    let certificate = Bytes::copy_from_slice(certificate.digest().as_bytes());
    there.say(Said::Holdings(Holdings { certificate, ..holdings(hub, list) })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_while_the_authority_is_replaced() {
    let hub = Hub::start().await;
    let (mut one, two) = (hub.enrol("one").await, hub.enrol("two").await);
    let (mut first, mut second) = (hub.attend(&one, None).await, hub.attend(&two, None).await);
    assert_eq!(take(&hub, &mut first).await.number, 1);
    assert_eq!(take(&hub, &mut second).await.number, 1);
    let settled = held(&hub, &[1, 1]).await;
    assert_eq!(settled.phase, "settled");
    refused(&hub, Step::Switch).await;

    let prepared = step(&hub, Step::Prepare, false).await.unwrap();
    assert_eq!(figures(&prepared), ("prepared", &*settled.present, &*prepared.other, 2));
    let both = take(&hub, &mut first).await;
    assert_eq!((both.number, both.authorities.len()), (2, 2));
    held(&hub, &[2, 1]).await;
    assert!(refused(&hub, Step::Switch).await.message().contains(": two;"));
    take(&hub, &mut second).await;
    held(&hub, &[2, 2]).await;
    refused(&hub, Step::Retire).await;

    let switched = step(&hub, Step::Switch, false).await.unwrap();
    assert_eq!(figures(&switched), ("switched", &*prepared.other, &*settled.present, 3));
    assert!(switched.sites.iter().all(|site| site.certified_by == settled.present));
    let list = take(&hub, &mut first).await;
    take(&hub, &mut second).await;
    assert!(refused(&hub, Step::Retire).await.message().contains(": one, two;"));
    // It was made, which does not say that it came.
    let renewed = renew(&hub, &one, &list).await;
    let former = std::mem::replace(&mut one.tls, renewed);
    assert!(refused(&hub, Step::Retire).await.message().contains(": one, two;"));
    keep(&first, &hub, &list, &one.tls).await;
    let moved = until(&hub, |status| status.sites[0].certified_by == prepared.other).await;
    assert_eq!(moved.sites[1].certified_by, settled.present);
    assert!(refused(&hub, Step::Retire).await.message().contains(": two;"));

    let retired = step(&hub, Step::Retire, true).await.unwrap();
    assert_eq!(figures(&retired), ("settled", &*prepared.other, "", 4));
    // Who was cut off is named, with what to do; not only from the next start on.
    let alarms = hub.status().await.alarms;
    let of_two: Vec<_> = alarms.iter().filter(|alarm| alarm.contains("of two ")).collect();
    assert!(of_two.len() == 1 && of_two[0].contains("invite two"), "{alarms:?}");
    // Both came with a certificate of the former authority; one has another one by now.
    second.end().await;
    assert_eq!(take(&hub, &mut first).await.authorities.len(), 1);
    until(&hub, |status| status.sites[0].list == 4).await;
    for old in [&former, &two.tls] {
        let pending = PendingRequest::create().unwrap();
        let status = failure(ask(&hub, old, &pending)).await;
        assert!(ripieno_rpc::connect_error(&status).is_some(), "refused by TLS: {status}");
    }
    hub.attend(&one, None).await;
    assert_eq!(first.end().await.code(), Code::Aborted, "another session has begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_is_replaced_with_a_restart_after_each_step() {
    let mut hub = Hub::start().await;
    let mut one = hub.enrol("one").await;
    let before = status(&hub).await.present;
    let prepared = step(&hub, Step::Prepare, false).await.unwrap();
    again(&mut hub).await;
    // A step that was taken is not taken again.
    assert_eq!(figures(&step(&hub, Step::Prepare, false).await.unwrap()), figures(&prepared));
    let mut there = hub.attend(&one, None).await;
    take(&hub, &mut there).await;
    held(&hub, &[2]).await;
    drop(there);
    again(&mut hub).await;
    assert_eq!(status(&hub).await.sites[0].list, 2, "what a site holds is remembered");
    step(&hub, Step::Switch, false).await.unwrap();
    again(&mut hub).await;
    let switched = step(&hub, Step::Switch, false).await.unwrap();
    assert_eq!(figures(&switched), ("switched", &*prepared.other, &*before, 3));
    let invited = hub.invite("two").await.authority.to_string();
    assert_eq!(prepared.other.replace(':', "").to_lowercase(), invited.to_lowercase());
    let list = take(&hub, &mut hub.attend(&one, None).await).await;
    one.tls = renew(&hub, &one, &list).await;
    again(&mut hub).await;
    refused(&hub, Step::Retire).await;
    // Shown once, it is known to have come.
    drop(hub.attend(&one, None).await);
    again(&mut hub).await;
    step(&hub, Step::Retire, false).await.unwrap();
    again(&mut hub).await;
    assert_eq!(step(&hub, Step::Retire, false).await.unwrap().list, 4);
    assert_eq!(take(&hub, &mut hub.attend(&one, None).await).await.authorities.len(), 1);
    let log = audit(&hub.folder());
    for step in ["prepared", "switched", "retired"] {
        assert_eq!(log.matches(&format!("authority-{step}")).count(), 1, "{step}");
    }
    assert_eq!(log.matches("authorities-signed").count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_this_coordinator_did_not_sign_last_is_an_alarm() {
    let hub = Hub::start().await;
    let one = hub.enrol("one").await;
    let mut there = hub.attend(&one, None).await;
    let list = take(&hub, &mut there).await;
    held(&hub, &[1]).await;
    there.say(Said::Holdings(Holdings { list: 7, ..holdings(&hub, &list) })).await;
    let other = Holdings { digest: vec![1; 32].into(), ..holdings(&hub, &list) };
    there.say(Said::Holdings(other)).await;
    in_time(async {
        while audit(&hub.folder()).matches("authorities-differ").count() < 2 {
            tokio::time::sleep(BETWEEN).await;
        }
    })
    .await;
    assert_eq!(status(&hub).await.sites[0].list, 1);
    let alarm = async || {
        let words = "one holds a list of authorities that this coordinator did not sign last";
        hub.status().await.alarms.iter().any(|alarm| alarm.contains(words))
    };
    assert!(alarm().await);
    there.say(Said::Holdings(holdings(&hub, &list))).await;
    in_time(async {
        while alarm().await {
            tokio::time::sleep(BETWEEN).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_certificates_of_a_site_may_count() {
    let hub = Hub::start().await;
    let one = hub.enrol("one").await;
    step(&hub, Step::Prepare, false).await.unwrap();
    step(&hub, Step::Switch, true).await.unwrap();
    for _ in 0..4 {
        ask(&hub, &one.tls, &PendingRequest::create().unwrap()).await.unwrap();
    }
    let status = failure(ask(&hub, &one.tls, &PendingRequest::create().unwrap())).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("renewal-too-many"), "{status}");
    assert!(audit(&hub.folder()).contains("renewal-too-many"));
}

/// What is left on the disk when a step is cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_cut_off_has_happened_or_not() {
    let mut hub = Hub::start().await;
    let file = |hub: &Hub, name: &str| hub.folder().join(name);
    let prepared = step(&hub, Step::Prepare, false).await.unwrap();
    hub.stop().await;
    // The present authority was copied; the next one did not take its place.
    std::fs::copy(file(&hub, "authority.pem"), file(&hub, "authority.former.pem")).unwrap();
    hub.serve().await;
    assert_eq!(figures(&status(&hub).await), figures(&prepared));
    assert!(!file(&hub, "authority.former.pem").exists());
    hub.stop().await;
    // It took its place, and nothing else was done.
    std::fs::copy(file(&hub, "authority.pem"), file(&hub, "authority.former.pem")).unwrap();
    std::fs::rename(file(&hub, "authority.next.pem"), file(&hub, "authority.pem")).unwrap();
    hub.serve().await;
    let switched = status(&hub).await;
    assert_eq!((switched.phase.as_str(), switched.list), ("switched", 3));
    assert_eq!(switched.present, prepared.other);
    hub.stop().await;
    // The former one is gone, and nothing else was done.
    std::fs::remove_file(file(&hub, "authority.former.pem")).unwrap();
    hub.serve().await;
    let settled = status(&hub).await;
    assert_eq!((settled.phase.as_str(), settled.list), ("settled", 4));
    assert!(!file(&hub, "revoked.other.pem").exists());
    hub.enrol("one").await;
}

/// For where the authority has ended or is lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_put_in_its_place_certifies_and_is_listed() {
    let mut hub = Hub::start().await;
    let zero = hub.enrol("zero").await;
    hub.stop().await;
    let other = Hub::start().await;
    std::fs::copy(other.folder().join("authority.pem"), hub.folder().join("authority.pem"))
        .unwrap();
    hub.serve().await;
    let (own, others) = (status(&hub).await, status(&other).await);
    assert_eq!(figures(&own), ("settled", &*others.present, "", 2));
    let mut there = hub.attend(&hub.enrol("one").await, None).await;
    assert_eq!(take(&hub, &mut there).await.number, 2);
    // Who has a certificate of the one before cannot come, and is named until it has another one.
    let stranded = async |hub: &Hub| {
        let words = "No certificate of zero is by an authority that counts";
        hub.status().await.alarms.iter().any(|alarm| alarm.contains(words))
    };
    assert!(stranded(&hub).await);
    again(&mut hub).await;
    assert!(stranded(&hub).await, "also after the next start");
    let (request, _) = enrolment_of(&zero.key, &hub.invite("zero").await);
    in_time(hub.calls(None).enrol(request)).await.unwrap();
    assert!(!stranded(&hub).await);
}

/// They name the former authority, whose key may have been stolen.
#[tokio::test(flavor = "multi_thread")]
async fn repro_invitations_that_were_not_used_end_with_the_switch() {
    let hub = Hub::start().await;
    let invitations = [hub.invite("one").await, hub.invite("two").await];
    step(&hub, Step::Prepare, false).await.unwrap();
    step(&hub, Step::Switch, false).await.unwrap();
    for invitation in &invitations {
        let (request, _, _) = enrolment(invitation);
        let status = failure(hub.calls(None).enrol(request)).await;
        assert_eq!(status.code(), Code::NotFound, "{status}");
    }
    assert!(audit(&hub.folder()).contains("invitations-ended"));
    hub.enrol("one").await;
}

/// What a site held before it enrolled again says nothing of what it holds now.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_site_that_enrolled_again_is_not_cut_off_by_the_switch() {
    let hub = Hub::start().await;
    let one = hub.enrol("one").await;
    let mut there = hub.attend(&one, None).await;
    take(&hub, &mut there).await;
    step(&hub, Step::Prepare, false).await.unwrap();
    take(&hub, &mut there).await;
    held(&hub, &[2]).await;
    let (request, _) = enrolment_of(&one.key, &hub.invite("one").await);
    let answer = in_time(hub.calls(None).enrol(request)).await.unwrap().into_inner();
    let list = decode_authorities(answer.signed).unwrap();
    list.verify("North", hub.key()).unwrap();
    assert_eq!((list.number, list.authorities.len()), (2, 2));
    assert_eq!(status(&hub).await.sites[0].list, 0);
    assert!(refused(&hub, Step::Switch).await.message().contains(": one;"));
}
