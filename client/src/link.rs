//! The way to the coordinator: how it is made, and what is wrong with it.

use std::time::Duration;

use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{Keepalive, channel, connect_error};
use ripieno_terminal::Exit;
use ripieno_transport::client::{
    BadEndpoint, BadProxy, ClientTls, ConnectError, Connector, Deadlines, Rejection,
};
use ripieno_transport::{FileError, TlsIdentity, TrustedAuthorities};
use ripieno_wire::limits::MAX_HISTORY_BYTES;
use thiserror::Error;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::config::Config;
use crate::program;

/// Calls of a site.
pub(crate) type Client = SiteServiceClient<Channel>;

/// The largest message of the coordinator in one piece: its charters, with what is around them.
const MAX_RESPONSE: usize = MAX_HISTORY_BYTES + (64 << 10);
/// The largest message of the site in one piece: a tile, with what is around it.
const MAX_REQUEST: usize = 2 << 20;
/// What is repeated of the coordinator's words, in characters.
const MAX_SAID: usize = 500;
/// How long a call may take that has a short answer, the connection to carry it included.
pub(crate) const CALL: Duration = Duration::from_secs(60);

/// How a site that has its key gets another certificate.
pub(crate) const ENROL_AGAIN: &str = "ask the federation's operator to invite this site again under \
     its own name (coordinator invite SITE), and enrol with that in this folder: its key stays";

/// Why there is no way to try.
#[derive(Debug, Error)]
pub(crate) enum NoWay {
    #[error("this site has not enrolled yet")]
    NotEnrolled,
    #[error("this site has enrolled, and {0} is missing")]
    Lost(String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Proxy(#[from] BadProxy),
    #[error(transparent)]
    Address(#[from] BadEndpoint),
    #[error("the site's certificate or authorities cannot be used: {0}")]
    Tls(String),
}

/// What went wrong, for the site's people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What happened.
    pub(crate) text: String,
    /// What to do next.
    pub(crate) advice: String,
    /// How a command ends with it.
    pub(crate) exit: Exit,
}

/// The identity of an enrolled site, and whom it trusts.
pub(crate) struct Credentials {
    pub(crate) identity: TlsIdentity,
    pub(crate) trusted: TrustedAuthorities,
}

impl Credentials {
    /// Reads both.
    pub(crate) fn load(config: &Config) -> Result<Self, NoWay> {
        let layout = &config.layout;
        if config.site.coordinator.is_none() {
            // Written last when a site enrols: with a charter in force it was there before.
            return Err(match layout.charters().exists() {
                true => NoWay::Lost("[coordinator] in site.toml".to_owned()),
                false => NoWay::NotEnrolled,
            });
        }
        let needed = [layout.connection(), layout.authorities()];
        if let Some(lost) = needed.iter().find(|path| !path.exists()) {
            return Err(NoWay::Lost(lost.display().to_string()));
        }
        let identity = TlsIdentity::load(&layout.connection())?;
        let trusted = TrustedAuthorities::load(&layout.authorities())?;
        Ok(Self { identity, trusted })
    }
}

/// What connects to the coordinator and shows the site's certificate.
pub(crate) fn connector(config: &Config, credentials: &Credentials) -> Result<Connector, NoWay> {
    let coordinator = config.site.coordinator.as_ref().ok_or(NoWay::NotEnrolled)?;
    let tls = ClientTls::new(&credentials.trusted, Some(&credentials.identity))
        .map_err(|error| NoWay::Tls(error.to_string()))?;
    let proxy = config.proxy()?;
    Ok(Connector::new(coordinator.address.clone(), tls, proxy, Deadlines::default())?)
}

/// Calls over the connections of a connector.
pub(crate) fn client(connector: Connector) -> Client {
    SiteServiceClient::new(channel(connector, Keepalive::default()))
        .max_decoding_message_size(MAX_RESPONSE)
        .max_encoding_message_size(MAX_REQUEST)
}

impl From<&NoWay> for Problem {
    fn from(error: &NoWay) -> Self {
        let (advice, exit) = match error {
            NoWay::NotEnrolled => (format!("{} enroll", program()), Exit::Denied),
            NoWay::Proxy(_) => ("correct it, or unset it".to_owned(), Exit::Unreachable),
            NoWay::Address(_) => ("correct the address in site.toml".to_owned(), Exit::Output),
            NoWay::Lost(_) | NoWay::File(_) | NoWay::Tls(_) => {
                (format!("restore the file from the backup, or {ENROL_AGAIN}"), Exit::Output)
            }
        };
        Self { text: error.to_string(), advice, exit }
    }
}

impl From<&ConnectError> for Problem {
    fn from(error: &ConnectError) -> Self {
        let exit = match error {
            ConnectError::Rejected { .. } => Exit::Denied,
            _ => Exit::Unreachable,
        };
        Self { text: error.to_string(), advice: error.advice(), exit }
    }
}

impl From<&Status> for Problem {
    fn from(status: &Status) -> Self {
        if let Some(error) = connect_error(status) {
            return error.into();
        }
        let said = bounded(status.message(), MAX_SAID);
        let said = if said.is_empty() { status.code().to_string() } else { said };
        let denied = matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied);
        let (text, advice, exit) = match status.code() {
            _ if denied => (
                format!("the coordinator does not admit this site: {said}"),
                "ask the federation's operator why".to_owned(),
                Exit::Denied,
            ),
            Code::Unimplemented => (
                "what answers is no coordinator of this version".to_owned(),
                "compare the versions of both programs, and the address with the invitation"
                    .to_owned(),
                Exit::Unreachable,
            ),
            Code::FailedPrecondition => (
                format!("the coordinator refuses: {said}"),
                "if it stays so, call the federation's operator, on a number that you know"
                    .to_owned(),
                Exit::Denied,
            ),
            _ => (
                format!("the coordinator ended the call: {said}"),
                format!("if it stays so: {} doctor", program()),
                Exit::Unreachable,
            ),
        };
        Self { text, advice, exit }
    }
}

/// What another end said, at most so many characters of it, and none that moves the cursor.
pub(crate) fn bounded(text: &str, characters: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(characters).collect()
}

/// Whether the coordinator refuses this site's certificate for good.
pub(crate) fn is_revoked(status: &Status) -> bool {
    let rejected = |error: &ConnectError| {
        matches!(error, ConnectError::Rejected { rejection: Rejection::Revoked, .. })
    };
    connect_error(status).is_some_and(rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_other_end_are_cut_and_cleaned() {
        assert_eq!(bounded("ripieno 1\n\u{1b}[2J", 64), "ripieno 1[2J");
        assert_eq!(bounded(&"ä".repeat(1 << 20), 64), "ä".repeat(64));
    }
}
