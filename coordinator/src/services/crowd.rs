//! Bounds on calls before any service sees them: how many are under way for one peer and for all,
//! and how slowly their requests may come.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use ripieno_rpc::incoming::Peer;
use ripieno_transport::Serial;
use ripieno_transport::server::origin;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tower::Layer;

use super::pace::Paced;
use super::places::{Full, Place, Places};

/// Sessions that one certificate may have at a time: the last one counts, those before it end.
const SESSIONS: usize = 4;
/// Other calls of one certificate.
const CALLS: usize = 64;
/// Calls without a certificate of one address, and of all. A request of them has at most 128 KiB,
/// so that all together they hold 32 MiB.
const OF_ADDRESS: usize = 32;
const OF_STRANGERS: usize = 256;
/// Calls of health, and of reflection, of one address and of all, with a certificate or without.
const HEALTH: (usize, usize) = (16, 64);
const REFLECTION: (usize, usize) = (4, 8);

/// Wraps the services.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    bounds: Arc<Bounds>,
}

/// Services that are not asked by too many at a time, nor too slowly.
#[derive(Clone, Debug)]
pub(crate) struct Crowded<S> {
    service: S,
    bounds: Arc<Bounds>,
}

/// Whether a call may last as long as its caller likes: those of researchers who have proved who
/// they are, each bounded by its service.
pub(crate) fn may_last(path: &str) -> bool {
    matches!(Kind::of(path), Kind::Lasting)
}

#[derive(Debug)]
struct Bounds {
    wait: Duration,
    sessions: Arc<Places<Serial>>,
    calls: Arc<Places<Serial>>,
    strangers: Arc<Places<IpAddr>>,
    health: Arc<Places<IpAddr>>,
    reflection: Arc<Places<IpAddr>>,
}

/// What is to be told apart.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Session,
    Lasting,
    Health,
    Reflection,
    Other,
}

impl Kind {
    fn of(path: &str) -> Self {
        match path {
            "/ripieno.v1.SiteService/Attend" => Self::Session,
            "/ripieno.v1.StudyService/Watch" | "/ripieno.v1.StudyService/Result" => Self::Lasting,
            _ if path.starts_with("/grpc.health.") => Self::Health,
            _ if path.starts_with("/grpc.reflection.") => Self::Reflection,
            _ => Self::Other,
        }
    }
}

/// The places of one call.
#[derive(Debug)]
struct Taken {
    _site: Option<Place<Serial>>,
    _stranger: Option<Place<IpAddr>>,
    _open: Option<Place<IpAddr>>,
}

impl Crowd {
    /// Requests may keep a call waiting for so long.
    pub(crate) fn new(wait: Duration) -> Self {
        let bounds = Bounds {
            wait,
            sessions: Places::new(SESSIONS, usize::MAX),
            calls: Places::new(CALLS, usize::MAX),
            strangers: Places::new(OF_ADDRESS, OF_STRANGERS),
            health: Places::new(HEALTH.0, HEALTH.1),
            reflection: Places::new(REFLECTION.0, REFLECTION.1),
        };
        Self { bounds: Arc::new(bounds) }
    }
}

impl Bounds {
    fn take(&self, peer: Option<&Peer>, kind: Kind) -> Result<Taken, Full> {
        let mut taken = Taken { _site: None, _stranger: None, _open: None };
        let Some(peer) = peer else { return Ok(taken) };
        let address = origin(peer.address.ip());
        taken._open = match kind {
            Kind::Health => Some(self.health.take(address)?),
            Kind::Reflection => Some(self.reflection.take(address)?),
            _ => None,
        };
        match (&peer.certificate, kind) {
            (Some(shown), Kind::Session) => {
                taken._site = Some(self.sessions.take(shown.serial.clone())?);
            }
            (Some(shown), _) => taken._site = Some(self.calls.take(shown.serial.clone())?),
            (None, _) => taken._stranger = Some(self.strangers.take(address)?),
        }
        Ok(taken)
    }
}

impl<S> Layer<S> for Crowd {
    type Service = Crowded<S>;

    fn layer(&self, service: S) -> Crowded<S> {
        Crowded { service, bounds: self.bounds.clone() }
    }
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Crowded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let kind = Kind::of(request.uri().path());
        let taken = match self.bounds.take(request.extensions().get(), kind) {
            Ok(taken) => taken,
            Err(full) => return Box::pin(std::future::ready(Ok(refused(full)))),
        };
        let (wait, may_rest) = (self.bounds.wait, matches!(kind, Kind::Session));
        let request = request.map(|body| Body::new(Paced::new(body, wait, may_rest)));
        let answer = self.service.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(match kind {
                // From here on its service bounds it.
                Kind::Lasting => answer,
                _ => answer.map(|body| Body::new(Held { body, _taken: taken })),
            })
        })
    }
}

fn refused(full: Full) -> Response<Body> {
    Status::resource_exhausted(format!("too many calls are under way: {full}; try again later"))
        .into_http()
}

/// An answer with the places of its call.
struct Held {
    body: Body,
    _taken: Taken,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
