//! One accepted connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::connections::{Counts, Place};
use super::usage::Usage;
use crate::certificate::PeerCertificate;

/// A connection over TLS 1.3 of which the other end has sent something. When it is cut, the
/// stream is closed and every read and write fails with [`io::ErrorKind::ConnectionAborted`].
pub struct Connection {
    stream: Option<Box<TlsStream<TcpStream>>>,
    cut: Cut,
    address: SocketAddr,
    certificate: Option<Arc<PeerCertificate>>,
    /// After the stream: a place is free once its connection is closed.
    place: Place,
}

impl Connection {
    /// The address of the other end; behind a proxy, the proxy's.
    #[must_use]
    pub fn peer_address(&self) -> SocketAddr {
        self.address
    }

    /// What goes on over it, for who carries calls to say.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        self.place.usage()
    }

    /// Counts why the application is about to close it.
    pub fn count(&self, add: impl FnOnce(&mut Counts)) {
        self.place.count(add);
    }

    /// The certificate that the other end showed, verified; `None` if it showed none.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&Arc<PeerCertificate>> {
        self.certificate.as_ref()
    }

    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        address: SocketAddr,
        certificate: Option<PeerCertificate>,
        place: Place,
    ) -> Self {
        let wait = || Box::pin(place.token().clone().cancelled_owned());
        Self {
            stream: Some(Box::new(stream)),
            cut: Cut { reader: wait(), writer: wait() },
            address,
            certificate: certificate.map(Arc::new),
            place,
        }
    }

    /// The stream, unless the connection was cut. The task that asks is woken when it is.
    fn open(&mut self, side: Side, cx: &mut Context<'_>) -> Option<Pin<&mut TlsStream<TcpStream>>> {
        if self.stream.is_some() && self.cut.poll(side, cx).is_ready() {
            // Closes the socket: what was on its way is not delivered.
            self.stream = None;
        }
        self.stream.as_deref_mut().map(Pin::new)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.open(Side::Reader, cx) {
            Some(stream) => stream.poll_read(cx, buf),
            None => Poll::Ready(Err(aborted())),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.open(Side::Writer, cx) {
            Some(stream) => stream.poll_write(cx, buf),
            None => Poll::Ready(Err(aborted())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.open(Side::Writer, cx) {
            Some(stream) => stream.poll_write_vectored(cx, bufs),
            None => Poll::Ready(Err(aborted())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.open(Side::Writer, cx) {
            Some(stream) => stream.poll_flush(cx),
            None => Poll::Ready(Err(aborted())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.open(Side::Writer, cx) {
            Some(stream) => stream.poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Side {
    Reader,
    Writer,
}

/// One wait for each side: they may be in two tasks, and a wait wakes one.
struct Cut {
    reader: Pin<Box<WaitForCancellationFutureOwned>>,
    writer: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cut {
    fn poll(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<()> {
        match side {
            Side::Reader => self.reader.as_mut().poll(cx),
            Side::Writer => self.writer.as_mut().poll(cx),
        }
    }
}

fn aborted() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was cut by this server")
}
