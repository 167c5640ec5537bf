//! A connection to the coordinator.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::endpoint::Endpoint;
use crate::certificate::PeerCertificate;
use crate::trust::CaCertificate;

/// A connection over TLS 1.3 with the coordinator, whose certificate was verified. Whether it
/// takes ours shows with the first bytes that come back: see [`Rejection`](super::Rejection).
#[derive(Debug)]
pub struct ClientStream {
    tls: Box<TlsStream<TcpStream>>,
    proxy: Option<Endpoint>,
    authority: Option<CaCertificate>,
}

impl ClientStream {
    /// The proxy on the way, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Endpoint> {
        self.proxy.as_ref()
    }

    /// What the coordinator's certificate says, if it is written as this crate writes them.
    #[must_use]
    pub fn server_certificate(&self) -> Option<PeerCertificate> {
        let shown = self.tls.get_ref().1.peer_certificates()?.first()?;
        PeerCertificate::from_der(shown).ok()
    }

    /// The authority that issued the coordinator's certificate, where it was trusted by its
    /// fingerprint: see [`ClientTls::pinned`](super::ClientTls::pinned).
    #[must_use]
    pub fn authority(&self) -> Option<&CaCertificate> {
        self.authority.as_ref()
    }

    pub(super) fn new(
        tls: TlsStream<TcpStream>,
        proxy: Option<Endpoint>,
        authority: Option<CaCertificate>,
    ) -> Self {
        Self { tls: Box::new(tls), proxy, authority }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
