//! Tells a connection which calls are under way over it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use ripieno_transport::server::Call;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use super::Peer;

/// How long a call may take as a whole, its answer included, on a connection without a certificate.
/// One that takes longer costs its connection.
#[derive(Clone, Copy, Debug)]
pub struct CallLimit {
    /// So long.
    pub most: Duration,
    /// Whether a call with this path may go on.
    pub except: fn(&str) -> bool,
}

/// Wraps the services.
#[derive(Clone, Copy, Debug)]
pub struct Track(pub(super) CallLimit);

/// A service of which the connections know what is under way.
#[derive(Clone, Debug)]
pub struct Tracked<S> {
    service: S,
    limit: CallLimit,
}

impl<S> Layer<S> for Track {
    type Service = Tracked<S>;

    fn layer(&self, service: S) -> Tracked<S> {
        Tracked { service, limit: self.0 }
    }
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Tracked<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = request.extensions().get::<Peer>();
        let call = peer.map(|peer| {
            let stranger = peer.certificate.is_none();
            let limited = stranger && !(self.limit.except)(request.uri().path());
            peer.usage.begin(limited.then_some(self.limit.most))
        });
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Held { body, _call: call })))
        })
    }
}

/// An answer with its call, which has ended when this is dropped.
struct Held {
    body: Body,
    _call: Option<Call>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
