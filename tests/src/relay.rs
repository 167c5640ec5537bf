//! A line between two ends that can be cut, held up, or made slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Bytes that are passed on at a time.
const CHUNK: usize = 64 << 10;

/// Chunks that are on their way in one direction.
const UNDER_WAY: usize = 1024;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// They are passed on.
    Pass,
    /// They are passed on after so long.
    Delay(Duration),
    /// They wait.
    Stall,
    /// Connections are closed, and new ones are.
    Cut,
}

/// A relay on a port of its own. It goes on for as long as this lives.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    target: watch::Sender<Option<SocketAddr>>,
    line: Arc<Line>,
    _task: JoinSet<()>,
}

/// Cuts a line.
#[derive(Clone, Debug)]
pub struct Scissors(Arc<Line>);

impl Scissors {
    /// Closes all connections, and new ones at once.
    pub fn cut(&self) {
        self.0.state.send_replace(State::Cut);
    }
}

#[derive(Debug)]
struct Line {
    state: watch::Sender<State>,
    up: AtomicU64,
    down: AtomicU64,
    /// Bytes upwards after which the line is cut.
    fuse: AtomicU64,
    /// Bytes upwards after which it is held up.
    brake: AtomicU64,
}

impl Relay {
    /// A relay on a free port of the loopback, that leads nowhere yet.
    ///
    /// # Panics
    /// Where there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let line = Arc::new(Line {
            state: watch::Sender::new(State::Pass),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            fuse: AtomicU64::new(u64::MAX),
            brake: AtomicU64::new(u64::MAX),
        });
        let target = watch::Sender::new(None);
        let mut task = JoinSet::new();
        task.spawn(serve(listener, target.subscribe(), Arc::clone(&line)));
        Self { port, target, line, _task: task }
    }

    /// Its address, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Leads to this address from now on; connections that there are stay as they are.
    pub fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Closes all connections, and new ones at once.
    pub fn cut(&self) {
        self.line.state.send_replace(State::Cut);
    }

    /// Lets connections stand, and nothing through.
    pub fn stall(&self) {
        self.line.state.send_replace(State::Stall);
    }

    /// Passes bytes on after so long, as a long line does: what comes meanwhile is on its way as well,
    /// so this limits how early bytes come and not how many.
    pub fn delay(&self, delay: Duration) {
        self.line.state.send_replace(State::Delay(delay));
    }

    /// Passes bytes on, and lets connections in.
    pub fn mend(&self) {
        self.line.fuse.store(u64::MAX, Ordering::SeqCst);
        self.line.brake.store(u64::MAX, Ordering::SeqCst);
        self.line.state.send_replace(State::Pass);
    }

    /// Cuts the line once so many more bytes went up.
    pub fn cut_after(&self, bytes: u64) {
        let sent = self.line.up.load(Ordering::SeqCst);
        self.line.fuse.store(sent.saturating_add(bytes), Ordering::SeqCst);
    }

    /// Lets nothing through once so many more bytes went up.
    pub fn stall_after(&self, bytes: u64) {
        let sent = self.line.up.load(Ordering::SeqCst);
        self.line.brake.store(sent.saturating_add(bytes), Ordering::SeqCst);
    }

    /// What can cut the line from anywhere.
    #[must_use]
    pub fn scissors(&self) -> Scissors {
        Scissors(Arc::clone(&self.line))
    }

    /// Waits until the line is cut.
    pub async fn is_cut(&self) {
        let mut state = self.line.state.subscribe();
        // The sender lives as long as the relay.
        let _ = state.wait_for(|state| *state == State::Cut).await;
    }

    /// Bytes that went from the end that connects, and to it.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.line.up.load(Ordering::SeqCst), self.line.down.load(Ordering::SeqCst))
    }
}

async fn serve(
    listener: TcpListener,
    mut target: watch::Receiver<Option<SocketAddr>>,
    line: Arc<Line>,
) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        // Those that have ended.
        while connections.try_join_next().is_some() {}
        let to = *target.borrow_and_update();
        if *line.state.borrow() == State::Cut {
            continue;
        }
        let line = Arc::clone(&line);
        connections.spawn(async move {
            let Some(to) = to else { return };
            if let Ok(far) = TcpStream::connect(to).await {
                connect(near, far, &line).await;
            }
        });
    }
}

/// Passes on in both directions until one end closes or the line is cut; then both are closed.
async fn connect(near: TcpStream, far: TcpStream, line: &Line) {
    // What is held back here would be held back by no network.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let mut state = line.state.subscribe();
    tokio::select! {
        () = pass(near_in, far_out, line, &line.up, true) => (),
        () = pass(far_in, near_out, line, &line.down, false) => (),
        _ = state.wait_for(|state| *state == State::Cut) => (),
    }
}

async fn pass(
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    line: &Line,
    count: &AtomicU64,
    upwards: bool,
) {
    let (sender, under_way) = mpsc::channel(UNDER_WAY);
    // What came before the end still arrives.
    tokio::join!(take(from, line, sender), arrive(under_way, to, line, count, upwards));
}

/// Takes bytes in, and says when they are to arrive.
async fn take(mut from: OwnedReadHalf, line: &Line, under_way: mpsc::Sender<(Instant, Bytes)>) {
    let mut chunk = BytesMut::new();
    loop {
        chunk.reserve(CHUNK);
        let Ok(1..) = from.read_buf(&mut chunk).await else { return };
        let delay = match *line.state.borrow() {
            State::Delay(delay) => delay,
            _ => Duration::ZERO,
        };
        if under_way.send((Instant::now() + delay, chunk.split().freeze())).await.is_err() {
            return;
        }
        // On a short line the next ones wait where they are.
        if delay.is_zero() && under_way.reserve_many(UNDER_WAY).await.is_err() {
            return;
        }
    }
}

async fn arrive(
    mut under_way: mpsc::Receiver<(Instant, Bytes)>,
    mut to: OwnedWriteHalf,
    line: &Line,
    count: &AtomicU64,
    upwards: bool,
) {
    let mut state = line.state.subscribe();
    while let Some((at, chunk)) = under_way.recv().await {
        if at > Instant::now() {
            sleep_until(at).await;
        }
        if state.wait_for(|state| *state != State::Stall).await.is_err() {
            return;
        }
        if to.write_all(&chunk).await.is_err() {
            return;
        }
        let read = chunk.len();
        let bytes = count.fetch_add(read as u64, Ordering::SeqCst) + read as u64;
        if upwards && bytes >= line.fuse.load(Ordering::SeqCst) {
            line.state.send_replace(State::Cut);
        } else if upwards && bytes >= line.brake.load(Ordering::SeqCst) {
            line.state.send_replace(State::Stall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two ends of a connection through a relay.
    async fn ends(relay: &Relay) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        relay.lead_to(listener.local_addr().unwrap());
        let near = TcpStream::connect(relay.address()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        (near, far)
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_and_is_counted() {
        let relay = Relay::start().await;
        let (mut near, mut far) = ends(&relay).await;
        near.write_all(b"up").await.unwrap();
        far.write_all(b"down").await.unwrap();
        let (mut up, mut down) = ([0; 2], [0; 4]);
        far.read_exact(&mut up).await.unwrap();
        near.read_exact(&mut down).await.unwrap();
        assert_eq!((&up, &down), (b"up", b"down"));
        assert_eq!(relay.bytes(), (2, 4));
    }

    #[tokio::test]
    async fn a_cut_closes_both_ends_also_in_the_middle_of_bytes() {
        let relay = Relay::start().await;
        let (mut near, mut far) = ends(&relay).await;
        relay.cut_after(3);
        near.write_all(b"abc").await.unwrap();
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"abc");
        relay.is_cut().await;
        let mut refused = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0);
        relay.mend();
        let (mut near, mut far) = ends(&relay).await;
        near.write_all(b"d").await.unwrap();
        far.read_exact(&mut [0; 1]).await.unwrap();
    }

    #[tokio::test]
    async fn a_long_line_makes_bytes_late_and_not_few() {
        let relay = Relay::start().await;
        let (mut near, mut far) = ends(&relay).await;
        let delay = Duration::from_millis(50);
        relay.delay(delay);
        let begun = Instant::now();
        let sent = tokio::spawn(async move {
            near.write_all(&vec![1; 8 << 20]).await.unwrap();
            near
        });
        let mut first = [0; 1];
        far.read_exact(&mut first).await.unwrap();
        assert!(begun.elapsed() >= delay);
        far.read_exact(&mut vec![0; (8 << 20) - 1]).await.unwrap();
        // One chunk after the other would take 128 times as long.
        assert!(begun.elapsed() < 20 * delay, "{:?}", begun.elapsed());
        drop(sent.await.unwrap());
    }

    #[tokio::test]
    async fn what_is_stalled_comes_later() {
        let relay = Relay::start().await;
        let (mut near, mut far) = ends(&relay).await;
        relay.stall();
        near.write_all(b"a").await.unwrap();
        let mut byte = [0; 1];
        let early = tokio::time::timeout(Duration::from_millis(50), far.read(&mut byte)).await;
        assert!(early.is_err());
        relay.mend();
        far.read_exact(&mut byte).await.unwrap();
    }
}
