//! A researcher: a key, a credential, and calls that prove both.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use ripieno_identity::{Credential, PublicKey, RequestProof, SigningKey, Submission};
use ripieno_rpc::study_service_client::StudyServiceClient;
use ripieno_rpc::{
    CancelRequest, CheckRequest, CheckResponse, DiscoverRequest, GetRequest, ListRequest,
    ResultRequest, StudyStatus, SubmitRequest, WatchRequest,
};
use ripieno_study::{Digest, Hasher, Study, Tag};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::{CaCertificate, TrustedAuthorities};
use ripieno_wire::{decode_authorities, encode_proof, encode_submission};
use serde_json::Value;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::wait::until;
use crate::watch::Watch;

/// How long a call is repeated while the coordinator is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// A researcher of one federation.
#[derive(Clone)]
pub struct Researcher {
    key: Arc<SigningKey>,
    credential: Credential,
    coordinator: PublicKey,
    client: StudyServiceClient<Channel>,
}

/// A key for a researcher.
#[must_use]
pub fn new_key() -> SigningKey {
    SigningKey::generate(&mut UnwrapErr(SysRng))
}

impl Researcher {
    /// Talks to the coordinator at `address`, by the authorities of a file.
    ///
    /// # Panics
    /// Where the file is none.
    #[must_use]
    pub fn new(
        key: SigningKey,
        credential: Credential,
        coordinator: PublicKey,
        authorities: &Path,
        address: &str,
    ) -> Self {
        let client = connect(authorities, address);
        Self { key: key.into(), credential, coordinator, client }
    }

    /// The same one, with a coordinator elsewhere.
    #[must_use]
    pub fn at(&self, authorities: &Path, address: &str) -> Self {
        Self { client: connect(authorities, address), ..self.clone() }
    }

    /// The same one with another credential.
    #[must_use]
    pub fn with(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// What its home site says of it.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Its calls, with nothing added.
    #[must_use]
    pub fn client(&self) -> StudyServiceClient<Channel> {
        self.client.clone()
    }

    /// The proof for one request.
    #[must_use]
    pub fn proof(
        &self,
        method: &str,
        subject: Option<&Digest>,
    ) -> Option<ripieno_rpc::RequestProof> {
        let at = unix_now();
        let (credential, coordinator) = (self.credential.clone(), self.coordinator);
        let proof = RequestProof::sign(method, subject, at, credential, coordinator, &self.key);
        let (credential, at, signature) = encode_proof(&proof);
        Some(ripieno_rpc::RequestProof { credential, at, signature })
    }

    /// A study as this researcher asks for it.
    #[must_use]
    pub fn submission(&self, study: Digest) -> Submission {
        Submission::sign(study, self.credential.clone(), &self.key)
    }

    /// Submits a study once, and says what the coordinator said.
    ///
    /// # Errors
    /// Its status.
    pub async fn try_submit(&self, text: &str) -> Result<Digest, Status> {
        let study =
            Study::parse(text).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let digest = study.digest();
        let submission = self.submission(digest);
        let request = SubmitRequest {
            proof: self.proof("Submit", Some(&digest)),
            text: text.to_owned(),
            submission: encode_submission(&submission),
        };
        let response = self.client().submit(request).await?.into_inner();
        assert_eq!(&response.study[..], digest.as_bytes(), "the coordinator names another study");
        Ok(digest)
    }

    /// Submits a study; again while the coordinator is away.
    pub async fn submit(&self, text: &str) -> Digest {
        until(PATIENCE, "submit", || async { retried(self.try_submit(text).await) }).await
    }

    /// What stands in a study's way.
    pub async fn check(&self, text: &str) -> CheckResponse {
        let subject = Study::parse(text).ok().map(|study| study.digest());
        until(PATIENCE, "check", || async {
            let proof = self.proof("Check", subject.as_ref());
            let request = CheckRequest { proof, text: text.to_owned() };
            retried(self.client().check(request).await).map(tonic::Response::into_inner)
        })
        .await
    }

    /// The authorities of the list that the coordinator has signed.
    ///
    /// # Panics
    /// Where it has not signed it.
    pub async fn authorities(&self, federation: &str) -> TrustedAuthorities {
        let list = until(PATIENCE, "discover", || async {
            let request = DiscoverRequest { proof: self.proof("Discover", None) };
            Ok(retried(self.client().discover(request).await)?.into_inner().authorities)
        });
        let list = decode_authorities(list.await).expect("a list");
        list.verify(federation, self.coordinator).expect("the coordinator's list");
        let certificates = list.authorities.iter().map(|der| CaCertificate::from_der(der));
        let certificates = certificates.collect::<Result<_, _>>().expect("certificates");
        TrustedAuthorities::new(certificates).expect("authorities")
    }

    /// The version of the charter in force, and the sites that are there.
    pub async fn discover(&self) -> Vec<(String, bool)> {
        until(PATIENCE, "discover", || async {
            let request = DiscoverRequest { proof: self.proof("Discover", None) };
            let response = retried(self.client().discover(request).await)?.into_inner();
            Ok(response.sites.into_iter().map(|site| (site.name, site.present)).collect())
        })
        .await
    }

    /// The researcher's studies.
    pub async fn list(&self) -> Vec<StudyStatus> {
        until(PATIENCE, "list", || async {
            let request = ListRequest { proof: self.proof("List", None) };
            retried(self.client().list(request).await).map(|response| response.into_inner().studies)
        })
        .await
    }

    /// Where a study stands.
    pub async fn status(&self, study: &Digest) -> StudyStatus {
        until(PATIENCE, "status", || async {
            let request = GetRequest { proof: self.proof("Get", Some(study)), study: bytes(study) };
            let response = retried(self.client().get(request).await)?.into_inner();
            response.status.ok_or_else(|| "no status in the answer".to_owned())
        })
        .await
    }

    /// Cancels a study.
    ///
    /// # Errors
    /// The coordinator's status.
    pub async fn cancel(&self, study: &Digest, reason: &str) -> Result<(), Status> {
        let request = CancelRequest {
            proof: self.proof("Cancel", Some(study)),
            study: bytes(study),
            reason: reason.to_owned(),
        };
        self.client().cancel(request).await.map(drop)
    }

    /// The result of a study that is done.
    pub async fn result(&self, study: &Digest) -> Value {
        until(PATIENCE, "result", || async {
            let proof = self.proof("Result", Some(study));
            let request = ResultRequest { proof, study: bytes(study) };
            let mut stream = retried(self.client().result(request).await)?.into_inner();
            let mut text = Vec::new();
            while let Some(part) = retried(stream.message().await)? {
                text.extend_from_slice(&part.part);
            }
            Ok(serde_json::from_slice(&text).expect("a result is JSON"))
        })
        .await
    }

    /// Watches a study from its first event on, over broken connections.
    #[must_use]
    pub fn watch(&self, study: Digest) -> Watch {
        Watch::start(self.clone(), study)
    }

    pub(crate) async fn events(
        &self,
        study: &Digest,
        after: u64,
    ) -> Result<tonic::Streaming<ripieno_rpc::StudyEvent>, Status> {
        let proof = self.proof("Watch", Some(study));
        let request = WatchRequest { proof, study: bytes(study), after };
        Ok(self.client().watch(request).await?.into_inner())
    }
}

fn connect(authorities: &Path, address: &str) -> StudyServiceClient<Channel> {
    let trusted = TrustedAuthorities::load(authorities).expect("the federation's authorities");
    let tls = ClientTls::new(&trusted, None).expect("authorities that can be used");
    let target = address.parse().expect("an address");
    let connector = Connector::new(target, tls, ProxySettings::none(), Deadlines::default());
    let connector = connector.expect("an address that a certificate can be for");
    let channel = ripieno_rpc::channel(connector, ripieno_rpc::Keepalive::default());
    StudyServiceClient::new(channel).max_decoding_message_size(64 << 20)
}

/// What is worth another attempt: the coordinator is away, or was when it should have answered.
fn retried<T>(result: Result<T, Status>) -> Result<T, String> {
    result.map_err(|status| match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal => status.to_string(),
        Code::DeadlineExceeded => status.to_string(),
        _ => panic!("the coordinator refuses a request: {status}"),
    })
}

fn bytes(study: &Digest) -> Bytes {
    Bytes::copy_from_slice(study.as_bytes())
}

/// Seconds since 1970-01-01 UTC.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// A digest of a text, for tests that need one of nothing in particular.
#[must_use]
pub fn some_digest(text: &str) -> Digest {
    Hasher::new(Tag::State).part(text).finish()
}
