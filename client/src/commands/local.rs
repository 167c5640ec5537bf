//! Calls to the daemon of this machine.

use std::path::Path;

use ripieno_rpc::local::{LocalError, connect};
use ripieno_rpc::steward_service_client::StewardServiceClient;
use ripieno_terminal::{Exit, Failure};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::config::Config;
use crate::layout::Layout;
use crate::program;

/// The daemon, from the side of its people.
pub(super) type Daemon = StewardServiceClient<Channel>;

/// The largest answer that is taken: a result.
const MAX_ANSWER: usize = 256 << 20;

/// The running daemon of a folder.
///
/// # Errors
/// Where the folder is no site's, or nobody answers: with how to start it.
pub(super) async fn daemon(dir: &Path) -> Result<Daemon, Failure> {
    Config::load(dir).map_err(|error| no_site(dir, error))?;
    let socket = Layout::at(dir).socket();
    let start = format!("{} run --dir {}", program(), dir.display());
    let channel = connect(&socket).await.map_err(|error| {
        let nobody = matches!(error, LocalError::Nobody { .. });
        let failure = Failure::new(Exit::Unreachable, error);
        if nobody {
            failure.next(format!("{start}    (the daemon is not running)"))
        } else {
            failure
        }
    })?;
    Ok(StewardServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER))
}

/// The running daemon, or nothing where there is none.
pub(super) async fn daemon_if_running(dir: &Path) -> Option<Daemon> {
    daemon(dir).await.ok()
}

/// A folder without a configuration that can be read.
pub(super) fn no_site(dir: &Path, error: crate::config::ConfigError) -> Failure {
    let missing = matches!(error, crate::config::ConfigError::Missing(_));
    let failure = Failure::new(Exit::Output, error);
    if missing {
        failure.next(format!("{} init --dir {}, or give the right --dir", program(), dir.display()))
    } else {
        failure
    }
}

/// What the daemon said.
pub(super) fn said(status: &Status) -> Failure {
    let exit = match status.code() {
        Code::PermissionDenied => Exit::Denied,
        Code::NotFound | Code::FailedPrecondition | Code::InvalidArgument => Exit::Refused,
        Code::Unavailable | Code::DeadlineExceeded => Exit::Unreachable,
        _ => Exit::Internal,
    };
    Failure::new(exit, anyhow::anyhow!("{}", status.message()))
}
