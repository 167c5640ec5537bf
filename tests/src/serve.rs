//! A coordinator's process with somebody who looks on.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use ripieno_coordinator::{Config, Observer, Server};
use ripieno_terminal::{Exit, Failure};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM, as `serve` does.
///
/// # Errors
/// Where the coordinator does not start, or ends by itself.
pub fn serve(dir: &Path, observer: Arc<dyn Observer>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, error))?;
    runtime.block_on(async {
        let internal = |error| Failure::new(Exit::Internal, anyhow::Error::new(error));
        let mut terminate = signal(SignalKind::terminate()).map_err(internal)?;
        let config = Config::load(dir).map_err(|error| Failure::new(Exit::Output, error))?;
        let server = Server::start_observed(config, observer).await;
        let mut server = server.map_err(|error| Failure::new(Exit::Output, error))?;
        tokio::select! {
            _ = terminate.recv() => (),
            fatal = server.failed() => {
                let why = fatal.map_or_else(|| anyhow!("it ended"), anyhow::Error::new);
                return Err(Failure::new(Exit::Internal, why));
            }
        }
        let stopped = server.shutdown().await;
        stopped.map(|()| Exit::Done).map_err(|error| Failure::new(Exit::Output, error))
    })
}

/// Logs to stderr what `RIPIENO_LOG` asks for.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RIPIENO_LOG");
    let Ok(filter) = filter else { return };
    let format = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter);
    format.with_writer(std::io::stderr).init();
}
