//! The way of one TCP connection to the application: place, handshake, first bytes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::config::ServerTls;
use super::connection::Connection;
use super::connections::{Connections, Place};
use super::limits::Limits;
use crate::certificate::PeerCertificate;

/// A peer that is gone is noticed by the system after this and some probes.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// How long a refused peer may take to close its end.
const LINGER: Duration = Duration::from_secs(1);
/// How much a refused peer may still send, in bytes.
const MAX_REST: u64 = 64 << 10;

/// What the tasks of one listener share.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) tls: watch::Receiver<ServerTls>,
    pub(super) limits: Limits,
    pub(super) connections: Connections,
    pub(super) ready: mpsc::Sender<Connection>,
}

impl Gate {
    /// Brings one connection to the application, or closes it and counts why.
    pub(super) async fn pass(self, tcp: TcpStream, address: SocketAddr, place: Place) {
        let cut = place.token().clone();
        tokio::select! {
            biased;
            () = cut.cancelled() => {}
            () = self.hand_over(tcp, address, place) => {}
        }
    }

    async fn hand_over(&self, tcp: TcpStream, address: SocketAddr, place: Place) {
        let stream = match self.shake_hands(tcp).await {
            Ok(stream) => stream,
            Err(error) => return self.failed(address, &error),
        };
        let certificate = match peer_certificate(&stream) {
            Ok(certificate) => certificate,
            Err(error) => return self.failed(address, &error),
        };
        let welcome = certificate.as_ref().is_none_or(|shown| place.identify(shown, &self.limits));
        if !welcome {
            debug!(%address, "a certificate was cut before, or all places are taken");
            return;
        }
        let connection = Connection::new(stream, address, certificate, place);
        match self.ready.send_timeout(connection, self.limits.first_bytes).await {
            Ok(()) => self.connections.count(|counts| counts.accepted += 1),
            Err(SendTimeoutError::Timeout(_)) => {
                debug!(%address, "the application did not take a connection in time");
                self.connections.count(|counts| counts.not_taken += 1);
            }
            // The application is gone, and the listener with it.
            Err(SendTimeoutError::Closed(_)) => {}
        }
    }

    /// The handshake, and the wait for the first bytes after it.
    async fn shake_hands(&self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let deadline = Instant::now() + self.limits.handshake;
        // An option that the system does not take costs speed, not safety.
        let _ = tcp.set_nodelay(true);
        let _ = SockRef::from(&tcp).set_tcp_keepalive(&KEEPALIVE);
        let handshake = TlsAcceptor::from(self.config()).accept(tcp).into_fallible();
        let mut stream = match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err((error, tcp))) => {
                let _ = timeout_at(deadline, say_why(tcp)).await;
                return Err(error);
            }
            Err(_) => return Err(late("handshake")),
        };
        if stream.get_ref().1.alpn_protocol() != Some(crate::ALPN) {
            return Err(io::Error::other("the peer did not offer HTTP/2"));
        }
        let first = timeout(self.limits.first_bytes, stream.fill_buf()).await;
        if first.map_err(|_| late("first bytes"))??.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(stream)
    }

    /// The configuration that counts now.
    fn config(&self) -> Arc<ServerConfig> {
        self.tls.borrow().config()
    }

    fn failed(&self, address: SocketAddr, error: &io::Error) {
        debug!(%address, %error, "a connection did not come about");
        self.connections.count(|counts| match error.kind() {
            io::ErrorKind::TimedOut => counts.timed_out += 1,
            _ => counts.handshake_failed += 1,
        });
    }
}

/// Lets the alert arrive that was just sent. A socket that is closed with unread bytes resets the
/// connection, and the peer may lose the alert that says why: so first its bytes are read away.
async fn say_why(mut tcp: TcpStream) -> io::Result<()> {
    tcp.shutdown().await?;
    let mut rest = tcp.take(MAX_REST);
    timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await??;
    Ok(())
}

/// What the verified certificate of the other end says, if it showed one.
fn peer_certificate(stream: &TlsStream<TcpStream>) -> io::Result<Option<PeerCertificate>> {
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    shown.map(|der| PeerCertificate::from_der(der)).transpose().map_err(io::Error::other)
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no {what} in time"))
}
