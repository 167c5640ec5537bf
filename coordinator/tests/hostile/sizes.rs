//! Messages, and numbers of calls, beyond every measure.

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{Reason, SendStream};
use ripieno_transport::TlsIdentity;
use ripieno_wire::limits::{MAX_CONTROL_BYTES, MAX_TILE_BYTES};
use tonic::Code;
use tonic::codegen::http::{HeaderMap, Request, Response};

use crate::raw::{END_HEADERS, HEADERS, Raw, call, frame};
use crate::server::{Server, in_time};
use crate::site::{Site, enrol};

const ATTEND: &str = "/ripieno.v1.SiteService/Attend";
const UPLOAD: &str = "/ripieno.v1.SiteService/Upload";
const ENROL: &str = "/ripieno.v1.SiteService/Enrol";
const DISCOVER: &str = "/ripieno.v1.StudyService/Discover";
const CHECK: &str = "/grpc.health.v1.Health/Check";
/// Ends its stream, without a word, at a message that it cannot read.
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Calls that are made by hand, over a connection of a library.
struct Calls(SendRequest<Bytes>);

impl Calls {
    async fn to(server: &Server, shown: Option<&TlsIdentity>) -> Self {
        let stream = in_time(server.connector(shown).connect()).await.unwrap();
        let (calls, connection) = in_time(h2::client::handshake(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(in_time(calls.ready()).await.unwrap())
    }

    fn begin(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let uri = format!("http://coordinator{path}");
        let mut request = Request::post(uri).header("content-type", "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.0.send_request(request.body(()).unwrap(), false).unwrap()
    }

    /// The status of a call whose request begins so, and is not ended.
    async fn status(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> (Code, String) {
        let (response, mut request) = self.begin(path, headers);
        // One that is refused at once takes no body, and has its answer all the same.
        let _ = request.send_data(body, false);
        status(in_time(response).await.unwrap()).await
    }
}

async fn status(response: Response<h2::RecvStream>) -> (Code, String) {
    let (head, mut body) = response.into_parts();
    let read = |headers: &HeaderMap| {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let code = Code::from_bytes(text("grpc-status")?.as_bytes());
        Some((code, text("grpc-message").unwrap_or_default()))
    };
    if let Some(status) = read(&head.headers) {
        return status;
    }
    while let Some(data) = in_time(body.data()).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    let trailers = in_time(body.trailers()).await.unwrap().expect("a status");
    read(&trailers).expect("a status")
}

/// The beginning of a message that announces so many bytes.
fn announced(length: u32, compressed: bool) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(compressed.into());
    bytes.put_u32(length);
    bytes.put_bytes(7, 100);
    bytes.freeze()
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_refused_by_the_length_that_they_announce() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let south = enrol(&server, "south").await;
    let tls = Some(&south);
    let (mut own, mut strange) = (Calls::to(&server, tls).await, Calls::to(&server, None).await);
    let attack = async {
        for path in [ENROL, DISCOVER, CHECK, REFLECT] {
            for bytes in [u32::MAX, 129 << 10] {
                let (code, said) = strange.status(path, &[], announced(bytes, false)).await;
                let expected = if path == REFLECT { Code::Ok } else { Code::OutOfRange };
                assert_eq!(code, expected, "{path} {bytes}: {said}");
            }
        }
        for (path, most) in [(ATTEND, MAX_CONTROL_BYTES), (UPLOAD, MAX_TILE_BYTES)] {
            for bytes in [u32::MAX, length(most) + 2048] {
                let (code, said) = own.status(path, &[], announced(bytes, false)).await;
                // An upload is refused before it is looked at, where nothing is to be uploaded.
                let expected = [Code::OutOfRange, Code::FailedPrecondition];
                assert!(expected.contains(&code), "{path} {bytes}: {code} {said}");
            }
        }
    };
    site.meanwhile(&server, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_messages_are_not_taken() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let mut calls = Calls::to(&server, None).await;
    let attack = async {
        for path in [ENROL, DISCOVER, CHECK, REFLECT] {
            for encoding in ["gzip", "deflate", "zstd"] {
                let headers = [("grpc-encoding", encoding)];
                let (code, said) = calls.status(path, &headers, announced(100, true)).await;
                assert_eq!(code, Code::Unimplemented, "{path} {encoding}: {said}");
            }
            // Compressed, and nothing says how.
            let (code, said) = calls.status(path, &[], announced(100, true)).await;
            let expected = if path == REFLECT { Code::Ok } else { Code::Internal };
            assert_eq!(code, expected, "{path}: {said}");
        }
    };
    site.meanwhile(&server, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_number_of_a_connection_are_refused() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let tls = enrol(&server, "south").await;
    let attack = async {
        // Whoever does not wait to be told how many there may be. No request is ended.
        let mut raw = Raw::begin(&server.connector(Some(&tls))).await;
        let id = |number: u32| 2 * number + 1;
        let many = (0..300).flat_map(|n| frame(HEADERS, END_HEADERS, id(n), &call(ENROL)));
        raw.send(&many.collect::<Vec<_>>()).await.unwrap();
        raw.closed().await
    };
    let closed = site.meanwhile(&server, attack).await;
    // The sixty-fifth and those after it.
    let refused = (64..300u32).map(|number| 2 * number + 1);
    assert!(refused.clone().all(|stream| closed.reset.contains(&stream)), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_nobody_reads_fill_no_memory() {
    let server = Server::start().await;
    let mut site = Site::arrive(&server).await;
    let attack = async {
        let mut connections = Vec::new();
        for _ in 0..8 {
            let mut calls = Calls::to(&server, None).await;
            let mut under_way = Vec::new();
            for _ in 0..32 {
                calls.0 = in_time(calls.0.clone().ready()).await.unwrap();
                let (response, mut body) = calls.begin(ENROL, &[]);
                // All of a message but its last byte.
                let mut part = BytesMut::from(&announced(128 << 10, false)[..5]);
                part.put_bytes(7, (128 << 10) - 1);
                // One that is refused at once takes no body; its answer is looked at below.
                let _ = body.send_data(part.freeze(), false);
                under_way.push((response, body));
            }
            connections.push((calls, under_way));
        }
        // Each is refused, for there are too many, or broken off as too slow.
        let mut codes = Vec::new();
        for (_calls, under_way) in connections {
            for (response, _body) in under_way {
                codes.push(match in_time(response).await {
                    Ok(response) => status(response).await.0,
                    Err(error) => {
                        assert_ne!(error.reason(), Some(Reason::NO_ERROR), "{error}");
                        Code::Unavailable
                    }
                });
            }
        }
        codes
    };
    let codes = site.meanwhile(&server, attack).await;
    assert!(codes.contains(&Code::ResourceExhausted) && codes.contains(&Code::DeadlineExceeded));
    let refused = [Code::ResourceExhausted, Code::DeadlineExceeded, Code::Unavailable];
    assert!(codes.iter().all(|code| refused.contains(code)), "{codes:?}");
}
