//! One session with the coordinator, from arrival to its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::{Arrival, AttendRequest, AttendResponse};
use ripieno_wire::{FromSite, ToSite, WireError};
use thiserror::Error;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use tracing::debug;

use super::keeper::{Arrived, Word};
use super::outbox::{Link, Talk};
use super::parcel::{self, BadParcel};
use super::upload;
use crate::clock::now;
use crate::link::{CALL, Client, Problem};

/// Messages that wait to be sent in the session.
const TALK: usize = 32;
/// Tiles that wait to be sent.
const TILES: usize = 2;
/// How long the coordinator may take to say its first word.
const WELCOME: Duration = Duration::from_secs(30);
/// How long a session that was to end may take for it.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a coordinator that is about to stop may take for it.
const CLOSING: Duration = Duration::from_secs(60);
/// The longest message in the session itself, in bytes.
const MAX_MESSAGE: usize = 1 << 20;
/// The most sites that are named in one word: the holders of an epoch.
const MAX_NAMED: usize = 128;

/// How a session ended that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The coordinator closed it; when to come back, where it said so.
    Closed(Option<Duration>),
    /// This end was stopped.
    Stopped,
}

/// Why a session failed.
#[derive(Debug, Error)]
pub(crate) enum SessionError {
    #[error("{}", Problem::from(.0).text)]
    Call(#[from] Status),
    #[error("the coordinator said nothing for {} s", WELCOME.as_secs())]
    Silent,
    #[error("the coordinator's first word was no welcome")]
    NoWelcome,
    #[error("the coordinator sent something that is no message: {0}")]
    Wire(#[from] WireError),
    #[error("a message of {0} bytes came in the session, at most {MAX_MESSAGE} are allowed")]
    TooLong(usize),
    #[error(transparent)]
    Parcel(#[from] BadParcel),
    #[error("this end is stopping")]
    Stopping,
}

impl SessionError {
    /// Whether the coordinator did something that it must not do: for the audit log.
    pub(crate) fn is_misbehaviour(&self) -> bool {
        match self {
            Self::NoWelcome | Self::Wire(_) | Self::TooLong(_) => true,
            Self::Parcel(bad) => bad.is_misbehaviour(),
            Self::Call(_) | Self::Silent | Self::Stopping => false,
        }
    }
}

/// What a session needs.
pub(crate) struct Session<'a> {
    pub(crate) client: Client,
    pub(crate) words: &'a mpsc::Sender<Word>,
    pub(crate) stop: &'a CancellationToken,
    /// Room for one parcel.
    pub(crate) parcels: &'a Arc<Semaphore>,
    /// Where a large one is kept.
    pub(crate) folder: &'a Path,
    /// Is told when the coordinator has sent a list of authorities.
    pub(crate) listed: &'a Notify,
}

impl Session<'_> {
    /// Attends until the session ends. `welcomed` is called when the coordinator has answered.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(crate) async fn attend(
        mut self,
        welcomed: impl FnOnce(&ripieno_rpc::Welcome),
    ) -> Result<Farewell, SessionError> {
        let (talk, talks) = mpsc::channel(TALK);
        let (uploads, tiles) = mpsc::channel(TILES);
        let arrived = self.arrive(Link { talk, uploads }).await?;
        let session = arrived.session;
        let result = async {
            let mut heard = tokio::select! {
                () = self.stop.cancelled() => return Ok(Farewell::Stopped),
                heard = self.begin(arrived, talks) => heard?,
            };
            let first = timeout(WELCOME, heard.message());
            let first = first.await.map_err(|_| SessionError::Silent)??;
            let Some(AttendResponse { body: Some(Heard::Welcome(welcome)) }) = first else {
                return Err(SessionError::NoWelcome);
            };
            welcomed(&welcome);
            self.tell(Word::Welcomed { session, clock: welcome.clock }).await?;
            let uploads = upload::send_all(self.client.clone(), tiles);
            tokio::select! {
                farewell = self.listen(session, &mut heard) => farewell,
                failed = failing(uploads) => Err(failed.into()),
            }
        }
        .await;
        let alarm = match &result {
            Err(error) if error.is_misbehaviour() => Some(error.to_string()),
            _ => None,
        };
        // Where nobody listens any more, nobody has to know.
        let _ = self.words.send(Word::Ended { session, alarm }).await;
        result
    }

    async fn arrive(&self, link: Link) -> Result<Arrived, SessionError> {
        let (reply, arrived) = oneshot::channel();
        self.tell(Word::Arrive { link, reply }).await?;
        arrived.await.map_err(|_| SessionError::Stopping)
    }

    async fn begin(
        &self,
        arrived: Arrived,
        talks: mpsc::Receiver<Talk>,
    ) -> Result<Streaming<AttendResponse>, SessionError> {
        let arrival = Arrival {
            charter_version: arrived.charter_version,
            charter: arrived.charter.map(|digest| Bytes::copy_from_slice(digest.as_bytes())),
            program: env!("CARGO_PKG_VERSION").into(),
            clock: now(),
            holdings: Some(arrived.holdings.encode()),
        };
        let mut client = self.client.clone();
        let call = client.attend(said(arrival, talks));
        let late = |_| Status::deadline_exceeded("no answer to the site's arrival");
        Ok(timeout(CALL, call).await.map_err(late)??.into_inner())
    }

    /// Hears the coordinator out, one word after the other.
    async fn listen(
        &mut self,
        session: u64,
        heard: &mut Streaming<AttendResponse>,
    ) -> Result<Farewell, SessionError> {
        let mut closing: Option<(Duration, Instant)> = None;
        loop {
            let over = async {
                match closing {
                    Some((_, at)) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    hear_out(heard).await;
                    return Ok(Farewell::Stopped);
                }
                () = over => return Ok(Farewell::Closed(closing.map(|(wait, _)| wait))),
                next = heard.message() => next?,
            };
            let Some(AttendResponse { body }) = next else {
                return Ok(Farewell::Closed(closing.map(|(wait, _)| wait)));
            };
            match body {
                Some(Heard::Closing(message)) => {
                    let wait = Duration::from_secs(message.come_back_after_seconds.into());
                    closing = Some((wait, Instant::now() + CLOSING));
                }
                Some(body) => {
                    let stop = self.stop;
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        taken = self.take(session, body) => taken?,
                    }
                }
                None => debug!("passed over: a word that this version does not know"),
            }
        }
    }

    async fn take(&mut self, session: u64, body: Heard) -> Result<(), SessionError> {
        let word = match body {
            Heard::ToSite(bytes) if bytes.len() > MAX_MESSAGE => {
                return Err(SessionError::TooLong(bytes.len()));
            }
            Heard::ToSite(bytes) => {
                let message = Box::new(ToSite::decode(bytes)?);
                Word::ToSite { session, message, room: None }
            }
            Heard::Parcel(parcel) => {
                parcel::check(&parcel)?;
                // The one before is handled first: there is never more than one in memory.
                let room = self.parcels.clone().acquire_owned().await;
                let room = room.map_err(|_| SessionError::Stopping)?;
                if parcel.bytes > parcel::SMALL && !self.may_fetch(session).await? {
                    debug!(bytes = parcel.bytes, "passed over: no study waits for a sum");
                    return Ok(());
                }
                let message = parcel::fetch(&mut self.client, &parcel, self.folder).await?;
                Word::ToSite { session, message: Box::new(message), room: Some(room) }
            }
            Heard::Proposal(bytes) => Word::Proposal { session, bytes },
            Heard::Charters(bytes) => Word::Charters { session, bytes },
            Heard::LedgerBehind(mut behind) => {
                behind.refused_by.truncate(MAX_NAMED);
                Word::LedgerBehind { session, behind }
            }
            Heard::Authorities(bytes) => {
                let (done, handled) = oneshot::channel();
                self.tell(Word::Authorities { session, bytes, done }).await?;
                // It ends with an error always: nothing is sent on it.
                let _ = handled.await;
                self.listed.notify_one();
                return Ok(());
            }
            Heard::Welcome(_) => return Err(SessionError::NoWelcome),
            // Taken by the caller.
            Heard::Closing(_) => return Ok(()),
        };
        self.tell(word).await
    }

    /// Asks behind all that came before, so that a study that was just announced counts.
    async fn may_fetch(&self, session: u64) -> Result<bool, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Word::MayFetch { session, reply }).await?;
        // Nobody answers where the session is over for the other side.
        Ok(answer.await.unwrap_or(false))
    }

    async fn tell(&self, word: Word) -> Result<(), SessionError> {
        self.words.send(word).await.map_err(|_| SessionError::Stopping)
    }
}

/// What this end says: its arrival, then what the keeper gives.
fn said(
    arrival: Arrival,
    talks: mpsc::Receiver<Talk>,
) -> impl Stream<Item = AttendRequest> + Send + 'static {
    let first = AttendRequest { body: Some(Said::Arrival(arrival)) };
    let rest = ReceiverStream::new(talks).map(|talk| AttendRequest { body: Some(encode(talk)) });
    tokio_stream::once(first).chain(rest)
}

fn encode(talk: Talk) -> Said {
    match talk {
        Talk::FromSite(message) => Said::FromSite(FromSite::encode(&message)),
        Talk::Consent(bytes) => Said::Consent(bytes),
        Talk::Holdings(holdings) => Said::Holdings(holdings.encode()),
    }
}

/// The other end closes when it has seen that this one does; nothing of it is handled any more.
async fn hear_out(heard: &mut Streaming<AttendResponse>) {
    let rest = async { while let Ok(Some(_)) = heard.message().await {} };
    let _ = timeout(FAREWELL, rest).await;
}

/// Ends with the error only.
async fn failing(work: impl Future<Output = Result<(), Status>>) -> Status {
    match work.await {
        Err(status) => status,
        Ok(()) => std::future::pending().await,
    }
}
