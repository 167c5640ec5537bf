//! The session of a site: what waits to be sent to it, and how it ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use ripieno_rpc::attend_response::Body;
use ripieno_rpc::{AttendResponse, Parcel};
use ripieno_study::SiteIndex;
use ripieno_wire::{BadPart, Sending};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

use super::command::{Holdings, SessionId};

/// The longest message that goes through a session itself, in bytes.
pub(crate) const MAX_INLINE: usize = 1 << 20;
/// Parcels that wait for one site.
const MAX_PARCELS: usize = 64;
/// Sums among them: each holds the uploads that it hands out open.
const MAX_SUMS: usize = 16;
/// The bytes of all together. One may always wait, however long.
const MAX_PARCEL_BYTES: usize = 512 << 20;
/// What a message takes in a queue beside its bytes.
const OVERHEAD: usize = 256;

/// A session, as the actor sees it.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// In the charter in force, where the site is in it.
    pub(crate) index: Option<SiteIndex>,
    pub(crate) address: SocketAddr,
    pub(crate) program: String,
    /// The version of the charter that it holds, or that is on its way to it.
    pub(crate) version: u32,
    /// It holds that charter indeed, or has been sent what leads to it.
    pub(crate) agrees: bool,
    /// It has said Hello under that charter: what it says counts under it from then on.
    pub(crate) greeted: bool,
    /// It has been under a charter of this federation: its steward has compared the words.
    pub(crate) confirmed: bool,
    /// What it said last that it holds, after its arrival.
    pub(crate) holdings: Option<Holdings>,
    pub(crate) upload: u64,
    /// Bytes of lanes in that upload.
    pub(crate) uploaded: u64,
    parcels: BTreeMap<u64, Waiting>,
    tickets: u64,
    in_hand: Weak<()>,
    outbox: Outbox,
}

/// A queue is full: the site does not read what it is sent.
#[derive(Debug)]
pub(crate) struct Full;

/// The service's end of a session.
pub(crate) struct Seat {
    pub(crate) session: SessionId,
    pub(crate) messages: Messages,
    /// Either side ends it, and is told when the other has.
    pub(crate) end: End,
}

impl Session {
    /// A session with its two ends.
    pub(crate) fn open(
        id: SessionId,
        address: SocketAddr,
        program: String,
        (messages, bytes): (usize, usize),
    ) -> (Self, Seat) {
        let (sender, queue) = mpsc::channel(messages);
        let waiting = Arc::new(AtomicUsize::new(0));
        let end = End { token: CancellationToken::new(), why: Arc::default() };
        let cut = Box::pin(end.token.clone().cancelled_owned());
        let taken = Arc::clone(&waiting);
        let stream = Messages { queue, waiting: taken, cut, end: end.clone(), over: false };
        let seat = Seat { session: id.clone(), messages: stream, end: end.clone() };
        let session = Self {
            id,
            index: None,
            address,
            program,
            version: 0,
            agrees: false,
            greeted: false,
            confirmed: false,
            holdings: None,
            upload: 0,
            uploaded: 0,
            parcels: BTreeMap::new(),
            tickets: 0,
            in_hand: Weak::new(),
            outbox: Outbox { sender, waiting, limit: bytes, end },
        };
        (session, seat)
    }

    /// Takes its Hello; says whether it is the first under the charter in force.
    pub(crate) fn greet(&mut self) -> bool {
        let came = self.index.is_some() && self.agrees && !self.greeted;
        self.greeted |= came;
        self.confirmed |= came;
        came
    }

    /// Whether rounds may count on it.
    pub(crate) fn member(&self) -> Option<SiteIndex> {
        self.index.filter(|_| self.agrees && self.greeted)
    }

    /// Queues a message.
    pub(crate) fn send(&self, body: Body, bytes: usize) -> Result<(), Full> {
        self.outbox.send(body, bytes)
    }

    /// Queues an encoded message of the protocol, or a ticket for it.
    pub(crate) fn send_message(&mut self, message: Bytes) -> Result<(), Full> {
        let bytes = message.len();
        if bytes <= MAX_INLINE {
            return self.send(Body::ToSite(message), bytes);
        }
        self.wait(Waiting::Whole(message), bytes as u64)
    }

    /// Queues a message; of a sum a ticket, and it is encoded when it is fetched.
    pub(crate) fn send_waiting(&mut self, message: Waiting) -> Result<(), Full> {
        match message {
            Waiting::Whole(bytes) => self.send_message(bytes),
            Waiting::Sum(sum) => {
                let bytes = sum.bytes();
                self.wait(Waiting::Sum(sum), bytes)
            }
        }
    }

    fn wait(&mut self, message: Waiting, bytes: u64) -> Result<(), Full> {
        let held = self.parcels.values().map(Waiting::held).fold(0, usize::saturating_add);
        let full = held > 0 && held.saturating_add(message.held()) > MAX_PARCEL_BYTES;
        let sums = self.parcels.values().filter(|parcel| matches!(parcel, Waiting::Sum(_))).count();
        if full || sums >= MAX_SUMS || self.parcels.len() >= MAX_PARCELS {
            return Err(Full);
        }
        self.tickets += 1;
        self.parcels.insert(self.tickets, message);
        self.send(Body::Parcel(Parcel { ticket: self.tickets, bytes }), 0)
    }

    /// A message that waits to be fetched, for as long as the other is held; `None` also while
    /// another one is being fetched.
    pub(crate) fn parcel(&mut self, ticket: u64) -> Option<(Waiting, InHand)> {
        if self.in_hand.strong_count() > 0 {
            return None;
        }
        let parcel = self.parcels.get(&ticket).cloned()?;
        let in_hand = Arc::new(());
        self.in_hand = Arc::downgrade(&in_hand);
        Some((parcel, in_hand))
    }

    /// It was fetched.
    pub(crate) fn fetched(&mut self, ticket: u64) {
        self.parcels.remove(&ticket);
    }

    /// Ends the session; with a status at once, else when what waits has been sent.
    pub(crate) fn end(&self, why: Option<Status>) {
        self.outbox.end.now(why);
    }
}

/// Held while a message is fetched: a session fetches one at a time.
pub(crate) type InHand = Arc<()>;

/// A message that waits to be fetched.
#[derive(Clone)]
pub(crate) enum Waiting {
    Whole(Bytes),
    Sum(Box<Sending>),
}

impl Waiting {
    /// Bytes that it takes up while it waits.
    fn held(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            // Shared with whoever else waits for the sum, or on the disk; but the last that waits
            // may be the only one left.
            Self::Sum(sum) => usize::try_from(sum.bytes()).unwrap_or(usize::MAX),
        }
    }

    /// The next bytes, `most` at a time where it is up to this end; `None` behind the last.
    ///
    /// # Errors
    /// A part of an upload cannot be read.
    pub(crate) fn next_piece(&mut self, most: usize) -> Result<Option<Bytes>, BadPart> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Ok(None),
            Self::Whole(bytes) => Ok(Some(bytes.split_to(bytes.len().min(most)))),
            Self::Sum(sum) => sum.next_piece(),
        }
    }
}

struct Outbox {
    sender: mpsc::Sender<(Body, usize)>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
    end: End,
}

impl Outbox {
    fn send(&self, body: Body, bytes: usize) -> Result<(), Full> {
        let bytes = bytes.saturating_add(OVERHEAD);
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        // One message may always wait, however long.
        if before > 0 && before.saturating_add(bytes) > self.limit {
            return Err(Full);
        }
        self.sender.try_send((body, bytes)).map_err(|_| Full)
    }
}

/// Ends a session, from either side.
#[derive(Clone)]
pub(crate) struct End {
    token: CancellationToken,
    why: Arc<Mutex<Option<Status>>>,
}

impl End {
    /// Ends it; the first reason counts.
    pub(crate) fn now(&self, why: Option<Status>) {
        if !self.token.is_cancelled() {
            *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
            self.token.cancel();
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn came(&self) {
        self.token.cancelled().await;
    }

    fn why(&self) -> Option<Status> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What is sent to a site, as a stream.
pub(crate) struct Messages {
    queue: mpsc::Receiver<(Body, usize)>,
    waiting: Arc<AtomicUsize>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    end: End,
    over: bool,
}

impl Stream for Messages {
    type Item = Result<AttendResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if self.cut.as_mut().poll(cx).is_ready() {
            if let Some(status) = self.end.why() {
                self.over = true;
                return Poll::Ready(Some(Err(status)));
            }
            // Sent to the end, but no more is waited for.
            self.queue.close();
        }
        match self.queue.poll_recv(cx) {
            Poll::Ready(Some((body, bytes))) => {
                self.waiting.fetch_sub(bytes, Ordering::Relaxed);
                Poll::Ready(Some(Ok(AttendResponse { body: Some(body) })))
            }
            Poll::Ready(None) => {
                self.over = true;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The site is gone, or its connection was cut: the session is over.
impl Drop for Messages {
    fn drop(&mut self) {
        self.end.now(None);
    }
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt as _;

    use super::*;

    fn open(limits: (usize, usize)) -> (Session, Seat) {
        let id = SessionId { site: "north".into(), number: 1 };
        Session::open(id, ([127, 0, 0, 1], 1).into(), "1".into(), limits)
    }

    #[tokio::test]
    async fn a_queue_is_bounded_in_messages_and_in_bytes() {
        let (mut session, mut seat) = open((2, 10_000));
        let message = |length: usize| Bytes::from(vec![1; length]);
        session.send_message(message(9_000)).unwrap();
        assert!(session.send_message(message(9_000)).is_err());
        let (mut session, _seat) = open((2, 1 << 30));
        session.send_message(message(1)).unwrap();
        session.send_message(message(1)).unwrap();
        assert!(session.send_message(message(1)).is_err());
        assert!(seat.messages.next().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_long_message_waits_under_a_ticket_of_its_own() {
        let (mut session, mut seat) = open((100, 1 << 20));
        let long = Bytes::from(vec![7; MAX_INLINE + 1]);
        session.send_message(long.clone()).unwrap();
        let Some(Ok(AttendResponse { body: Some(Body::Parcel(parcel)) })) =
            seat.messages.next().await
        else {
            panic!("no parcel");
        };
        assert_eq!(parcel.bytes as usize, long.len());
        let (mut waits, in_hand) = session.parcel(parcel.ticket).unwrap();
        assert_eq!(waits.next_piece(usize::MAX), Ok(Some(long.clone())));
        assert!(session.parcel(parcel.ticket).is_none(), "one at a time");
        drop(in_hand);
        assert!(session.parcel(parcel.ticket).is_some());
        session.fetched(parcel.ticket);
        assert!(session.parcel(parcel.ticket).is_none());
        for _ in 0..MAX_PARCELS {
            session.send_message(long.clone()).unwrap();
        }
        assert!(session.send_message(long).is_err(), "bounded");
        let (mut session, _seat) = open((100, 1 << 20));
        let third = Bytes::from(vec![0; MAX_PARCEL_BYTES / 3 + 1]);
        session.send_message(third.clone()).unwrap();
        session.send_message(third.clone()).unwrap();
        assert!(session.send_message(third.clone()).is_err(), "bounded in bytes");
        session.fetched(1);
        session.send_message(third).unwrap();
    }

    #[test]
    fn a_site_is_a_member_from_its_hello_under_the_charter_in_force() {
        let (mut session, _seat) = open((10, 1 << 20));
        session.index = SiteIndex::new(1);
        assert!(!session.greet(), "it does not hold the charter");
        session.agrees = true;
        assert_eq!(session.member(), None);
        assert!(session.greet() && !session.greet());
        assert_eq!(session.member(), SiteIndex::new(1));
    }

    #[tokio::test]
    async fn an_end_with_a_status_overtakes_what_waits_and_one_without_does_not() {
        let (mut session, mut seat) = open((10, 1 << 20));
        session.send_message(Bytes::from_static(b"x")).unwrap();
        session.end(Some(Status::aborted("replaced")));
        let status = seat.messages.next().await.unwrap().err().unwrap();
        assert_eq!(status.message(), "replaced");
        assert!(seat.messages.next().await.is_none());

        let (mut session, mut seat) = open((10, 1 << 20));
        session.send_message(Bytes::from_static(b"x")).unwrap();
        session.end(None);
        assert!(seat.messages.next().await.unwrap().is_ok());
        assert!(seat.messages.next().await.is_none());
    }
}
