//! Peers that send too much, too slowly, or nothing.

use std::time::Duration;

use bytes::Bytes;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::{AttendRequest, DiscoverRequest, EnrolRequest, RenewRequest, UploadRequest};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::Code;

use crate::support::{Hub, failure, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn each_method_has_its_largest_message() {
    let hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let bytes = |length: usize| Bytes::from(vec![7; length]);
    let mut calls = hub.calls(Some(&member.tls));

    let enrol = EnrolRequest { certificate_request: bytes(200 << 10), ..EnrolRequest::default() };
    assert_eq!(failure(calls.enrol(enrol)).await.code(), Code::OutOfRange);
    let renew = RenewRequest { certificate_request: bytes(200 << 10) };
    assert_eq!(failure(calls.renew(renew)).await.code(), Code::OutOfRange);
    let upload = UploadRequest { from_site: bytes((1 << 20) + (3 << 10)) };
    assert_eq!(
        failure(calls.upload(tokio_stream::iter([upload]))).await.code(),
        // Without a session an upload is not even read.
        Code::FailedPrecondition
    );
    let mut there = hub.attend(&member, None).await;
    there.say(Said::FromSite(bytes((8 << 20) + (2 << 10)))).await;
    let status = there.end().await;
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    let first = AttendRequest { body: Some(Said::FromSite(bytes(9 << 20))) };
    let status = failure(calls.attend(tokio_stream::iter([first]))).await;
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_that_is_too_long_is_refused_by_its_length() {
    let hub = Hub::start().await;
    let (_, mut there) = hub.found(&["a", "b", "c"]).await;
    let upload = UploadRequest { from_site: Bytes::from(vec![7; (1 << 20) + (3 << 10)]) };
    let status = failure(there[0].calls.upload(tokio_stream::iter([upload]))).await;
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_is_closed() {
    let hub = Hub::start_with(|settings| settings.connections.handshake_seconds = 1).await;
    let mut silent = TcpStream::connect(hub.server().address()).await.unwrap();
    let mut rest = Vec::new();
    let closed = in_time(silent.read_to_end(&mut rest)).await;
    assert!(closed.is_err() || rest.is_empty());
    // The same after the handshake.
    let mut silent = in_time(hub.connector(None).connect()).await.unwrap();
    let closed = in_time(silent.read_to_end(&mut rest)).await;
    assert!(closed.is_err() || rest.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_must_say_in_time_who_it_is() {
    let hub = Hub::start_with(|settings| settings.connections.arrival_seconds = 1).await;
    let member = hub.enrol("north").await;
    let mut calls = hub.calls(Some(&member.tls));
    let status = failure(calls.attend(tokio_stream::pending())).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_stalls_is_given_up() {
    let hub = Hub::start_with(|settings| settings.connections.stall_seconds = 1).await;
    let (_, mut there) = hub.found(&["a", "b", "c"]).await;
    let status = failure(there[0].calls.upload(tokio_stream::pending())).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_may_be_idle() {
    let change = |settings: &mut ripieno_coordinator::Settings| {
        settings.connections.arrival_seconds = 1;
        settings.connections.stall_seconds = 1;
        settings.connections.request_seconds = 1;
        settings.connections.keepalive_seconds = 1;
    };
    let hub = Hub::start_with(change).await;
    let member = hub.enrol("north").await;
    let _there = hub.attend(&member, None).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(hub.status().await.sites_present, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn researchers_are_asked_for_proof_and_a_charter() {
    let hub = Hub::start().await;
    let mut calls = ripieno_rpc::study_service_client::StudyServiceClient::new(hub.channel(None));
    let status = failure(calls.discover(DiscoverRequest::default())).await;
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    hub.found(&["a", "b", "c"]).await;
    let status = failure(calls.discover(DiscoverRequest::default())).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}
