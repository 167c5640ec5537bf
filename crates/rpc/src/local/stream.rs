//! A connection between two processes of one machine.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tonic::transport::server::Connected;

/// Who calls over a local socket, as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPeer {
    /// Number of the user.
    pub user: u32,
    /// The process; `None` where the system does not say.
    pub process: Option<i32>,
}

impl LocalPeer {
    /// Who is at the other end.
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self { user: credentials.uid(), process: credentials.pid() })
    }

    /// Whether it is this user, or root.
    pub(super) fn is_trusted_by(self, user: u32) -> bool {
        self.user == user || self.user == 0
    }
}

/// A connection of the same user, or of root.
#[derive(Debug)]
pub struct LocalStream {
    pub(super) stream: UnixStream,
    pub(super) peer: LocalPeer,
}

impl Connected for LocalStream {
    type ConnectInfo = LocalPeer;

    fn connect_info(&self) -> LocalPeer {
        self.peer
    }
}

impl AsyncRead for LocalStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for LocalStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_user_and_root_are_trusted_and_nobody_else() {
        let peer = |user| LocalPeer { user, process: None };
        assert!(peer(1000).is_trusted_by(1000) && peer(0).is_trusted_by(1000));
        assert!(!peer(1001).is_trusted_by(1000) && !peer(1000).is_trusted_by(0));
    }
}
