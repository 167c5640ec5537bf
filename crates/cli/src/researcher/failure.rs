//! What an error of a call is to whoever typed the command.

use anyhow::anyhow;
use ripieno_terminal::{Exit, Failure, clean};
use ripieno_transport::client::ConnectError;
use tonic::{Code, Status};

/// The longest text of the coordinator that is passed on, in characters.
const MOST: usize = 2048;

/// The failure of a call, by the coordinator's answer or by what stood in the way of it.
pub(crate) fn of_status(status: &Status) -> Failure {
    if let Some(error) = ripieno_rpc::connect_error(status) {
        return of_connect(error);
    }
    let said = clean(status.message(), MOST);
    let (exit, text, next) = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
            return Failure::new(
                Exit::Unreachable,
                anyhow!("the coordinator does not answer: {said}"),
            )
            .next("try again in a minute; then ask whoever operates the coordinator");
        }
        Code::Unauthenticated | Code::PermissionDenied => {
            (Exit::Denied, "the coordinator denies it", "ripieno researcher show")
        }
        Code::InvalidArgument => {
            (Exit::Study, "the coordinator cannot take it", "correct the study, and try again")
        }
        Code::NotFound => (Exit::Refused, "the coordinator does not know it", "ripieno study list"),
        Code::FailedPrecondition
        | Code::ResourceExhausted
        | Code::AlreadyExists
        | Code::Aborted => (Exit::Refused, "the coordinator refuses it", "ripieno study list"),
        Code::Unimplemented => {
            let next = "compare its version with `ripieno --version`";
            (Exit::Unreachable, "what answers there is no coordinator of this version", next)
        }
        _ => {
            let next = "tell whoever operates the coordinator; its log says more";
            (Exit::Internal, "the coordinator failed", next)
        }
    };
    let said = if said.is_empty() { status.code().to_string() } else { said };
    Failure::new(exit, anyhow!("{text}: {said}")).next(next)
}

/// The failure of a connection, with what helps.
pub(crate) fn of_connect(error: &ConnectError) -> Failure {
    Failure::new(Exit::Unreachable, anyhow!("{error}")).next(error.advice())
}

/// The failure for an answer that breaks the protocol.
pub(crate) fn of_answer(error: impl std::fmt::Display) -> Failure {
    let error = anyhow!("the coordinator's answer does not hold: {error}");
    Failure::new(Exit::Denied, error)
        .next("do not go on; tell the steward of your home site what you see")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_denied_refused_and_unreachable_apart() {
        let exit = |code| of_status(&Status::new(code, "because\x1b[2J")).exit();
        assert_eq!(exit(Code::Unavailable), Exit::Unreachable);
        assert_eq!(exit(Code::Unauthenticated), Exit::Denied);
        assert_eq!(exit(Code::PermissionDenied), Exit::Denied);
        assert_eq!(exit(Code::FailedPrecondition), Exit::Refused);
        assert_eq!(exit(Code::NotFound), Exit::Refused);
        assert_eq!(exit(Code::InvalidArgument), Exit::Study);
        assert_eq!(exit(Code::Internal), Exit::Internal);
        let text = of_status(&Status::new(Code::NotFound, "because\x1b[2J")).text();
        assert!(text.contains("because\u{fffd}[2J"), "{text:?}");
    }
}
