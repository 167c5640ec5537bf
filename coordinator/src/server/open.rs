//! What a coordinator needs before it can serve.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ripieno_audit::Kind;
use ripieno_files::StateDir;
use ripieno_identity::RatifiedCharter;
use ripieno_study::SiteSet;
use ripieno_transport::server::{Acceptor, Incoming};
use ripieno_wire::membership::{decode_charter, decode_consent, decode_ratified};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

use super::StartError;
use crate::actor::{Fatal, Found, Parts, Shared, follow_lists, follow_log, revoked};
use crate::certificates::Certificates;
use crate::clock::unix_now;
use crate::config::{Config, ConfigError};
use crate::descriptors;
use crate::keys;
use crate::log::{Log, event};
use crate::membership::Pending;
use crate::metrics::Metrics;
use crate::observe::Observer;
use crate::spool::{DiskSpools, LocalObjects};
use crate::store::{Proposal, Store};

/// Studies whose watchers have not looked yet.
const NEWS: usize = 1024;

/// Everything, open.
pub(super) struct Opened {
    pub(super) parts: Parts,
    pub(super) incoming: Incoming,
    /// Keeps the folder to this process.
    pub(super) state: StateDir,
    /// Where the metrics are asked for, if anywhere.
    pub(super) metrics: Option<TcpListener>,
}

pub(super) async fn open(
    config: Config,
    observer: Arc<dyn Observer>,
) -> Result<Opened, StartError> {
    let Config { folder, settings } = config;
    let name = settings.subject().map_err(|error| ConfigError::Value {
        path: folder.config(),
        key: "federation",
        reason: error.to_string(),
    })?;
    let state = StateDir::open(folder.path()).map_err(Fatal::Key)?;
    let key = Arc::new(keys::read(&folder).map_err(Fatal::Key)?);
    let every = settings.audit.entries_per_signature;
    let mut log = Log::open(&folder.audit(), key.clone(), every).map_err(Fatal::Log)?;
    let store = Store::open(&folder.database()).await?;
    let behind_log = follow_log(&store, &mut log, unix_now()).await?;
    let behind_lists = follow_lists(&store, &folder, &mut log).await?;
    let found = Found::at_start(behind_log, behind_lists);
    let number = store.next_crl_number().await?;
    let withdrawn = revoked(&store).await?;
    let certificates =
        Certificates::open(&folder, &settings, name, key.public(), (number, &withdrawn));
    let certificates = certificates.map_err(Fatal::Certificates)?;
    let charters = charters(store.charters().await?)?;
    let bound = match charters.last() {
        Some(_) => store.bound().await?.into_iter().collect(),
        // Version 1 is signed by all; another one numbers its sites anew.
        None => SiteSet::default(),
    };
    let pending = store.proposal().await?.map(|proposal| pending(proposal, bound)).transpose()?;
    let (sites, saved) = (store.sites().await?, store.load().await?);
    let objects = LocalObjects::open(folder.path().join("objects")).map_err(Fatal::Key)?;
    let spool = folder.path().join("spool");
    let most = settings.storage.uploads();
    let spools = DiskSpools::open_with(&spool, Arc::new(objects), most)?;

    let address = settings.listen;
    let failed = |error| StartError::Listen { address, error };
    descriptors::raise(settings.connections.most);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let tls = certificates.tls().map_err(Fatal::Certificates)?;
    let limits = settings.connections.accept();
    let (acceptor, incoming) = Acceptor::start(listener, tls, limits).map_err(failed)?;
    let metrics_listener = metrics_listener(settings.metrics.listen).await?;
    let shown = metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let entry = event(Kind::Start, "started").with("program", env!("CARGO_PKG_VERSION"));
    log.add(entry.with("listens", acceptor.local_address())).map_err(Fatal::Log)?;
    let shared = Arc::new(Shared {
        key: key.public(),
        charters: watch::Sender::new(Arc::new(charters)),
        cut_off: watch::Sender::new(SiteSet::default()),
        news: broadcast::Sender::new(NEWS),
        metrics: Arc::new(Metrics::new(shown)),
        broken: OnceLock::new(),
        settings,
        folder,
        store,
    });
    let parts = Parts {
        shared,
        log,
        certificates,
        acceptor,
        spools,
        pending,
        sites,
        saved,
        found,
        observer,
    };
    Ok(Opened { parts, incoming, state, metrics: metrics_listener })
}

async fn metrics_listener(address: Option<SocketAddr>) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).map_err(|error| StartError::Listen { address, error })
}

/// The charters of the database, verified again.
fn charters(stored: Vec<Bytes>) -> Result<Vec<RatifiedCharter>, Fatal> {
    let mut charters: Vec<RatifiedCharter> = Vec::with_capacity(stored.len());
    for (version, bytes) in (1..).zip(stored) {
        let record = |reason: String| record(format!("version {version} of the charter"), reason);
        let (charter, consents) = decode_ratified(bytes).map_err(|e| record(e.to_string()))?;
        let ratified = match charters.last() {
            Some(before) => before.succeed(charter, consents),
            None => RatifiedCharter::found(charter, consents),
        };
        charters.push(ratified.map_err(|refusal| record(refusal.to_string()))?);
    }
    Ok(charters)
}

fn pending(proposal: Proposal, bound: SiteSet) -> Result<Pending, Fatal> {
    let wrong = |error: &dyn std::fmt::Display| {
        record("the proposed charter".to_owned(), error.to_string())
    };
    let charter = decode_charter(proposal.charter).map_err(|error| wrong(&error))?;
    let consents = proposal.consents.into_iter().map(|(_, bytes)| decode_consent(bytes));
    let consents = consents.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    Ok(Pending { charter, consents, bound })
}

fn record(what: String, reason: String) -> Fatal {
    Fatal::Record { what, reason }
}
