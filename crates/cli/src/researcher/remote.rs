//! Calls to the coordinator, each with a proof of who sends it.

use std::time::Duration;

use anyhow::anyhow;
use ripieno_identity::{Credential, PublicKey, RatifiedCharter, SigningKey, Submission};
use ripieno_rpc::study_service_client::StudyServiceClient;
use ripieno_rpc::{
    CancelRequest, CheckRequest, CheckResponse, DiscoverRequest, DiscoverResponse, GetRequest,
    GetResponse, ListRequest, RequestProof, ResultPart, ResultRequest, StudyEvent, StudyStatus,
    SubmitRequest, WatchRequest, within,
};
use ripieno_study::{Digest, Study};
use ripieno_terminal::{Exit, Failure, to_stderr};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, Endpoint, ProxySettings};
use ripieno_transport::{Fingerprint, TrustedAuthorities};
use ripieno_wire::limits::MAX_HISTORY_BYTES;
use ripieno_wire::membership::decode_history;
use ripieno_wire::{encode_proof, encode_submission};
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::authorities::newer;
use super::failure::{of_answer, of_connect, of_status};
use super::home::{Home, Joined, check_expiry, now};

/// How long a call may take that is answered at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest result, in bytes: the parameters of the largest model, as text.
const MAX_RESULT: usize = 256 << 20;
/// The largest answer: a history of charters, and the names of its sites.
const MAX_ANSWER: usize = MAX_HISTORY_BYTES + (1 << 20);

/// The coordinator, as one researcher calls it.
pub(crate) struct Remote {
    client: StudyServiceClient<Channel>,
    caller: Caller,
    target: Endpoint,
}

/// Who calls whom.
pub(crate) struct Caller {
    pub(crate) key: SigningKey,
    pub(crate) credential: Credential,
    pub(crate) coordinator: PublicKey,
}

impl Caller {
    fn proof(&self, method: &str, study: Option<&Digest>) -> RequestProof {
        let proof = ripieno_identity::RequestProof::sign(
            method,
            study,
            now(),
            self.credential.clone(),
            self.coordinator,
            &self.key,
        );
        let (credential, at, signature) = encode_proof(&proof);
        RequestProof { credential, at, signature }
    }
}

impl Remote {
    /// The coordinator of the federation that was joined, with the charter in force; what the
    /// federation decided since the last time is kept.
    pub(crate) async fn open(home: &Home) -> Result<(Self, RatifiedCharter), Failure> {
        let key = home.key()?;
        let Joined { target, authorities, credential, mut charters } = home.joined()?;
        if let Some(warning) = check_expiry(&credential, now())? {
            to_stderr(&format!("note: {warning}"));
        }
        let held = charters.last().cloned().ok_or_else(|| of_answer("there is no charter"))?;
        let caller = Caller { key, credential, coordinator: held.coordinator() };
        let mut remote = Self::connect(target, &authorities, caller)?;
        let (history, answer) = remote.discover().await?;
        let later = history.verify_after(&held).map_err(of_answer)?;
        if !later.is_empty() {
            charters.extend(later);
            home.keep_charters(&charters)?;
        }
        let charter = charters.pop().unwrap_or(held);
        let (federation, key) = (charter.federation(), charter.coordinator());
        if let Some(followed) = newer(answer.authorities, home.list().as_ref(), federation, key)? {
            home.follow(&followed)?;
        }
        // A coordinator's key may change with a charter.
        remote.caller.coordinator = charter.coordinator();
        Ok((remote, charter))
    }

    /// A coordinator whose authorities are known. Connects with the first call.
    pub(crate) fn connect(
        target: Endpoint,
        authorities: &TrustedAuthorities,
        caller: Caller,
    ) -> Result<Self, Failure> {
        let tls = ClientTls::new(authorities, None).map_err(internal)?;
        let channel =
            ripieno_rpc::channel(connector(&target, tls)?, ripieno_rpc::Keepalive::default());
        let client = StudyServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER);
        Ok(Self { client, caller, target })
    }

    pub(crate) fn target(&self) -> &Endpoint {
        &self.target
    }

    /// The history of charters, not yet verified, and who is there.
    pub(crate) async fn discover(
        &mut self,
    ) -> Result<(ripieno_wire::History, DiscoverResponse), Failure> {
        let request = DiscoverRequest { proof: Some(self.caller.proof("Discover", None)) };
        let mut answer =
            self.client.discover(within(PATIENCE, request)).await.map_err(failed)?.into_inner();
        let history = decode_history(std::mem::take(&mut answer.charters)).map_err(of_answer)?;
        Ok((history, answer))
    }

    pub(crate) async fn check(&mut self, study: &Study) -> Result<CheckResponse, Failure> {
        let proof = Some(self.caller.proof("Check", Some(&study.digest())));
        let request = CheckRequest { proof, text: study.text().to_owned() };
        Ok(self.client.check(within(PATIENCE, request)).await.map_err(failed)?.into_inner())
    }

    /// Submits a study; `false` where it was there before.
    pub(crate) async fn submit(&mut self, study: &Study) -> Result<bool, Failure> {
        let Caller { key, credential, .. } = &self.caller;
        let submission = Submission::sign(study.digest(), credential.clone(), key);
        let request = SubmitRequest {
            proof: Some(self.caller.proof("Submit", Some(&study.digest()))),
            text: study.text().to_owned(),
            submission: encode_submission(&submission),
        };
        let answer =
            self.client.submit(within(PATIENCE, request)).await.map_err(failed)?.into_inner();
        if answer.study.as_ref() != study.digest().as_bytes() {
            return Err(of_answer("it took another study than the one that was sent"));
        }
        Ok(!answer.known)
    }

    pub(crate) async fn list(&mut self) -> Result<Vec<StudyStatus>, Failure> {
        let request = ListRequest { proof: Some(self.caller.proof("List", None)) };
        Ok(self.client.list(within(PATIENCE, request)).await.map_err(failed)?.into_inner().studies)
    }

    /// Where a study stands, and its text, which is the study's.
    pub(crate) async fn get(&mut self, study: Digest) -> Result<(StudyStatus, Study), Failure> {
        let proof = Some(self.caller.proof("Get", Some(&study)));
        let request = GetRequest { proof, study: bytes(study) };
        let answer = self.client.get(within(PATIENCE, request)).await.map_err(failed)?.into_inner();
        let GetResponse { status, text } = answer;
        let parsed = Study::parse(&text).map_err(of_answer)?;
        match status {
            Some(status) if parsed.digest() == study => Ok((status, parsed)),
            _ => Err(of_answer("it is about another study than the one asked for")),
        }
    }

    /// Events of a study with a higher number than `after`, as they come.
    pub(crate) async fn watch(
        &mut self,
        study: Digest,
        after: u64,
    ) -> Result<Streaming<StudyEvent>, Status> {
        let proof = Some(self.caller.proof("Watch", Some(&study)));
        let request = WatchRequest { proof, study: bytes(study), after };
        Ok(self.client.watch(request).await?.into_inner())
    }

    pub(crate) async fn cancel(&mut self, study: Digest, reason: String) -> Result<(), Failure> {
        let proof = Some(self.caller.proof("Cancel", Some(&study)));
        let request = CancelRequest { proof, study: bytes(study), reason };
        self.client.cancel(within(PATIENCE, request)).await.map_err(failed)?;
        Ok(())
    }

    /// The JSON of a result.
    pub(crate) async fn result(&mut self, study: Digest) -> Result<Vec<u8>, Failure> {
        let proof = Some(self.caller.proof("Result", Some(&study)));
        let request = ResultRequest { proof, study: bytes(study) };
        let mut parts = self.client.result(request).await.map_err(failed)?.into_inner();
        let mut json = Vec::new();
        loop {
            let next = tokio::time::timeout(PATIENCE, parts.message()).await;
            let next = next.map_err(|_| Status::deadline_exceeded("the result stopped coming"));
            match next.and_then(|part| part).map_err(failed)? {
                None => return Ok(json),
                Some(ResultPart { part }) if json.len() + part.len() <= MAX_RESULT => {
                    json.extend_from_slice(&part);
                }
                Some(_) => return Err(of_answer("a result of more than 256 MiB")),
            }
        }
    }
}

/// The authority with this fingerprint, as the coordinator shows it.
pub(crate) async fn authority(
    target: &Endpoint,
    fingerprint: Fingerprint,
) -> Result<TrustedAuthorities, Failure> {
    let tls = ClientTls::pinned(fingerprint).map_err(internal)?;
    let stream = connector(target, tls)?.connect().await.map_err(|error| of_connect(&error))?;
    let authority = stream.authority().cloned();
    let authority = authority.ok_or_else(|| of_answer("it does not show its authority"))?;
    TrustedAuthorities::new(vec![authority]).map_err(of_answer)
}

fn connector(target: &Endpoint, tls: ClientTls) -> Result<Connector, Failure> {
    let proxy = ProxySettings::from_variables(|name| std::env::var(name).ok())
        .map_err(|error| Failure::new(Exit::Unreachable, error))?;
    Connector::new(target.clone(), tls, proxy, Deadlines::default())
        .map_err(|error| Failure::new(Exit::Unreachable, error))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(status: Status) -> Failure {
    of_status(&status)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, anyhow!("TLS cannot be set up: {error}"))
}

fn bytes(study: Digest) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(study.as_bytes())
}
