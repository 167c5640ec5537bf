//! The daemon: a task that owns the site, one that keeps it connected, and a local socket.
//!
//! - `keeper`: the one task that decides; `membership`: how it comes under a charter; `desk`: what
//!   the steward asks of it;
//! - `remote`: the outbound connection, one `session` after the other; `parcel` and `upload`: what
//!   is too long for a session; `renewal`: its certificate;
//! - `steward`: the service on the local socket;
//! - `trouble`: what ends all that the site does.

mod alarms;
pub(crate) mod authorities;
mod backoff;
mod desk;
mod keeper;
#[cfg(test)]
mod made;
mod membership;
mod outbox;
mod parcel;
mod remote;
pub(crate) mod renewal;
mod session;
mod steward;
mod trouble;
mod upload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ripieno_rpc::local;
use ripieno_terminal::{Exit, Failure};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::state::State;
use alarms::About;
use keeper::Keeper;
use remote::{Connection, Remote};

/// Words of a session that wait for the keeper.
const WORDS: usize = 8;
/// Questions that wait for it.
const ASKS: usize = 16;
/// How long connections may take to end when the daemon does.
const PATIENCE: Duration = Duration::from_secs(8);

/// How a daemon ended that ended in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was stopped.
    Stopped,
    /// The site is no member any more; why.
    Revoked(String),
}

/// A running site.
#[derive(Debug)]
pub struct Daemon {
    socket: PathBuf,
    stop: CancellationToken,
    keeper: JoinHandle<Result<Ending, Failure>>,
    remote: JoinHandle<()>,
    steward: JoinHandle<()>,
}

impl Daemon {
    /// Starts a site in its folder: opens all that it must not forget, listens on the local socket,
    /// and connects to the coordinator as soon as it has enrolled. Must be called in a tokio
    /// runtime with several threads.
    ///
    /// # Errors
    /// Where a file is in use, damaged or exposed, or the policy cannot be read: named with what
    /// to do.
    pub async fn start(config: Config) -> Result<Self, Failure> {
        let files = config.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let state = State::open(&files)?;
            let gate = crate::gate::open(&files)?;
            Ok::<_, Failure>((state, gate))
        });
        let panicked = |_| Failure::new(Exit::Internal, anyhow::anyhow!("opening was cut off"));
        let (state, (gate, problems)) = opened.await.map_err(panicked)??;
        let inventory = state.inventory.clone();
        let (connection, connected) = watch::channel(Connection::default());
        let mut keeper = Keeper::new(config.clone(), state, gate, connected)?;
        for (number, problem) in problems.into_iter().enumerate() {
            keeper.alarm(About::DataSet(number), problem)?;
        }
        let socket = config.layout.socket();
        let listener = local::listen(&socket).map_err(|error| Failure::new(Exit::Output, error))?;
        let stop = CancellationToken::new();
        let (words, heard) = mpsc::channel(WORDS);
        let (asks, asked) = mpsc::channel(ASKS);
        let steward = tokio::spawn(steward::serve(listener, asks, stop.clone()));
        let parcels = Arc::new(Semaphore::new(1));
        let remote = Remote { config, inventory, words, connection, stop: stop.clone(), parcels };
        let remote = tokio::spawn(remote.run());
        let ended = stop.clone();
        let keeper = tokio::spawn(async move {
            let ending = keeper.run(heard, asked, ended.clone()).await;
            // Whatever ended it: nothing goes on without it.
            ended.cancel();
            ending
        });
        Ok(Self { socket, stop, keeper, remote, steward })
    }

    /// Where the site's people reach it.
    #[must_use]
    pub fn steward_socket(&self) -> &Path {
        &self.socket
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Where something could not be made durable.
    pub async fn ended(&mut self) -> Result<Ending, Failure> {
        ending((&mut self.keeper).await)
    }

    /// Ends it: what is being handled is finished, the session is closed, the logs are signed.
    ///
    /// # Errors
    /// As [`Self::ended`].
    pub async fn shutdown(mut self) -> Result<Ending, Failure> {
        self.stop.cancel();
        let ended = if self.keeper.is_finished() {
            Ok(Ending::Stopped)
        } else {
            ending((&mut self.keeper).await)
        };
        self.rest().await;
        ended
    }

    /// Waits for what else runs.
    pub(crate) async fn rest(&mut self) {
        self.stop.cancel();
        for task in [&mut self.remote, &mut self.steward] {
            if timeout(PATIENCE, &mut *task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn ending(
    joined: Result<Result<Ending, Failure>, tokio::task::JoinError>,
) -> Result<Ending, Failure> {
    joined.unwrap_or_else(|error| Err(Failure::new(Exit::Internal, error)))
}
