//! What the accept loop bears.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use ripieno_transport::server::{Incoming, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Federation, closed, name, pair, serve, talk, until, within};

const SOON: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn certificates_are_swapped_without_a_restart() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), None);
    let (mut before, mut before_server) = pair(&connector, &mut incoming).await;

    let renewed = north.coordinator();
    assert_eq!(acceptor.replace(north.server_tls_with(&renewed, &[])), 0);

    let after = within(connector.connect()).await.unwrap();
    assert_eq!(after.server_certificate().as_ref(), Some(renewed.certificate()));
    talk(&mut before, &mut before_server).await;
}

#[tokio::test]
async fn a_new_list_cuts_open_connections_of_what_it_revokes() {
    let north = Federation::new();
    let (gone, stays) = (north.site("gone"), north.site("stays"));
    let shown = north.coordinator();
    let (acceptor, mut incoming) =
        serve(north.server_tls_with(&shown, &[]), Limits::default()).await;
    let connect = |site| north.connector(acceptor.local_address(), Some(site));
    let (mut gone_client, mut gone_server) = pair(&connect(&gone), &mut incoming).await;
    let (mut stays_client, mut stays_server) = pair(&connect(&stays), &mut incoming).await;

    // The application is in the middle of a read, as it always is.
    let reading = tokio::spawn(async move {
        let error = gone_server.read(&mut [0; 8]).await.unwrap_err();
        let write = gone_server.write(b"x").await.unwrap_err();
        (error.kind(), write.kind(), gone_server)
    });
    let serial = &gone.certificate().serial;
    assert_eq!(acceptor.replace(north.server_tls_with(&shown, &[serial])), 1);

    let (read, write, kept) = within(reading).await.unwrap();
    assert_eq!((read, write), (io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionAborted));
    // The peer is told although the application still holds on to the connection.
    assert!(closed(&mut gone_client).await);
    drop(kept);
    talk(&mut stays_client, &mut stays_server).await;
    assert!(within(connect(&gone).probe()).await.is_err());
}

#[tokio::test]
async fn a_cut_wakes_a_writer_that_waits_for_its_peer() {
    let north = Federation::new();
    let site = north.site("gone");
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let (_client, mut server) = pair(&connector, &mut incoming).await;
    let writing = tokio::spawn(async move {
        // The peer reads none of it: sooner or later the writer waits, and nobody reads.
        loop {
            if let Err(error) = server.write_all(&[0; 1 << 16]).await {
                return error.kind();
            }
        }
    });
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(acceptor.connections().cut(&site.certificate().serial), 1);
    assert_eq!(within(writing).await.unwrap(), io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn a_cut_certificate_does_not_come_back_before_the_new_list() {
    let north = Federation::new();
    let site = north.site("gone");
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let (mut client, server) = pair(&connector, &mut incoming).await;
    let (mut reader, _writer) = tokio::io::split(server);
    let reading = tokio::spawn(async move { reader.read(&mut [0; 8]).await });

    assert_eq!(acceptor.connections().cut(&site.certificate().serial), 1);
    assert!(within(reading).await.unwrap().is_err());
    assert!(closed(&mut client).await);

    let mut again = within(connector.connect()).await.unwrap();
    let _ = again.write_all(b"hello").await;
    let _ = again.flush().await;
    assert!(closed(&mut again).await);
    let counts = acceptor.connections().counts();
    assert_eq!((counts.accepted, counts.cut), (1, 2));
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_dropped() {
    let north = Federation::new();
    let limits = Limits { handshake: SOON, ..Limits::default() };
    let (acceptor, _incoming) = serve(north.server_tls(), limits).await;
    let mut silent = TcpStream::connect(acceptor.local_address()).await.unwrap();
    assert!(closed(&mut silent).await);
    let mut slow = TcpStream::connect(acceptor.local_address()).await.unwrap();
    // The beginning of a handshake is not one.
    slow.write_all(&[22, 3, 1, 0]).await.unwrap();
    assert!(closed(&mut slow).await);
    assert_eq!(acceptor.connections().counts().timed_out, 2);
    none_open(&acceptor).await;
}

#[tokio::test]
async fn a_peer_that_says_nothing_after_the_handshake_is_dropped() {
    let north = Federation::new();
    let limits = Limits { first_bytes: SOON, ..Limits::default() };
    let (acceptor, _incoming) = serve(north.server_tls(), limits).await;
    let connector = north.connector(acceptor.local_address(), None);
    let mut client = within(connector.connect()).await.unwrap();
    assert!(closed(&mut client).await);
    let counts = acceptor.connections().counts();
    assert_eq!((counts.timed_out, counts.accepted), (1, 0));
}

#[tokio::test]
async fn what_the_application_does_not_take_is_closed() {
    let north = Federation::new();
    // Long enough for a client to speak, even on a busy machine.
    let first_bytes = Duration::from_millis(500);
    let limits = Limits { first_bytes, queue: 1, ..Limits::default() };
    let (acceptor, _incoming) = serve(north.server_tls(), limits).await;
    let connector = north.connector(acceptor.local_address(), None);
    let mut queued = within(connector.connect()).await.unwrap();
    queued.write_all(b"hello").await.unwrap();
    queued.flush().await.unwrap();
    until(|| acceptor.connections().counts().accepted == 1).await;
    let mut one_too_many = within(connector.connect()).await.unwrap();
    one_too_many.write_all(b"hello").await.unwrap();
    one_too_many.flush().await.unwrap();
    assert!(closed(&mut one_too_many).await);
    assert_eq!(acceptor.connections().counts().not_taken, 1);
}

#[tokio::test]
async fn too_many_are_refused_while_others_go_on() {
    let north = Federation::new();
    let limits = Limits { grace: LONG, connections_per_peer: 2, ..Limits::default() };
    let (acceptor, mut incoming) = serve(north.server_tls(), limits).await;
    let connector = north.connector(acceptor.local_address(), None);
    let (mut first, mut first_server) = pair(&connector, &mut incoming).await;
    let (mut second, mut second_server) = pair(&connector, &mut incoming).await;

    assert!(within(connector.connect()).await.is_err());
    let counts = acceptor.connections().counts();
    assert_eq!(counts.too_many_of_peer, 1, "{counts:?}");
    talk(&mut first, &mut first_server).await;
    talk(&mut second, &mut second_server).await;

    drop(first_server);
    until(|| acceptor.connections().open() == 1).await;
    pair(&connector, &mut incoming).await;
}

#[tokio::test]
async fn who_finds_all_places_taken_waits_while_others_go_on() {
    let north = Federation::new();
    let limits = Limits { grace: LONG, strangers: 2, ..Limits::default() };
    let (acceptor, mut incoming) = serve(north.server_tls(), limits).await;
    let connector = north.connector(acceptor.local_address(), None);
    let (mut first, mut first_server) = pair(&connector, &mut incoming).await;
    let (_second, second_server) = pair(&connector, &mut incoming).await;
    let others = async {
        talk(&mut first, &mut first_server).await;
        let counts = acceptor.connections().counts();
        assert_eq!((acceptor.connections().open(), counts.too_many), (2, 0), "{counts:?}");
        drop(second_server);
    };
    let ((mut third, mut third_server), ()) = tokio::join!(pair(&connector, &mut incoming), others);
    talk(&mut third, &mut third_server).await;
    talk(&mut first, &mut first_server).await;
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_gives_way_to_the_next() {
    let north = Federation::new();
    let limits =
        Limits { strangers: 1, handshake: LONG, grace: Duration::ZERO, ..Limits::default() };
    let (acceptor, mut incoming) = serve(north.server_tls(), limits).await;
    let mut silent = TcpStream::connect(acceptor.local_address()).await.unwrap();
    until(|| acceptor.connections().open() == 1).await;
    // It takes no place any more once it is known.
    let site = north.site("site");
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    assert!(closed(&mut silent).await);
    let _stranger = TcpStream::connect(acceptor.local_address()).await.unwrap();
    until(|| acceptor.connections().open() == 2).await;
    talk(&mut client, &mut server).await;
    assert_eq!(acceptor.connections().counts().gave_way, 1);
}

#[tokio::test]
async fn draining_stops_waits_and_cuts() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), None);
    let (mut client, mut server) = pair(&connector, &mut incoming).await;
    let half_way = TcpStream::connect(acceptor.local_address()).await.unwrap();
    until(|| acceptor.connections().open() == 2).await;

    let draining = tokio::spawn({
        let acceptor = acceptor.clone();
        async move { acceptor.drain(LONG).await }
    });
    assert!(within(incoming.next()).await.is_none(), "nothing new comes");
    assert!(TcpStream::connect(acceptor.local_address()).await.is_err());
    drop(half_way);
    // What is open is served on until patience ends.
    talk(&mut client, &mut server).await;
    assert_eq!(within(acceptor.drain(Duration::ZERO)).await, 1);
    let cut = within(server.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::ConnectionAborted);
    drop(server);
    assert_eq!(within(draining).await.unwrap(), 0);
}

#[tokio::test]
async fn draining_ends_with_the_last_connection() {
    let north = Federation::new();
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), None);
    let (client, server) = pair(&connector, &mut incoming).await;
    let draining = tokio::spawn(async move { acceptor.drain(LONG).await });
    drop((client, server));
    assert_eq!(within(draining).await.unwrap(), 0);
}

#[tokio::test]
async fn the_loop_ends_with_the_application() {
    let north = Federation::new();
    let (acceptor, incoming) = north.serve().await;
    drop(incoming);
    let gone = async {
        while TcpStream::connect(acceptor.local_address()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within(gone).await;
}

#[tokio::test]
async fn connections_come_as_a_stream_too() {
    let north = Federation::new();
    let site = north.site("site");
    let (acceptor, mut incoming) = north.serve().await;
    let connector = north.connector(acceptor.local_address(), Some(&site));
    let mut client = within(connector.connect()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    client.flush().await.unwrap();
    let next = std::future::poll_fn(|cx| poll_stream(Pin::new(&mut incoming), cx));
    let connection = within(next).await.unwrap().unwrap();
    assert_eq!(connection.peer_certificate().unwrap().subject, name("site"));
}

fn poll_stream(
    incoming: Pin<&mut Incoming>,
    cx: &mut std::task::Context<'_>,
) -> std::task::Poll<Option<io::Result<ripieno_transport::server::Connection>>> {
    futures_core::Stream::poll_next(incoming, cx)
}

async fn none_open(acceptor: &ripieno_transport::server::Acceptor) {
    until(|| acceptor.connections().open() == 0).await;
}
