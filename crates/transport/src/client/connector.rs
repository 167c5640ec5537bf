//! Makes connections to one coordinator.

use std::io;
use std::time::{Duration, SystemTime};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::dial::{DialError, dial};
use super::endpoint::{BadEndpoint, Endpoint};
use super::error::{CertificateProblem, ConnectError, ProxyProblem, TlsProblem, Trouble};
use super::proxy::{Proxy, ProxySettings};
use super::rejection::Rejection;
use super::stream::ClientStream;
use super::tls::{ClientTls, Witness};
use super::tunnel;

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To resolve a name, the coordinator's or the proxy's.
    pub name: Duration,
    /// To connect to it.
    pub port: Duration,
    /// For the proxy to connect on.
    pub proxy: Duration,
    /// For the handshake.
    pub tls: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { name: Duration::from_secs(5), port: ten, proxy: Duration::from_secs(20), tls: ten }
    }
}

/// Makes connections to one coordinator.
#[derive(Clone, Debug)]
pub struct Connector {
    target: Endpoint,
    name: ServerName<'static>,
    tls: ClientTls,
    proxy: ProxySettings,
    pub(super) deadlines: Deadlines,
}

impl Connector {
    /// Connects to `target` and expects a certificate for its host.
    ///
    /// # Errors
    /// [`BadEndpoint`] where the host is no name that a certificate can be for.
    pub fn new(
        target: Endpoint,
        tls: ClientTls,
        proxy: ProxySettings,
        deadlines: Deadlines,
    ) -> Result<Self, BadEndpoint> {
        let name = server_name(target.host())?;
        Ok(Self { target, name, tls, proxy, deadlines })
    }

    /// Expects a certificate for this name instead, as where the coordinator is reached by an
    /// address that its certificate does not name.
    ///
    /// # Errors
    /// [`BadEndpoint`] where it is neither a name nor an address.
    pub fn expecting(self, name: &str) -> Result<Self, BadEndpoint> {
        Ok(Self { name: server_name(name)?, ..self })
    }

    /// Where it connects to.
    #[must_use]
    pub fn target(&self) -> &Endpoint {
        &self.target
    }

    /// The proxy through which it goes.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.on_the_way_to(&self.target)
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// [`ConnectError`] says which step failed and what helps.
    pub async fn connect(&self) -> Result<ClientStream, ConnectError> {
        let tcp = match self.proxy() {
            Some(proxy) => self.through(proxy).await?,
            None => self.directly().await?,
        };
        let (config, witness) = self.tls.for_handshake();
        let handshake = TlsConnector::from(config).connect(self.name.clone(), tcp);
        let stream = timeout(self.deadlines.tls, handshake)
            .await
            .map_err(|_| {
                self.tls_problem(TlsProblem::Trouble(Trouble::TimedOut(self.deadlines.tls)))
            })?
            .map_err(|error| self.handshake_failed(error, &witness))?;
        if stream.get_ref().1.alpn_protocol() != Some(crate::ALPN) {
            return Err(self.tls_problem(TlsProblem::NotHttp2));
        }
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let authority = self.tls.pinned_among(shown);
        let proxy = self.proxy().map(|proxy| proxy.endpoint().clone());
        Ok(ClientStream::new(stream, proxy, authority))
    }

    /// What a failed read or write on a connection says.
    pub(super) fn stream_failed(&self, error: io::Error) -> ConnectError {
        match Rejection::among_causes_of(&error) {
            Some(rejection) => ConnectError::Rejected { target: self.target.clone(), rejection },
            None => self.tls_problem(tls_problem(error)),
        }
    }

    pub(super) fn tls_problem(&self, problem: TlsProblem) -> ConnectError {
        ConnectError::Tls { target: self.target.clone(), problem }
    }

    async fn directly(&self) -> Result<TcpStream, ConnectError> {
        dial(&self.target, &self.deadlines).await.map_err(|error| match error {
            DialError::Name(trouble) => {
                ConnectError::Name { host: self.target.host().to_owned(), trouble }
            }
            DialError::Port(trouble) => ConnectError::Port { target: self.target.clone(), trouble },
        })
    }

    async fn through(&self, proxy: &Proxy) -> Result<TcpStream, ConnectError> {
        let failed = |problem| ConnectError::Proxy {
            proxy: proxy.endpoint().clone(),
            target: self.target.clone(),
            problem,
        };
        let mut tcp =
            dial(proxy.endpoint(), &self.deadlines).await.map_err(|error| match error {
                DialError::Name(trouble) => failed(ProxyProblem::Name(trouble)),
                DialError::Port(trouble) => failed(ProxyProblem::Port(trouble)),
            })?;
        let patience = self.deadlines.proxy;
        match timeout(patience, tunnel::open(&mut tcp, proxy, &self.target)).await {
            Ok(Ok(())) => Ok(tcp),
            Ok(Err(problem)) => Err(failed(problem)),
            Err(_) => Err(failed(ProxyProblem::Answer(Trouble::TimedOut(patience)))),
        }
    }

    fn handshake_failed(&self, error: io::Error, witness: &Witness) -> ConnectError {
        match tls_error(&error) {
            Some(rustls::Error::InvalidCertificate(why)) => ConnectError::Certificate {
                target: self.target.clone(),
                problem: certificate_problem(why, witness),
            },
            _ => self.stream_failed(error),
        }
    }
}

fn server_name(text: &str) -> Result<ServerName<'static>, BadEndpoint> {
    ServerName::try_from(text.to_owned()).map_err(|_| BadEndpoint(text.chars().take(300).collect()))
}

/// The error of the TLS library inside one of the system's.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn tls_problem(error: io::Error) -> TlsProblem {
    let Some(tls) = tls_error(&error) else {
        return TlsProblem::Trouble(Trouble::from(error));
    };
    match tls {
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            TlsProblem::NotTls
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => TlsProblem::Version,
        rustls::Error::NoApplicationProtocol
        | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            TlsProblem::NotHttp2
        }
        other => TlsProblem::Other(other.clone()),
    }
}

fn certificate_problem(why: &CertificateError, witness: &Witness) -> CertificateProblem {
    let clock = SystemTime::now();
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            let issuer = witness.issuer().unwrap_or_else(|| "an unnamed authority".to_owned());
            CertificateProblem::UnknownAuthority { issuer }
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let presented = presented.iter().take(16).cloned().collect();
            CertificateProblem::WrongName { presented }
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let since = time.as_secs().saturating_sub(not_after.as_secs());
            CertificateProblem::Expired { since: Duration::from_secs(since), clock }
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let until = not_before.as_secs().saturating_sub(time.as_secs());
            CertificateProblem::NotYetValid { until: Duration::from_secs(until), clock }
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateProblem::WrongUse
        }
        other => CertificateProblem::Other(other.clone()),
    }
}
