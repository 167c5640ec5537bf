//! `run`: the daemon in the foreground.

use ripieno_terminal::{Exit, Failure, line_to_stdout};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::FolderArgs;
use super::local::no_site;
use crate::config::Config;
use crate::daemon::{Daemon, Ending};
use crate::program;

/// Runs the site until it is told to stop.
pub(super) fn run(args: &FolderArgs) -> Result<Exit, Failure> {
    let config = Config::load(&args.dir).map_err(|error| no_site(&args.dir, error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, error))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<Exit, Failure> {
    let failed = |error| Failure::new(Exit::Internal, anyhow::Error::new(error));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut daemon = Daemon::start(config).await?;
    info!(socket = %daemon.steward_socket().display(), "running");
    let ending = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = daemon.ended() => Some(ended),
    };
    let ending = match ending {
        None => daemon.shutdown().await?,
        Some(ended) => {
            daemon.rest().await;
            ended?
        }
    };
    if let Ending::Revoked(why) = ending {
        line_to_stdout(&format!(
            "This site is no member of the federation any more: {why}.\n\
             What it recorded stays in its folder. To come back it enrols with a new invitation: \
             {} enroll",
            program()
        ))?;
    }
    Ok(Exit::Done)
}
