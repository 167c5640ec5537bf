//! Trust by fingerprint alone, and what a connection shows once HTTP/2 has begun.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use ripieno_transport::authority::Validity;
use ripieno_transport::client::{
    CertificateProblem, ClientTls, ConnectError, Connector, Deadlines, Endpoint, ProxySettings,
    Rejection,
};
use ripieno_transport::server::Limits;
use ripieno_transport::{Fingerprint, TlsIdentity};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::support::{DAY, Federation, answer, endpoint, pair, serve, talk, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn pinned_to(target: Endpoint, fingerprint: Fingerprint) -> Connector {
    let tls = ClientTls::pinned(fingerprint).unwrap();
    Connector::new(target, tls, ProxySettings::none(), Deadlines::default()).unwrap()
}

fn connector(server: SocketAddr, federation: &Federation) -> Connector {
    pinned_to(endpoint(server), federation.authority.certificate().fingerprint())
}

/// A server that shows these certificates, whoever issued them.
async fn showing(identity: &TlsIdentity, beside: &[&[u8]]) -> SocketAddr {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.pem");
    identity.save(&path).unwrap();
    let key = PrivateKeyDer::from_pem_file(&path).unwrap();
    let chain = [identity.certificate_der()].into_iter().chain(beside.iter().copied());
    let chain = chain.map(|der| CertificateDer::from(der.to_vec())).collect();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    answer(move |tcp| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(tcp).await) }
    })
    .await
}

async fn problem(connector: &Connector) -> CertificateProblem {
    match within(connector.connect()).await.unwrap_err() {
        ConnectError::Certificate { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_shows_its_authority_and_is_known_by_its_fingerprint() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = connector(acceptor.local_address(), &north);
    let shown = within(connector.connect()).await.unwrap();
    assert_eq!(shown.authority(), Some(north.authority.certificate()));
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    talk(&mut client, &mut server).await;
    assert!(server.peer_certificate().is_none());
    // Who trusts it in full needs no fingerprint, and is told none.
    let full = within(north.connector(acceptor.local_address(), None).connect()).await.unwrap();
    assert_eq!(full.authority(), None);
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (north, south) = (Federation::new(), Federation::new());
    let (acceptor, _incoming) = south.serve().await;
    let found = problem(&connector(acceptor.local_address(), &north)).await;
    let CertificateProblem::UnknownAuthority { issuer } = found else { panic!("{found}") };
    assert_eq!(issuer, south.authority.certificate().subject());
}

#[tokio::test]
async fn a_shown_authority_proves_nothing_about_a_certificate_of_another() {
    let (north, south) = (Federation::new(), Federation::new());
    let ours = north.authority.certificate().der();
    // Its own leaf with our authority beside it; before, and behind its own.
    let theirs = south.authority.certificate().der();
    for beside in [&[ours][..], &[ours, theirs], &[theirs, ours]] {
        let server = showing(&south.coordinator(), beside).await;
        let found = problem(&connector(server, &north)).await;
        assert!(matches!(found, CertificateProblem::UnknownAuthority { .. }), "{found}");
    }
}

#[tokio::test]
async fn another_leaf_does_not_count_as_the_authority() {
    let north = Federation::new();
    let ours = north.coordinator();
    // The fingerprint of the leaf itself, and of one that is no authority, beside it.
    let leaf = ours.certificate().fingerprint;
    let server = showing(&ours, &[ours.certificate_der()]).await;
    let found = problem(&pinned_to(endpoint(server), leaf)).await;
    assert!(matches!(found, CertificateProblem::UnknownAuthority { .. }), "{found}");
}

#[tokio::test]
async fn a_server_that_does_not_show_its_authority_is_not_believed() {
    let north = Federation::new();
    let server = showing(&north.coordinator(), &[]).await;
    let found = problem(&connector(server, &north)).await;
    assert!(matches!(found, CertificateProblem::UnknownAuthority { .. }), "{found}");
}

#[tokio::test]
async fn no_certificate_of_a_site_stands_between() {
    let north = Federation::new();
    let ours = north.authority.certificate().der();
    let site = north.site("site");
    let server = showing(&site, &[ours]).await;
    let found = problem(&connector(server, &north)).await;
    assert!(matches!(found, CertificateProblem::WrongUse), "{found}");
}

#[tokio::test]
async fn name_and_time_count_as_ever() {
    let north = Federation::new();
    let (acceptor, _incoming) = north.serve().await;
    let named = connector(acceptor.local_address(), &north).expecting("other.example").unwrap();
    let found = problem(&named).await;
    assert!(matches!(found, CertificateProblem::WrongName { .. }), "{found}");
    for (offset, days) in [(-20_i64, 10), (20, 10)] {
        let shift = DAY * u32::try_from(offset.abs()).unwrap();
        let now = SystemTime::now();
        let from = if offset < 0 { now - shift } else { now + shift };
        let shown = north.server_valid(Validity { from, days });
        let tls = north.server_tls_with(&shown, &[]);
        let (acceptor, _incoming) = serve(tls, Limits::default()).await;
        match problem(&connector(acceptor.local_address(), &north)).await {
            CertificateProblem::Expired { .. } if offset < 0 => {}
            CertificateProblem::NotYetValid { .. } if offset > 0 => {}
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn what_was_read_ahead_is_read_again_and_the_preface_is_sent_once() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), None);
    let server = tokio::spawn(async move {
        let mut server = within(incoming.next()).await.unwrap();
        server.write_all(b"settings").await.unwrap();
        server.flush().await.unwrap();
        let mut heard = vec![0; PREFACE.len() + 4];
        within(server.read_exact(&mut heard)).await.unwrap();
        server.write_all(b"more").await.unwrap();
        server.flush().await.unwrap();
        heard
    });
    let mut client = within(connector.connect_http2()).await.unwrap();
    let (start, rest) = PREFACE.split_at(7);
    client.write_all(start).await.unwrap();
    client.write_all(&[rest, b"next"].concat()).await.unwrap();
    client.flush().await.unwrap();
    let mut heard = [0; 12];
    for part in heard.chunks_mut(3) {
        within(client.read_exact(part)).await.unwrap();
    }
    assert_eq!(&heard, b"settingsmore");
    assert_eq!(server.await.unwrap(), [PREFACE, b"next"].concat());
}

#[tokio::test]
async fn only_a_preface_is_swallowed() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), None);
    tokio::spawn(async move {
        let mut server = within(incoming.next()).await.unwrap();
        server.write_all(b"settings").await.unwrap();
        server.flush().await.unwrap();
        let _ = server.read_u8().await;
    });
    let mut client = within(connector.connect_http2()).await.unwrap();
    let error = client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_refused_certificate_fails_the_connection_and_not_a_later_call() {
    let north = Federation::new();
    let site = north.site("site");
    let tls = north.server_tls_with(&north.coordinator(), &[&site.certificate().serial]);
    let (acceptor, _incoming) = serve(tls, Limits::default()).await;
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let error = within(connector.connect_http2()).await.unwrap_err();
    let ConnectError::Rejected { rejection: Rejection::Revoked, .. } = error else {
        panic!("{error}");
    };
}
