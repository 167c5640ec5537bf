//! Many sites that have enrolled and do nothing but attend: ten thousand of them fit into one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rand::RngExt as _;
use ripieno_coordinator::Folder;
use ripieno_coordinator::store::{Enrolment, NewInvitation, Store};
use ripieno_identity::SigningKey;
use ripieno_identity::enrolment::{request_digest, secret_digest};
use ripieno_rpc::attend_request::Body;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{Arrival, AttendRequest, AttendResponse, Keepalive, pushback};
use ripieno_transport::authority::{Authority, Validity};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::request::{PendingRequest, VerifiedRequest};
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::coordinator::Coordinator;
use crate::researcher::unix_now;

/// The longest wait of a site that could not even connect.
const LONGEST: Duration = Duration::from_secs(4);
/// How long their certificates last.
const DAYS: u16 = 30;

/// Sites with certificates.
pub struct Crowd {
    sites: Vec<Arc<TlsIdentity>>,
    trusted: TrustedAuthorities,
    /// As they were told: how often, and the longest wait in milliseconds.
    refused: Arc<AtomicUsize>,
    longest: Arc<AtomicU64>,
    /// Attempts that found no connection.
    broken: Arc<AtomicUsize>,
    there: watch::Sender<usize>,
    /// Those that are there, and those that try to be.
    sessions: Arc<Mutex<Vec<Session>>>,
    tasks: JoinSet<()>,
}

struct Session {
    _say: mpsc::Sender<AttendRequest>,
    _heard: Streaming<AttendResponse>,
    _client: SiteServiceClient<Channel>,
}

/// How an arrival went.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    /// Refusals that said when to come back.
    pub refused: usize,
    /// The longest that a site was told to stay away.
    pub longest: Duration,
    /// Attempts that found no connection.
    pub broken: usize,
}

impl Crowd {
    /// Enrols so many sites at a coordinator that does not run, as if it had done so itself.
    ///
    /// # Panics
    /// Where it runs, or is none.
    pub async fn enrol(coordinator: &Coordinator, count: usize) -> Self {
        let folder = Folder::at(coordinator.dir());
        let authority = Authority::load(&folder.authority()).expect("an authority");
        let store = Store::open(&folder.database()).await.expect("a database that nobody uses");
        let validity = Validity { from: SystemTime::now(), days: DAYS };
        let certificate = authority.certificate().clone();
        let trusted = TrustedAuthorities::new(vec![certificate]).expect("an authority");
        let mut sites = Vec::with_capacity(count);
        for number in 0..count {
            let name = format!("crowd-{number}");
            let pending = PendingRequest::create().expect("randomness");
            let request = VerifiedRequest::from_der(pending.der()).expect("an own request");
            let subject = name.parse().expect("a name");
            let issued = authority.issue_site(&request, &subject, validity);
            let issued = issued.expect("a certificate");
            let mut seed = zeroize::Zeroizing::new([0; 32]);
            rand::rng().fill(seed.as_mut_slice());
            let (secret, created) = (secret_digest(&seed), unix_now());
            let expires = created + 3600;
            let invited = NewInvitation { secret, site: name, created, expires };
            store.invite(invited).await.expect("an invitation");
            let enrolment = Enrolment {
                key: SigningKey::from_seed(&seed).public(),
                request: request_digest(pending.der()),
                certificate: issued.der.clone(),
                serial: issued.certificate.serial.to_string(),
                ends: created + u64::from(DAYS) * 24 * 3600,
            };
            store.redeem(&secret, created, enrolment).await.expect("an enrolment");
            let identity = pending.accept(&issued.der, &trusted, SystemTime::now());
            sites.push(Arc::new(identity.expect("a certificate that was issued")));
        }
        store.close().await.expect("a database that can be closed");
        Self {
            sites,
            trusted,
            refused: Arc::default(),
            longest: Arc::default(),
            broken: Arc::default(),
            there: watch::Sender::new(0),
            sessions: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    /// All of them come at the same time, to this `host:port`, and each tries until it is there: as
    /// their daemons do, they keep to what they are told.
    pub fn arrive(&mut self, address: &str) {
        for site in self.sites.clone() {
            let tls = ClientTls::new(&self.trusted, Some(&site)).expect("a certificate");
            let target = address.parse().expect("an address");
            let connector =
                Connector::new(target, tls, ProxySettings::none(), Deadlines::default());
            let attempts = Attempts {
                connector: connector.expect("an address that a certificate can be for"),
                refused: self.refused.clone(),
                longest: self.longest.clone(),
                broken: self.broken.clone(),
            };
            let (sessions, there) = (self.sessions.clone(), self.there.clone());
            self.tasks.spawn(async move {
                let session = attempts.succeed().await;
                sessions.lock().await.push(session);
                there.send_modify(|there| *there += 1);
            });
        }
    }

    /// Waits until all are there, and says how it went.
    pub async fn all_there(&self) -> Arrivals {
        let mut there = self.there.subscribe();
        // The sender is in `self`.
        let _ = there.wait_for(|there| *there == self.sites.len()).await;
        Arrivals {
            refused: self.refused.load(Ordering::Relaxed),
            longest: Duration::from_millis(self.longest.load(Ordering::Relaxed)),
            broken: self.broken.load(Ordering::Relaxed),
        }
    }

    /// How many are there.
    #[must_use]
    pub fn there(&self) -> usize {
        *self.there.borrow()
    }
}

/// What one site does until it is there.
struct Attempts {
    connector: Connector,
    refused: Arc<AtomicUsize>,
    longest: Arc<AtomicU64>,
    broken: Arc<AtomicUsize>,
}

impl Attempts {
    async fn succeed(self) -> Session {
        let mut wait = Duration::from_millis(100);
        loop {
            let status = match self.attend().await {
                Ok(session) => return session,
                Err(status) => status,
            };
            let rest = if let Some(told) = pushback(&status) {
                self.refused.fetch_add(1, Ordering::Relaxed);
                let milliseconds = u64::try_from(told.as_millis()).unwrap_or(u64::MAX);
                self.longest.fetch_max(milliseconds, Ordering::Relaxed);
                told.mul_f64(rand::rng().random_range(1.0..1.25))
            } else {
                self.broken.fetch_add(1, Ordering::Relaxed);
                wait = (2 * wait).min(LONGEST);
                wait.mul_f64(rand::rng().random_range(0.5..1.0))
            };
            sleep(rest).await;
        }
    }

    async fn attend(&self) -> Result<Session, Status> {
        let channel = ripieno_rpc::channel(self.connector.clone(), Keepalive::default());
        let mut client = SiteServiceClient::new(channel);
        let (say, said) = mpsc::channel(1);
        let arrival = Arrival { program: "1".into(), clock: unix_now(), ..Arrival::default() };
        // The channel is empty.
        let _ = say.try_send(AttendRequest { body: Some(Body::Arrival(arrival)) });
        let mut heard = client.attend(ReceiverStream::new(said)).await?.into_inner();
        heard.message().await?;
        Ok(Session { _say: say, _heard: heard, _client: client })
    }
}
