//! What keeps a site from connecting.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::endpoint::Endpoint;
use super::rejection::Rejection;

/// A step of a connection, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The address of the coordinator's name.
    Name,
    /// The TCP connection.
    Port,
    /// The way through the proxy.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The certificates of the two ends.
    Certificate,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Port => "port",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
        })
    }
}

/// Why there is no connection: which step failed, and at whom.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The coordinator's name has no address.
    #[error("the name {host} cannot be resolved: {trouble}")]
    Name {
        /// The name.
        host: String,
        /// What happened.
        trouble: Trouble,
    },
    /// The coordinator's port cannot be reached.
    #[error("{target} cannot be reached: {trouble}")]
    Port {
        /// The coordinator.
        target: Endpoint,
        /// What happened.
        trouble: Trouble,
    },
    /// The proxy cannot be reached, or does not let us through.
    #[error("proxy {proxy}, on the way to {target}: {problem}")]
    Proxy {
        /// The proxy.
        proxy: Endpoint,
        /// The coordinator.
        target: Endpoint,
        /// What happened.
        problem: ProxyProblem,
    },
    /// There is something at the other end, but no TLS 1.3 with it.
    #[error("no TLS 1.3 with {target}: {problem}")]
    Tls {
        /// The coordinator.
        target: Endpoint,
        /// What happened.
        problem: TlsProblem,
    },
    /// The certificate of the other end does not count.
    #[error("the certificate that {target} shows does not count: {problem}")]
    Certificate {
        /// The coordinator.
        target: Endpoint,
        /// In what it fails.
        problem: CertificateProblem,
    },
    /// The coordinator does not take this site's certificate.
    #[error("{target} refuses this site's certificate: {rejection}")]
    Rejected {
        /// The coordinator.
        target: Endpoint,
        /// In what it fails.
        rejection: Rejection,
    },
}

/// What happened to a lookup or a connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing, for this long.
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// There is nobody, and it says so.
    #[error("connection refused")]
    Refused,
    /// The other end closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// A name without an address.
    #[error("it has no address")]
    NoAddress,
    /// Something else, in the system's words.
    #[error("{0}")]
    System(io::Error),
}

/// What is wrong with a proxy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// Its name cannot be resolved.
    #[error("its name cannot be resolved: {0}")]
    Name(Trouble),
    /// It cannot be reached.
    #[error("it cannot be reached: {0}")]
    Port(Trouble),
    /// It was asked for the connection and did not answer.
    #[error("it did not answer the request for a connection: {0}")]
    Answer(Trouble),
    /// It wants to know who asks (407).
    #[error("it answers 407, it wants a sign-in ({})", offered(.schemes))]
    Authentication {
        /// The ways of signing in that it offers, such as `Basic`.
        schemes: Vec<String>,
    },
    /// It answers with another status than 200.
    #[error("it answers {status} {reason}")]
    Status {
        /// The status.
        status: u16,
        /// Its words, at most 100 printable characters.
        reason: String,
    },
    /// It answers something that is not HTTP, or too much of it.
    #[error("its answer is not that of an HTTP proxy")]
    NotHttp,
}

/// What is wrong with a handshake.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The connection got lost.
    #[error("{0}")]
    Trouble(Trouble),
    /// What answers does not speak TLS.
    #[error("what answers does not speak TLS")]
    NotTls,
    /// What answers speaks an older version only.
    #[error("what answers does not speak version 1.3")]
    Version,
    /// What answers does not speak HTTP/2.
    #[error("what answers does not speak HTTP/2")]
    NotHttp2,
    /// Something else.
    #[error("{0}")]
    Other(rustls::Error),
}

/// What is wrong with the certificate of the coordinator.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// The federation's authority did not issue it.
    #[error("it was issued by {issuer}, not by the federation's authority")]
    UnknownAuthority {
        /// Who issued it, in its own words.
        issuer: String,
    },
    /// It is for another name.
    #[error("it is not for that name, but for: {}", presented.join(", "))]
    WrongName {
        /// The names that it is for.
        presented: Vec<String>,
    },
    /// Its time is over, by this machine's clock.
    #[error("its time is over since {} s by this machine's clock", seconds(.since))]
    Expired {
        /// How long since.
        since: Duration,
        /// This machine's time.
        clock: SystemTime,
    },
    /// Its time has not come, by this machine's clock.
    #[error("its time comes in {} s by this machine's clock", seconds(.until))]
    NotYetValid {
        /// How long until.
        until: Duration,
        /// This machine's time.
        clock: SystemTime,
    },
    /// It is a site's, not a server's.
    #[error("it is not one of a server")]
    WrongUse,
    /// Something else.
    #[error("{0}")]
    Other(rustls::CertificateError),
}

impl ConnectError {
    /// The step that failed. All before it went well.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Name { .. } => Step::Name,
            Self::Port { .. } => Step::Port,
            Self::Proxy { .. } => Step::Proxy,
            Self::Tls { .. } => Step::Tls,
            Self::Certificate { .. } | Self::Rejected { .. } => Step::Certificate,
        }
    }

    /// What to do next, or what to ask the network team: one or two sentences.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Name { host, .. } => format!(
                "Ask the network team whether this machine may resolve {host}; if it must go \
                 through a proxy, set HTTPS_PROXY."
            ),
            Self::Port { target, trouble: Trouble::Refused } => format!(
                "Nobody listens on {target}, or a firewall refuses: ask the federation's operator \
                 whether the coordinator runs on this port, then the network team."
            ),
            Self::Port { target, .. } => format!(
                "Ask the network team to let this machine connect out to {target} (TCP); no \
                 inbound port is needed. If it must go through a proxy, set HTTPS_PROXY."
            ),
            Self::Proxy { proxy, target, problem } => problem.advice(proxy, target),
            Self::Tls { target, problem } => problem.advice(target),
            Self::Certificate { target, problem } => problem.advice(target),
            Self::Rejected { rejection, .. } => rejection.advice(),
        }
    }
}

impl ProxyProblem {
    fn advice(&self, proxy: &Endpoint, target: &Endpoint) -> String {
        match self {
            Self::Name(_) | Self::Port(_) => format!(
                "Ask the network team whether {proxy} is the right proxy, or whether {target} can \
                 be reached without one (NO_PROXY)."
            ),
            Self::Authentication { schemes } if may_be_basic(schemes) => format!(
                "Ask the network team for an account on {proxy} and write it into HTTPS_PROXY \
                 (http://name:password@host:port), or let it pass {target} without a sign-in."
            ),
            Self::Authentication { .. } => format!(
                "Only basic sign-in is known here: ask the network team to let {proxy} pass \
                 CONNECT to {target} from this machine without one."
            ),
            Self::Answer(_) | Self::Status { .. } => format!(
                "Ask the network team to let {proxy} pass CONNECT to {target}, without looking \
                 inside."
            ),
            Self::NotHttp => format!(
                "What listens on {proxy} is no HTTP proxy: ask the network team for its name and \
                 port, and set HTTPS_PROXY."
            ),
        }
    }
}

impl TlsProblem {
    fn advice(&self, target: &Endpoint) -> String {
        match self {
            Self::Trouble(_) => format!(
                "The way to {target} is open and then cut: ask the network team for a device that \
                 inspects or blocks TLS 1.3, then the operator whether the coordinator is overloaded."
            ),
            Self::NotTls | Self::Version | Self::NotHttp2 | Self::Other(_) => format!(
                "Something else than the coordinator answers for {target}: compare host and port \
                 with the invitation, and ask the network team for a device in between."
            ),
        }
    }
}

impl CertificateProblem {
    fn advice(&self, target: &Endpoint) -> String {
        match self {
            Self::UnknownAuthority { .. } => format!(
                "If the issuer is your own organisation or a security product, ask the network \
                 team to exempt {target} from TLS inspection. If not, do not go on: ask the \
                 federation's operator whether the authority was replaced while this machine was \
                 away. Then a site is invited again, and a researcher joins again."
            ),
            Self::WrongName { .. } => "Compare host and port with the invitation; the operator \
                can issue a certificate for this name as well."
                .to_owned(),
            Self::Expired { .. } | Self::NotYetValid { .. } => "Compare this machine's clock with \
                the true time and set it by NTP; if it is right, ask the federation's operator to \
                renew the coordinator's certificate."
                .to_owned(),
            Self::WrongUse | Self::Other(_) => "Do not go on: ask the federation's operator which \
                certificate the coordinator shows."
                .to_owned(),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::System(error),
        }
    }
}

/// A proxy that does not say how it wants the sign-in may take the basic one.
fn may_be_basic(schemes: &[String]) -> bool {
    schemes.is_empty() || schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

fn offered(schemes: &[String]) -> String {
    if schemes.is_empty() { "it does not say how".to_owned() } else { schemes.join(", ") }
}

fn seconds(duration: &Duration) -> u64 {
    duration.as_secs()
}
