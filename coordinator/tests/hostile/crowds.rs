//! Too many at a time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ripieno_rpc::EnrolRequest;
use ripieno_transport::TlsIdentity;
use ripieno_transport::client::ClientStream;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tonic::Code;

use crate::raw::{DATA, END_HEADERS, HEADERS, Raw, call, frame};
use crate::server::{Server, in_time, until};
use crate::site::{Site, calls, enrol, enrolment};

/// Another address of this machine.
async fn dial_from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    in_time(socket.connect(to)).await.unwrap()
}

async fn is_closed(tcp: &mut TcpStream) -> bool {
    matches!(in_time(tcp.read(&mut [0; 1])).await, Ok(0) | Err(_))
}

/// Tries until it is let in: where all places of strangers are taken, those that are still to show
/// their certificate wait for one that is silent to give way.
async fn comes_in(server: &Server, shown: &TlsIdentity) -> ClientStream {
    let connector = server.connector(Some(shown));
    until(|| async { connector.connect().await.ok() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_places() {
    let server = Server::start_with(|settings| {
        settings.connections.most_without_certificate_per_address = 8;
        settings.connections.handshake_seconds = 60;
    })
    .await;
    let mut site = Site::arrive(&server).await;
    let south = enrol(&server, "south").await;
    let attack = async {
        let mut silent = Vec::new();
        // Whoever comes ninth is turned away, or takes the place of one that did nothing for long.
        for _ in 0..100 {
            silent.push(dial_from([127, 0, 0, 1], server.address).await);
        }
        let mut closed = 0;
        for tcp in &mut silent[..92] {
            let mut one = [0];
            let over = tokio::time::timeout(Duration::from_millis(50), tcp.read(&mut one));
            closed += usize::from(matches!(over.await, Ok(Ok(0) | Err(_))));
        }
        assert!(closed >= 84, "{closed}");
        // A site comes in nevertheless: those that do not go on give way.
        (silent, comes_in(&server, &south).await)
    };
    let held = site.meanwhile(&server, attack).await;
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_take_no_place_of_a_site() {
    let server = Server::start_with(|settings| {
        settings.connections.most = 12;
        settings.connections.most_without_certificate = 8;
        settings.connections.most_without_certificate_per_address = 4;
        settings.connections.handshake_seconds = 60;
        settings.connections.idle_seconds = 60;
    })
    .await;
    let mut site = Site::arrive(&server).await;
    let south = enrol(&server, "south").await;
    let attack = async {
        let mut strangers = Vec::new();
        for address in 2..40 {
            for _ in 0..4 {
                strangers.push(dial_from([127, 0, 0, address], server.address).await);
            }
        }
        let south = comes_in(&server, &south).await;
        assert!(is_closed(&mut strangers[0]).await || is_closed(&mut strangers[20]).await);
        (strangers, south)
    };
    let held = site.meanwhile(&server, attack).await;
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_certificate_has_so_many_connections() {
    // Nothing else would close it in that time.
    let server = Server::start_with(|settings| {
        settings.connections.idle_seconds = 600;
        settings.connections.keepalive_seconds = 20;
    })
    .await;
    let mut site = Site::arrive(&server).await;
    let south = enrol(&server, "south").await;
    let attack = async {
        let began = Instant::now();
        let first = Raw::begin(&server.connector(Some(&south))).await;
        let mut others = Vec::new();
        for _ in 0..8 {
            others.push(Raw::begin(&server.connector(Some(&south))).await);
        }
        first.closed().await;
        assert!(began.elapsed() < Duration::from_secs(20), "it was not asked whether it is there");
    };
    site.meanwhile(&server, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_certificate_has_so_many_sessions() {
    let server = Server::start_with(|settings| settings.connections.arrival_seconds = 60).await;
    let mut site = Site::arrive(&server).await;
    let south = enrol(&server, "south").await;
    let attack = async {
        let mut under_way = JoinSet::new();
        for _ in 0..5 {
            let mut one = calls(&server, Some(&south));
            under_way.spawn(async move { one.attend(tokio_stream::pending()).await.map(drop) });
        }
        // Four wait for the site to arrive.
        under_way.join_next().await.unwrap().unwrap().unwrap_err()
    };
    let status = site.meanwhile(&server, attack).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("one may have 4"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_try_so_many_enrolments() {
    let server = Server::start_with(|settings| {
        settings.connections.enrolments_per_minute = 100;
        settings.connections.enrolments_per_minute_in_all = 4;
    })
    .await;
    let mut site = Site::arrive(&server).await;
    let (good, _) = enrolment(&server.invite("south").await);
    let attack = async {
        let mut codes = Vec::new();
        for request in
            [EnrolRequest::default(), EnrolRequest::default(), EnrolRequest::default(), good]
        {
            let status = calls(&server, None).enrol(request).await.map(drop).unwrap_err();
            codes.push((status.code(), status.message().to_owned()));
        }
        codes
    };
    let codes = site.meanwhile(&server, attack).await;
    assert!(codes[..3].iter().all(|(code, _)| *code == Code::InvalidArgument), "{codes:?}");
    assert_eq!(codes[3].0, Code::ResourceExhausted);
    assert!(codes[3].1.contains("too many enrolments"), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_both_ages_and_so_many_at_a_time() {
    let server = Server::start_with(|settings| {
        settings.connections.stall_seconds = 60;
        settings.connections.request_seconds = 60;
    })
    .await;
    let mut site = Site::arrive(&server).await;
    let attack = async {
        for age in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{age}.ServerReflection/ServerReflectionInfo");
            let listed = reflect(&server, &path).await;
            for service in
                ["ripieno.v1.SiteService", "ripieno.v1.StudyService", "grpc.health.v1.Health"]
            {
                assert!(listed.contains(service), "{age}: {listed}");
            }
        }
        // Streams that stay open: only so many of them are served.
        let mut raw = Raw::begin(&server.connector(None)).await;
        let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        for stream in 0..12 {
            raw.send(&frame(HEADERS, END_HEADERS, 2 * stream + 1, &call(path))).await.unwrap();
        }
        raw
    };
    let raw = site.meanwhile(&server, attack).await;
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let answer = in_time(async {
        loop {
            let answer = reflect(&server, path).await;
            if answer.contains("too many calls") {
                return answer;
            }
        }
    })
    .await;
    assert!(answer.contains("try again later"), "{answer}");
    drop(raw);
    // And when they are gone there is room again.
    in_time(async { while !reflect(&server, path).await.contains("SiteService") {} }).await;
}

/// What reflection says when it is asked to list services: its messages and its status, as text.
async fn reflect(server: &Server, path: &str) -> String {
    let stream = in_time(server.connector(None).connect()).await.unwrap();
    let (calls, connection) = in_time(h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut calls = in_time(calls.ready()).await.unwrap();
    let request = tonic::codegen::http::Request::post(format!("http://coordinator{path}"));
    let request = request.header("content-type", "application/grpc").body(()).unwrap();
    let (response, mut body) = calls.send_request(request, false).unwrap();
    // list_services, field 7 of the request, with some text.
    // One that is refused at once takes no request.
    let _ = body.send_data(bytes::Bytes::from_static(&[0, 0, 0, 0, 3, 0x3a, 1, b'*']), true);
    let (head, mut body) = in_time(response).await.unwrap().into_parts();
    let mut text = format!("{:?}", head.headers).replace("%20", " ");
    while let Some(Ok(data)) = in_time(body.data()).await {
        text.push_str(&String::from_utf8_lossy(&data));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_address_are_limited_and_a_site_is_not_of_them() {
    let server = Server::start_with(|settings| {
        settings.connections.stall_seconds = 60;
        settings.connections.request_seconds = 60;
    })
    .await;
    let mut site = Site::arrive(&server).await;
    let attack = async {
        let mut raw = Raw::begin(&server.connector(None)).await;
        let path = "/ripieno.v1.SiteService/Enrol";
        for stream in 0..40 {
            let id = 2 * stream + 1;
            let head = frame(HEADERS, END_HEADERS, id, &call(path));
            raw.send(&[head, frame(DATA, 0, id, &[0, 0, 0, 1, 0])].concat()).await.unwrap();
        }
        in_time(async {
            loop {
                let status = calls(&server, None).enrol(EnrolRequest::default()).await;
                let status = status.map(drop).unwrap_err();
                if status.code() == Code::ResourceExhausted {
                    return (status, raw);
                }
            }
        })
        .await
    };
    let (status, _raw) = site.meanwhile(&server, attack).await;
    assert!(status.message().contains("one may have 32"), "{status}");
}
