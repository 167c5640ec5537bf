//! `serve`.

use std::time::Duration;

use ripieno_terminal::{Exit, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tracing::warn;

use super::FolderArgs;
use crate::actor::Fatal;
use crate::config::{Config, ConfigError};
use crate::server::{Server, StartError};

/// How long a coordinator that cannot go on says so before it ends.
const TELLING: Duration = Duration::from_mins(1);

pub(super) fn run(args: &FolderArgs) -> Result<Exit, Failure> {
    let config = Config::load(&args.dir).map_err(|error| match &error {
        ConfigError::Read { error: cause, .. } if cause.kind() == std::io::ErrorKind::NotFound => {
            let next = format!("{} init --help", crate::program());
            Failure::new(Exit::Output, error).next(next)
        }
        _ => Failure::new(Exit::Output, error),
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, error))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<Exit, Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::new(Exit::Internal, error))?;
    let mut server = Server::start(config).await.map_err(not_started)?;
    tokio::select! {
        () = signals.next() => {}
        fatal = server.failed() => return match fatal {
            Some(fatal) => {
                // Whoever asks meanwhile is told why; then whoever watches over the process may
                // start it again.
                let _ = timeout(TELLING, signals.next()).await;
                Err(broken(fatal))
            }
            None => Ok(Exit::Done),
        },
    }
    tokio::select! {
        stopped = server.shutdown() => stopped.map(|()| Exit::Done).map_err(broken),
        () = signals.next() => {
            warn!("told to stop a second time: the coordinator ends at once");
            Ok(Exit::Done)
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn not_started(error: StartError) -> Failure {
    match error {
        StartError::State(fatal) => broken(fatal),
        StartError::Listen { .. } => Failure::new(Exit::Output, error)
            .next("see who listens there: ss -ltnp; or set `listen` in coordinator.toml"),
        _ => Failure::new(Exit::Output, error),
    }
}

fn broken(fatal: Fatal) -> Failure {
    let exit = match fatal {
        Fatal::Panicked => Exit::Internal,
        _ => Exit::Output,
    };
    Failure::new(exit, fatal)
}
