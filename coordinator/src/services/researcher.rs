//! What researchers call. Every request proves who sends it, under the charter in force.

mod check;
mod watch;

use std::sync::Arc;

use bytes::Bytes;
use ripieno_identity::{Credential, PublicKey, RatifiedCharter};
use ripieno_rpc::study_service_server::StudyService;
use ripieno_rpc::{
    CancelRequest, CancelResponse, CheckRequest, CheckResponse, DiscoverRequest, DiscoverResponse,
    GetRequest, GetResponse, ListRequest, ListResponse, RequestProof, ResultPart, ResultRequest,
    StudyEvent, SubmitRequest, SubmitResponse, WatchRequest,
};
use ripieno_study::Digest;
use ripieno_study::manifest::digest_of;
use ripieno_wire::limits::MAX_STUDY_TEXT;
use ripieno_wire::membership::encode_history;
use ripieno_wire::{decode_proof, decode_submission};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::places::{Full, Places};
use super::{check_reason, digest, malformed};
use crate::actor::{Command, Handle, Researcher, Shared};
use crate::clock::unix_now;

/// Bytes of a part of a result.
const PART: usize = 512 << 10;
/// Events or parts that wait for the connection.
const WAITING: usize = 16;
/// Lists that are made at a time, for one researcher one: each may read hundreds of records.
const LISTS: usize = 16;

/// The service of researchers.
pub(crate) struct Researchers {
    actor: Handle,
    shared: Arc<Shared>,
    watches: Arc<Places<PublicKey>>,
    lists: Arc<Places<PublicKey>>,
}

impl Researchers {
    pub(crate) fn new(actor: Handle, shared: Arc<Shared>) -> Self {
        let limits = &shared.settings.researchers;
        let watches = Places::new(limits.watches, limits.watches_in_all);
        Self { actor, shared, watches, lists: Places::new(1, LISTS) }
    }

    /// Who sends a request for this method and study.
    fn verify(
        &self,
        method: &str,
        subject: Option<&Digest>,
        proof: Option<RequestProof>,
    ) -> Result<Researcher, Status> {
        let credential = self.verify_credential(method, subject, proof)?;
        Ok(Researcher { key: credential.fields.researcher })
    }

    /// The credential of a request for this method and study.
    fn verify_credential(
        &self,
        method: &str,
        subject: Option<&Digest>,
        proof: Option<RequestProof>,
    ) -> Result<Credential, Status> {
        let charter = self.charter()?;
        let proof = proof.ok_or_else(|| malformed("proof: it is missing"))?;
        let RequestProof { credential, at, signature } = proof;
        let proof = decode_proof(credential, at, &signature).map_err(malformed)?;
        proof
            .verify(method, subject, &charter, unix_now())
            .map_err(|refusal| Status::permission_denied(refusal.reason))?;
        home_is_trusted(&self.shared, &proof.credential)?;
        Ok(proof.credential)
    }

    fn charter(&self) -> Result<RatifiedCharter, Status> {
        self.shared.charter().ok_or_else(|| {
            Status::failed_precondition(
                "no charter is in force yet: ask the federation's operator when it will be",
            )
        })
    }
}

type Stream<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl StudyService for Researchers {
    type WatchStream = Stream<StudyEvent>;
    type ResultStream = Stream<ResultPart>;

    async fn discover(
        &self,
        request: Request<DiscoverRequest>,
    ) -> Result<Response<DiscoverResponse>, Status> {
        self.verify("Discover", None, request.into_inner().proof)?;
        let (sites, authorities) = self.actor.ask(|reply| Command::Discover { reply }).await?;
        let charters = encode_history(&self.shared.charters.borrow());
        Ok(Response::new(DiscoverResponse { charters, sites, authorities }))
    }

    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let CheckRequest { proof, text } = request.into_inner();
        check_length(&text)?;
        self.verify("Check", Some(&digest_of(&text)), proof)?;
        let charter = self.charter()?;
        let present = self.actor.ask(|reply| Command::Present { reply }).await?;
        let checked = tokio::task::spawn_blocking(move || check::check(&text, &charter, &present));
        let checked = checked.await.map_err(|_| Status::internal("the check was not finished"))?;
        Ok(Response::new(checked))
    }

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let SubmitRequest { proof, text, submission } = request.into_inner();
        check_length(&text)?;
        let who = self.verify("Submit", Some(&digest_of(&text)), proof)?;
        let submission = Box::new(decode_submission(submission).map_err(malformed)?);
        if submission.credential.fields.researcher != who.key {
            return Err(Status::permission_denied(
                "the submission is of another researcher than the one who sends it",
            ));
        }
        home_is_trusted(&self.shared, &submission.credential)?;
        let asked = self.actor.ask(|reply| Command::Submit { text, submission, reply });
        let (study, known) = asked.await?;
        let study = Bytes::copy_from_slice(study.as_bytes());
        Ok(Response::new(SubmitResponse { study, known }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let who = self.verify("List", None, request.into_inner().proof)?;
        let _place = self.lists.take(who.key).map_err(|_| {
            Status::resource_exhausted("your studies are being listed already; try again later")
        })?;
        let listing = self.actor.ask(|reply| Command::List { who, reply }).await?;
        let (view, statuses) = listing.read(&self.shared).await?;
        let studies = statuses.iter().map(|status| view.tell(status)).collect();
        Ok(Response::new(ListResponse { studies }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let GetRequest { proof, study } = request.into_inner();
        let study = digest("study", &study)?;
        let who = self.verify("Get", Some(&study), proof)?;
        let (status, text) = self.actor.ask(|reply| Command::Get { who, study, reply }).await?;
        Ok(Response::new(GetResponse { status: Some(status), text }))
    }

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Stream<StudyEvent>>, Status> {
        let WatchRequest { proof, study, after } = request.into_inner();
        let study = digest("study", &study)?;
        let credential = self.verify_credential("Watch", Some(&study), proof)?;
        let who = Researcher { key: credential.fields.researcher };
        let place = self.watches.take(who.key).map_err(watches_too_much)?;
        // Whose study it is.
        self.actor.ask(|reply| Command::Get { who, study, reply }).await?;
        let (sender, events) = mpsc::channel(WAITING);
        // Before the first look into the store: nothing falls in between.
        let watcher = watch::Watcher::new(self.shared.clone(), credential, study, sender, place);
        tokio::spawn(watcher.run(after));
        Ok(Response::new(ReceiverStream::new(events)))
    }

    async fn cancel(
        &self,
        request: Request<CancelRequest>,
    ) -> Result<Response<CancelResponse>, Status> {
        let CancelRequest { proof, study, reason } = request.into_inner();
        let study = digest("study", &study)?;
        check_reason(&reason)?;
        let who = self.verify("Cancel", Some(&study), proof)?;
        self.actor.ask(|reply| Command::Cancel { who, study, reason, reply }).await?;
        Ok(Response::new(CancelResponse {}))
    }

    async fn result(
        &self,
        request: Request<ResultRequest>,
    ) -> Result<Response<Stream<ResultPart>>, Status> {
        let ResultRequest { proof, study } = request.into_inner();
        let study = digest("study", &study)?;
        let who = self.verify("Result", Some(&study), proof)?;
        let json = self.actor.ask(|reply| Command::Result { who, study, reply }).await?;
        let (sender, parts) = mpsc::channel(WAITING);
        let stall = self.shared.settings.connections.stall();
        tokio::spawn(async move {
            let mut rest = Bytes::from(json);
            while !rest.is_empty() {
                let part = rest.split_to(rest.len().min(PART));
                let sent = sender.send_timeout(Ok(ResultPart { part }), stall).await;
                if sent.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(parts)))
    }
}

/// Whether the site that vouches for a researcher still does.
fn home_is_trusted(shared: &Shared, credential: &Credential) -> Result<(), Status> {
    match shared.cut_off.borrow().contains(credential.fields.home) {
        false => Ok(()),
        true => Err(Status::permission_denied(
            "the site that vouches for you was revoked; ask another site of the federation for a \
             credential",
        )),
    }
}

fn watches_too_much(full: Full) -> Status {
    let (whose, most) = match full {
        Full::Each(most) => ("you watch", most),
        Full::All(most) => ("researchers watch", most),
    };
    Status::resource_exhausted(format!(
        "{whose} {most} studies already, as many as one may here; end one, then try again"
    ))
}

fn check_length(text: &str) -> Result<(), Status> {
    if text.len() > MAX_STUDY_TEXT {
        let bytes = text.len();
        return Err(malformed(format!("text: {bytes} bytes, at most {MAX_STUDY_TEXT}")));
    }
    Ok(())
}
