//! A request that comes too slowly is broken off.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;
use tonic::body::Body;

/// What gRPC puts before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Bytes that must come within the time that a peer may keep a call waiting, or the end of a
/// message: for 15 seconds, 270 bytes in each. A link that is slower carries no round.
const LEAST: usize = 4 << 10;

/// The body of a request. It fails when the peer keeps a message waiting that it has begun, or,
/// where it may not be silent between messages either, with the next one.
#[derive(Debug)]
pub(super) struct Paced {
    body: Body,
    wait: Duration,
    may_rest: bool,
    prefix: [u8; PREFIX],
    filled: usize,
    /// Bytes of the message that are still to come.
    left: usize,
    /// Since the peer is waited for, and what has come since then.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Paced {
    /// Waits so long; `may_rest` where a peer may be silent between messages.
    pub(super) fn new(body: Body, wait: Duration, may_rest: bool) -> Self {
        Self { body, wait, may_rest, prefix: [0; PREFIX], filled: 0, left: 0, waiting: None }
    }

    /// Takes what came; whether a message has ended in it.
    fn take(&mut self, mut bytes: Bytes) -> bool {
        let mut ended = false;
        while bytes.has_remaining() {
            if let Some(next) = self.prefix.get_mut(self.filled) {
                *next = bytes.get_u8();
                self.filled += 1;
                let [_, length @ ..] = self.prefix;
                self.left = u32::from_be_bytes(length) as usize;
            } else {
                let taken = bytes.len().min(self.left);
                bytes.advance(taken);
                self.left -= taken;
            }
            if self.filled == PREFIX && self.left == 0 {
                self.filled = 0;
                ended = true;
            }
        }
        ended
    }

    fn came(&mut self, data: &Bytes) {
        let ended = self.take(data.clone());
        if let Some((_, come)) = &mut self.waiting {
            *come += data.len();
            if ended || *come >= LEAST {
                self.waiting = None;
            }
        }
    }

    /// Ready when the peer was waited for too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if self.may_rest && self.filled == 0 {
            return Poll::Pending;
        }
        let wait = self.wait;
        let (end, _) = self.waiting.get_or_insert_with(|| (Box::pin(sleep(wait)), 0));
        end.as_mut().poll(cx).map(|()| {
            let seconds = wait.as_secs();
            Status::deadline_exceeded(format!(
                "nothing came for {seconds} s, or next to nothing; call again"
            ))
        })
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Pending => return self.wait(cx).map(|status| Some(Err(status))),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.came(data);
                }
            }
            Poll::Ready(_) => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body::Body as _;

    use tokio::sync::mpsc;
    use tokio::time::{Instant, advance, timeout};

    use super::*;

    const WAIT: Duration = Duration::from_secs(15);

    struct Drops(mpsc::UnboundedReceiver<Bytes>);

    impl http_body::Body for Drops {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    fn paced(may_rest: bool) -> (mpsc::UnboundedSender<Bytes>, Paced) {
        let (send, drops) = mpsc::unbounded_channel();
        (send, Paced::new(Body::new(Drops(drops)), WAIT, may_rest))
    }

    /// Seconds until it fails, if every second this comes; none if it bears it for ten minutes.
    async fn fails(
        mut paced: Paced,
        send: mpsc::UnboundedSender<Bytes>,
        every: Bytes,
    ) -> Option<u64> {
        let began = Instant::now();
        for _ in 0..600 {
            send.send(every.clone()).unwrap();
            advance(Duration::from_secs(1)).await;
            loop {
                let next = poll_fn(|cx| Pin::new(&mut paced).poll_frame(cx));
                match timeout(Duration::ZERO, next).await {
                    Ok(Some(Ok(_))) => {}
                    Ok(Some(Err(status))) => {
                        assert_eq!(status.code(), tonic::Code::DeadlineExceeded, "{status}");
                        return Some(began.elapsed().as_secs());
                    }
                    Ok(None) => panic!("it has not ended"),
                    Err(_) => break,
                }
            }
        }
        None
    }

    fn message(bytes: u32) -> Bytes {
        let body = vec![0; bytes as usize];
        [&[0], bytes.to_be_bytes().as_slice(), &body].concat().into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_must_come_on() {
        for may_rest in [false, true] {
            let (send, body) = paced(may_rest);
            send.send(message(1 << 20).slice(..9)).unwrap();
            let failed = fails(body, send, Bytes::from_static(b"x")).await.unwrap();
            assert!((14..18).contains(&failed), "{failed}");
            let (send, body) = paced(may_rest);
            send.send(message(1 << 30 >> 4).slice(..9)).unwrap();
            assert_eq!(fails(body, send, vec![0; 300].into()).await, None);
            let (send, body) = paced(may_rest);
            assert_eq!(fails(body, send, message(3)).await, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_rest_may_do_so_between_messages_alone() {
        for (may_rest, begun, expected) in
            [(true, 0, None), (true, 3, Some(())), (false, 0, Some(())), (false, 3, Some(()))]
        {
            let (send, body) = paced(may_rest);
            send.send(message(20)).unwrap();
            send.send(message(20).slice(..begun)).unwrap();
            let failed = fails(body, send, Bytes::new()).await;
            assert_eq!(failed.map(drop), expected, "{may_rest} {begun} {failed:?}");
        }
    }
}
