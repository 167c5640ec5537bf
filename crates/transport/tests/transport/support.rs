//! A federation in small: an authority, a coordinator's certificate, sites, and a server.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use ripieno_transport::authority::{Authority, RevocationList, Revoked, Validity};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, Endpoint, ProxySettings};
use ripieno_transport::request::{PendingRequest, VerifiedRequest};
use ripieno_transport::server::{Acceptor, Connection, Incoming, Limits, ServerTls};
use ripieno_transport::{Serial, SubjectName, TlsIdentity, TrustedAuthorities};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub(crate) const DAY: Duration = Duration::from_hours(24);
/// Far more than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it happens in time")
}

pub(crate) fn name(text: &str) -> SubjectName {
    text.parse().unwrap()
}

pub(crate) fn days(days: u16) -> Validity {
    Validity { from: SystemTime::now(), days }
}

pub(crate) struct Federation {
    pub(crate) authority: Authority,
}

impl Federation {
    pub(crate) fn new() -> Self {
        // Old enough for certificates that have ended.
        let validity = Validity { from: SystemTime::now() - 100 * DAY, days: 1000 };
        Self { authority: Authority::create(&name("North"), validity).unwrap() }
    }

    pub(crate) fn trusted(&self) -> TrustedAuthorities {
        TrustedAuthorities::new(vec![self.authority.certificate().clone()]).unwrap()
    }

    pub(crate) fn coordinator(&self) -> TlsIdentity {
        self.server_valid(days(30))
    }

    pub(crate) fn server_valid(&self, validity: Validity) -> TlsIdentity {
        let hosts = ["localhost", "127.0.0.1"];
        self.authority.issue_server(&name("coordinator"), &hosts, validity).unwrap()
    }

    pub(crate) fn site(&self, site: &str) -> TlsIdentity {
        self.site_valid(site, days(30))
    }

    pub(crate) fn site_valid(&self, site: &str, validity: Validity) -> TlsIdentity {
        let pending = PendingRequest::create().unwrap();
        let request = VerifiedRequest::from_der(pending.der()).unwrap();
        let issued = self.authority.issue_site(&request, &name(site), validity).unwrap();
        pending.accept(&issued.der, &self.trusted(), validity.from).unwrap()
    }

    pub(crate) fn list(&self, number: u64, revoked: &[&Serial]) -> RevocationList {
        let entry = |serial: &&Serial| Revoked { serial: (*serial).clone(), at: SystemTime::now() };
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        self.authority.issue_list(&revoked, number, days(7)).unwrap()
    }

    pub(crate) fn server_tls(&self) -> ServerTls {
        self.server_tls_with(&self.coordinator(), &[])
    }

    pub(crate) fn server_tls_with(&self, shown: &TlsIdentity, revoked: &[&Serial]) -> ServerTls {
        ServerTls::new(shown, &self.trusted(), &[self.list(1, revoked)]).unwrap()
    }

    pub(crate) async fn serve(&self) -> (Acceptor, Incoming) {
        serve(self.server_tls(), Limits::default()).await
    }

    pub(crate) fn connector(&self, server: SocketAddr, shown: Option<&TlsIdentity>) -> Connector {
        let tls = ClientTls::new(&self.trusted(), shown).unwrap();
        Connector::new(endpoint(server), tls, ProxySettings::none(), Deadlines::default()).unwrap()
    }
}

pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    address.to_string().parse().unwrap()
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) async fn serve(tls: ServerTls, limits: Limits) -> (Acceptor, Incoming) {
    let (listener, _) = listen().await;
    Acceptor::start(listener, tls, limits).unwrap()
}

/// A port on which one function answers each connection.
pub(crate) async fn answer<F: Future<Output = ()> + Send>(
    with: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            with(tcp).await;
        }
    });
    address
}

/// Connects, says something, and takes what the server yields for it.
pub(crate) async fn pair(
    connector: &Connector,
    incoming: &mut Incoming,
) -> (impl AsyncRead + AsyncWrite + Unpin + use<>, Connection) {
    let mut client = within(connector.connect()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    client.flush().await.unwrap();
    let mut server = within(incoming.next()).await.unwrap();
    let mut heard = [0; 5];
    within(server.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello");
    (client, server)
}

/// Sends something through both ends.
pub(crate) async fn talk(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
) {
    let mut heard = [0; 4];
    server.write_all(b"ping").await.unwrap();
    server.flush().await.unwrap();
    within(client.read_exact(&mut heard)).await.unwrap();
    client.write_all(&heard).await.unwrap();
    client.flush().await.unwrap();
    within(server.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"ping");
}

/// Waits until the other end has closed, in whatever way.
pub(crate) async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.is_err() || rest.is_empty()
}

/// Lets the others work until something holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    within(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
