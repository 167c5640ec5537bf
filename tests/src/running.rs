//! A daemon that runs, as a process or in this one.

use std::fmt;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::process::Process;

/// Whether daemons are processes, or run in the process of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each in a runtime of its own in this process, which is torn down to kill it.
    InProcess,
    /// Real ones, which are killed by the system.
    Processes,
}

/// How long a daemon that was told to stop may take.
const STOP: Duration = Duration::from_secs(30);
/// How long tasks that block may go on after their daemon was killed.
const KILL: Duration = Duration::from_secs(10);

/// A daemon that runs.
#[derive(Debug)]
pub(crate) enum Running {
    Process(Process),
    InProcess(Hosted),
}

impl Running {
    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        match self {
            Running::Process(process) => process.id(),
            Running::InProcess(_) => std::process::id(),
        }
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) {
        match self {
            Running::Process(mut process) => process.kill(),
            Running::InProcess(hosted) => hosted.kill().await,
        }
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn stop(self) {
        match self {
            Running::Process(mut process) => {
                process.terminate();
                process.end(STOP).await;
            }
            Running::InProcess(hosted) => hosted.stop().await,
        }
    }
}

/// A daemon in a runtime of its own.
pub(crate) struct Hosted {
    runtime: OwnRuntime,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

/// A runtime that may be dropped anywhere.
struct OwnRuntime(Option<Runtime>);

impl Hosted {
    /// Starts a daemon, and gives what it says of itself. `stop` is called with the daemon when it
    /// is to end.
    pub(crate) async fn start<D, T, E, F, S>(
        threads: usize,
        start: impl FnOnce() -> F + Send + 'static,
        about: impl FnOnce(&D) -> T + Send + 'static,
        stop: impl FnOnce(D) -> S + Send + 'static,
    ) -> Result<(Self, T), E>
    where
        F: Future<Output = Result<D, E>> + Send,
        S: Future<Output = ()> + Send,
        D: Send + 'static,
        T: Send + 'static,
        E: From<String> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        let runtime = runtime.expect("threads for a runtime");
        let (started, starting) = oneshot::channel();
        let (stopper, stopping) = oneshot::channel();
        let (ended, stopped) = oneshot::channel();
        runtime.spawn(async move {
            let daemon = match start().await {
                Ok(daemon) => daemon,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            // A test that has given up does not listen.
            let _ = started.send(Ok(about(&daemon)));
            if stopping.await.is_ok() {
                stop(daemon).await;
            }
            let _ = ended.send(());
        });
        let hosted = Self { runtime: OwnRuntime(Some(runtime)), stop: stopper, stopped };
        match starting.await {
            Ok(started) => started.map(|about| (hosted, about)),
            Err(_) => {
                hosted.kill().await;
                Err(E::from("it ended while it started".to_owned()))
            }
        }
    }

    async fn stop(self) {
        // Where the daemon is gone already, nobody listens.
        let _ = self.stop.send(());
        let ended = timeout(STOP, self.stopped).await;
        self.runtime.shut().await;
        assert!(ended.is_ok(), "a daemon that was told to stop goes on");
    }

    async fn kill(self) {
        self.runtime.shut().await;
    }
}

impl OwnRuntime {
    /// Ends all tasks, and waits for those that block.
    async fn shut(mut self) {
        let runtime = self.0.take();
        let shut = spawn_blocking(move || runtime.map(|runtime| runtime.shutdown_timeout(KILL)));
        shut.await.expect("a runtime shuts down");
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hosted")
    }
}
