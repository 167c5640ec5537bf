//! The coordinator's end: an accept loop over TLS 1.3.
//!
//! Every connection that it yields has finished its handshake and sent something, and carries the
//! verified certificate of its other end, if it showed one. A site that is still to enrol has
//! none: who must have one is the service's decision.

mod acceptor;
mod admit;
mod config;
mod connection;
mod connections;
mod limits;
mod table;
mod usage;

pub use acceptor::{Acceptor, Incoming};
pub use config::{BadServerTls, ServerTls};
pub use connection::Connection;
pub use connections::{Connections, Counts};
pub use limits::Limits;
pub use table::origin;
pub use usage::{Call, Usage};
