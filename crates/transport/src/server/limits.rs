//! What one listener takes on.

use std::time::Duration;

/// Bounds of a listener. Each is at least 1; a 0 is taken for 1.
///
/// Who has not shown a certificate yet, or has none, is a stranger. Strangers have places of their
/// own and never take those of peers with certificates; when theirs are taken, the one that has
/// done nothing for the longest time gives way to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the accepted TCP connection to the end of the handshake.
    pub handshake: Duration,
    /// From the end of the handshake to the first byte of the peer, and from there until the
    /// application takes the connection.
    pub first_bytes: Duration,
    /// Connections in all, from TCP on.
    pub connections: usize,
    /// Connections of one IPv4 address or one /64 of IPv6. Sites behind one proxy share it.
    pub connections_per_peer: usize,
    /// Of all connections, those of strangers.
    pub strangers: usize,
    /// Of the connections of one address, those of strangers.
    pub strangers_per_peer: usize,
    /// Connections with one certificate; the next one takes the place of the oldest.
    pub per_certificate: usize,
    /// For so long a stranger that does nothing keeps its place while others want it.
    pub grace: Duration,
    /// Connections that are ready and wait for the application.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            first_bytes: Duration::from_secs(10),
            connections: 1024,
            connections_per_peer: 64,
            strangers: 256,
            strangers_per_peer: 32,
            per_certificate: 8,
            grace: Duration::from_secs(1),
            queue: 32,
        }
    }
}

impl Limits {
    /// The places that strangers never take.
    pub(super) fn kept(&self) -> usize {
        self.connections.saturating_sub(self.strangers.max(1)).max(1)
    }
}
