//! What keeps two processes of one machine from talking.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::MAX_PATH;

/// Why there is no socket, or nobody behind it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The path does not fit the system's structure.
    #[error(
        "{}: {bytes} bytes are too long for the path of a socket, at most {MAX_PATH} fit: use a \
         folder with a shorter path", path.display()
    )]
    TooLong {
        /// The socket.
        path: PathBuf,
        /// Length of its path.
        bytes: usize,
    },
    /// Others on this machine may reach the folder.
    #[error(
        "{}: others on this machine may reach this folder (mode {mode:o}): chmod 700 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something else has the name of the socket. It is left alone.
    #[error("{}: there is something else than a socket: move it away", path.display())]
    NotASocket {
        /// The socket.
        path: PathBuf,
    },
    /// Another process answers there.
    #[error("{}: another process answers here: stop it first, or use another folder", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Nobody answers.
    #[error("{}: nobody answers here: is the daemon running, and is this its folder?", path.display())]
    Nobody {
        /// The socket.
        path: PathBuf,
    },
    /// The system does not let this user in.
    #[error(
        "{}: this user may not open it: run the command as the user of the daemon, or as root",
        path.display()
    )]
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// Somebody else listens there: nothing was sent.
    #[error(
        "{}: user {user} answers here, who is neither this user nor root: nothing was sent",
        path.display()
    )]
    Stranger {
        /// The socket.
        path: PathBuf,
        /// Number of the user.
        user: u32,
    },
    /// Something else, in the system's words.
    #[error("{}: {source}", path.display())]
    System {
        /// The socket or its folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
