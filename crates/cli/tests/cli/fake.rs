//! A coordinator that plays a recorded study to a researcher, over TLS.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ripieno_identity::ratification::consent_digest;
use ripieno_identity::{
    AuthorityList, Charter, CharterConsent, CharterFields, CharterSite, Credential,
    CredentialFields, FederationPolicy, PublicKey, RatifiedCharter, SigningKey,
};
use ripieno_rpc::incoming::{Links, server};
use ripieno_rpc::study_service_server::{StudyService, StudyServiceServer};
use ripieno_rpc::{
    CancelRequest, CancelResponse, CheckRequest, CheckResponse, DiscoverRequest, DiscoverResponse,
    GetRequest, GetResponse, Keepalive, ListRequest, ListResponse, RequestProof, ResultPart,
    ResultRequest, StudyEvent, StudyStatus, SubmitRequest, SubmitResponse, WatchRequest,
};
use ripieno_study::{Digest, SiteIndex, Study};
use ripieno_transport::authority::{Authority, Validity};
use ripieno_transport::server::{Acceptor, Limits, ServerTls};
use ripieno_transport::{CaCertificate, TrustedAuthorities};
use ripieno_wire::membership::encode_history;
use ripieno_wire::{decode_proof, decode_submission, encode_authorities};
use tokio::runtime::Runtime;
use tokio_stream::{Stream, StreamExt as _, iter};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// The coordinator, serving until it is dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: String,
    authority: CaCertificate,
    pub(crate) charter: RatifiedCharter,
    pub(crate) played: Arc<Played>,
    home: SigningKey,
    _runtime: Runtime,
}

/// What it plays, and what it heard.
#[derive(Default)]
pub(crate) struct Played {
    /// The study's text, once it was submitted.
    pub(crate) study: Mutex<Option<String>>,
    pub(crate) events: Mutex<Vec<StudyEvent>>,
    /// The first connections break after so many events each.
    pub(crate) breaks: Mutex<Vec<usize>>,
    pub(crate) report: Mutex<String>,
    pub(crate) status: Mutex<StudyStatus>,
    pub(crate) problems: Mutex<Vec<String>>,
    /// The numbers after which events were asked for.
    pub(crate) asked_after: Mutex<Vec<u64>>,
    pub(crate) cancelled: Mutex<Option<String>>,
    /// The encoded list of authorities.
    authorities: Mutex<Bytes>,
}

struct Service(Arc<Played>, RatifiedCharter);

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([number; 32]))
}

impl Fake {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (charter, played) = (charter(), Arc::new(Played::default()));
        let validity = Validity { from: SystemTime::now(), days: 1 };
        let authority = Authority::create(&"four".parse().unwrap(), validity).unwrap();
        let hosts = ["127.0.0.1"];
        let identity =
            authority.issue_server(&"coordinator".parse().unwrap(), &hosts, validity).unwrap();
        let trusted = TrustedAuthorities::new(vec![authority.certificate().clone()]).unwrap();
        let list = authority.issue_list(&[], 1, validity).unwrap();
        let tls = ServerTls::new(&identity, &trusted, &[list]).unwrap();
        let service = Service(Arc::clone(&played), charter.clone());
        let address = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (acceptor, incoming) = Acceptor::start(listener, tls, Limits::default()).unwrap();
            let router = server(Keepalive::default()).add_service(StudyServiceServer::new(service));
            tokio::spawn(router.serve_with_incoming(Links::from(incoming)));
            acceptor.local_address()
        });
        let fingerprint = authority.certificate().fingerprint().to_string();
        let authority = authority.certificate().clone();
        Self { address, fingerprint, authority, charter, played, home: key(1), _runtime: runtime }
    }

    /// Shows a list of authorities from now on: its own and another one, signed by the coordinator
    /// or by somebody else.
    pub(crate) fn show_authorities(&self, number: u64, forged: bool) {
        let validity = Validity { from: SystemTime::now(), days: 1 };
        let next = Authority::create(&"four".parse().unwrap(), validity).unwrap();
        let both = [&self.authority, next.certificate()].map(|one| one.der().to_vec());
        let signer = if forged { key(1) } else { key(100) };
        let list = AuthorityList::sign(number, both.to_vec(), self.charter.federation(), &signer);
        *self.played.authorities.lock().unwrap() = encode_authorities(&list);
    }

    /// A credential that site 1 signed.
    pub(crate) fn credential(&self, researcher: PublicKey, expires: u64) -> String {
        let fields = CredentialFields {
            name: "Ada".into(),
            role: "statistician".into(),
            department: "oncology".into(),
            clearance: "research".into(),
            expires,
            federation: self.charter.federation().to_owned(),
            home: SiteIndex::new(1).unwrap(),
            researcher,
        };
        ripieno_wire::credential_to_text(&Credential::issue(fields, &self.home).unwrap())
    }

    pub(crate) fn coordinator(&self) -> String {
        self.charter.coordinator().to_string()
    }
}

fn charter() -> RatifiedCharter {
    let index = |number: u8| SiteIndex::new(u16::from(number)).unwrap();
    let site = |number: u8| CharterSite {
        index: index(number),
        name: format!("hospital-{}", char::from(b'`' + number)),
        key: key(number).public(),
    };
    let charter = Charter::new(CharterFields {
        federation: "four".into(),
        version: 1,
        previous: None,
        sites: (1..=4).map(site).collect(),
        next_index: 5,
        coordinator: key(100).public(),
        corrupt: 0,
        quorum: 3,
        policy: FederationPolicy { minimum_sites: 3 },
    })
    .unwrap();
    let consent = |number: u8| CharterConsent {
        site: index(number),
        signature: key(number).sign(&consent_digest(&charter, index(number))),
    };
    let consents = (1..=4).map(consent).collect();
    RatifiedCharter::found(charter, consents).unwrap()
}

impl Service {
    /// Every request is signed for its method and study.
    fn verify(
        &self,
        proof: Option<RequestProof>,
        method: &str,
        study: &[u8],
    ) -> Result<(), Status> {
        let proof = proof.ok_or_else(|| Status::unauthenticated("no proof"))?;
        let proof = decode_proof(proof.credential, proof.at, &proof.signature)
            .map_err(|error| Status::unauthenticated(error.to_string()))?;
        let study = <[u8; 32]>::try_from(study).ok().map(Digest::from_bytes);
        proof
            .verify(method, study.as_ref(), &self.1, now())
            .map(drop)
            .map_err(|refusal| Status::unauthenticated(refusal.to_string()))
    }

    fn verify_text(
        &self,
        proof: Option<RequestProof>,
        method: &str,
        text: &str,
    ) -> Result<Study, Status> {
        let study = Study::parse(text).map_err(|e| Status::invalid_argument(e.to_string()))?;
        self.verify(proof, method, study.digest().as_bytes())?;
        Ok(study)
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<StudyEvent, Status>> + Send>>;
type Parts = Pin<Box<dyn Stream<Item = Result<ResultPart, Status>> + Send>>;

#[tonic::async_trait]
impl StudyService for Service {
    async fn discover(
        &self,
        request: Request<DiscoverRequest>,
    ) -> Result<Response<DiscoverResponse>, Status> {
        self.verify(request.into_inner().proof, "Discover", &[])?;
        let charters = encode_history(std::slice::from_ref(&self.1));
        let authorities = self.0.authorities.lock().unwrap().clone();
        Ok(Response::new(DiscoverResponse { charters, sites: Vec::new(), authorities }))
    }

    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let request = request.into_inner();
        self.verify_text(request.proof, "Check", &request.text)?;
        let problems = self.0.problems.lock().unwrap().clone();
        Ok(Response::new(CheckResponse { problems, warnings: vec!["nobody is there yet".into()] }))
    }

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let request = request.into_inner();
        let study = self.verify_text(request.proof, "Submit", &request.text)?;
        let submission = decode_submission(request.submission).unwrap();
        assert_eq!(submission.verify(&self.1, now()).unwrap().study(), study.digest());
        let before = self.0.study.lock().unwrap().replace(request.text);
        let digest = Bytes::copy_from_slice(study.digest().as_bytes());
        self.0.status.lock().unwrap().study = digest.clone();
        Ok(Response::new(SubmitResponse { study: digest, known: before.is_some() }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        self.verify(request.into_inner().proof, "List", &[])?;
        let studies = vec![self.0.status.lock().unwrap().clone()];
        Ok(Response::new(ListResponse { studies }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let request = request.into_inner();
        self.verify(request.proof, "Get", &request.study)?;
        let text = self.0.study.lock().unwrap().clone();
        let text = text.ok_or_else(|| Status::not_found("no such study"))?;
        let status = Some(self.0.status.lock().unwrap().clone());
        Ok(Response::new(GetResponse { status, text }))
    }

    type WatchStream = Events;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Events>, Status> {
        let request = request.into_inner();
        self.verify(request.proof, "Watch", &request.study)?;
        self.0.asked_after.lock().unwrap().push(request.after);
        let breaks = self.0.breaks.lock().unwrap().pop();
        let mut events = self.0.events.lock().unwrap().clone();
        events.retain(|event| event.number > request.after);
        let broken = breaks.map(|_| Err(Status::unavailable("the coordinator stops")));
        events.truncate(breaks.unwrap_or(usize::MAX));
        Ok(Response::new(Box::pin(iter(events).map(Ok).chain(iter(broken)))))
    }

    async fn cancel(
        &self,
        request: Request<CancelRequest>,
    ) -> Result<Response<CancelResponse>, Status> {
        let request = request.into_inner();
        self.verify(request.proof, "Cancel", &request.study)?;
        *self.0.cancelled.lock().unwrap() = Some(request.reason);
        Ok(Response::new(CancelResponse {}))
    }

    type ResultStream = Parts;

    async fn result(&self, request: Request<ResultRequest>) -> Result<Response<Parts>, Status> {
        let request = request.into_inner();
        self.verify(request.proof, "Result", &request.study)?;
        let report = self.0.report.lock().unwrap().clone();
        if report.is_empty() {
            return Err(Status::failed_precondition("the study is not done"));
        }
        let (one, two) = report.split_at(report.len() / 2);
        let parts = [one, two].map(|part| ResultPart { part: Bytes::from(part.to_owned()) });
        Ok(Response::new(Box::pin(iter(parts.map(Ok)))))
    }
}
