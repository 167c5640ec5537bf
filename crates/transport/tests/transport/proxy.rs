//! The way through an HTTP proxy.

use std::net::SocketAddr;
use std::time::Duration;

use ripieno_transport::client::{
    ClientTls, ConnectError, Connector, Deadlines, ProxyProblem, ProxySettings, Step, Trouble,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Federation, answer, endpoint, listen, pair, talk, within};

/// How long a proxy is waited for: enough for one on this machine, be it busy.
const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_proxy_connects_the_two_ends() {
    let north = Federation::new();
    let site = north.site("site");
    let (acceptor, mut incoming) = north.serve().await;
    let (heads, mut asked) = mpsc::unbounded_channel();
    let proxy = answer(move |mut tcp| {
        let heads = heads.clone();
        async move {
            let head = read_head(&mut tcp).await;
            let target = head.split(' ').nth(1).unwrap().to_owned();
            heads.send(head).unwrap();
            let mut to = TcpStream::connect(target).await.unwrap();
            tcp.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                .await
                .unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut tcp, &mut to).await });
        }
    })
    .await;
    let url = format!("http://name:pass%3Aword@{proxy}");
    let connector =
        connector(&north, acceptor.local_address(), &[("HTTPS_PROXY", &url)], Some(&site));
    assert_eq!(connector.proxy().unwrap().endpoint(), &endpoint(proxy));
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    talk(&mut client, &mut server).await;
    assert_eq!(server.peer_certificate().unwrap().as_ref(), site.certificate());

    let head = asked.recv().await.unwrap();
    let target = acceptor.local_address();
    // printf 'name:pass:word' | base64
    let expected = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\
         Proxy-Authorization: Basic bmFtZTpwYXNzOndvcmQ=\r\n\r\n"
    );
    assert_eq!(head, expected);
}

#[tokio::test]
async fn a_host_in_no_proxy_is_reached_directly() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let variables = [("https_proxy", "http://127.0.0.1:9"), ("no_proxy", "127.0.0.0/8")];
    let connector = connector(&north, acceptor.local_address(), &variables, None);
    assert!(connector.proxy().is_none());
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    talk(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_proxy_that_wants_a_sign_in_is_named_with_its_status() {
    let head =
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n\r\nno";
    let (proxy, error) = refused_with(head).await;
    assert!(
        matches!(problem(&error), ProxyProblem::Authentication { schemes } if schemes == &["Negotiate"])
    );
    let text = error.to_string();
    assert!(text.contains(&proxy.to_string()) && text.contains("407"), "{text}");
    assert!(error.advice().contains("without one"), "{}", error.advice());
    let (_, error) = refused_with("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n").await;
    assert!(error.advice().contains("HTTPS_PROXY"), "{}", error.advice());
    assert!(!format!("{error:?} {error}").contains("s3cret"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_its_status() {
    let (proxy, error) = refused_with("HTTP/1.1 403 Forbidden by policy\r\n\r\n").await;
    assert_eq!(error.step(), Step::Proxy);
    let text = error.to_string();
    assert!(
        text.contains(&proxy.to_string()) && text.contains("403 Forbidden by policy"),
        "{text}"
    );
}

#[tokio::test]
async fn garbage_is_not_taken_for_an_answer() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000));
    let early = "HTTP/1.1 200 OK\r\n\r\nbytes that the coordinator never sent";
    for answer in
        ["SSH-2.0-OpenSSH\r\n", "\x15\x03\x01\0\x02\x02\x46", &endless, early, "HTTP/9\r\n\r\n"]
    {
        let (_, error) = refused_with(answer).await;
        assert!(matches!(problem(&error), ProxyProblem::NotHttp), "{error}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_gone_silent_or_closes_is_told_apart() {
    let (_, error) = refused_with("HTTP/1.1 200 O").await;
    assert!(matches!(problem(&error), ProxyProblem::Answer(Trouble::Closed)), "{error}");

    let (listener, silent) = listen().await;
    let error = refusal_through(&format!("http://{silent}")).await;
    assert!(matches!(problem(&error), ProxyProblem::Answer(Trouble::TimedOut(_))), "{error}");
    drop(listener);
    let error = refusal_through(&format!("http://{silent}")).await;
    assert!(matches!(problem(&error), ProxyProblem::Port(Trouble::Refused)), "{error}");
    let error = refusal_through("http://no-such-proxy.invalid:3128").await;
    assert!(matches!(problem(&error), ProxyProblem::Name(_)), "{error}");
    assert!(error.to_string().contains("no-such-proxy.invalid:3128"), "{error}");
}

/// The error of a site whose proxy answers so and closes.
async fn refused_with(head: &str) -> (SocketAddr, ConnectError) {
    let head = head.to_owned();
    let proxy = answer(move |mut tcp| {
        let head = head.clone();
        async move {
            read_head(&mut tcp).await;
            let _ = tcp.write_all(head.as_bytes()).await;
        }
    })
    .await;
    (proxy, refusal_through(&format!("http://name:s3cret@{proxy}")).await)
}

async fn refusal_through(url: &str) -> ConnectError {
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let connector = connector(&Federation::new(), nowhere, &[("HTTPS_PROXY", url)], None);
    within(connector.connect()).await.expect_err("no connection")
}

fn problem(error: &ConnectError) -> &ProxyProblem {
    match error {
        ConnectError::Proxy { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

fn connector(
    north: &Federation,
    target: SocketAddr,
    variables: &[(&str, &str)],
    shown: Option<&ripieno_transport::TlsIdentity>,
) -> Connector {
    let proxy = ProxySettings::from_variables(|name| {
        let found = variables.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    let tls = ClientTls::new(&north.trusted(), shown).unwrap();
    let deadlines = Deadlines { proxy: PATIENCE, ..Deadlines::default() };
    Connector::new(endpoint(target), tls, proxy.unwrap(), deadlines).unwrap()
}

async fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && tcp.read_buf(&mut head).await.unwrap() > 0 {}
    String::from_utf8(head).unwrap()
}
