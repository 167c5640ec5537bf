//! A federation in small, and services that answer with what they saw of their caller.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use ripieno_rpc::incoming::{self, Links};
use ripieno_rpc::operator_service_server::{OperatorService, OperatorServiceServer};
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::site_service_server::{SiteService, SiteServiceServer};
use ripieno_rpc::*;
use ripieno_transport::authority::{Authority, Revoked, Validity};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::request::{PendingRequest, VerifiedRequest};
use ripieno_transport::server::{Acceptor, Incoming, Limits, ServerTls};
use ripieno_transport::{Serial, TlsIdentity, TrustedAuthorities};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

/// Far more than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens in time")
}

pub(crate) struct Federation(Authority);

impl Federation {
    pub(crate) fn new() -> Self {
        Self(Authority::create(&"North".parse().unwrap(), days(100)).unwrap())
    }

    pub(crate) fn trusted(&self) -> TrustedAuthorities {
        TrustedAuthorities::new(vec![self.0.certificate().clone()]).unwrap()
    }

    pub(crate) fn site(&self, name: &str) -> TlsIdentity {
        let pending = PendingRequest::create().unwrap();
        let request = VerifiedRequest::from_der(pending.der()).unwrap();
        let issued = self.0.issue_site(&request, &name.parse().unwrap(), days(30)).unwrap();
        pending.accept(&issued.der, &self.trusted(), SystemTime::now()).unwrap()
    }

    pub(crate) async fn listen(&self, revoked: &[&Serial]) -> (Acceptor, Incoming) {
        let shown = self.0.issue_server(&"hub".parse().unwrap(), &["127.0.0.1"], days(30)).unwrap();
        let entry = |serial: &&Serial| Revoked { serial: (*serial).clone(), at: SystemTime::now() };
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        let list = self.0.issue_list(&revoked, 1, days(7)).unwrap();
        let tls = ServerTls::new(&shown, &self.trusted(), &[list]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Acceptor::start(listener, tls, Limits::default()).unwrap()
    }

    pub(crate) async fn serve(&self, revoked: &[&Serial]) -> Acceptor {
        let (acceptor, incoming) = self.listen(revoked).await;
        let service = SiteServiceServer::new(Echo).max_decoding_message_size(8 << 20);
        let served = incoming::server(Keepalive::default())
            .add_service(service)
            .serve_with_incoming(Links::from(incoming));
        tokio::spawn(served);
        acceptor
    }

    pub(crate) fn connector(
        &self,
        server: SocketAddr,
        shown: Option<&TlsIdentity>,
        proxy: ProxySettings,
    ) -> Connector {
        let tls = ClientTls::new(&self.trusted(), shown).unwrap();
        let target = server.to_string().parse().unwrap();
        Connector::new(target, tls, proxy, Deadlines::default()).unwrap()
    }

    pub(crate) fn calls(
        &self,
        server: SocketAddr,
        shown: Option<&TlsIdentity>,
    ) -> SiteServiceClient<Channel> {
        let connector = self.connector(server, shown, ProxySettings::none());
        SiteServiceClient::new(channel(connector, Keepalive::default()))
    }
}

fn days(days: u16) -> Validity {
    Validity { from: SystemTime::now(), days }
}

/// Answers a renewal with the name in the caller's certificate, a download with two parts, and an
/// enrolment never.
pub(crate) struct Echo;

type Parts<T> = tokio_stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

#[tonic::async_trait]
impl SiteService for Echo {
    type AttendStream = Parts<AttendResponse>;
    type DownloadStream = Parts<DownloadResponse>;

    async fn enrol(&self, _: Request<EnrolRequest>) -> Result<Response<EnrolResponse>, Status> {
        std::future::pending().await
    }

    async fn renew(
        &self,
        request: Request<RenewRequest>,
    ) -> Result<Response<RenewResponse>, Status> {
        let peer = incoming::peer(&request).expect("every request says who sent it");
        assert!(peer.address.ip().is_loopback());
        let name = peer.certificate.as_ref().map(|shown| shown.subject.to_string());
        let certificate = name.unwrap_or_default().into_bytes().into();
        Ok(Response::new(RenewResponse { certificate, authorities: Vec::new() }))
    }

    async fn attend(
        &self,
        _: Request<Streaming<AttendRequest>>,
    ) -> Result<Response<Self::AttendStream>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        let mut parts = request.into_inner();
        while parts.message().await?.is_some() {}
        Ok(Response::new(UploadResponse {}))
    }

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let size = usize::try_from(request.into_inner().ticket).expect("the tests ask for little");
        let part = || Ok(DownloadResponse { part: vec![7; size].into() });
        Ok(Response::new(tokio_stream::iter(vec![part(), part()])))
    }
}

/// Answers a request for the status with the process that called, and others never.
pub(crate) struct Desk;

#[tonic::async_trait]
impl OperatorService for Desk {
    async fn status(
        &self,
        request: Request<OperatorStatusRequest>,
    ) -> Result<Response<OperatorStatusResponse>, Status> {
        let peer = request.extensions().get::<local::LocalPeer>().expect("the caller is known");
        let program = format!("user {} process {:?}", peer.user, peer.process);
        Ok(Response::new(OperatorStatusResponse { program, ..Default::default() }))
    }

    async fn invite(&self, _: Request<InviteRequest>) -> Result<Response<InviteResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn sites(&self, _: Request<SitesRequest>) -> Result<Response<SitesResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn show_charter(
        &self,
        _: Request<ShowCharterRequest>,
    ) -> Result<Response<ShowCharterResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn propose_charter(
        &self,
        _: Request<ProposeCharterRequest>,
    ) -> Result<Response<ProposeCharterResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn revoke(&self, _: Request<RevokeRequest>) -> Result<Response<RevokeResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn cancel(
        &self,
        _: Request<CancelStudyRequest>,
    ) -> Result<Response<CancelStudyResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn authority(
        &self,
        _: Request<AuthorityRequest>,
    ) -> Result<Response<AuthorityResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn studies(
        &self,
        _: Request<OperatorStudiesRequest>,
    ) -> Result<Response<OperatorStudiesResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

/// Serves the desk on a local socket.
pub(crate) fn serve_desk(listener: local::LocalListener) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let server = tonic::transport::Server::builder();
        let mut server = server;
        let served = server.add_service(OperatorServiceServer::new(Desk));
        served.serve_with_incoming(listener).await.unwrap();
    })
}
