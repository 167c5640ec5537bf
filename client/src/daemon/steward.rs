//! The service on the local socket.

use std::time::Duration;

use ripieno_rpc::local::LocalListener;
use ripieno_rpc::steward_service_server::{StewardService, StewardServiceServer};
use ripieno_rpc::{
    DecideSlotRequest, DecideSlotResponse, DecideStudyRequest, DecideStudyResponse,
    RecordDataRequest, RecordDataResponse, ReloadRequest, ReloadResponse, ShowStudyRequest,
    ShowStudyResponse, SignCharterRequest, SignCharterResponse, SiteCharterRequest,
    SiteCharterResponse, StewardStatusRequest, StewardStatusResponse, StewardStudiesRequest,
    StewardStudiesResponse, VouchRequest, VouchResponse,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tracing::warn;

use super::keeper::{Ask, Keeper};

/// The largest answer: a result as JSON. Clients must take as much.
pub(crate) const MAX_ANSWER: usize = 256 << 20;
/// The largest question, in bytes.
const MAX_QUESTION: usize = 64 << 10;
/// How long the keeper may be busy with something else: it computes in between.
const PATIENCE: Duration = Duration::from_secs(120);

/// Answers the site's people until the daemon stops.
pub(super) async fn serve(
    listener: LocalListener,
    asks: mpsc::Sender<Ask>,
    stop: CancellationToken,
) {
    let service = StewardServiceServer::new(Desk { asks })
        .max_decoding_message_size(MAX_QUESTION)
        .max_encoding_message_size(MAX_ANSWER);
    let served = Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(listener, stop.cancelled_owned());
    if let Err(error) = served.await {
        warn!(%error, "the local socket is closed");
    }
}

struct Desk {
    asks: mpsc::Sender<Ask>,
}

impl Desk {
    /// Has the keeper do something, between two other things.
    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Keeper) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let (reply, answer) = oneshot::channel();
        let ask: Ask = Box::new(move |keeper| {
            // Whoever asked may have gone.
            let _ = reply.send(what(keeper));
        });
        let busy = |_| Status::unavailable("the daemon is busy computing: try again in a minute");
        let stopping = || Status::unavailable("the daemon is stopping");
        timeout(PATIENCE, self.asks.send(ask)).await.map_err(busy)?.map_err(|_| stopping())?;
        timeout(PATIENCE, answer).await.map_err(busy)?.map_err(|_| stopping())
    }
}

#[tonic::async_trait]
impl StewardService for Desk {
    async fn status(
        &self,
        _: Request<StewardStatusRequest>,
    ) -> Result<Response<StewardStatusResponse>, Status> {
        self.ask(|keeper| keeper.status()).await.map(Response::new)
    }

    async fn studies(
        &self,
        _: Request<StewardStudiesRequest>,
    ) -> Result<Response<StewardStudiesResponse>, Status> {
        self.ask(|keeper| keeper.studies()).await.map(Response::new)
    }

    async fn show_study(
        &self,
        request: Request<ShowStudyRequest>,
    ) -> Result<Response<ShowStudyResponse>, Status> {
        let study = request.into_inner().study;
        self.ask(move |keeper| keeper.show(&study)).await?.map(Response::new)
    }

    async fn decide_study(
        &self,
        request: Request<DecideStudyRequest>,
    ) -> Result<Response<DecideStudyResponse>, Status> {
        let DecideStudyRequest { study, decision, steward, reason } = request.into_inner();
        let decided =
            self.ask(move |keeper| keeper.decide(&study, &decision, &steward, &reason)).await??;
        Ok(Response::new(DecideStudyResponse { study: Some(decided) }))
    }

    async fn decide_slot(
        &self,
        request: Request<DecideSlotRequest>,
    ) -> Result<Response<DecideSlotResponse>, Status> {
        let request = request.into_inner();
        self.ask(move |keeper| keeper.decide_slot(&request)).await??;
        Ok(Response::new(DecideSlotResponse {}))
    }

    async fn show_charter(
        &self,
        _: Request<SiteCharterRequest>,
    ) -> Result<Response<SiteCharterResponse>, Status> {
        self.ask(|keeper| keeper.show_charter()).await.map(Response::new)
    }

    async fn sign_charter(
        &self,
        request: Request<SignCharterRequest>,
    ) -> Result<Response<SignCharterResponse>, Status> {
        let SignCharterRequest { words, steward } = request.into_inner();
        let signed = self.ask(move |keeper| keeper.sign_charter(&words, &steward)).await??;
        Ok(Response::new(signed))
    }

    async fn vouch(
        &self,
        request: Request<VouchRequest>,
    ) -> Result<Response<VouchResponse>, Status> {
        let request = request.into_inner();
        let credential = self.ask(move |keeper| keeper.vouch(&request)).await??;
        Ok(Response::new(VouchResponse { credential }))
    }

    async fn reload(&self, _: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        self.ask(Keeper::reload).await?.map(Response::new)
    }

    async fn record_data(
        &self,
        request: Request<RecordDataRequest>,
    ) -> Result<Response<RecordDataResponse>, Status> {
        let request = request.into_inner();
        self.ask(move |keeper| keeper.record_data(&request)).await??;
        Ok(Response::new(RecordDataResponse {}))
    }
}
