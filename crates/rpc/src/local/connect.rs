//! The end of a command.

use std::io;
use std::path::Path;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{LocalError, LocalPeer, check_length, own_user};

/// Calls to whoever listens on the socket. A first connection is tried here, so that an error
/// says what to do; root talks to every daemon, others to their own and to root's.
///
/// # Errors
/// [`LocalError`]: nobody answers, this user may not, or somebody else answers.
pub async fn connect(path: &Path) -> Result<Channel, LocalError> {
    check_length(path)?;
    let first = dial(path).await?;
    let path = path.to_owned();
    let mut first = Some(first);
    let connector = service_fn(move |_| {
        let (first, path) = (first.take(), path.clone());
        async move {
            match first {
                Some(first) => Ok(TokioIo::new(first)),
                None => dial(&path).await.map(TokioIo::new),
            }
        }
    });
    // The name goes into a header alone.
    Ok(Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector))
}

async fn dial(path: &Path) -> Result<UnixStream, LocalError> {
    let stream = UnixStream::connect(path).await.map_err(|error| trouble(path, error))?;
    let peer = LocalPeer::of(&stream).map_err(|error| trouble(path, error))?;
    let own = own_user();
    if own != 0 && !peer.is_trusted_by(own) {
        return Err(LocalError::Stranger { path: path.to_owned(), user: peer.user });
    }
    Ok(stream)
}

fn trouble(path: &Path, source: io::Error) -> LocalError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => LocalError::Nobody { path },
        io::ErrorKind::PermissionDenied => LocalError::Denied { path },
        _ => LocalError::System { path, source },
    }
}
