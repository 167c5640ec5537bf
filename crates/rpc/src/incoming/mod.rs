//! Connections of a coordinator's listener, in the form in which the services are served.

mod frames;
mod guard;
mod track;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use ripieno_transport::PeerCertificate;
use ripieno_transport::server::{Incoming, Usage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::Request;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tower::layer::util::{Identity, Stack};

use self::guard::Guard;
pub use self::guard::Patience;
pub use self::track::{CallLimit, Track, Tracked};
use crate::channel::{CONNECTION_WINDOW, Keepalive, STREAM_WINDOW};

/// The largest frame that a peer may send, in bytes, the least that HTTP/2 allows: a frame is held
/// whole before a call sees any of it, so a slow peer of larger ones would seem to send nothing. A
/// record of TLS is held in the same way, and is as large.
const MAX_FRAME: u32 = 16 << 10;
/// The most bytes of headers of one call.
const MAX_HEADERS: u32 = 16 << 10;
/// The most calls under way on one connection.
const MAX_CALLS: u32 = 64;
/// The most calls that were taken back before a handler saw them: one more ends the connection.
const MAX_RESET: usize = 20;
/// The most calls that were broken off for an error of the peer, over the life of a connection:
/// one more ends it. A client that does not know yet how many calls it may make makes some more.
const MAX_ERRORS: usize = 256;

/// Who is at the other end of a connection; every request carries it, see [`peer`].
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address, that of the last proxy on the way.
    pub address: SocketAddr,
    /// What the verified certificate of the other end says; `None` if it showed none.
    pub certificate: Option<Arc<PeerCertificate>>,
    usage: Usage,
}

/// Who sent a request. `None` where it came over something else than a [`Link`].
#[must_use]
pub fn peer<T>(request: &Request<T>) -> Option<&Peer> {
    request.extensions().get()
}

/// A server that takes what this system's peers send: windows and frames for large messages,
/// pings, and bounds on headers, calls, and calls that are taken back. How large messages may be is
/// set on each service.
#[must_use]
pub fn server(keepalive: Keepalive) -> Server<Stack<Track, Identity>> {
    server_within(keepalive, CallLimit { most: Duration::MAX, except: |_| true })
}

/// As [`server`]; calls of peers without a certificate may take so long.
#[must_use]
pub fn server_within(keepalive: Keepalive, limit: CallLimit) -> Server<Stack<Track, Identity>> {
    Server::builder()
        .http2_keepalive_interval(Some(keepalive.interval))
        .http2_keepalive_timeout(Some(keepalive.timeout))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .http2_max_header_list_size(MAX_HEADERS)
        .max_concurrent_streams(MAX_CALLS)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESET))
        .http2_max_local_error_reset_streams(Some(MAX_ERRORS))
        .layer(Track(limit))
}

/// The connections of a listener, for
/// [`serve_with_incoming_shutdown`](tonic::transport::server::Router::serve_with_incoming_shutdown).
/// Never yields an error; ends when the listener has stopped.
#[derive(Debug)]
pub struct Links {
    incoming: Incoming,
    patience: Patience,
}

impl Links {
    /// Those of `incoming`, whose peers are waited for so long.
    #[must_use]
    pub fn new(incoming: Incoming, patience: Patience) -> Self {
        Self { incoming, patience }
    }
}

impl From<Incoming> for Links {
    fn from(incoming: Incoming) -> Self {
        Self::new(incoming, Patience::default())
    }
}

impl Stream for Links {
    type Item = io::Result<Link>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let patience = self.patience;
        let next = Pin::new(&mut self.incoming).poll_next(cx);
        next.map(|next| next.map(|next| next.map(|next| Link(Guard::new(next, patience)))))
    }
}

/// A connection whose requests say who sent them. It breaks where the peer keeps it waiting, sends
/// more frames than it needs, or has no call under way.
#[derive(Debug)]
pub struct Link(Guard);

impl Connected for Link {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let connection = self.0.connection();
        Peer {
            address: connection.peer_address(),
            certificate: connection.peer_certificate().cloned(),
            usage: connection.usage().clone(),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
