//! More than a peer needs.

use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, Raw, SETTINGS, call,
    field, frame,
};
use crate::server::Server;
use crate::site::Site;

/// The HTTP/2 library asks the peer to calm down (RFC 9113 §7).
const ENHANCE_YOUR_CALM: Option<u32> = Some(11);
const CHECK: &str = "/grpc.health.v1.Health/Check";

/// It closes no connection for being idle.
async fn patient() -> Server {
    Server::start_with(|settings| settings.connections.idle_seconds = 600).await
}

fn stream(number: usize) -> u32 {
    2 * u32::try_from(number).unwrap() + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_taken_back_at_once_are_not_borne() {
    let server = patient().await;
    let mut site = Site::arrive(&server).await;
    let raw = Raw::begin(&server.connector(None)).await;
    let closed = raw.flood(|number| {
        let id = stream(number);
        let take_back = frame(RST_STREAM, 0, id, &8u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS, id, &call(CHECK)), take_back].concat()
    });
    let closed = site.meanwhile(&server, closed).await;
    // By the library, where many come at a time; else for their number.
    assert!(matches!(closed.reason, None | ENHANCE_YOUR_CALM), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_calls_that_are_taken_back_ends_the_connection() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let raw = Raw::begin(&server.connector(None)).await;
    let closed = raw.flood(|number| {
        let pair = |id| {
            let take_back = frame(RST_STREAM, 0, id, &8u32.to_be_bytes());
            [frame(HEADERS, END_HEADERS, id, &call(CHECK)), take_back].concat()
        };
        (0..100).flat_map(|part| pair(stream(100 * number + part))).collect()
    });
    let closed = site.meanwhile(&server, closed).await;
    assert_eq!(closed.reason, ENHANCE_YOUR_CALM, "{closed:?}");
    assert_eq!(closed.said, "too_many_resets");
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_settings_and_other_small_change_are_limited() {
    let server = patient().await;
    let mut site = Site::arrive(&server).await;
    let floods = [
        frame(PING, 0, 0, &[7; 8]),
        // The answer to a ping that nobody sent.
        frame(PING, 1, 0, &[7; 8]),
        frame(SETTINGS, 0, 0, &[]),
        // PRIORITY, and a kind that nobody knows.
        frame(2, 0, 1, &[0, 0, 0, 3, 9]),
        frame(200, 0, 0, b"what is this"),
    ];
    for flood in floods {
        let raw = Raw::begin(&server.connector(None)).await;
        let closed = site.meanwhile(&server, raw.flood(|_| flood.clone())).await;
        assert_eq!(closed.reason, None, "closed without ado: {:?} {closed:?}", flood.get(3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_may_flood_no_more_than_others() {
    let server = patient().await;
    let mut site = Site::arrive(&server).await;
    let raw = Raw::begin(&server.connector(Some(&site.tls))).await;
    let ping = frame(PING, 0, 0, &[7; 8]);
    site.meanwhile(&server, raw.flood(|_| ping.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_without_content_is_limited() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let mut raw = Raw::begin(&server.connector(None)).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &call(CHECK))).await.unwrap();
    let closed = site.meanwhile(&server, raw.flood(|_| frame(DATA, 0, 1, &[]))).await;
    assert_eq!(closed.reason, ENHANCE_YOUR_CALM, "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end_are_limited() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    for fields in [Vec::new(), field("x", "y")] {
        let mut raw = Raw::begin(&server.connector(None)).await;
        raw.send(&frame(HEADERS, 0, 1, &call(CHECK))).await.unwrap();
        let flood = raw.flood(|_| frame(CONTINUATION, 0, 1, &fields));
        let closed = site.meanwhile(&server, flood).await;
        assert_eq!(closed.reason, ENHANCE_YOUR_CALM, "{closed:?}");
        assert_eq!(closed.said, "too_many_continuations");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_unfold_are_limited() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let mut raw = Raw::begin(&server.connector(None)).await;
    // One long field goes into the table, and each byte after it stands for all of it: 16 KiB
    // stand for 60 MiB.
    let long = [&[0x40, 1, b'a', 0x7f, 0xa1, 0x1e][..], &[b'z'; 4000]].concat();
    let bomb = [call(CHECK), long, vec![0xbe; 12_000]].concat();
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb)).await.unwrap();
    let closed = site.meanwhile(&server, raw.closed()).await;
    assert_eq!(closed.said, "header_list_way_too_large", "{closed:?}");
}
