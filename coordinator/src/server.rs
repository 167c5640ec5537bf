//! A coordinator that serves.

mod open;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ripieno_files::StateDir;
use ripieno_rpc::incoming::{CallLimit, Links, Track, server_within};
use ripieno_rpc::local::{self, LocalError};
use ripieno_rpc::operator_service_server::OperatorServiceServer;
use ripieno_rpc::site_service_server::SiteServiceServer;
use ripieno_rpc::study_service_server::StudyServiceServer;
use ripieno_rpc::{DESCRIPTORS, Keepalive};
use ripieno_transport::server::Acceptor;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Router as Routed;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::layer::util::{Identity, Stack};
use tracing::{error, info, warn};

use crate::actor::{self, Command, Fatal, Handle, Shared};
use crate::config::{Config, ConfigError};
use crate::metrics;
use crate::observe::{Nobody, Observer};
use crate::services::{Bounded, Crowd, Deadline, Operator, Researchers, SMALL, Sites, may_last};
use crate::spool::ObjectError;
use crate::store::StoreError;

/// What is served, within its bounds.
type Router = Routed<Stack<Crowd, Stack<Track, Identity>>>;

/// How long connections may take to close when all sessions have ended.
const CLOSE: Duration = Duration::from_secs(3);
/// How long the disk may take for what is in the log beside the database when the coordinator ends.
const SETTLE: Duration = Duration::from_secs(10);
/// How long a ping may stay unanswered.
const PING: Duration = Duration::from_secs(10);

/// A running coordinator. Dropped, it stops at once, as if killed; see [`Server::shutdown`].
pub struct Server {
    address: SocketAddr,
    socket: PathBuf,
    drain: Duration,
    actor: Handle,
    acceptor: Acceptor,
    health: HealthReporter,
    stop: CancellationToken,
    stop_local: CancellationToken,
    actor_task: JoinHandle<Result<(), Fatal>>,
    tasks: Vec<JoinHandle<Result<(), tonic::transport::Error>>>,
    metrics: Option<JoinHandle<()>>,
    _state: Arc<StateDir>,
}

/// Why a coordinator did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What it needs cannot be used.
    #[error(transparent)]
    State(#[from] Fatal),
    /// The folders of uploads.
    #[error(transparent)]
    Spool(#[from] ObjectError),
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The operator's socket.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The description of the services.
    #[error("the services cannot be described: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::State(error.into())
    }
}

impl Server {
    /// Starts the coordinator of a folder. Must be called in a multi-threaded tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] says which file or address cannot be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_observed(config, Arc::new(Nobody)).await
    }

    /// As [`Self::start`], with somebody who looks on.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_observed(
        config: Config,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        let opened = open::open(config, observer).await?;
        let (shared, acceptor) = (opened.parts.shared.clone(), opened.parts.acceptor.clone());
        let socket = local::listen(&shared.folder.socket())?;
        let path = socket.path().to_owned();
        let (actor, actor_task) = actor::start(opened.parts)?;
        let (health, router) = services(&actor, &shared).await?;
        let (stop, stop_local) = (CancellationToken::new(), CancellationToken::new());
        let links = Links::new(opened.incoming, shared.settings.connections.patience());
        let remote = serve(router, links, stop.clone());
        let operator = OperatorServiceServer::new(Operator::new(actor.clone(), shared.clone()));
        let operator = tonic::transport::Server::builder()
            .add_service(operator.max_decoding_message_size(SMALL))
            .serve_with_incoming_shutdown(socket, stop_local.clone().cancelled_owned());
        let tasks = vec![remote, tokio::spawn(operator)];
        let address = acceptor.local_address();
        info!(%address, federation = shared.settings.federation, "the coordinator serves");
        let metrics = opened.metrics.map(|listener| {
            tokio::spawn(metrics::serve(listener, shared.metrics.clone(), stop_local.clone()))
        });
        let drain = shared.settings.stop.drain();
        // No other process has the folder while this one answers, be it that it is broken.
        let state = Arc::new(opened.state);
        let (held, told) = (state.clone(), health.clone());
        let actor_task = tokio::spawn(async move {
            let _held = held;
            let ended = Fatal::of_task(actor_task.await);
            if let Err(fatal) = &ended {
                // The actor has said so itself, unless it panicked.
                let _ = shared.broken.set(fatal.to_string());
                report(fatal, &shared, &told).await;
            }
            // Whoever copies the folder of a coordinator that has stopped finds all of it in one file.
            settled(shared.store.settle()).await;
            ended
        });
        Ok(Self {
            address,
            socket: path,
            drain,
            actor,
            acceptor,
            health,
            stop,
            stop_local,
            actor_task,
            tasks,
            metrics,
            _state: state,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket of the operator's commands.
    #[must_use]
    pub fn operator_socket(&self) -> &Path {
        &self.socket
    }

    /// Waits until it can go on no more; says why. By then sessions have ended, health is
    /// `NOT_SERVING`, the operator's `status` says why, and every other call is refused; so it stays
    /// until this is dropped.
    pub async fn failed(&mut self) -> Option<Fatal> {
        Fatal::of_task((&mut self.actor_task).await).err()
    }

    /// Stops in order: no round begins, those under way end (in the time that the configuration
    /// gives), sites are told, the audit log is sealed.
    ///
    /// # Errors
    /// What went wrong with the state; what was not durable was not sent.
    pub async fn shutdown(self) -> Result<(), Fatal> {
        info!("the coordinator stops");
        set_health(&self.health, ServingStatus::NotServing).await;
        // Ends with the cut below.
        let accepting = self.acceptor.clone();
        let patience = self.drain + 2 * CLOSE;
        let no_more = tokio::spawn(async move { accepting.drain(patience).await });
        if timeout(self.drain, self.actor.ask(|reply| Command::Drain { reply })).await.is_err() {
            warn!("rounds are still under way; they go on after the next start, or are repeated");
        }
        let _ = self.actor.ask(|reply| Command::Close { reply }).await;
        self.stop.cancel();
        no_more.abort();
        let cut = self.acceptor.drain(CLOSE).await;
        info!(cut, "connections are closed");
        let _ = self.actor.ask(|reply| Command::Stop { reply }).await;
        self.stop_local.cancel();
        for task in self.tasks {
            let _ = timeout(CLOSE, task).await;
        }
        if let Some(metrics) = self.metrics {
            let _ = timeout(CLOSE, metrics).await;
        }
        Fatal::of_task(self.actor_task.await)
    }
}

/// All that is served to sites and researchers.
async fn services(
    actor: &Handle,
    shared: &Arc<Shared>,
) -> Result<(HealthReporter, Router), StartError> {
    let limits = &shared.settings.connections;
    let sites = Bounded::new(Sites::new(actor.clone(), shared.clone()), limits.request());
    let researchers = StudyServiceServer::new(Researchers::new(actor.clone(), shared.clone()));
    let researchers = researchers.max_decoding_message_size(SMALL);
    let (health, health_service) = health_reporter();
    set_health(&health, ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Tools ask for the one or the other, by their age.
    let (reflection, older) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    let keepalive = Keepalive { interval: limits.keepalive(), timeout: PING };
    let limit = CallLimit { most: limits.request() + limits.stall(), except: may_last };
    let router = server_within(keepalive, limit)
        .layer(Crowd::new(limits.stall()))
        .add_service(sites)
        .add_service(Deadline::new(researchers, limits.request()))
        .add_service(health_service.max_decoding_message_size(SMALL))
        .add_service(reflection.max_decoding_message_size(SMALL))
        .add_service(older.max_decoding_message_size(SMALL));
    Ok((health, router))
}

fn serve(
    router: Router,
    links: Links,
    stop: CancellationToken,
) -> JoinHandle<Result<(), tonic::transport::Error>> {
    // When the listener has stopped, the calls that the rounds under way need still come over the
    // connections that are open.
    let links = links.chain(tokio_stream::pending());
    tokio::spawn(router.serve_with_incoming_shutdown(links, stop.cancelled_owned()))
}

/// Waits until the log beside the database is empty, but for no disk that hangs: the process ends.
async fn settled(settle: impl Future<Output = Result<(), StoreError>>) {
    const LEFT: &str = "the log beside the database is left as it is; nothing is lost";
    match timeout(SETTLE, settle).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "{LEFT}"),
        Err(_) => warn!(seconds = SETTLE.as_secs(), "the disk does not answer: {LEFT}"),
    }
}

/// Tells everybody who asks that nothing goes on: probes, the operator, the log.
async fn report(fatal: &Fatal, shared: &Shared, health: &HealthReporter) {
    error!(error = %fatal, "the coordinator takes no more work");
    shared.metrics.broken.set(1);
    set_health(health, ServingStatus::NotServing).await;
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    type SiteService = SiteServiceServer<Sites>;
    type StudyService = StudyServiceServer<Researchers>;
    let names = [
        "",
        <SiteService as tonic::server::NamedService>::NAME,
        <StudyService as tonic::server::NamedService>::NAME,
    ];
    for name in names {
        health.set_service_status(name, status).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionLimits;

    #[tokio::test(start_paused = true)]
    async fn repro_a_coordinator_whose_disk_hangs_ends_all_the_same() {
        let begun = tokio::time::Instant::now();
        timeout(2 * SETTLE, settled(std::future::pending())).await.expect("it ends");
        assert_eq!(begun.elapsed(), SETTLE);
    }

    #[test]
    fn by_default_a_silent_peer_costs_fifteen_seconds_and_a_dead_one_thirty() {
        let limits = ConnectionLimits::default();
        let (accept, patience) = (limits.accept(), limits.patience());
        let silent = [
            accept.handshake,
            accept.first_bytes,
            patience.preface,
            patience.frame,
            patience.idle,
            patience.taken,
            limits.arrival(),
            limits.stall(),
        ];
        assert!(silent.iter().all(|wait| *wait <= Duration::from_secs(15)), "{silent:?}");
        let (own, theirs) = (limits.keepalive() + PING, Keepalive::default());
        assert!(own <= Duration::from_secs(30), "{own:?}");
        assert!(theirs.interval + theirs.timeout <= Duration::from_secs(30), "{theirs:?}");
    }
}
