//! gRPC over a Unix socket in a folder of its own, for the people of the same machine.
//!
//! The folder and the socket are their owner's alone (0700 and 0600), and each end looks who is at
//! the other: the same user or root.

mod connect;
mod error;
mod listen;
mod stream;

pub use connect::connect;
pub use error::LocalError;
pub use listen::{LocalListener, listen};
pub use stream::{LocalPeer, LocalStream};

use std::path::Path;

/// The longest path of a socket, in bytes: `sun_path` of unix(7) without its closing zero.
const MAX_PATH: usize = 107;

/// Refuses a path that the system could not take.
fn check_length(path: &Path) -> Result<(), LocalError> {
    let bytes = path.as_os_str().len();
    if bytes > MAX_PATH {
        return Err(LocalError::TooLong { path: path.to_owned(), bytes });
    }
    Ok(())
}

/// The user of this process.
fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
