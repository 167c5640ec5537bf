//! A coordinator in a folder of its own, and people who call it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rand::TryRng as _;
use rand::rngs::SysRng;
use ripieno_coordinator::{Config, Folder, Server, Settings, init};
use ripieno_identity::enrolment::{enrol_digest, request_digest};
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    Charter, CharterConsent, Credential, CredentialFields, RatifiedCharter, RequestProof,
    SigningKey, Submission,
};
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::operator_service_client::OperatorServiceClient;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::study_service_client::StudyServiceClient;
use ripieno_rpc::*;
use ripieno_study::{Digest, SiteIndex};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::request::PendingRequest;
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use ripieno_wire::membership::{decode_charter, decode_history, encode_consent};
use ripieno_wire::{FromSite, Hello, Invitation, encode_proof};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use zeroize::Zeroizing;

/// Far more than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at what is to change.
pub(crate) const BETWEEN: Duration = Duration::from_millis(20);

/// Waits for something that must happen.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens in time")
}

/// How a call failed. The messages have no text form, so `unwrap_err` does not do.
pub(crate) async fn failure<T>(call: impl Future<Output = Result<T, Status>>) -> Status {
    match in_time(call).await {
        Ok(_) => panic!("it was answered"),
        Err(status) => status,
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn draw_key() -> SigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(seed.as_mut_slice()).unwrap();
    SigningKey::from_seed(&seed)
}

/// A coordinator.
pub(crate) struct Hub {
    dir: TempDir,
    server: Option<Server>,
}

impl Hub {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listen = ([127, 0, 0, 1], 0).into();
        let mut settings = Settings::new("North".into(), listen, vec!["127.0.0.1:1".into()]);
        change(&mut settings);
        let mut hub = Self { dir, server: None };
        init(&Folder::at(hub.folder()), &settings).await.unwrap();
        hub.serve().await;
        hub
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("hub")
    }

    pub(crate) async fn serve(&mut self) {
        let config = Config::load(self.folder()).unwrap();
        self.server = Some(in_time(Server::start(config)).await.unwrap());
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// What serves, for who wants to see it end.
    pub(crate) fn take(&mut self) -> Server {
        self.server.take().unwrap()
    }

    pub(crate) async fn stop(&mut self) {
        in_time(self.server.take().unwrap().shutdown()).await.unwrap();
    }

    pub(crate) async fn operator(&self) -> OperatorServiceClient<Channel> {
        let socket = self.server().operator_socket();
        OperatorServiceClient::new(local::connect(socket).await.unwrap())
    }

    pub(crate) async fn invite(&self, site: &str) -> Invitation {
        let request = InviteRequest { site: site.into(), hours: 1 };
        let made = in_time(self.operator().await.invite(request)).await.unwrap().into_inner();
        Invitation::from_text(&made.invitation).unwrap()
    }

    /// The coordinator's key.
    pub(crate) fn key(&self) -> ripieno_identity::PublicKey {
        let seed =
            ripieno_files::KeyFile::at(self.folder().join("coordinator.key")).read().unwrap();
        SigningKey::from_seed(&seed).public()
    }

    fn trusted(&self) -> TrustedAuthorities {
        TrustedAuthorities::load(&self.folder().join("authority.pem")).unwrap()
    }

    /// A connection that shows this certificate.
    pub(crate) fn channel(&self, shown: Option<&TlsIdentity>) -> Channel {
        channel(self.connector(shown), Keepalive::default())
    }

    pub(crate) fn connector(&self, shown: Option<&TlsIdentity>) -> Connector {
        let tls = ClientTls::new(&self.trusted(), shown).unwrap();
        let target = self.server().address().to_string().parse().unwrap();
        Connector::new(target, tls, ProxySettings::none(), Deadlines::default()).unwrap()
    }

    pub(crate) fn calls(&self, shown: Option<&TlsIdentity>) -> SiteServiceClient<Channel> {
        SiteServiceClient::new(self.channel(shown)).max_decoding_message_size(64 << 20)
    }

    /// Invites and enrols a site.
    pub(crate) async fn enrol(&self, name: &str) -> Member {
        let invitation = self.invite(name).await;
        let (request, pending, key) = enrolment(&invitation);
        let answer = in_time(self.calls(None).enrol(request)).await.unwrap().into_inner();
        assert_eq!((answer.site.as_str(), answer.federation.as_str()), (name, "North"));
        let tls = pending.accept(&answer.certificate, &self.trusted(), SystemTime::now()).unwrap();
        Member { name: name.into(), key, tls }
    }

    /// A federation with these sites, all of them there.
    pub(crate) async fn found(&self, names: &[&str]) -> (Vec<Member>, Vec<Attendance>) {
        let mut members = Vec::new();
        for name in names {
            members.push(self.enrol(name).await);
        }
        let mut there = Vec::new();
        for member in &members {
            there.push(self.attend(member, None).await);
        }
        let request = ProposeCharterRequest::default();
        in_time(self.operator().await.propose_charter(request)).await.unwrap();
        for (member, site) in members.iter().zip(&mut there) {
            let charter = site.proposal().await;
            site.say(Said::Consent(encode_consent(&member.consent(&charter)))).await;
        }
        for site in &mut there {
            let charters = site.charters().await;
            site.charter = charters.last().cloned();
            site.hello().await;
        }
        if let (Some(home), Some(charter)) = (members.first(), &there[0].charter) {
            in_time(Researcher::of(self, home, charter).sees(members.len())).await;
        }
        (members, there)
    }

    pub(crate) async fn status(&self) -> OperatorStatusResponse {
        let request = OperatorStatusRequest {};
        in_time(self.operator().await.status(request)).await.unwrap().into_inner()
    }

    pub(crate) async fn attend(
        &self,
        member: &Member,
        held: Option<&RatifiedCharter>,
    ) -> Attendance {
        match self.try_attend(member, held).await {
            Ok(there) => there,
            Err(status) => panic!("{status}"),
        }
    }

    pub(crate) async fn try_attend(
        &self,
        member: &Member,
        held: Option<&RatifiedCharter>,
    ) -> Result<Attendance, Status> {
        let (say, said) = mpsc::channel(8);
        say.send(AttendRequest { body: Some(Said::Arrival(arrival(held))) }).await.unwrap();
        let mut calls = self.calls(Some(&member.tls));
        let heard = in_time(calls.attend(ReceiverStream::new(said))).await?.into_inner();
        let mut there = Attendance { say, heard, calls, charter: held.cloned() };
        match there.next().await? {
            Heard::Welcome(welcome) => assert!(welcome.clock.abs_diff(now()) < 60),
            _ => panic!("no welcome"),
        }
        Ok(there)
    }
}

pub(crate) fn arrival(held: Option<&RatifiedCharter>) -> Arrival {
    Arrival {
        charter_version: held.map_or(0, |charter| charter.charter().fields().version),
        charter: held.map(|charter| Bytes::copy_from_slice(charter.digest().as_bytes())),
        program: "1.2.3".into(),
        clock: now(),
        holdings: None,
    }
}

/// What an invited site sends.
pub(crate) fn enrolment(invitation: &Invitation) -> (EnrolRequest, PendingRequest, SigningKey) {
    let key = draw_key();
    let (request, pending) = enrolment_of(&key, invitation);
    (request, pending, key)
}

/// What an invited site sends that has this key.
pub(crate) fn enrolment_of(
    key: &SigningKey,
    invitation: &Invitation,
) -> (EnrolRequest, PendingRequest) {
    let pending = PendingRequest::create().unwrap();
    let (secret, request) = (invitation.secret_digest(), request_digest(pending.der()));
    let digest = enrol_digest(invitation.coordinator, &secret, &request, &key.public());
    let request = EnrolRequest {
        secret: Bytes::copy_from_slice(invitation.secret.as_slice()),
        certificate_request: Bytes::copy_from_slice(pending.der()),
        key: Bytes::copy_from_slice(key.public().as_bytes()),
        signature: Bytes::copy_from_slice(key.sign(&digest).as_bytes()),
    };
    (request, pending)
}

/// A site that has enrolled.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) key: SigningKey,
    pub(crate) tls: TlsIdentity,
}

impl Member {
    pub(crate) fn index(&self, charter: &Charter) -> SiteIndex {
        let own = charter.fields().sites.iter().find(|site| site.key == self.key.public());
        own.expect("it is listed").index
    }

    /// Its signature under a charter that lists it.
    pub(crate) fn consent(&self, charter: &Charter) -> CharterConsent {
        let site = self.index(charter);
        CharterConsent { site, signature: self.key.sign(&consent_digest(charter, site)) }
    }
}

/// A site that is there.
pub(crate) struct Attendance {
    pub(crate) say: mpsc::Sender<AttendRequest>,
    pub(crate) heard: Streaming<AttendResponse>,
    pub(crate) calls: SiteServiceClient<Channel>,
    pub(crate) charter: Option<RatifiedCharter>,
}

impl Attendance {
    pub(crate) async fn say(&self, body: Said) {
        in_time(self.say.send(AttendRequest { body: Some(body) })).await.unwrap();
    }

    pub(crate) async fn tell(&self, message: FromSite) {
        self.say(Said::FromSite(message.encode())).await;
    }

    pub(crate) async fn hello(&self) {
        self.tell(FromSite::Hello(Hello::default())).await;
    }

    pub(crate) async fn next(&mut self) -> Result<Heard, Status> {
        let next = in_time(self.heard.message()).await?;
        next.and_then(|next| next.body).ok_or_else(|| Status::cancelled("the session is over"))
    }

    /// The next charter that is proposed.
    pub(crate) async fn proposal(&mut self) -> Charter {
        loop {
            if let Heard::Proposal(bytes) = self.next().await.unwrap() {
                return decode_charter(bytes).unwrap();
            }
        }
    }

    /// The next charters that come into force.
    pub(crate) async fn charters(&mut self) -> Vec<RatifiedCharter> {
        loop {
            if let Heard::Charters(bytes) = self.next().await.unwrap() {
                let history = decode_history(bytes).unwrap();
                return match &self.charter {
                    Some(held) => history.verify_after(held).unwrap(),
                    None => history.verify().unwrap(),
                };
            }
        }
    }

    /// How the session ends.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}

/// A researcher whom a site vouches for.
pub(crate) struct Researcher {
    pub(crate) key: SigningKey,
    pub(crate) credential: Credential,
    coordinator: ripieno_identity::PublicKey,
    pub(crate) calls: StudyServiceClient<Channel>,
}

impl Researcher {
    pub(crate) fn of(hub: &Hub, home: &Member, charter: &RatifiedCharter) -> Self {
        let key = draw_key();
        let fields = CredentialFields {
            name: "R. Esearcher".into(),
            role: "statistician".into(),
            department: "oncology".into(),
            clearance: "full".into(),
            expires: now() + 3600,
            federation: "North".into(),
            home: home.index(charter.charter()),
            researcher: key.public(),
        };
        let credential = Credential::issue(fields, &home.key).unwrap();
        let calls = StudyServiceClient::new(hub.channel(None));
        Self { key, credential, coordinator: charter.coordinator(), calls }
    }

    pub(crate) fn proof(
        &self,
        method: &str,
        subject: Option<&Digest>,
    ) -> Option<ripieno_rpc::RequestProof> {
        self.proof_at(method, subject, now())
    }

    pub(crate) fn proof_at(
        &self,
        method: &str,
        subject: Option<&Digest>,
        at: u64,
    ) -> Option<ripieno_rpc::RequestProof> {
        let credential = self.credential.clone();
        let proof =
            RequestProof::sign(method, subject, at, credential, self.coordinator, &self.key);
        let (credential, at, signature) = encode_proof(&proof);
        Some(ripieno_rpc::RequestProof { credential, at, signature })
    }

    /// Waits until so many sites are there, for rounds to count on.
    async fn sees(mut self, sites: usize) {
        loop {
            let request = DiscoverRequest { proof: self.proof("Discover", None) };
            let answer = self.calls.discover(request).await.unwrap().into_inner();
            if answer.sites.iter().filter(|site| site.present).count() == sites {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    pub(crate) async fn submit(&mut self, text: &str) -> Result<SubmitResponse, Status> {
        let study = ripieno_study::manifest::digest_of(text);
        let submission = Submission::sign(study, self.credential.clone(), &self.key);
        let request = SubmitRequest {
            proof: self.proof("Submit", Some(&study)),
            text: text.into(),
            submission: ripieno_wire::encode_submission(&submission),
        };
        in_time(self.calls.submit(request)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn watch(&mut self, study: &Digest, after: u64) -> Streaming<StudyEvent> {
        let proof = self.proof("Watch", Some(study));
        let request = WatchRequest { proof, study: bytes_of(study), after };
        in_time(self.calls.watch(request)).await.unwrap().into_inner()
    }
}

pub(crate) fn bytes_of(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}

/// The sum of seeded vectors.
pub(crate) const STUDY: &str = "name = \"vectors\"\npurpose = \"research\"\n[analysis]\n\
    kind = \"vector\"\nlength = 6\nrounds = 1\nseed = 5\n[aggregation]\nencoding = \"wide\"\n";

/// What the audit log of a folder says, as text.
pub(crate) fn audit(folder: &Path) -> String {
    let limits = ripieno_files::Limits { record: 1 << 20, file: 1 << 30 };
    let contents = ripieno_files::read_records(&folder.join("audit.log"), limits).unwrap();
    let lines = contents.records.into_iter().map(|line| String::from_utf8(line).unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

impl Hub {
    /// Who has signed the proposed charter.
    pub(crate) async fn signed(&self) -> Vec<String> {
        let request = ShowCharterRequest {};
        in_time(self.operator().await.show_charter(request)).await.unwrap().into_inner().signed
    }
}
