//! A connection on which HTTP/2 has begun.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::connector::Connector;
use super::error::{ConnectError, TlsProblem, Trouble};
use super::stream::ClientStream;

/// How a client begins (RFC 9113 §3.4), before its settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How much of the answer is read ahead, in bytes: a server begins with its settings.
const AHEAD: usize = 64;

/// A connection that the server has answered on, so it takes this end's certificate.
///
/// To a library for HTTP/2 it looks untouched: what the server said is read again, and the
/// preface, which was sent already, is swallowed when it is written.
#[derive(Debug)]
pub struct Http2Stream {
    stream: ClientStream,
    /// What was read ahead.
    ahead: Vec<u8>,
    /// How much of it was read again.
    replayed: usize,
    /// How much of the preface was written again.
    swallowed: usize,
}

impl Connector {
    /// Makes a connection, begins HTTP/2 on it, and waits for the first bytes that come back. Only
    /// these tell that the server takes the certificate of this end: without waiting, a refusal
    /// would show as a connection that breaks.
    ///
    /// # Errors
    /// [`ConnectError`] says which step failed and what helps.
    pub async fn connect_http2(&self) -> Result<Http2Stream, ConnectError> {
        let mut stream = self.connect().await?;
        match timeout(self.deadlines.tls, greet(&mut stream)).await {
            Ok(Ok(ahead)) => Ok(Http2Stream { stream, ahead, replayed: 0, swallowed: 0 }),
            Ok(Err(error)) => Err(self.stream_failed(error)),
            Err(_) => {
                let late = Trouble::TimedOut(self.deadlines.tls);
                Err(self.tls_problem(TlsProblem::Trouble(late)))
            }
        }
    }
}

/// Sends the preface and returns the first bytes of the answer.
async fn greet(stream: &mut ClientStream) -> io::Result<Vec<u8>> {
    // A server that refused may be gone already; then the read says why.
    let sent = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await
    }
    .await;
    let mut ahead = vec![0; AHEAD];
    match stream.read(&mut ahead).await? {
        0 => sent.and(Err(io::ErrorKind::UnexpectedEof.into())),
        read => {
            ahead.truncate(read);
            Ok(ahead)
        }
    }
}

impl Http2Stream {
    /// The connection.
    #[must_use]
    pub fn get_ref(&self) -> &ClientStream {
        &self.stream
    }

    /// How many of these bytes are preface, and were sent already.
    fn swallow(&mut self, written: &[u8]) -> io::Result<usize> {
        let rest = PREFACE.get(self.swallowed..).unwrap_or_default();
        let known = rest.len().min(written.len());
        if written.get(..known) != rest.get(..known) {
            let reason = "HTTP/2 was begun with something else than its preface";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        self.swallowed += known;
        Ok(known)
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.ahead.get(self.replayed..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let part = rest.get(..buf.remaining()).unwrap_or(rest);
        buf.put_slice(part);
        self.replayed += part.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.swallow(buf)? {
            0 => Pin::new(&mut self.stream).poll_write(cx, buf),
            known => Poll::Ready(Ok(known)),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.swallowed == PREFACE.len() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[], |buf| &**buf))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
