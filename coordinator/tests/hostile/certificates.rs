//! Certificates that let nobody in, each refused with its reason.

use std::time::{Duration, SystemTime};

use ripieno_rpc::{DownloadRequest, RevokeRequest, connect_error};
use ripieno_transport::TlsIdentity;
use ripieno_transport::authority::{Authority, Validity};
use ripieno_transport::client::{ConnectError, Rejection};
use ripieno_transport::request::{PendingRequest, VerifiedRequest};
use tonic::{Code, Status};

use crate::raw::Raw;
use crate::server::{Server, in_time};
use crate::site::{Site, calls, enrol};

const DAY: Duration = Duration::from_hours(24);

fn issue(authority: &Authority, name: &str, validity: Validity) -> TlsIdentity {
    let pending = PendingRequest::create().unwrap();
    let request = VerifiedRequest::from_der(pending.der()).unwrap();
    let issued = authority.issue_site(&request, &name.parse().unwrap(), validity).unwrap();
    let trusted = ripieno_transport::TrustedAuthorities::new(vec![authority.certificate().clone()]);
    pending.accept(&issued.der, &trusted.unwrap(), validity.from).unwrap()
}

/// How a call fails that shows this certificate.
async fn refusal(server: &Server, shown: &TlsIdentity) -> Status {
    let mut calls = calls(server, Some(shown));
    in_time(calls.download(DownloadRequest { ticket: 1 })).await.map(drop).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_certificate_of_a_site_now_is_refused_with_its_reason() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let own = Authority::load(&server.folder().join("authority.pem")).unwrap();
    let days = |days| Validity { from: SystemTime::now(), days };
    let foreign = Authority::create(&"North".parse().unwrap(), days(30)).unwrap();
    let ahead = Validity { from: SystemTime::now() + DAY, days: 9 };
    let gone = enrol(&server, "gone").await;
    let request = RevokeRequest { site: "gone".into(), reason: "left".into(), corrupt: None };
    in_time(server.operator().await.revoke(request)).await.unwrap();
    let server_own = own.issue_server(&"hub".parse().unwrap(), &["127.0.0.1"], days(9)).unwrap();
    let cases = [
        (gone, Rejection::Revoked),
        (issue(&own, "south", ahead), Rejection::Expired),
        (issue(&foreign, "south", days(9)), Rejection::UnknownAuthority),
        (server_own, Rejection::WrongUse),
    ];
    for (shown, expected) in cases {
        let status = site.meanwhile(&server, refusal(&server, &shown)).await;
        let Some(ConnectError::Rejected { rejection, .. }) = connect_error(&status) else {
            panic!("{status}");
        };
        assert_eq!(*rejection, expected, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_no_site_is_told_so() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let own = Authority::load(&server.folder().join("authority.pem")).unwrap();
    // The authority's, in time, and for the right use; nobody enrolled with it. The name of a site
    // that there is changes nothing.
    for name in ["nobody", "north"] {
        let shown = issue(&own, name, Validity { from: SystemTime::now(), days: 9 });
        let status = site.meanwhile(&server, refusal(&server, &shown)).await;
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
        assert!(status.message().contains("no site of this federation"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_reaches_all_open_connections_at_once() {
    let server = Server::start_with(|settings| settings.connections.idle_seconds = 600).await;
    let mut site = Site::arrive(&server).await;
    let idle = Raw::begin(&server.connector(Some(&site.tls))).await;
    let silent = Raw::dial(&server.connector(Some(&site.tls))).await;
    let began = std::time::Instant::now();
    let request =
        RevokeRequest { site: "north".into(), reason: "its key was stolen".into(), corrupt: None };
    let answer = in_time(server.operator().await.revoke(request)).await.unwrap().into_inner();
    assert!(answer.cut >= 2, "{}", answer.cut);
    site.end().await;
    idle.closed().await;
    silent.closed().await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let status = refusal(&server, &site.tls).await;
    let rejected = connect_error(&status);
    assert!(
        matches!(rejected, Some(ConnectError::Rejected { rejection: Rejection::Revoked, .. })),
        "{status}"
    );
    assert!(server.log().contains("a site is revoked"), "{}", server.log());
}
