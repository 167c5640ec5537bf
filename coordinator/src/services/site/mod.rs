//! What sites call.

mod admission;
mod attend;
mod download;
mod enrol;
mod upload;

use std::sync::Arc;

use ripieno_rpc::incoming::{Peer, peer};
use ripieno_rpc::site_service_server::SiteService;
use ripieno_rpc::{
    AttendRequest, DownloadRequest, EnrolRequest, EnrolResponse, RenewRequest, RenewResponse,
    UploadRequest, UploadResponse,
};
use ripieno_transport::Serial;
use tonic::{Request, Response, Status, Streaming};

use super::rate::Rate;
use crate::actor::{Handle, Messages, Shared};
use admission::Admission;
use download::Parts;

/// The service of sites.
pub(crate) struct Sites {
    actor: Handle,
    shared: Arc<Shared>,
    enrolments: Rate,
    arrivals: Arc<Admission>,
}

impl Sites {
    pub(crate) fn new(actor: Handle, shared: Arc<Shared>) -> Self {
        let limits = &shared.settings.connections;
        let enrolments =
            Rate::new(limits.enrolments_per_minute, limits.enrolments_per_minute_in_all);
        let arrivals = Admission::new(limits.arrivals);
        Self { actor, shared, enrolments, arrivals }
    }
}

#[tonic::async_trait]
impl SiteService for Sites {
    type AttendStream = Messages;
    type DownloadStream = Parts;

    async fn enrol(
        &self,
        request: Request<EnrolRequest>,
    ) -> Result<Response<EnrolResponse>, Status> {
        self.take_enrolment(request).await.map(Response::new)
    }

    async fn renew(
        &self,
        request: Request<RenewRequest>,
    ) -> Result<Response<RenewResponse>, Status> {
        self.take_renewal(request).await.map(Response::new)
    }

    async fn attend(
        &self,
        request: Request<Streaming<AttendRequest>>,
    ) -> Result<Response<Messages>, Status> {
        self.begin_session(request).await.map(Response::new)
    }

    async fn upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        self.take_upload(request).await.map(Response::new)
    }

    async fn download(&self, request: Request<DownloadRequest>) -> Result<Response<Parts>, Status> {
        self.hand_out(request).await.map(Response::new)
    }
}

/// Who is at the other end.
fn peer_of<T>(request: &Request<T>) -> Result<Peer, Status> {
    peer(request).cloned().ok_or_else(|| Status::internal("the connection says not whose it is"))
}

/// The certificate of a site.
fn serial_of(peer: &Peer) -> Result<Serial, Status> {
    let certificate = peer.certificate.as_ref().ok_or_else(|| {
        Status::unauthenticated(
            "this call needs a site's certificate on the connection; enrol with an invitation",
        )
    })?;
    Ok(certificate.serial.clone())
}
