//! What a gigabyte of uploads costs its receiver: of the processor, from the socket to messages that are
//! decoded, beside a receiver that reads the same bytes through TLS and drops them.
//!
//! `cargo bench -p ripieno-tests --bench ingest`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ripieno_bench::{Bench, Contest, Goal};
use ripieno_rpc::incoming::{Links, server};
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::site_service_server::{SiteService, SiteServiceServer};
use ripieno_rpc::*;
use ripieno_secagg::SlotId;
use ripieno_study::Digest;
use ripieno_tests::cost::cpu_of_threads;
use ripieno_transport::TrustedAuthorities;
use ripieno_transport::authority::{Authority, Validity};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::server::{Acceptor, Incoming, Limits, ServerTls};
use ripieno_wire::FromSite;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tonic::{Request, Response, Status, Streaming};

/// Threads of the receivers, by name.
const RECEIVER: &str = "receiver";
/// Lanes of a tile.
const LANES: usize = 131_072;
/// Tiles of one upload: 128 MiB.
const TILES: u32 = 128;
/// What is read at once through bare TLS.
const READ: usize = 256 << 10;
const ROUNDS: usize = 6;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("ingest");
    let receiver =
        Builder::new_multi_thread().worker_threads(1).thread_name(RECEIVER).enable_all().build()?;
    let sender = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let line = Line::make(&receiver);
    let name = "uploads, CPU of the receiver as a multiple of bare TLS";
    let gigabytes = f64::from(TILES) * (LANES * 8) as f64 / 1e9;
    let contest = Contest::multiple(name, Goal::AtMost(1.6)).unit("s/GB");
    let contest = contest.work(gigabytes, gigabytes);
    bench.pairs(&contest, ROUNDS, || line.uploads(&sender), || line.bare(&sender));
    bench.finish()
}

/// Two receivers, and how to reach them.
struct Line {
    uploads: Connector,
    bare: Connector,
    message: Bytes,
    _acceptors: [Acceptor; 2],
}

impl Line {
    fn make(receiver: &Runtime) -> Self {
        let authority = Arc::new(Authority::create(&"North".parse().unwrap(), days(30)).unwrap());
        let (first, incoming) = receiver.block_on(listen(&authority));
        let (second, others) = receiver.block_on(listen(&authority));
        let service = SiteServiceServer::new(Sink).max_decoding_message_size(8 << 20);
        let served = server(Keepalive::default()).add_service(service);
        receiver.spawn(served.serve_with_incoming(Links::from(incoming)));
        receiver.spawn(drain(others));
        let id = SlotId { transcript: Digest::from_bytes([1; 32]), slot: 0 };
        let lanes = (0..LANES as u64).map(|lane| lane.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let message = FromSite::Tile { id, number: 1, lanes: lanes.collect::<Vec<_>>().into() };
        let to = |acceptor: &Acceptor| connector(&authority, acceptor.local_address());
        let (uploads, bare, message) = (to(&first), to(&second), message.encode());
        Self { uploads, bare, message, _acceptors: [first, second] }
    }

    /// Seconds of the processor that an upload takes.
    fn uploads(&self, sender: &Runtime) -> f64 {
        let (connector, message) = (self.uploads.clone(), self.message.clone());
        spent(sender, async move {
            let channel = channel(connector, Keepalive::default());
            let mut client = SiteServiceClient::new(channel).max_encoding_message_size(8 << 20);
            let each = move |_| UploadRequest { from_site: message.clone() };
            client.upload(tokio_stream::iter((0..TILES).map(each))).await.expect("it is taken");
        })
    }

    /// The same for as many bytes.
    fn bare(&self, sender: &Runtime) -> f64 {
        spent(sender, async {
            let mut stream = self.bare.connect().await.expect("a connection");
            for _ in 0..TILES {
                stream.write_all(&self.message).await.expect("it is read");
            }
            stream.flush().await.expect("it is read");
            // The other end says when it has all.
            stream.shutdown().await.expect("it is read");
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
    }
}

fn spent(sender: &Runtime, work: impl Future<Output = ()>) -> f64 {
    let before = cpu_of_threads(RECEIVER);
    sender.block_on(work);
    (cpu_of_threads(RECEIVER) - before).as_secs_f64()
}

async fn listen(authority: &Authority) -> (Acceptor, Incoming) {
    let trusted = TrustedAuthorities::new(vec![authority.certificate().clone()]).unwrap();
    let shown = authority.issue_server(&"hub".parse().unwrap(), &["127.0.0.1"], days(3)).unwrap();
    let list = authority.issue_list(&[], 1, days(3)).unwrap();
    let tls = ServerTls::new(&shown, &trusted, &[list]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    Acceptor::start(listener, tls, Limits::default()).expect("it is bound")
}

fn connector(authority: &Authority, to: SocketAddr) -> Connector {
    let trusted = TrustedAuthorities::new(vec![authority.certificate().clone()]).unwrap();
    let tls = ClientTls::new(&trusted, None).unwrap();
    let to = to.to_string().parse().unwrap();
    Connector::new(to, tls, ProxySettings::none(), Deadlines::default()).unwrap()
}

async fn drain(mut incoming: Incoming) {
    let mut buffer = vec![0; READ];
    while let Some(mut connection) = incoming.next().await {
        while matches!(connection.read(&mut buffer).await, Ok(1..)) {}
        let _ = connection.shutdown().await;
    }
}

fn days(days: u16) -> Validity {
    Validity { from: SystemTime::now() - Duration::from_secs(60), days }
}

/// Takes uploads, and forgets them.
struct Sink;

type Nothing<T> = tokio_stream::Empty<Result<T, Status>>;

#[tonic::async_trait]
impl SiteService for Sink {
    type AttendStream = Nothing<AttendResponse>;
    type DownloadStream = Nothing<DownloadResponse>;

    async fn enrol(&self, _: Request<EnrolRequest>) -> Result<Response<EnrolResponse>, Status> {
        Err(Status::unimplemented("uploads alone"))
    }

    async fn renew(&self, _: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        Err(Status::unimplemented("uploads alone"))
    }

    async fn attend(
        &self,
        _: Request<Streaming<AttendRequest>>,
    ) -> Result<Response<Self::AttendStream>, Status> {
        Err(Status::unimplemented("uploads alone"))
    }

    async fn download(
        &self,
        _: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        Err(Status::unimplemented("uploads alone"))
    }

    async fn upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        let mut tiles = request.into_inner();
        while let Some(tile) = tiles.message().await? {
            let decoded = FromSite::decode(tile.from_site);
            std::hint::black_box(decoded.map_err(|error| Status::internal(error.to_string()))?);
        }
        Ok(Response::new(UploadResponse {}))
    }
}
