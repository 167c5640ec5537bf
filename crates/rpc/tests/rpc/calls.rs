//! Calls to a coordinator.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{
    DownloadRequest, EnrolRequest, Keepalive, RenewRequest, UploadRequest, channel, connect_error,
    within,
};
use ripieno_transport::client::{ConnectError, ProxySettings, Rejection, Step};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tonic::{Code, Status};

use crate::support::{Federation, in_time};

/// How a call failed. The messages have no text form, so `unwrap_err` does not do.
async fn failure<T>(call: impl Future<Output = Result<T, Status>>) -> Status {
    match in_time(call).await {
        Ok(_) => panic!("it was answered"),
        Err(status) => status,
    }
}

fn renewal() -> RenewRequest {
    RenewRequest::default()
}

#[tokio::test]
async fn a_call_says_who_sent_it() {
    let north = Federation::new();
    let server = north.serve(&[]).await;
    let site = north.site("St. Anna");
    let mut calls = north.calls(server.local_address(), Some(&site));
    let answer = in_time(calls.renew(renewal())).await.unwrap();
    assert_eq!(&answer.into_inner().certificate[..], b"St. Anna");
    let mut stranger = north.calls(server.local_address(), None);
    let answer = in_time(stranger.renew(renewal())).await.unwrap();
    assert!(answer.into_inner().certificate.is_empty());
    // One connection serves all calls of a channel.
    in_time(calls.clone().renew(renewal())).await.unwrap();
    assert_eq!(server.connections().counts().accepted, 2);
}

#[tokio::test]
async fn large_messages_go_both_ways() {
    let north = Federation::new();
    let server = north.serve(&[]).await;
    let site = north.site("site");
    let mut calls = north.calls(server.local_address(), Some(&site));
    let tiles = vec![UploadRequest { from_site: vec![9; 1 << 20].into() }; 9];
    in_time(calls.upload(tokio_stream::iter(tiles))).await.unwrap();
    let request = DownloadRequest { ticket: 3 << 20 };
    let mut parts = in_time(calls.download(request)).await.unwrap().into_inner();
    let mut bytes = 0;
    while let Some(part) = in_time(parts.message()).await.unwrap() {
        bytes += part.part.len();
    }
    assert_eq!(bytes, 6 << 20);
}

#[tokio::test]
async fn the_callers_limit_holds() {
    let north = Federation::new();
    let server = north.serve(&[]).await;
    let calls = north.calls(server.local_address(), None);
    let mut calls = calls.max_decoding_message_size(1 << 20);
    let request = DownloadRequest { ticket: 2 << 20 };
    let mut parts = in_time(calls.download(request)).await.unwrap().into_inner();
    let status = failure(parts.message()).await;
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
}

#[tokio::test]
async fn a_revoked_site_learns_it_from_the_failed_call() {
    let north = Federation::new();
    let site = north.site("site");
    let server = north.serve(&[&site.certificate().serial]).await;
    let mut calls = north.calls(server.local_address(), Some(&site));
    // The second call tries again, and learns the same.
    for _ in 0..2 {
        let status = failure(calls.renew(renewal())).await;
        assert_eq!(status.code(), Code::Unavailable);
        let error = connect_error(&status).expect("it says why");
        let ConnectError::Rejected { rejection: Rejection::Revoked, .. } = error else {
            panic!("{error}");
        };
        assert!(error.advice().contains("new invitation"), "{}", error.advice());
    }
}

#[tokio::test]
async fn another_federations_coordinator_gets_no_call() {
    let (north, south) = (Federation::new(), Federation::new());
    let server = south.serve(&[]).await;
    let mut calls = north.calls(server.local_address(), None);
    let status = failure(calls.renew(renewal())).await;
    let error = connect_error(&status).expect("it says why");
    assert_eq!(error.step(), Step::Certificate, "{error}");
    assert!(error.advice().contains("TLS inspection"), "{}", error.advice());
}

#[tokio::test]
async fn a_coordinator_that_is_not_there_is_named_and_found_when_it_comes() {
    let north = Federation::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut calls = north.calls(address, None);
    let status = failure(calls.renew(renewal())).await;
    let error = connect_error(&status).expect("it says why");
    assert_eq!(error.step(), Step::Port, "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    // Nothing is remembered of the failure; a proxy in front stands for the one that came.
    let server = north.serve(&[]).await;
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(relay(listener, server.local_address()));
    in_time(calls.renew(renewal())).await.unwrap();
}

#[tokio::test]
async fn a_call_that_failed_by_itself_has_no_connection_to_blame() {
    let north = Federation::new();
    let server = north.serve(&[]).await;
    let mut calls = north.calls(server.local_address(), None);
    let status = failure(calls.attend(tokio_stream::empty())).await;
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(connect_error(&status).is_none());
}

#[tokio::test]
async fn calls_go_through_a_proxy() {
    let north = Federation::new();
    let server = north.serve(&[]).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let variable = |name: &str| (name == "HTTPS_PROXY").then(|| url.clone());
    let settings = ProxySettings::from_variables(variable).unwrap();
    let seen = tokio::spawn(tunnel_once(proxy));
    let connector = north.connector(server.local_address(), None, settings);
    let mut calls = SiteServiceClient::new(channel(connector, Keepalive::default()));
    in_time(calls.renew(renewal())).await.unwrap();
    assert_eq!(in_time(seen).await.unwrap(), format!("CONNECT {}", server.local_address()));
}

#[tokio::test]
async fn a_call_ends_with_its_deadline() {
    let north = Federation::new();
    let server = north.serve(&[]).await;
    let mut calls = north.calls(server.local_address(), None);
    in_time(calls.renew(renewal())).await.unwrap();
    let request = within(Duration::from_millis(50), EnrolRequest::default());
    let status = failure(calls.enrol(request)).await;
    assert!(matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded), "{status}");
    // The connection is still good.
    in_time(calls.renew(renewal())).await.unwrap();
    assert_eq!(server.connections().counts().accepted, 1);
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_noticed() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.listen(&[]).await;
    // Takes the connection, says its settings, and nothing more; it does not close either.
    let silent = tokio::spawn(async move {
        let mut connection = in_time(incoming.next()).await.unwrap();
        connection.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        connection.flush().await.unwrap();
        let mut heard = Vec::new();
        let _ = connection.read_to_end(&mut heard).await;
    });
    let connector = north.connector(acceptor.local_address(), None, ProxySettings::none());
    let short = Duration::from_millis(100);
    let keepalive = Keepalive { interval: short, timeout: short };
    let mut calls = SiteServiceClient::new(channel(connector, keepalive));
    let status = failure(calls.renew(renewal())).await;
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    in_time(silent).await.unwrap();
}

/// Answers one CONNECT and relays; returns the request's method and target.
async fn tunnel_once(listener: TcpListener) -> String {
    let (tcp, _) = listener.accept().await.unwrap();
    let mut tcp = BufReader::new(tcp);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(tcp.read_line(&mut head).await.unwrap(), 0, "the head was cut short");
    }
    let asked = head.split(" HTTP").next().unwrap().to_owned();
    let target: SocketAddr = asked.rsplit(' ').next().unwrap().parse().unwrap();
    tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let mut on = TcpStream::connect(target).await.unwrap();
    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut tcp, &mut on).await });
    asked
}

/// Relays every connection to another port.
async fn relay(listener: TcpListener, to: SocketAddr) {
    while let Ok((mut tcp, _)) = listener.accept().await {
        let mut on = TcpStream::connect(to).await.unwrap();
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut tcp, &mut on).await });
    }
}
