//! Bounds that hold before a handler sees anything: how large a message of each method may be, and
//! how long a call may take until it is answered.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ripieno_rpc::site_service_server::{SiteService, SiteServiceServer};
use ripieno_wire::limits::{MAX_CONTROL_BYTES, MAX_TILE_BYTES};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;

use super::SMALL;

/// What the field around an encoded message takes.
const SLACK: usize = 1 << 10;

/// The services of sites, each method with the largest message that it may have. A longer one is
/// refused by its length alone.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    attend: SiteServiceServer<S>,
    upload: SiteServiceServer<S>,
    other: Deadline<SiteServiceServer<S>>,
}

impl<S> Bounded<S> {
    /// Bounds a service; calls that are no streams of the site are answered within `deadline`.
    pub(crate) fn new(service: S, deadline: Duration) -> Self {
        let service = std::sync::Arc::new(service);
        let bounded = |bytes: usize| {
            SiteServiceServer::from_arc(service.clone()).max_decoding_message_size(bytes)
        };
        Self {
            attend: bounded(MAX_CONTROL_BYTES + SLACK),
            upload: bounded(MAX_TILE_BYTES + SLACK),
            other: Deadline::new(bounded(SMALL), deadline),
        }
    }
}

impl<S> Clone for Bounded<S> {
    fn clone(&self) -> Self {
        let Self { attend, upload, other } = self;
        Self { attend: attend.clone(), upload: upload.clone(), other: other.clone() }
    }
}

impl<S> NamedService for Bounded<S> {
    const NAME: &'static str = <SiteServiceServer<()> as NamedService>::NAME;
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S: SiteService> Service<Request<Body>> for Bounded<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        match request.uri().path().rsplit('/').next() {
            Some("Attend") => self.attend.call(request),
            Some("Upload") => self.upload.call(request),
            _ => self.other.call(request),
        }
    }
}

/// A service whose calls are answered in time: a stream of answers has begun by then.
#[derive(Clone, Debug)]
pub(crate) struct Deadline<S> {
    service: S,
    deadline: Duration,
}

impl<S> Deadline<S> {
    pub(crate) fn new(service: S, deadline: Duration) -> Self {
        Self { service, deadline }
    }
}

impl<S: NamedService> NamedService for Deadline<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let answer = self.service.call(request);
        let deadline = self.deadline;
        Box::pin(async move {
            let late = || Status::deadline_exceeded("the request was not complete in time");
            let answer = tokio::time::timeout(deadline, answer).await;
            answer.unwrap_or_else(|_| Ok(late().into_http()))
        })
    }
}
