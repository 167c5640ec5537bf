//! What waits to be sent.

use std::collections::VecDeque;

use bytes::Bytes;
use ripieno_wire::FromSite;
use tokio::sync::mpsc;

use super::authorities::Holdings;

/// Said in the session, as it is sent.
#[derive(Debug)]
pub(crate) enum Talk {
    /// A message of the engine.
    FromSite(Box<FromSite>),
    /// An encoded consent to a charter.
    Consent(Bytes),
    /// Whom the site trusts, and how it will come next.
    Holdings(Holdings),
}

/// The two ways to the coordinator while there is a session.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) talk: mpsc::Sender<Talk>,
    /// Tiles and trailers.
    pub(crate) uploads: mpsc::Sender<FromSite>,
}

/// Messages in order, each kind by itself: a word on an outcome does not wait for an upload.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    link: Option<Link>,
    talk: VecDeque<Talk>,
    uploads: VecDeque<FromSite>,
    /// Uploads that are not wholly handed on.
    unfinished: usize,
}

/// Uploads and messages that may wait before no more is taken from the coordinator.
const MAX_UPLOADS: usize = 2;
const MAX_TALK: usize = 512;

impl Outbox {
    /// A session begins: what waited for another one is dropped, the coordinator will ask again.
    pub(crate) fn open(&mut self, link: Link) {
        *self = Self { link: Some(link), ..Self::default() };
    }

    /// The session is over.
    pub(crate) fn close(&mut self) {
        *self = Self::default();
    }

    /// Whether there is a session.
    pub(crate) fn is_open(&self) -> bool {
        self.link.is_some()
    }

    /// Puts a message at the end of its queue; without a session it is dropped.
    pub(crate) fn push(&mut self, message: FromSite) {
        if self.link.is_none() {
            return;
        }
        match message {
            FromSite::Tile { .. } => self.uploads.push_back(message),
            FromSite::Trailer { .. } => {
                self.uploads.push_back(message);
                self.unfinished += 1;
            }
            other => self.talk.push_back(Talk::FromSite(Box::new(other))),
        }
    }

    /// The same for a consent.
    pub(crate) fn push_consent(&mut self, consent: Bytes) {
        if self.link.is_some() {
            self.talk.push_back(Talk::Consent(consent));
        }
    }

    /// The same for what the site holds.
    pub(crate) fn push_holdings(&mut self, holdings: Holdings) {
        if self.link.is_some() {
            self.talk.push_back(Talk::Holdings(holdings));
        }
    }

    /// Whether the next message of the coordinator may be handled.
    pub(crate) fn has_room(&self) -> bool {
        self.unfinished < MAX_UPLOADS && self.talk.len() < MAX_TALK
    }

    /// Whether words wait to be handed on.
    pub(crate) fn has_talk(&self) -> bool {
        self.link.is_some() && !self.talk.is_empty()
    }

    /// Hands the next message on, as soon as there is room; never done where there is none.
    pub(crate) async fn send_next(&mut self) {
        let Some(link) = &self.link else { return std::future::pending().await };
        let (talks, uploads) = (!self.talk.is_empty(), !self.uploads.is_empty());
        let sent = tokio::select! {
            biased;
            permit = link.talk.reserve(), if talks => permit.is_ok_and(|permit| {
                let next = self.talk.pop_front();
                next.is_some_and(|talk| {
                    permit.send(talk);
                    true
                })
            }),
            permit = link.uploads.reserve(), if uploads => permit.is_ok_and(|permit| {
                let next = self.uploads.pop_front();
                next.is_some_and(|message| {
                    self.unfinished -= usize::from(matches!(message, FromSite::Trailer { .. }));
                    permit.send(message);
                    true
                })
            }),
            else => return std::future::pending().await,
        };
        if !sent {
            // Nobody takes them any more: the session is over.
            self.close();
        }
    }
}
