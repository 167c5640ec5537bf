//! A connection that does not wait for ever, and bears no flood.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ripieno_transport::server::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};
use tracing::debug;

use super::frames::Frames;

/// For how long a peer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the handshake to the end of the first frame of HTTP/2.
    pub preface: Duration,
    /// From the first byte of a frame, or of a block of headers, to its last; of a frame of data,
    /// from each 4 KiB to the next.
    pub frame: Duration,
    /// Without a call under way.
    pub idle: Duration,
    /// Until the buffers of the system, once they are full, have taken what is sent. What fits in them
    /// is not waited for: a peer that reads nothing is found by pings as well.
    pub taken: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let fifteen = Duration::from_secs(15);
        Self { preface: Duration::from_secs(10), frame: fifteen, idle: fifteen, taken: fifteen }
    }
}

/// A connection under these rules. Broken, every read and write fails.
#[derive(Debug)]
pub(super) struct Guard {
    connection: Connection,
    patience: Patience,
    began: Instant,
    frames: Frames,
    reading: Alarm,
    writing: Alarm,
    /// Since when the peer has not taken what was sent.
    untaken: Option<Instant>,
}

/// What a peer did not do in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    Preface,
    Frame,
    Idle,
    Call,
}

impl Guard {
    pub(super) fn new(connection: Connection, patience: Patience) -> Self {
        let began = Instant::now();
        let (reading, writing) = (Alarm::default(), Alarm::default());
        let frames = Frames::new(began);
        Self { connection, patience, began, frames, reading, writing, untaken: None }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The deadline that comes first. While a call is under way nobody tells when it ends: so it is
    /// looked at again after a while.
    fn next(&self, now: Instant) -> (Instant, Option<Late>) {
        let usage = self.connection.usage();
        let patience = &self.patience;
        let since = self.frames.unfinished_since();
        let late = [
            (!self.frames.begun()).then(|| (self.began + patience.preface, Late::Preface)),
            since.map(|since| (since + patience.frame, Late::Frame)),
            usage.idle_since().map(|since| (since + patience.idle, Late::Idle)),
            usage.due().map(|due| (due, Late::Call)),
        ];
        let first = late.into_iter().flatten().min_by_key(|(at, _)| *at);
        let look = now + patience.idle;
        match first {
            Some((at, late)) if at <= look => (at, Some(late)),
            _ => (look, None),
        }
    }

    /// Fails when a deadline is over, else sees to it that the task wakes at the next one.
    fn wait(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            let now = Instant::now();
            let (at, late) = self.next(now);
            match late {
                Some(late) if at <= now => return Err(self.close(late)),
                _ => {}
            }
            if self.reading.poll(at, cx).is_pending() {
                return Ok(());
            }
        }
    }

    fn close(&self, late: Late) -> io::Error {
        let what = match late {
            Late::Preface => "the peer did not begin HTTP/2 in time",
            Late::Frame => "the peer did not finish a frame in time",
            Late::Idle => "no call is under way",
            Late::Call => "a call did not end in time",
        };
        self.connection.count(|counts| match late {
            Late::Idle => counts.idle += 1,
            _ => counts.stalled += 1,
        });
        debug!(address = %self.connection.peer_address(), "{what}");
        io::Error::new(io::ErrorKind::TimedOut, what)
    }

    /// Whether the peer still takes what it is sent.
    fn took(&mut self, pending: bool, cx: &mut Context<'_>) -> io::Result<()> {
        if !pending {
            return Ok(());
        }
        let now = Instant::now();
        let end = *self.untaken.get_or_insert(now) + self.patience.taken;
        if end > now && self.writing.poll(end, cx).is_pending() {
            return Ok(());
        }
        self.connection.count(|counts| counts.stalled += 1);
        debug!(address = %self.connection.peer_address(), "the peer takes nothing");
        Err(io::Error::new(io::ErrorKind::TimedOut, "the peer did not take what was sent in time"))
    }

    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.frames.received(bytes, Instant::now()).map_err(|flood| {
            self.connection.count(|counts| counts.flooded += 1);
            debug!(address = %self.connection.peer_address(), %flood, "a flood of frames");
            io::Error::other(flood)
        })
    }
}

impl AsyncRead for Guard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if Pin::new(&mut self.connection).poll_read(cx, buf)?.is_pending() {
            return match self.wait(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            };
        }
        // What is filled only grows.
        let new = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(self.received(new))
    }
}

impl Guard {
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.frames.sent(*bytes);
        }
        match self.took(written.is_pending(), cx) {
            Ok(()) => written,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Guard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write(cx, buf);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write_vectored(cx, bufs);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.connection).poll_flush(cx)?;
        if flushed.is_ready() {
            self.untaken = None;
        }
        self.took(flushed.is_pending(), cx)?;
        flushed.map(Ok)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.connection).poll_shutdown(cx)?;
        self.took(closed.is_pending(), cx)?;
        closed.map(Ok)
    }
}

/// Wakes a task at a time.
#[derive(Debug, Default)]
struct Alarm(Option<(Instant, Pin<Box<Sleep>>)>);

impl Alarm {
    fn poll(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let (set, sleep) = self.0.get_or_insert_with(|| (at, Box::pin(sleep_until(at.into()))));
        if *set != at {
            *set = at;
            sleep.as_mut().reset(at.into());
        }
        sleep.as_mut().poll(cx)
    }
}
