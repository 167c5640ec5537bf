//! The site's end: a connection to the coordinator, out through a proxy if there is one.
//!
//! Only the federation's own authority is trusted. A connection is made in steps, each with a
//! deadline of its own, and an error says which step failed, at whom, and what helps.

mod connector;
mod dial;
mod endpoint;
mod error;
mod http2;
mod no_proxy;
mod pinned;
mod probe;
mod proxy;
mod rejection;
mod stream;
mod tls;
mod tunnel;

pub use connector::{Connector, Deadlines};
pub use endpoint::{BadEndpoint, Endpoint};
pub use error::{CertificateProblem, ConnectError, ProxyProblem, Step, TlsProblem, Trouble};
pub use http2::Http2Stream;
pub use no_proxy::NoProxy;
pub use probe::Probe;
pub use proxy::{BadProxy, Proxy, ProxySettings};
pub use rejection::Rejection;
pub use stream::ClientStream;
pub use tls::ClientTls;
pub use tunnel::proxy_answer;
