//! The network end of an evil coordinator: it shows the certificate of the true one, lets every
//! site attend, and keeps all that any of them says. It says nothing by itself but its welcome.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body;
use ripieno_rpc::incoming::{Links, peer, server};
use ripieno_rpc::site_service_server::{SiteService, SiteServiceServer};
use ripieno_rpc::{
    AttendRequest, AttendResponse, DownloadRequest, DownloadResponse, EnrolRequest, EnrolResponse,
    Keepalive, RenewRequest, RenewResponse, UploadRequest, UploadResponse, Welcome,
};
use ripieno_study::SiteIndex;
use ripieno_tests::unix_now;
use ripieno_transport::authority::RevocationList;
use ripieno_transport::server::{Acceptor, Limits, ServerTls};
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use ripieno_wire::FromSite;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// How long a site may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Messages to one site that wait.
const QUEUE: usize = 256;

type Line = mpsc::Sender<Result<AttendResponse, Status>>;

/// Something that a site sent, in its session or in an upload.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) site: SiteIndex,
    pub(crate) message: FromSite,
}

/// All that came from sites, in order, and the way back to them.
pub(crate) struct Wire {
    names: BTreeMap<String, SiteIndex>,
    heard: Mutex<Vec<Heard>>,
    lines: Mutex<BTreeMap<SiteIndex, Line>>,
    /// How many messages were heard, and how many sessions began, by site.
    count: watch::Sender<usize>,
    sessions: watch::Sender<BTreeMap<SiteIndex, usize>>,
}

impl Wire {
    /// Serves in the coordinator's folder, with the coordinator's own certificate; it runs as long
    /// as the tasks live.
    pub(crate) async fn start(
        folder: &Path,
        names: BTreeMap<String, SiteIndex>,
    ) -> (Arc<Self>, SocketAddr, JoinSet<()>) {
        let identity = TlsIdentity::load(&folder.join("server.pem")).expect("a certificate");
        let trusted = TrustedAuthorities::load(&folder.join("authority.pem"));
        let trusted = trusted.expect("the authority's certificate");
        let list = RevocationList::load(&folder.join("revoked.pem")).expect("a revocation list");
        let tls = ServerTls::new(&identity, &trusted, &[list]).expect("what a coordinator shows");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (acceptor, incoming) = Acceptor::start(listener, tls, Limits::default()).expect("TLS");
        let wire = Arc::new(Self {
            names,
            heard: Mutex::default(),
            lines: Mutex::default(),
            count: watch::Sender::new(0),
            sessions: watch::Sender::default(),
        });
        let service = SiteServiceServer::new(Evil(wire.clone()));
        let router = server(Keepalive::default()).add_service(service);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            router.serve_with_incoming(Links::from(incoming)).await.expect("connections");
        });
        (wire, acceptor.local_address(), tasks)
    }

    /// How much was heard so far.
    pub(crate) fn mark(&self) -> usize {
        *self.count.borrow()
    }

    /// What was heard since a mark.
    pub(crate) fn since(&self, mark: usize) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)[mark..].to_vec()
    }

    /// Waits for something in what was heard since a mark.
    pub(crate) async fn wait<T>(
        &self,
        mark: usize,
        what: &str,
        mut find: impl FnMut(&[Heard]) -> Option<T>,
    ) -> Result<T, String> {
        let mut count = self.count.subscribe();
        let found = timeout(PATIENCE, async {
            loop {
                let seen = *count.borrow_and_update();
                if let Some(found) = find(&self.since(mark)) {
                    return found;
                }
                // The sender lives as long as this.
                let _ = count.wait_for(|now| *now > seen).await;
            }
        });
        let kinds = || self.since(mark).iter().map(Heard::text).collect::<Vec<_>>();
        found.await.map_err(|_| format!("{what} did not come; there came {:?}", kinds()))
    }

    /// How many sessions each site has begun.
    pub(crate) fn sessions(&self) -> BTreeMap<SiteIndex, usize> {
        self.sessions.borrow().clone()
    }

    /// Waits until a site has begun more sessions than these.
    pub(crate) async fn arrived(&self, site: SiteIndex, before: usize) {
        let mut sessions = self.sessions.subscribe();
        let came = sessions.wait_for(|now| now.get(&site).is_some_and(|count| *count > before));
        timeout(PATIENCE, came).await.expect("a site comes in time").expect("the sender lives");
    }

    /// Sends a message to one site.
    pub(crate) async fn send(&self, site: SiteIndex, body: Body) {
        let line = self.lines.lock().unwrap_or_else(PoisonError::into_inner).get(&site).cloned();
        let line = line.expect("the site attends");
        // Where the session has just ended, the site's answer is missed by who waits for it.
        let _ = line.send(Ok(AttendResponse { body: Some(body) })).await;
    }

    fn hear(&self, site: SiteIndex, bytes: Bytes) -> Result<bool, Status> {
        let message = FromSite::decode(bytes).map_err(|e| Status::internal(e.to_string()))?;
        let last = matches!(message, FromSite::Trailer { .. });
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(Heard { site, message });
        self.count.send_replace(heard.len());
        Ok(last)
    }

    fn who<T>(&self, request: &Request<T>) -> Result<SiteIndex, Status> {
        let certificate = peer(request).and_then(|peer| peer.certificate.clone());
        let name = certificate.map(|certificate| certificate.subject.to_string());
        let site = name.and_then(|name| self.names.get(&name).copied());
        site.ok_or_else(|| Status::unauthenticated("no site"))
    }
}

impl Heard {
    /// For a person: who said what, with the rule and the culprit of a refusal.
    pub(crate) fn text(&self) -> String {
        match &self.message {
            FromSite::Refused { refusal, .. } => format!("{}: {refusal}", self.site),
            other => format!("{}: {other:?}", self.site),
        }
    }
}

struct Evil(Arc<Wire>);

#[tonic::async_trait]
impl SiteService for Evil {
    type AttendStream = ReceiverStream<Result<AttendResponse, Status>>;
    type DownloadStream = ReceiverStream<Result<DownloadResponse, Status>>;

    async fn enrol(&self, _: Request<EnrolRequest>) -> Result<Response<EnrolResponse>, Status> {
        Err(Status::unavailable("not here"))
    }

    async fn renew(&self, _: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        Err(Status::unavailable("not here"))
    }

    async fn attend(
        &self,
        request: Request<Streaming<AttendRequest>>,
    ) -> Result<Response<Self::AttendStream>, Status> {
        let (wire, site) = (self.0.clone(), self.0.who(&request)?);
        let (line, messages) = mpsc::channel(QUEUE);
        let welcome = Welcome { clock: unix_now(), program: "evil".into() };
        let first = AttendResponse { body: Some(Body::Welcome(welcome)) };
        line.try_send(Ok(first)).map_err(|_| Status::internal("a new queue is full"))?;
        wire.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(site, line);
        let mut inbound = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(AttendRequest { body })) = inbound.message().await {
                match body {
                    Some(Said::FromSite(bytes)) => {
                        wire.hear(site, bytes).expect("a site sends messages");
                    }
                    Some(Said::Arrival(_)) => {
                        wire.sessions.send_modify(|all| *all.entry(site).or_default() += 1);
                    }
                    Some(Said::Consent(_) | Said::Holdings(_)) | None => {}
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        let site = self.0.who(&request)?;
        let mut inbound = request.into_inner();
        while let Some(UploadRequest { from_site }) = inbound.message().await? {
            if self.0.hear(site, from_site)? {
                return Ok(Response::new(UploadResponse {}));
            }
        }
        Err(Status::aborted("no trailer"))
    }

    async fn download(
        &self,
        _: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        Err(Status::not_found("nothing waits"))
    }
}
