//! What ends a coordinator.

use ripieno_coordinator_engine::RestoreError;
use ripieno_files::FileError;
use ripieno_transport::NotASerial;
use thiserror::Error;
use tokio::task::JoinError;

use crate::certificates::CertificateError;
use crate::log::LogError;
use crate::store::{RatifyError, StoreError};

/// Why the coordinator cannot go on. What was not durable was not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fatal {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A certificate or a list of revoked ones.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// The coordinator's key.
    #[error(transparent)]
    Key(#[from] FileError),
    /// What the database holds of studies.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A charter that was signed cannot come into force.
    #[error(transparent)]
    Ratify(#[from] RatifyError),
    /// The disk under the uploads.
    #[error("an upload cannot be kept: {0}")]
    Uploads(String),
    /// A mistake in the program: what was under way is not durable.
    #[error(
        "a mistake in this program ended the task that keeps the state; the line before this one in \
         the log says where. Nothing that was not durable was sent: start it again, and report that \
         line"
    )]
    Panicked,
    /// What the database holds of charters or certificates.
    #[error("the database's record of {what} cannot be used: {reason}; restore it from the backup")]
    Record {
        /// Which one.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Fatal {
    /// How a task of the actor ended; one that panicked has not ended well.
    pub(crate) fn of_task(ended: Result<Result<(), Self>, JoinError>) -> Result<(), Self> {
        match ended {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => Err(Self::Panicked),
            // The runtime ends, and all of it with it.
            Err(_) => Ok(()),
        }
    }
}

impl From<NotASerial> for Fatal {
    fn from(error: NotASerial) -> Self {
        Self::Record { what: "a certificate".to_owned(), reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn repro_a_task_that_panicked_has_not_ended_well() {
        let task = |panics: bool| {
            tokio::spawn(async move {
                assert!(!panics, "of this test");
                Ok(())
            })
        };
        assert!(Fatal::of_task(task(false).await).is_ok());
        let fatal = Fatal::of_task(task(true).await).unwrap_err();
        assert!(matches!(fatal, Fatal::Panicked), "{fatal}");
        let stopped = tokio::spawn(std::future::pending());
        stopped.abort();
        assert!(Fatal::of_task(stopped.await).is_ok());
    }
}
