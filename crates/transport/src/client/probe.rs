//! Tries a connection to the end.

use super::connector::Connector;
use super::endpoint::Endpoint;
use super::error::ConnectError;
use crate::certificate::PeerCertificate;

/// What a connection met that came about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The proxy on the way.
    pub proxy: Option<Endpoint>,
    /// What the coordinator's certificate says.
    pub server: Option<PeerCertificate>,
}

impl Connector {
    /// Makes a connection as [`connect_http2`](Self::connect_http2) does, and closes it.
    ///
    /// # Errors
    /// [`ConnectError`] says which step failed and what helps.
    pub async fn probe(&self) -> Result<Probe, ConnectError> {
        let stream = self.connect_http2().await?;
        let stream = stream.get_ref();
        Ok(Probe { proxy: stream.proxy().cloned(), server: stream.server_certificate() })
    }
}
