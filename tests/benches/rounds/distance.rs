//! Rounds over lines that each take their time.

use std::time::{Duration, Instant};

use ripieno_bench::{Bench, Goal, Row, stats};
use ripieno_tests::{Kind, Relay, Setup, programs};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::course::{Course, Round};

/// One direction.
const ONE_WAY: Duration = Duration::from_millis(25);
/// Round trips of a round: contract and upload, proposal and ballot, opening and release. The receipt
/// goes out together with the next contract.
const TRIPS: f64 = 3.0;
const SITES: usize = 3;
const ROUNDS: u32 = 30;

/// The row on tiny rounds over 50 ms: one trip for the contract and the upload that answers it, and two
/// round trips.
pub(crate) async fn report(bench: &mut Bench) {
    let federation = Setup::new(programs!(), Kind::Processes, SITES).found().await;
    let near = Course::of(SITES, 30).rounds(ROUNDS).run(&federation).await;
    let near: Vec<_> = near.rounds.iter().map(Round::wall).collect();
    federation.sites.iter().for_each(|site| site.relay.delay(ONE_WAY));
    let measured = Course::of(SITES, 31).rounds(ROUNDS).run(&federation).await;
    let walls: Vec<_> = measured.rounds.iter().map(Round::wall).collect();
    let trip = round_trip().await;
    let name = "3 sites, 30 values: round through the same lines without delay";
    bench.add(Row::figure(name, "ms", &near));
    let name = "round over a 50 ms network / (upload one-way+response + 2 round trips)";
    let mut row = Row::figure(name, "ms", &walls);
    row.ratio = Some(stats::median(&walls) / (TRIPS * trip));
    row.spread = stats::spread(&walls) / (TRIPS * trip);
    bench.add(row.goal(Goal::AtMost(1.25)));
}

/// What one byte there and back takes over such a line, in milliseconds.
async fn round_trip() -> f64 {
    let relay = Relay::start().await;
    relay.delay(ONE_WAY);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    relay.lead_to(listener.local_addr().expect("it is bound"));
    let mut near = TcpStream::connect(relay.address()).await.expect("a relay");
    let (mut far, _) = listener.accept().await.expect("a connection");
    let echo = tokio::spawn(async move {
        let mut byte = [0];
        while far.read_exact(&mut byte).await.is_ok() && far.write_all(&byte).await.is_ok() {}
    });
    let mut trips = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        near.write_all(&[1]).await.expect("a line");
        near.read_exact(&mut [0]).await.expect("an echo");
        trips.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    drop(near);
    echo.abort();
    stats::median(&trips)
}
