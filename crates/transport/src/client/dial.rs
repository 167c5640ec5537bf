//! A TCP connection to a host.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::connector::Deadlines;
use super::endpoint::Endpoint;
use super::error::Trouble;

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;
/// A server that is gone is noticed by the system after this and some probes.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));

/// Which of the two steps failed.
pub(super) enum DialError {
    Name(Trouble),
    Port(Trouble),
}

/// Resolves the name and connects to the first of its addresses that answers.
pub(super) async fn dial(to: &Endpoint, deadlines: &Deadlines) -> Result<TcpStream, DialError> {
    let addresses = resolve(to, deadlines.name).await.map_err(DialError::Name)?;
    let tcp = connect(&addresses, deadlines.port).await.map_err(DialError::Port)?;
    // An option that the system does not take costs speed, not safety.
    let _ = tcp.set_nodelay(true);
    let _ = SockRef::from(&tcp).set_tcp_keepalive(&KEEPALIVE);
    Ok(tcp)
}

async fn resolve(to: &Endpoint, deadline: Duration) -> Result<Vec<SocketAddr>, Trouble> {
    let found = timeout(deadline, lookup_host((to.host(), to.port()))).await;
    // The resolver's own words say more than a kind: they are kept.
    let found = found.map_err(|_| Trouble::TimedOut(deadline))?.map_err(Trouble::System)?;
    let addresses: Vec<_> = found.take(MAX_ADDRESSES).collect();
    if addresses.is_empty() { Err(Trouble::NoAddress) } else { Ok(addresses) }
}

/// Tries one address after the other. Each has an equal share of the time that is left, so a
/// silent one (IPv6 without a route, often) does not take that of the next.
async fn connect(addresses: &[SocketAddr], deadline: Duration) -> Result<TcpStream, Trouble> {
    let end = Instant::now() + deadline;
    let mut trouble = Trouble::NoAddress;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / left;
        trouble = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => at(*address, error),
            Err(_) => Trouble::TimedOut(deadline),
        };
    }
    Err(trouble)
}

/// The trouble with one address, which is named where the system has words of its own.
fn at(address: SocketAddr, error: io::Error) -> Trouble {
    match Trouble::from(error) {
        Trouble::System(error) => {
            Trouble::System(io::Error::new(error.kind(), format!("{error} ({})", address.ip())))
        }
        other => other,
    }
}
