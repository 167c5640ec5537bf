//! Calls to the coordinator that runs in a folder.

use ripieno_rpc::local::{self, LocalError};
use ripieno_rpc::operator_service_client::OperatorServiceClient;
use ripieno_terminal::{Exit, Failure};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::FolderArgs;

/// What is called.
pub(super) type Office = OperatorServiceClient<Channel>;

/// Connects to the coordinator of a folder.
pub(super) async fn connect(folder: &FolderArgs) -> Result<Office, Failure> {
    let socket = folder.folder().socket();
    let channel = local::connect(&socket).await.map_err(|error| match error {
        LocalError::Nobody { .. } => {
            let start = format!("{} serve --dir {}", crate::program(), folder.dir.display());
            Failure::new(Exit::Unreachable, error).next(start)
        }
        _ => Failure::new(Exit::Unreachable, error),
    })?;
    Ok(OperatorServiceClient::new(channel).max_decoding_message_size(64 << 20))
}

/// What the coordinator answered instead.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn refused(status: Status) -> Failure {
    let exit = match status.code() {
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists => Exit::Refused,
        Code::FailedPrecondition | Code::ResourceExhausted => Exit::Refused,
        Code::PermissionDenied | Code::Unauthenticated => Exit::Denied,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Exit::Unreachable,
        _ => Exit::Internal,
    };
    let message = status.message();
    let text = if message.is_empty() { status.code().description() } else { message };
    Failure::new(exit, anyhow::anyhow!("{text}"))
}

/// What the coordinator answered is no answer.
pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(Exit::Internal, anyhow::Error::new(error).context("the answer cannot be read"))
        .next("use the same version of the program for the coordinator and for its commands")
}
