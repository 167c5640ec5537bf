//! A coordinator in small that follows a script, and a site's folder.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ripieno_client::{Config, Daemon, EnrollError, Enrolled};
use ripieno_identity::{PublicKey, SigningKey};
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Say;
use ripieno_rpc::incoming::{Links, server};
use ripieno_rpc::site_service_server::{SiteService, SiteServiceServer};
use ripieno_rpc::steward_service_client::StewardServiceClient;
use ripieno_rpc::{
    AttendRequest, AttendResponse, DownloadRequest, DownloadResponse, EnrolRequest, EnrolResponse,
    Keepalive, RenewRequest, RenewResponse, StewardStatusRequest, StewardStatusResponse,
    UploadRequest, UploadResponse, Welcome, local,
};
use ripieno_transport::authority::{Authority, Validity};
use ripieno_transport::request::VerifiedRequest;
use ripieno_transport::server::{Acceptor, Limits, ServerTls};
use ripieno_transport::{SubjectName, TrustedAuthorities};
use ripieno_wire::Invitation;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use zeroize::Zeroizing;

/// Far more than any of these tests needs: a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: [u8; 32] = [9; 32];

/// What the coordinator does in a session.
#[derive(Clone)]
pub(crate) enum Act {
    Say(Say),
    /// Closes the session.
    End,
    /// Fails it.
    Fail(Status),
}

/// How it answers an enrolment.
#[derive(Clone, Default)]
pub(crate) enum Enrolling {
    #[default]
    Good,
    Refuse(Status),
    /// Takes it, and the answer gets lost.
    Lose,
    /// Answers, changed.
    Lie(fn(&mut EnrolResponse)),
}

#[derive(Default)]
pub(crate) struct Script {
    /// One for each session, the last for all that follow.
    pub(crate) sessions: Vec<Vec<Act>>,
    pub(crate) enrolling: Enrolling,
    /// By ticket: the parts.
    pub(crate) parcels: HashMap<u64, Vec<Bytes>>,
    pub(crate) renewals: u32,
    pub(crate) enrolments: Vec<EnrolRequest>,
    pub(crate) heard: Vec<Said>,
    pub(crate) arrivals: u32,
    /// Days that its certificates last.
    pub(crate) days: u16,
    /// Days that they are old when they are issued.
    pub(crate) aged: u64,
    /// It keeps a session open that the site has ended.
    pub(crate) lingers: bool,
    /// Added to its clock.
    pub(crate) clock: u64,
    /// It turns away who holds a later charter than this.
    pub(crate) newest: Option<u32>,
}

impl Script {
    /// What it says to a site that arrives so, instead of a welcome.
    fn turns_away(&self, first: Option<&Said>) -> Option<Status> {
        let (Some(newest), Some(Said::Arrival(arrival))) = (self.newest, first) else {
            return None;
        };
        let later = arrival.charter_version > newest;
        later.then(|| Status::failed_precondition("the site holds a later charter"))
    }
}

/// A coordinator that follows a script.
pub(crate) struct Fake {
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) key: SigningKey,
    pub(crate) authority: Arc<Authority>,
    pub(crate) address: SocketAddr,
    acceptor: Acceptor,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::start_with(Authority::create(&name("North"), days(400)).unwrap()).await
    }

    /// With certificates of this authority.
    pub(crate) async fn start_with(authority: Authority) -> Self {
        let authority = Arc::new(authority);
        let identity = authority
            .issue_server(&name("coordinator"), &["localhost", "127.0.0.1"], days(30))
            .unwrap();
        let trusted = TrustedAuthorities::new(vec![authority.certificate().clone()]).unwrap();
        let list = authority.issue_list(&[], 1, days(7)).unwrap();
        let tls = ServerTls::new(&identity, &trusted, &[list]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (acceptor, incoming) = Acceptor::start(listener, tls, Limits::default()).unwrap();
        let address = acceptor.local_address();
        let script = Arc::new(Mutex::new(Script { days: 90, ..Script::default() }));
        let key = SigningKey::from_seed(&Zeroizing::new([1; 32]));
        let service = Service {
            script: script.clone(),
            authority: authority.clone(),
            coordinator: key.public(),
        };
        let service = SiteServiceServer::new(service).max_encoding_message_size(64 << 20);
        tokio::spawn(
            server(Keepalive::default())
                .add_service(service)
                .serve_with_incoming(Links::from(incoming)),
        );
        Self { script, key, authority, address, acceptor }
    }

    /// Cuts all connections and takes no more.
    pub(crate) async fn stop(&self) {
        self.acceptor.drain(Duration::ZERO).await;
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// The same coordinator at another address, which the folder is told.
    pub(crate) async fn elsewhere(&self, folder: &Folder) -> Self {
        let file = folder.file("authority.pem");
        self.authority.save(&file).unwrap();
        let again = Self::start_with(Authority::load(&file).unwrap()).await;
        std::fs::remove_file(&file).unwrap();
        let path = folder.file("site.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        let moved = config.replace(&self.address.to_string(), &again.address.to_string());
        std::fs::write(path, moved).unwrap();
        again
    }

    /// The sessions say this, after their welcome.
    pub(crate) fn sessions(&self, sessions: Vec<Vec<Act>>) {
        self.set(|script| script.sessions = sessions);
    }

    pub(crate) fn read<T>(&self, of: impl FnOnce(&Script) -> T) -> T {
        of(&self.script.lock().unwrap())
    }

    pub(crate) fn invitation(&self) -> Invitation {
        Invitation {
            address: self.address.to_string(),
            authority: *self.authority.certificate().fingerprint().digest(),
            coordinator: self.key.public(),
            site: "st-anna".into(),
            expires: now() + 3600,
            secret: Zeroizing::new(SECRET),
        }
    }

    /// Waits until something holds of what it heard.
    pub(crate) async fn until(&self, holds: impl Fn(&Script) -> bool) {
        until(async || self.read(&holds)).await;
    }
}

struct Service {
    script: Arc<Mutex<Script>>,
    authority: Arc<Authority>,
    coordinator: PublicKey,
}

impl Service {
    fn certify(&self, request: &[u8], days: u16, aged: u64) -> Bytes {
        let request = VerifiedRequest::from_der(request).unwrap();
        let from = SystemTime::now() - Duration::from_hours(24 * aged);
        let validity = Validity { from, days };
        let issued = self.authority.issue_site(&request, &name("st-anna"), validity).unwrap();
        issued.der.into()
    }

    fn authorities(&self) -> Vec<Bytes> {
        vec![Bytes::copy_from_slice(self.authority.certificate().der())]
    }
}

#[tonic::async_trait]
impl SiteService for Service {
    type AttendStream = ReceiverStream<Result<AttendResponse, Status>>;
    type DownloadStream = tokio_stream::Iter<std::vec::IntoIter<Result<DownloadResponse, Status>>>;

    async fn enrol(
        &self,
        request: Request<EnrolRequest>,
    ) -> Result<Response<EnrolResponse>, Status> {
        let request = request.into_inner();
        let (enrolling, days, aged) = {
            let mut script = self.script.lock().unwrap();
            script.enrolments.push(request.clone());
            (std::mem::take(&mut script.enrolling), script.days, script.aged)
        };
        let mut answer = EnrolResponse {
            certificate: self.certify(&request.certificate_request, days, aged),
            authorities: self.authorities(),
            site: "st-anna".into(),
            federation: "North".into(),
            coordinator: Bytes::copy_from_slice(self.coordinator.as_bytes()),
            signed: Bytes::new(),
        };
        match enrolling {
            Enrolling::Good => {}
            Enrolling::Refuse(status) => return Err(status),
            Enrolling::Lose => return Err(Status::unavailable("the connection broke")),
            Enrolling::Lie(lie) => lie(&mut answer),
        }
        Ok(Response::new(answer))
    }

    async fn renew(
        &self,
        request: Request<RenewRequest>,
    ) -> Result<Response<RenewResponse>, Status> {
        self.script.lock().unwrap().renewals += 1;
        let certificate = self.certify(&request.into_inner().certificate_request, 90, 0);
        Ok(Response::new(RenewResponse { certificate, authorities: self.authorities() }))
    }

    async fn attend(
        &self,
        request: Request<Streaming<AttendRequest>>,
    ) -> Result<Response<Self::AttendStream>, Status> {
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.and_then(|request| request.body);
        let (acts, clock) = {
            let mut script = self.script.lock().unwrap();
            script.arrivals += 1;
            if let Some(status) = script.turns_away(first.as_ref()) {
                return Err(status);
            }
            script.heard.extend(first);
            let acts = match script.sessions.len() {
                0 => Vec::new(),
                1 => script.sessions[0].clone(),
                _ => script.sessions.remove(0),
            };
            (acts, now() + script.clock)
        };
        let (say, says) = mpsc::channel(8);
        let script = self.script.clone();
        let left = CancellationToken::new();
        let leaves = left.clone();
        tokio::spawn(async move {
            while let Ok(Some(request)) = inbound.message().await {
                script.lock().unwrap().heard.extend(request.body);
            }
            if !script.lock().unwrap().lingers {
                leaves.cancel();
            }
        });
        tokio::spawn(async move {
            tokio::select! {
                () = left.cancelled() => {}
                () = play(acts, clock, say) => {}
            }
        });
        Ok(Response::new(ReceiverStream::new(says)))
    }

    async fn upload(
        &self,
        _: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        Ok(Response::new(UploadResponse {}))
    }

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let ticket = request.into_inner().ticket;
        let parts = self.script.lock().unwrap().parcels.get(&ticket).cloned().unwrap_or_default();
        let parts: Vec<_> = parts.into_iter().map(|part| Ok(DownloadResponse { part })).collect();
        Ok(Response::new(tokio_stream::iter(parts)))
    }
}

/// Says what the script of a session says, and then nothing.
async fn play(acts: Vec<Act>, clock: u64, say: mpsc::Sender<Result<AttendResponse, Status>>) {
    let welcome = Say::Welcome(Welcome { clock, program: "test".into() });
    for act in std::iter::once(Act::Say(welcome)).chain(acts) {
        let next = match act {
            Act::Say(body) => Ok(AttendResponse { body: Some(body) }),
            Act::Fail(status) => Err(status),
            Act::End => return,
        };
        if say.send(next).await.is_err() {
            return;
        }
    }
    say.closed().await;
}

/// A site's folder.
pub(crate) struct Folder {
    _root: tempfile::TempDir,
    pub(crate) dir: PathBuf,
}

impl Folder {
    /// A new one.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("site");
        let made = site(&["init", "--name", "st-anna", "--dir", dir.to_str().unwrap()]);
        assert!(made.status.success(), "{made:?}");
        let folder = Self { _root: root, dir };
        folder.append("\n[retry]\nfirst_seconds = 0.05\nlongest_seconds = 0.2\n");
        folder
    }

    /// One that has enrolled.
    pub(crate) async fn enrolled(fake: &Fake) -> Self {
        let folder = Self::new();
        folder.enroll(&fake.invitation()).await.unwrap();
        folder
    }

    pub(crate) async fn enroll(&self, invitation: &Invitation) -> Result<Enrolled, EnrollError> {
        within(ripieno_client::enroll(&self.dir, &invitation.to_text())).await
    }

    pub(crate) fn append(&self, text: &str) {
        let path = self.dir.join("site.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, config + text).unwrap();
    }

    pub(crate) fn add_to_inventory(&self, record: &[u8]) {
        let limits = ripieno_files::Limits { record: 2 << 20, file: 4 << 30 };
        let opened = ripieno_files::AppendFile::open(self.file("inventory"), limits).unwrap();
        { opened }.file.append(record).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(&self.dir).unwrap()
    }

    pub(crate) async fn start(&self) -> Daemon {
        within(Daemon::start(self.config())).await.map_err(|failure| failure.text()).unwrap()
    }

    /// The site's own key.
    pub(crate) fn key(&self) -> SigningKey {
        let seed = ripieno_files::KeyFile::at(self.file("site.key")).read().unwrap();
        SigningKey::from_seed(&seed)
    }

    /// A command of the binary in this folder.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        let mut all: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        all.extend(["--dir".into(), self.dir.to_str().unwrap().to_owned()]);
        let output = tokio::task::spawn_blocking(move || {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            site(&all)
        });
        Ran::from(output.await.unwrap())
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn site(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripieno-site"));
    for variable in ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "RIPIENO_LOG"] {
        command.env_remove(variable);
    }
    command.args(arguments).output().unwrap()
}

/// The running daemon, as its steward sees it.
pub(crate) async fn desk(daemon: &Daemon) -> StewardServiceClient<Channel> {
    let socket: &Path = daemon.steward_socket();
    StewardServiceClient::new(local::connect(socket).await.unwrap())
}

pub(crate) async fn status(daemon: &Daemon) -> StewardStatusResponse {
    let mut desk = desk(daemon).await;
    within(desk.status(StewardStatusRequest {})).await.unwrap().into_inner()
}

/// Waits until the daemon's status is so.
pub(crate) async fn until_status(daemon: &Daemon, holds: impl Fn(&StewardStatusResponse) -> bool) {
    until(async || holds(&status(daemon).await)).await;
}

pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    within(async {
        while !holds().await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens in time")
}

pub(crate) fn name(text: &str) -> SubjectName {
    text.parse().unwrap()
}

pub(crate) fn days(days: u16) -> Validity {
    Validity { from: SystemTime::now(), days }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
