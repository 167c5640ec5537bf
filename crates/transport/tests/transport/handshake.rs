//! Who lets whom in.

use std::sync::Arc;
use std::time::SystemTime;

use ripieno_transport::authority::{Authority, RevocationList, Validity};
use ripieno_transport::client::{
    CertificateProblem, ClientTls, ConnectError, Connector, Deadlines, ProxySettings, Rejection,
    Step, TlsProblem, Trouble,
};
use ripieno_transport::server::{BadServerTls, Limits, ServerTls};
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::TLS13;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::{
    DAY, Federation, answer, days, endpoint, listen, name, pair, serve, talk, until, within,
};

#[tokio::test]
async fn a_site_with_a_certificate_is_known_by_it() {
    let north = Federation::new();
    let site = north.site("St. Anna");
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    talk(&mut client, &mut server).await;
    assert_eq!(server.peer_certificate().unwrap().as_ref(), site.certificate());
    assert_eq!(server.peer_certificate().unwrap().subject, name("St. Anna"));
    assert!(server.peer_address().ip().is_loopback());
}

#[tokio::test]
async fn who_is_still_to_enrol_has_no_certificate() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), None);
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    talk(&mut client, &mut server).await;
    assert!(server.peer_certificate().is_none());
    assert_eq!(acceptor.connections().counts().accepted, 1);
}

#[tokio::test]
async fn a_probe_says_who_answered() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    tokio::spawn(async move {
        while let Some(mut connection) = incoming.next().await {
            let _ = connection.write_all(b"settings").await;
            let _ = connection.flush().await;
        }
    });
    let site = north.site("site");
    let found = within(north.connector(acceptor.local_address(), Some(&site)).probe()).await;
    let found = found.unwrap();
    assert_eq!((found.proxy, found.server.unwrap().subject), (None, name("coordinator")));
}

#[tokio::test]
async fn another_federations_coordinator_is_not_believed() {
    let (north, south) = (Federation::new(), Federation::new());
    let (acceptor, _incoming) = south.serve().await;
    let error = refusal(&north.connector(acceptor.local_address(), None)).await;
    assert_eq!(error.step(), Step::Certificate);
    let ConnectError::Certificate {
        problem: CertificateProblem::UnknownAuthority { issuer }, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(issuer, south.authority.certificate().subject());
    assert!(error.advice().contains("TLS inspection"), "{}", error.advice());
}

#[tokio::test]
async fn a_coordinators_certificate_must_hold_now_for_this_name_and_use() {
    let north = Federation::new();
    let ago = |days| Validity { from: SystemTime::now() - 50 * DAY, days };
    let ahead = Validity { from: SystemTime::now() + DAY, days: 9 };

    let error = with_server(&north, &north.server_valid(ago(49))).await;
    assert!(matches!(error, Some(CertificateProblem::Expired { since, .. }) if since >= DAY));
    let error = with_server(&north, &north.server_valid(ahead)).await;
    assert!(matches!(error, Some(CertificateProblem::NotYetValid { .. })));
    let error = with_server(&north, &north.site("site")).await;
    assert!(matches!(
        error,
        Some(CertificateProblem::WrongUse | CertificateProblem::WrongName { .. })
    ));
    let elsewhere = ["else.example.org"];
    let elsewhere = north.authority.issue_server(&name("c"), &elsewhere, days(1)).unwrap();
    let Some(CertificateProblem::WrongName { presented }) = with_server(&north, &elsewhere).await
    else {
        panic!("the name is another");
    };
    assert!(presented.iter().any(|name| name.contains("else.example.org")), "{presented:?}");
    assert!(with_server(&north, &north.server_valid(ago(60))).await.is_none());
}

#[tokio::test]
async fn a_site_may_expect_another_name_than_it_dials() {
    let north = Federation::new();
    let shown = north.authority.issue_server(&name("c"), &["hub.example.org"], days(1)).unwrap();
    let (acceptor, mut incoming) =
        serve(north.server_tls_with(&shown, &[]), Limits::default()).await;
    let connector = north.connector(acceptor.local_address(), None);
    let connector = connector.expecting("hub.example.org").unwrap();
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    talk(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_sites_certificate_must_be_of_the_federation_hold_now_and_not_be_revoked() {
    let (north, south) = (Federation::new(), Federation::new());
    let before = Validity { from: SystemTime::now() - 50 * DAY, days: 49 };
    let ahead = Validity { from: SystemTime::now() + DAY, days: 9 };
    let revoked = north.site("gone");
    let serial = &revoked.certificate().serial;
    let tls = north.server_tls_with(&north.coordinator(), &[serial]);
    let (acceptor, mut incoming) = serve(tls, Limits::default()).await;

    for (site, expected) in [
        (revoked, Rejection::Revoked),
        (north.site_valid("old", before), Rejection::Expired),
        (north.site_valid("early", ahead), Rejection::Expired),
        (south.site("foreign"), Rejection::UnknownAuthority),
        (north.coordinator(), Rejection::WrongUse),
    ] {
        let connector = north.connector(acceptor.local_address(), Some(&site));
        let error = within(connector.probe()).await.unwrap_err();
        assert_eq!(error.step(), Step::Certificate, "{error}");
        assert!(
            matches!(&error, ConnectError::Rejected { rejection, .. } if *rejection == expected),
            "{error}"
        );
        assert!(error.advice().contains("operator"));
    }
    until(|| acceptor.connections().counts().handshake_failed == 5).await;

    // None of them came through, and nothing is stuck: the next one is a good one.
    let site = north.site("site");
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let (_client, server) = pair(&connector, &mut incoming).await;
    assert_eq!(server.peer_certificate().unwrap().subject, name("site"));
}

#[tokio::test]
async fn a_list_whose_time_is_over_lets_no_certificate_in() {
    let north = Federation::new();
    let validity = Validity { from: SystemTime::now() - 10 * DAY, days: 9 };
    let list = north.authority.issue_list(&[], 1, validity).unwrap();
    let tls = ServerTls::new(&north.coordinator(), &north.trusted(), &[list]).unwrap();
    let (acceptor, mut incoming) = serve(tls, Limits::default()).await;
    let site = north.site("site");
    let error =
        within(north.connector(acceptor.local_address(), Some(&site)).probe()).await.unwrap_err();
    let unknown = Rejection::UnknownAuthority;
    assert!(matches!(&error, ConnectError::Rejected { rejection, .. } if *rejection == unknown));
    assert!(error.advice().contains("revocation list"), "{}", error.advice());
    // Enrolment needs none.
    let connector = north.connector(acceptor.local_address(), None);
    let (_client, server) = pair(&connector, &mut incoming).await;
    assert!(server.peer_certificate().is_none());
}

#[tokio::test]
async fn a_server_needs_a_list_of_each_authority_and_no_other() {
    let (north, south) = (Federation::new(), Federation::new());
    let build =
        |lists: &[RevocationList]| ServerTls::new(&north.coordinator(), &north.trusted(), lists);
    assert!(matches!(build(&[]), Err(BadServerTls::NoList(_))));
    assert!(matches!(build(&[south.list(1, &[])]), Err(BadServerTls::NoList(_))));
    let both = [north.list(1, &[]), south.list(7, &[])];
    assert!(matches!(build(&both), Err(BadServerTls::ForeignList(7))));
}

#[tokio::test]
async fn an_authority_is_replaced_while_both_are_trusted() {
    let old = Federation::new();
    let new = Federation { authority: Authority::create(&name("North"), days(1000)).unwrap() };
    let both = [&old, &new].map(|one| one.authority.certificate().clone()).to_vec();
    let both = TrustedAuthorities::new(both).unwrap();
    let lists = [old.list(1, &[]), new.list(1, &[])];
    let tls = ServerTls::new(&new.coordinator(), &both, &lists).unwrap();
    let (acceptor, mut incoming) = serve(tls, Limits::default()).await;
    for site in [old.site("old"), new.site("new")] {
        let tls = ClientTls::new(&both, Some(&site)).unwrap();
        let target = endpoint(acceptor.local_address());
        let connector =
            Connector::new(target, tls, ProxySettings::none(), Deadlines::default()).unwrap();
        let (_client, server) = pair(&connector, &mut incoming).await;
        assert_eq!(server.peer_certificate().unwrap().as_ref(), site.certificate());
    }
    // Who only trusts the old one learns that the authority is another.
    let error = refusal(&old.connector(acceptor.local_address(), None)).await;
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error}");
}

#[tokio::test]
async fn older_versions_and_other_protocols_are_refused() {
    let north = Federation::new();
    let (acceptor, _incoming) = north.serve().await;
    let mut old = TcpStream::connect(acceptor.local_address()).await.unwrap();
    old.write_all(&client_hello_of_tls_1_2()).await.unwrap();
    old.write_all(&[0; 40_000]).await.unwrap();
    let mut alert = [0; 7];
    within(old.read_exact(&mut alert)).await.unwrap();
    // A fatal alert (21, level 2) of protocol_version (70).
    assert_eq!((alert[0], &alert[5..]), (21, &[2, 70][..]));
    // Closed, not reset: on the way through a network a reset may overtake the alert.
    assert_eq!(within(old.read(&mut alert)).await.unwrap(), 0);

    let mut plain = TcpStream::connect(acceptor.local_address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = within(plain.read_to_end(&mut rest)).await;
    assert!(!rest.starts_with(b"HTTP"));
}

#[tokio::test]
async fn no_session_is_resumed() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    // A client that would resume if it were let.
    let mut roots = RootCertStore::empty();
    roots.add(north.authority.certificate().der().to_vec().into()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsConnector::from(Arc::new(config));
    for _ in 0..2 {
        let tcp = TcpStream::connect(acceptor.local_address()).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut client = within(tls.connect(name, tcp)).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.flush().await.unwrap();
        let mut server = within(incoming.next()).await.unwrap();
        within(server.read_exact(&mut [0; 5])).await.unwrap();
        // A ticket would come before what the server says.
        talk(&mut client, &mut server).await;
        let kind = client.get_ref().1.handshake_kind();
        assert!(
            matches!(kind, Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn an_error_names_the_step() {
    let north = Federation::new();
    let (listener, address) = listen().await;
    drop(listener);
    let error = refusal(&north.connector(address, None)).await;
    assert!(matches!(&error, ConnectError::Port { trouble: Trouble::Refused, .. }), "{error}");
    assert_eq!((error.step(), error.step().to_string().as_str()), (Step::Port, "port"));
    assert!(error.to_string().contains(&address.to_string()), "{error}");

    let talker = answer(|mut tcp| async move {
        let _ = tcp.write_all(b"SSH-2.0-x\r\n").await;
        let _ = tcp.read(&mut [0; 4096]).await;
    });
    let error = refusal(&north.connector(talker.await, None)).await;
    assert!(matches!(&error, ConnectError::Tls { problem: TlsProblem::NotTls, .. }), "{error}");

    let closer = answer(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
    });
    let error = refusal(&north.connector(closer.await, None)).await;
    let closed = TlsProblem::Trouble(Trouble::Closed).to_string();
    assert!(
        matches!(&error, ConnectError::Tls { problem, .. } if problem.to_string() == closed),
        "{error}"
    );

    let tls = ClientTls::new(&north.trusted(), None).unwrap();
    let nowhere = "no-such-host.invalid:1".parse().unwrap();
    let connector = Connector::new(nowhere, tls, ProxySettings::none(), Deadlines::default());
    let error = refusal(&connector.unwrap()).await;
    assert_eq!(error.step(), Step::Name, "{error}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
    assert!(error.advice().contains("HTTPS_PROXY"));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let north = Federation::new();
    let (listener, address) = listen().await;
    let tls = ClientTls::new(&north.trusted(), None).unwrap();
    let short = Deadlines { tls: std::time::Duration::from_millis(50), ..Deadlines::default() };
    let connector = Connector::new(endpoint(address), tls, ProxySettings::none(), short).unwrap();
    let error = refusal(&connector).await;
    drop(listener);
    let ConnectError::Tls { problem: TlsProblem::Trouble(Trouble::TimedOut(_)), .. } = error else {
        panic!("{error}");
    };
}

async fn refusal(connector: &Connector) -> ConnectError {
    within(connector.connect()).await.expect_err("no connection")
}

/// What a site says of a server that shows `shown`.
async fn with_server(north: &Federation, shown: &TlsIdentity) -> Option<CertificateProblem> {
    let (acceptor, _incoming) = serve(north.server_tls_with(shown, &[]), Limits::default()).await;
    match within(north.connector(acceptor.local_address(), None).connect()).await {
        Ok(_) => None,
        Err(ConnectError::Certificate { problem, .. }) => Some(problem),
        Err(other) => panic!("{other}"),
    }
}

/// A ClientHello that offers TLS 1.2 with one cipher suite and the extensions that it needs.
fn client_hello_of_tls_1_2() -> Vec<u8> {
    let extensions: &[u8] = &[
        0, 10, 0, 4, 0, 2, 0, 23, // groups: P-256
        0, 13, 0, 4, 0, 2, 4, 3, // signatures: ECDSA on P-256 with SHA-256
    ];
    let mut body = vec![3, 3];
    body.extend([7; 32]); // random
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]); // no session, one suite, no compression
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}
