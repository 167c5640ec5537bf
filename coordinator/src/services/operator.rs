//! What operators call, over a socket of this machine.

use std::sync::Arc;

use ripieno_coordinator_engine::StudyStatus;
use ripieno_rpc::operator_service_server::OperatorService;
use ripieno_rpc::{
    AuthorityRequest, AuthorityResponse, CancelStudyRequest, CancelStudyResponse, InviteRequest,
    InviteResponse, OperatorStatusRequest, OperatorStatusResponse, OperatorStudiesRequest,
    OperatorStudiesResponse, OperatorStudy, ProposeCharterRequest, ProposeCharterResponse,
    RevokeRequest, RevokeResponse, ShowCharterRequest, ShowCharterResponse, SitesRequest,
    SitesResponse,
};
use tonic::{Request, Response, Status};

use super::{check_reason, digest, malformed};
use crate::actor::{Command, Handle, Shared, reason};

/// The service of operators.
pub(crate) struct Operator {
    actor: Handle,
    shared: Arc<Shared>,
}

impl Operator {
    pub(crate) fn new(actor: Handle, shared: Arc<Shared>) -> Self {
        Self { actor, shared }
    }

    /// What is to be said of a coordinator that cannot go on.
    fn broken(&self) -> Option<OperatorStatusResponse> {
        let why = self.shared.broken.get()?;
        let version = self.shared.charter().map_or(0, |charter| charter.charter().fields().version);
        Some(OperatorStatusResponse {
            federation: self.shared.settings.federation.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            listens: self.shared.settings.listen.to_string(),
            alarms: vec![format!(
                "The coordinator takes no more work until it is started again: {why}"
            )],
            charter_version: version,
            metrics: self.shared.metrics.address().map(|address| address.to_string()),
            ..OperatorStatusResponse::default()
        })
    }
}

#[tonic::async_trait]
impl OperatorService for Operator {
    async fn status(
        &self,
        _: Request<OperatorStatusRequest>,
    ) -> Result<Response<OperatorStatusResponse>, Status> {
        let asked = self.actor.ask(|reply| Command::OperatorStatus { reply }).await;
        asked.or_else(|status| self.broken().ok_or(status)).map(Response::new)
    }

    async fn invite(
        &self,
        request: Request<InviteRequest>,
    ) -> Result<Response<InviteResponse>, Status> {
        let request = request.into_inner();
        self.actor.ask(|reply| Command::Invite { request, reply }).await.map(Response::new)
    }

    async fn sites(&self, _: Request<SitesRequest>) -> Result<Response<SitesResponse>, Status> {
        self.actor.ask(|reply| Command::Sites { reply }).await.map(Response::new)
    }

    async fn show_charter(
        &self,
        _: Request<ShowCharterRequest>,
    ) -> Result<Response<ShowCharterResponse>, Status> {
        self.actor.ask(|reply| Command::ShowCharter { reply }).await.map(Response::new)
    }

    async fn propose_charter(
        &self,
        request: Request<ProposeCharterRequest>,
    ) -> Result<Response<ProposeCharterResponse>, Status> {
        let request = request.into_inner();
        self.actor.ask(|reply| Command::Propose { request, reply }).await.map(Response::new)
    }

    async fn revoke(
        &self,
        request: Request<RevokeRequest>,
    ) -> Result<Response<RevokeResponse>, Status> {
        let request = request.into_inner();
        self.actor.ask(|reply| Command::Revoke { request, reply }).await.map(Response::new)
    }

    async fn authority(
        &self,
        request: Request<AuthorityRequest>,
    ) -> Result<Response<AuthorityResponse>, Status> {
        let request = request.into_inner();
        self.actor.ask(|reply| Command::Authority { request, reply }).await.map(Response::new)
    }

    async fn cancel(
        &self,
        request: Request<CancelStudyRequest>,
    ) -> Result<Response<CancelStudyResponse>, Status> {
        let CancelStudyRequest { study, reason } = request.into_inner();
        let study = digest("study", &study)?;
        check_reason(&reason)?;
        if reason.trim().is_empty() {
            return Err(malformed("reason: say why; the researcher reads it"));
        }
        let asked = self.actor.ask(|reply| Command::OperatorCancel { study, reason, reply });
        asked.await.map(|()| Response::new(CancelStudyResponse {}))
    }

    async fn studies(
        &self,
        _: Request<OperatorStudiesRequest>,
    ) -> Result<Response<OperatorStudiesResponse>, Status> {
        let listing = self.actor.ask(|reply| Command::OperatorStudies { reply }).await?;
        let (_, statuses) = listing.read(&self.shared).await?;
        let studies = statuses.into_iter().map(listed).collect();
        Ok(Response::new(OperatorStudiesResponse { studies }))
    }
}

fn listed(status: StudyStatus) -> OperatorStudy {
    OperatorStudy {
        reason: reason(&status),
        study: bytes::Bytes::copy_from_slice(status.study.as_bytes()),
        name: status.name,
        phase: status.phase.to_owned(),
        round: status.round,
    }
}
