//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_core::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::admit::Gate;
use super::config::ServerTls;
use super::connection::Connection;
use super::connections::{Connections, Counts};
use super::limits::Limits;

/// How long the loop rests when the system has no more file descriptors or memory: the next call
/// would fail at once again.
const REST: Duration = Duration::from_millis(100);
/// How often connections are searched for certificates that ended.
const SEARCH: Duration = Duration::from_secs(60);

/// A running listener. Clones steer the same one; it runs until it is drained or its
/// [`Incoming`] is dropped.
#[derive(Clone, Debug)]
pub struct Acceptor {
    tls: watch::Sender<ServerTls>,
    connections: Connections,
    stop: CancellationToken,
    address: SocketAddr,
}

/// The connections of a listener as they become ready. As a stream it never yields an error: what
/// goes wrong with one connection is counted and logged, and closes that one.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<Connection>);

impl Acceptor {
    /// Starts to accept. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// What the system says when the listener has no local address.
    pub fn start(
        listener: TcpListener,
        tls: ServerTls,
        limits: Limits,
    ) -> io::Result<(Self, Incoming)> {
        let address = listener.local_addr()?;
        let connections = Connections::new();
        connections.cut_all(tls.revoked());
        let (ready, incoming) = mpsc::channel(limits.queue.max(1));
        let tls = watch::Sender::new(tls);
        let gate = Gate { tls: tls.subscribe(), limits, connections: connections.clone(), ready };
        let stop = CancellationToken::new();
        tokio::spawn(run(listener, gate, stop.clone()));
        Ok((Self { tls, connections, stop, address }, Incoming(incoming)))
    }

    /// The address on which it listens.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Its connections.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// From the next handshake on, shows and believes what `tls` says. Connections whose
    /// certificate is on its revocation lists are cut; how many is returned.
    pub fn replace(&self, tls: ServerTls) -> usize {
        // First the new lists, then the cut: a handshake in between meets one or the other.
        self.tls.send_replace(tls);
        let cut = self.connections.cut_all(self.tls.borrow().revoked());
        info!(cut, "certificates and revocation lists replaced");
        cut
    }

    /// Stops to accept, waits until all connections are closed, and cuts what is still open after
    /// `patience`; how many is returned. [`Incoming`] ends.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.stop.cancel();
        if timeout(patience, self.connections.none_left()).await.is_ok() {
            return 0;
        }
        self.connections.cut_everything()
    }
}

impl Incoming {
    /// The next connection; `None` when the listener has stopped.
    pub async fn next(&mut self) -> Option<Connection> {
        self.0.recv().await
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

async fn run(listener: TcpListener, gate: Gate, stop: CancellationToken) {
    let mut search = interval(SEARCH);
    search.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Counts::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = gate.ready.closed() => break,
            _ = search.tick() => {
                let cut = gate.connections.cut_ended(SystemTime::now());
                if cut > 0 {
                    info!(cut, "connections cut: their certificates have ended");
                }
                tell(&mut told, gate.connections.counts());
            }
            accepted = next(&listener, &gate) => match accepted {
                Ok((tcp, address)) => admit(&gate, tcp, address, &stop),
                Err(error) => rest(&error).await,
            },
        }
    }
}

/// The next connection, as soon as there can be room for it.
async fn next(listener: &TcpListener, gate: &Gate) -> io::Result<(TcpStream, SocketAddr)> {
    gate.connections.room(&gate.limits).await;
    listener.accept().await
}

fn admit(gate: &Gate, tcp: TcpStream, address: SocketAddr, stop: &CancellationToken) {
    let Some(place) = gate.connections.admit(address.ip(), &gate.limits) else {
        debug!(%address, "too many connections");
        return;
    };
    let pass = gate.clone().pass(tcp, address, place);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            // Nothing of it was taken yet: the peer loses a connection, not a message.
            () = stop.cancelled() => {}
            () = pass => {}
        }
    });
}

/// Logs what was turned away since it was told last: one line, however many there were.
fn tell(told: &mut Counts, counts: Counts) {
    let accepted = Counts { accepted: told.accepted, idle: told.idle, ..counts };
    if accepted != *told {
        info!(?counts, "connections were turned away or cut; counted since the start");
    }
    *told = counts;
}

/// A peer that left again is no reason to rest; everything else is the system's shortage.
async fn rest(error: &io::Error) {
    let peer_left = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if !peer_left {
        warn!(%error, "no connection can be accepted for now");
        sleep(REST).await;
    }
}
