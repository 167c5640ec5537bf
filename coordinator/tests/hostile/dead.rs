//! Peers that are gone without a word.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{Arrival, AttendRequest, Keepalive, SitesRequest, channel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::server::{Server, in_time, until};
use crate::site::enrol;

/// Passes bytes on until it is told to stop; connections stay open, and nothing is said.
struct Line {
    address: SocketAddr,
    broken: watch::Sender<bool>,
}

impl Line {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let broken = watch::Sender::new(false);
        let watched = broken.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(server).await.unwrap();
                let (near, far) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near.0, far.1, watched.subscribe()));
                tokio::spawn(pass(far.0, near.1, watched.subscribe()));
            }
        });
        Self { address, broken }
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut broken: watch::Receiver<bool>) {
    let mut bytes = vec![0; 1 << 14];
    let passing = async {
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            if to.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        _ = async { broken.wait_for(|broken| *broken).await.is_ok() } => {}
        () = passing => return,
    }
    // Both ends are kept open.
    std::future::pending::<()>().await;
}

async fn present(server: &Server) -> bool {
    let sites = server.operator().await.sites(SitesRequest {}).await.unwrap().into_inner();
    sites.sites[0].present
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_find_that_the_other_is_gone() {
    let server = Server::start_with(|settings| settings.connections.keepalive_seconds = 1).await;
    let tls = enrol(&server, "north").await;
    let line = Line::to(server.address).await;
    let second = Duration::from_secs(1);
    let keepalive = Keepalive { interval: second, timeout: second };
    let connector = server.connector_to(line.address, Some(&tls));
    let mut calls = SiteServiceClient::new(channel(connector, keepalive));
    let (say, said) = mpsc::channel(8);
    let arrival = Said::Arrival(Arrival { program: "1.2.3".into(), ..Arrival::default() });
    say.send(AttendRequest { body: Some(arrival) }).await.unwrap();
    let mut heard = in_time(calls.attend(ReceiverStream::new(said))).await.unwrap().into_inner();
    // The welcome, and the list of authorities.
    for _ in 0..2 {
        in_time(heard.message()).await.unwrap();
    }
    until(|| async { present(&server).await.then_some(()) }).await;

    let began = Instant::now();
    line.broken.send_replace(true);
    in_time(heard.message()).await.map(drop).expect_err("the site finds the coordinator gone");
    until(|| async { (!present(&server).await).then_some(()) }).await;
    // A second of silence, and ten for the answer to a ping: less than the thirty of a real one.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
