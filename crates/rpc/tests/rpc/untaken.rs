//! A peer that asks for much and takes nothing of it.

use std::time::{Duration, Instant};

use ripieno_rpc::Keepalive;
use ripieno_rpc::incoming::{Links, Patience, server};
use ripieno_rpc::site_service_server::SiteServiceServer;
use ripieno_transport::client::ProxySettings;
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

use crate::support::{Echo, Federation, in_time};

/// What a client says first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// All the room that HTTP/2 can give (RFC 9113 §6.9.1).
const MOST: u32 = (1 << 31) - 1;
/// Far more than sockets and buffers hold, in bytes.
const ASKED: u32 = 32 << 20;

/// Neither pings nor any other deadline: it is the one for output that nobody takes.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_cut_off_without_a_ping() {
    let north = Federation::new();
    let (acceptor, incoming) = north.listen(&[]).await;
    let (taken, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
    let patience = Patience { preface: hour, frame: hour, idle: hour, taken };
    let router = server(Keepalive { interval: hour, timeout: hour })
        .add_service(SiteServiceServer::new(Echo));
    tokio::spawn(router.serve_with_incoming(Links::new(incoming, patience)));

    let connector = north.connector(acceptor.local_address(), None, ProxySettings::none());
    let mut stream = in_time(connector.connect()).await.unwrap();
    let began = Instant::now();
    in_time(stream.write_all(&request())).await.unwrap();
    in_time(stream.flush()).await.unwrap();
    // Not a byte is read; the connection stays open at this end.
    in_time(async {
        while acceptor.connections().counts().stalled == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(began.elapsed() >= taken, "{:?}", began.elapsed());
    drop(stream);
}

/// A download of [`ASKED`] bytes, with room for all of it.
fn request() -> Vec<u8> {
    let settings = [&4_u16.to_be_bytes()[..], &MOST.to_be_bytes()].concat();
    let message = [&[8][..], &varint(ASKED)].concat();
    let mut data = vec![0];
    data.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    data.extend(message);
    [
        PREFACE.to_vec(),
        frame(4, 0, 0, &settings),
        frame(8, 0, 0, &(MOST - 65_535).to_be_bytes()),
        frame(1, 4, 1, &headers("/ripieno.v1.SiteService/Download")),
        frame(0, 1, 1, &data),
    ]
    .concat()
}

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a call, as literals (RFC 7541 §6.2.2).
fn headers(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "hub"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// A number of a protobuf message.
fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}
