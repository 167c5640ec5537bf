//! Calls over a connection to a coordinator.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use ripieno_transport::client::{ConnectError, Connector};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// How many bytes of one message stream may be on their way, unread.
pub const STREAM_WINDOW: u32 = 2 << 20;
/// How many bytes of all streams of a connection may be on their way, unread: what a peer can make
/// this end hold.
pub const CONNECTION_WINDOW: u32 = 4 << 20;

/// How a peer that is gone without a word is noticed: by pings of HTTP/2, also while no call is
/// under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence after which a ping is sent.
    pub interval: Duration,
    /// How long its answer may take before the connection counts as dead.
    pub timeout: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), timeout: Duration::from_secs(10) }
    }
}

/// Calls over connections that `connector` makes: one at a time, made when there is a call to
/// carry, and again after it broke. A call that finds no connection fails with
/// [`Unavailable`](tonic::Code::Unavailable), and [`connect_error`] says why; nothing is tried
/// again by itself.
///
/// The connector's deadlines bound each connection; a call that should end in time is made
/// [`within`] one of its own. How large messages may be is set on each client.
///
/// Must be called in a tokio runtime.
#[must_use]
pub fn channel(connector: Connector, keepalive: Keepalive) -> Channel {
    // The name goes into a header alone: where to connect is the connector's to know. Any text
    // would do that is a URI, as this one is.
    let endpoint = Endpoint::from_static("http://coordinator")
        .http2_keep_alive_interval(keepalive.interval)
        .keep_alive_timeout(keepalive.timeout)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    endpoint.connect_with_connector_lazy(service_fn(move |_| {
        let connector = connector.clone();
        async move { connector.connect_http2().await.map(TokioIo::new) }
    }))
}

/// A request with a deadline, from now until the head of the response is there. The server is told
/// and gives up as well.
pub fn within<T>(deadline: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

/// Why there was no connection, if that is why a call failed: looks among the causes of a
/// [`tonic::Status`] or a [`tonic::transport::Error`].
#[must_use]
pub fn connect_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ConnectError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error says what is behind that which it carries, so that is asked for.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = carried.map(|inner| inner as _).or_else(|| error.source());
    }
    None
}
