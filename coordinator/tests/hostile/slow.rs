//! Peers that are silent, or as good as that.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::raw::{
    DATA, END_HEADERS, HEADERS, PING, PREFACE, Raw, SETTINGS, WINDOW_UPDATE, call, frame,
};
use crate::server::Server;
use crate::site::Site;

/// Often enough that nobody could call the peer silent.
const DRIP: Duration = Duration::from_millis(100);
/// What is left to a peer of which the coordinator of these tests waits two seconds for something,
/// on a machine that is busy.
const SOON: Duration = Duration::from_secs(12);
const CHECK: &str = "/grpc.health.v1.Health/Check";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const ENROL: &str = "/ripieno.v1.SiteService/Enrol";

/// Sends byte after byte of this, until the other end has closed.
async fn drip(server: &Server, begins: &[u8], bytes: &[u8]) {
    let mut raw = Raw::dial(&server.connector(None)).await;
    raw.send(begins).await.unwrap();
    let at = |number| bytes.get(number).copied();
    raw.repeat(DRIP, |number| vec![at(number).expect("it has been closed by now")]).await;
}

fn begun() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_waited_for_in_the_handshake() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let silent = async {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        assert_eq!(tcp.read(&mut [0; 9]).await.unwrap_or(0), 0);
    };
    site.meanwhile(&server, silent).await;
    let loris = async {
        let (mut reader, mut writer) =
            TcpStream::connect(server.address).await.unwrap().into_split();
        // The head of a ClientHello of 500 bytes, and then one byte of it at a time.
        writer.write_all(&[22, 3, 1, 1, 0xf4, 1, 0, 1, 0xf0]).await.unwrap();
        let dripping = async {
            while writer.write_all(&[3]).await.is_ok() {
                sleep(DRIP).await;
            }
        };
        let closed = async { reader.read(&mut [0; 9]).await.unwrap_or(0) };
        let (_, read) = tokio::join!(dripping, closed);
        assert_eq!(read, 0);
    };
    site.meanwhile(&server, loris).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_waited_for_after_the_handshake() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let began = Instant::now();
    let silent = Raw::dial(&server.connector(None)).await;
    site.meanwhile(&server, silent.closed()).await;
    // A preface that comes slowly; one that is followed by nothing; settings that come slowly.
    let slow = [begun(), vec![0; 1000]].concat();
    site.meanwhile(&server, drip(&server, &slow[..1], &slow[1..])).await;
    let mut raw = Raw::dial(&server.connector(None)).await;
    raw.send(PREFACE).await.unwrap();
    site.meanwhile(&server, raw.closed()).await;
    assert!(began.elapsed() < 3 * SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_frames_must_come_on() {
    let server = Server::start_with(|settings| settings.connections.idle_seconds = 600).await;
    let mut site = Site::arrive(&server).await;
    let began = Instant::now();
    let headers = frame(HEADERS, END_HEADERS, 1, &[0; 4000]);
    site.meanwhile(&server, drip(&server, &begun(), &headers)).await;
    // A block of headers that is never ended, and a frame that stops in its head.
    for rest in [frame(HEADERS, 0, 1, &call(CHECK)), vec![0, 0, 8, 6]] {
        let mut raw = Raw::begin(&server.connector(None)).await;
        raw.send(&rest).await.unwrap();
        site.meanwhile(&server, raw.closed()).await;
    }
    assert!(began.elapsed() < 3 * SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_must_come_on() {
    let server = Server::start_with(|settings| settings.connections.request_seconds = 600).await;
    let mut site = Site::arrive(&server).await;
    let began = Instant::now();
    // 1000 bytes are announced, and come in frames of one. The call is broken off; its connection
    // is idle after that.
    let mut raw = Raw::begin(&server.connector(None)).await;
    let head = frame(HEADERS, END_HEADERS, 1, &call(ENROL));
    raw.send(&[head, frame(DATA, 0, 1, &[0, 0, 0, 3, 0xe8])].concat()).await.unwrap();
    let slow = raw.repeat(DRIP, |_| frame(DATA, 0, 1, &[7]));
    let closed = site.meanwhile(&server, slow).await;
    assert!(closed.reset.contains(&1), "{closed:?}");
    // The same with silence, before the first message.
    let mut raw = Raw::begin(&server.connector(None)).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &call(ENROL))).await.unwrap();
    let closed = site.meanwhile(&server, raw.closed()).await;
    assert!(closed.reset.contains(&1), "{closed:?}");
    assert!(began.elapsed() < 4 * SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_calls_is_closed_whatever_it_says() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let began = Instant::now();
    let idle = Raw::begin(&server.connector(None)).await;
    site.meanwhile(&server, idle.closed()).await;
    // Not even who has a certificate, nor who says something now and then.
    let idle = Raw::begin(&server.connector(Some(&site.tls))).await;
    let talks = idle.repeat(DRIP, |_| frame(PING, 0, 0, &[1; 8]));
    site.meanwhile(&server, talks).await;
    assert!(began.elapsed() < 2 * SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_answer_is_cut_off() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let began = Instant::now();
    // No room for a single byte of an answer (SETTINGS_INITIAL_WINDOW_SIZE, 4): the call would last
    // for ever.
    let mut raw = Raw::begin_with(&server.connector(None), &[(4, 0)]).await;
    let head = frame(HEADERS, END_HEADERS, 1, &call(CHECK));
    raw.send(&[head, frame(DATA, 1, 1, &[0; 5])].concat()).await.unwrap();
    site.meanwhile(&server, raw.closed()).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_is_cut_off() {
    let server = Server::start_with(|settings| settings.connections.request_seconds = 600).await;
    let mut site = Site::arrive(&server).await;
    let began = Instant::now();
    // All the room that HTTP/2 can give (RFC 9113 §6.9.1), and a socket that nobody reads.
    let most = (1 << 31) - 1;
    let mut raw = Raw::begin_with(&server.connector(None), &[(4, most)]).await;
    raw.send(&frame(WINDOW_UPDATE, 0, 0, &(most - 65_535).to_be_bytes())).await.unwrap();
    raw.send(&frame(HEADERS, END_HEADERS, 1, &call(REFLECT))).await.unwrap();
    // file_containing_symbol, field 4 of the request: each answer is a whole file.
    let symbol = b"ripieno.v1.SiteService";
    let request = [&[0, 0, 0, 0, 24, 0x22, 22][..], symbol].concat();
    let asks = frame(DATA, 0, 1, &request);
    let attack = async {
        // Far more answers than the sockets hold, and few enough requests for them to hold these.
        for _ in 0..4000 {
            if raw.send(&asks).await.is_err() {
                return;
            }
        }
        while raw.send(&frame(PING, 0, 0, &[1; 8])).await.is_ok() {
            sleep(DRIP).await;
        }
    };
    site.meanwhile(&server, attack).await;
    assert!(began.elapsed() < 3 * SOON, "{:?}", began.elapsed());
}
