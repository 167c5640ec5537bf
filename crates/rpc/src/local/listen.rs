//! The end of a daemon.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Sleep, sleep};
use tracing::warn;

use super::{LocalError, LocalPeer, LocalStream, check_length, own_user};

/// How long it rests when the system has no more file descriptors or memory: the next call would
/// fail at once again.
const REST: Duration = Duration::from_millis(100);

/// A socket on which a daemon listens, for
/// [`serve_with_incoming_shutdown`](tonic::transport::server::Router::serve_with_incoming_shutdown).
/// It yields the connections of this user and of root, never an error, and closes others. The
/// socket is removed when it is dropped.
#[derive(Debug)]
pub struct LocalListener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the socket: only this one is removed.
    file: (u64, u64),
    user: u32,
    rest: Option<Pin<Box<Sleep>>>,
}

/// Listens on a socket (0600) in a folder that is its owner's alone, and that is made (0700) where
/// it is missing. A socket that a dead process left behind is replaced; nothing else is.
///
/// Must be called in a tokio runtime.
///
/// # Errors
/// [`LocalError`]: the path is too long, others may reach the folder, somebody answers on the
/// socket, or something else has its name.
pub fn listen(path: &Path) -> Result<LocalListener, LocalError> {
    check_length(path)?;
    let system = |source| LocalError::System { path: path.to_owned(), source };
    own_folder(path)?;
    let listener = match net::UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path)?;
            net::UnixListener::bind(path).map_err(|error| match error.kind() {
                // Another process was quicker.
                io::ErrorKind::AddrInUse => LocalError::InUse { path: path.to_owned() },
                _ => system(error),
            })?
        }
        other => other.map_err(system)?,
    };
    // Until here the folder keeps others out.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(system)?;
    listener.set_nonblocking(true).map_err(system)?;
    let found = fs::symlink_metadata(path).map_err(system)?;
    Ok(LocalListener {
        listener: UnixListener::from_std(listener).map_err(system)?,
        path: path.to_owned(),
        file: (found.dev(), found.ino()),
        user: own_user(),
        rest: None,
    })
}

impl LocalListener {
    /// The path of the socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connection, if its other end may talk to this daemon.
    fn admit(&self, stream: UnixStream) -> Option<LocalStream> {
        match LocalPeer::of(&stream) {
            Ok(peer) if peer.is_trusted_by(self.user) => Some(LocalStream { stream, peer }),
            Ok(peer) => {
                warn!(user = peer.user, path = %self.path.display(), "another user was sent away");
                None
            }
            // It is gone already.
            Err(_) => None,
        }
    }
}

impl Stream for LocalListener {
    type Item = io::Result<LocalStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.as_mut().poll(cx));
                self.rest = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, _)) => {
                    if let Some(stream) = self.admit(stream) {
                        return Poll::Ready(Some(Ok(stream)));
                    }
                }
                Err(error) => {
                    warn!(%error, path = %self.path.display(), "nobody can be let in for now");
                    self.rest = Some(Box::pin(sleep(REST)));
                }
            }
        }
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path).map(|found| (found.dev(), found.ino()));
        if found.is_ok_and(|found| found == self.file) {
            // What is left behind is replaced by the next process.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the folder, or makes sure that it is its owner's alone.
fn own_folder(path: &Path) -> Result<(), LocalError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let system = |source| LocalError::System { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(system)?;
    let mode = fs::metadata(folder).map_err(system)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(LocalError::Exposed { path: folder.to_owned(), mode });
    }
    Ok(())
}

/// Removes a socket on which nobody answers.
fn remove_stale(path: &Path) -> Result<(), LocalError> {
    let system = |source| LocalError::System { path: path.to_owned(), source };
    if !fs::symlink_metadata(path).map_err(system)?.file_type().is_socket() {
        return Err(LocalError::NotASocket { path: path.to_owned() });
    }
    match knock(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(system)
        }
        // Whoever is too busy to answer is there.
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(system(error)),
        _ => Err(LocalError::InUse { path: path.to_owned() }),
    }
}

/// Connects and hangs up, without waiting.
fn knock(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
