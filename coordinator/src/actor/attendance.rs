//! Sites that are there, and what they say.

use std::time::Instant;

use ripieno_audit::{Event as Entry, Kind};
use ripieno_coordinator_engine::Outgoing;
use ripieno_identity::CharterConsent;
use ripieno_rpc::attend_response::Body;
use ripieno_rpc::{Closing, Welcome};
use ripieno_study::SiteIndex;
use ripieno_transport::Serial;
use ripieno_wire::membership::{encode_charter, encode_history};
use ripieno_wire::{FromSite, Sending, ToSite};
use tonic::Status;
use tracing::{debug, info, warn};

use super::Actor;
use super::command::{Arrival, Fault, SessionId, UploadId};
use super::error::Fatal;
use super::found::Charter;
use super::session::{Full, InHand, MAX_INLINE, Seat, Session, Waiting};
use crate::clock::unix_now;
use crate::log::Pace;
use crate::store::{Heard, SiteRow, Standing, StoreError};

/// When sites may come back after an orderly stop.
const COME_BACK_SECONDS: u32 = 5;
/// The longest version of a program that is kept, in bytes.
const MAX_PROGRAM: usize = 64;

impl Actor {
    /// A site begins its session; one that it had ends.
    pub(super) async fn arrive(&mut self, arrival: Arrival) -> Result<Seat, Fault> {
        let site = self.identify(&arrival.serial)?.clone();
        let agrees = self.compare_charters(&site, &arrival)?;
        self.found.is_admitted(&site.name);
        let now = unix_now();
        let offset = i64::try_from(arrival.clock).unwrap_or(i64::MAX).saturating_sub_unsigned(now);
        let program: String = arrival.program.chars().filter(|c| !c.is_control()).collect();
        let program = program.get(..program.floor_char_boundary(MAX_PROGRAM)).unwrap_or_default();
        let replaced = Status::aborted("another session of this site has begun");
        self.end_session(&site.name, Some(replaced));
        self.next_session += 1;
        let id = SessionId { site: site.name.clone(), number: self.next_session };
        let limits = &self.shared.settings.connections;
        let limits = (limits.queue_messages, limits.queue_bytes());
        let (mut session, seat) = Session::open(id, arrival.address, program.to_owned(), limits);
        session.version = arrival.charter_version;
        session.agrees = agrees;
        session.confirmed = arrival.charter_version > 0;
        session.index = self.index_of(&site);
        let own = env!("CARGO_PKG_VERSION").to_owned();
        // A queue takes one message at least.
        let _ = session.send(Body::Welcome(Welcome { clock: now, program: own }), 0);
        info!(site = site.name, address = %arrival.address, "a site is there");
        self.sessions.insert(site.name.clone(), session);
        let list = self.arrives_with(&site.name, arrival.holdings)?;
        self.heard.push(Heard {
            site: site.name.clone(),
            seen: now,
            clock_offset: offset,
            program: program.to_owned(),
            charter_version: arrival.charter_version,
            list,
            serial: Some(arrival.serial.to_string()),
        });
        self.bring_up_to_date(&site.name);
        self.show_proposal(&site.name);
        if let Some(index) = self.index_of(&site) {
            self.tell_of_ledger(index);
        }
        Ok(seat)
    }

    /// A session is over.
    pub(super) fn depart(&mut self, id: &SessionId) {
        let Some(session) = self.session_mut(id) else { return };
        let (charter_version, program) = (session.version, session.program.clone());
        let clock_offset = match self.heard.iter().rfind(|heard| heard.site == id.site) {
            Some(heard) => heard.clock_offset,
            None => self.sites.named(&id.site).map_or(0, |row| row.clock_offset),
        };
        self.heard.push(Heard {
            site: id.site.clone(),
            seen: unix_now(),
            clock_offset,
            program,
            charter_version,
            list: None,
            serial: None,
        });
        self.end_session(&id.site, None);
        info!(site = id.site, "a site is gone");
    }

    /// Writes down which sites came and went, all in one transaction: many may do so at a time.
    pub(super) async fn write_heard(&mut self) -> Result<(), StoreError> {
        if self.heard.is_empty() {
            return Ok(());
        }
        let rows = self.shared.store.note_heard(&std::mem::take(&mut self.heard)).await?;
        rows.into_iter().for_each(|row| self.sites.put(row));
        Ok(())
    }

    /// Takes a message of the protocol.
    pub(super) async fn message(&mut self, id: &SessionId, message: FromSite) -> Result<(), Fatal> {
        let clock = self.watch.read();
        if self.session_mut(id).is_none() {
            return Ok(());
        }
        if matches!(message, FromSite::Hello(_)) && !self.may_say(&id.site, "hello")? {
            return Ok(());
        }
        let Some(session) = self.session_mut(id) else { return Ok(()) };
        let came = matches!(message, FromSite::Hello(_)) && session.greet();
        let Some(index) = session.member() else {
            debug!(site = id.site, "a message of a site that has not greeted under this charter");
            return Ok(());
        };
        let ended = |study| !self.told.contains_key(study);
        if matches!(&message, FromSite::StudyAnswer(answer) if ended(&answer.study)) {
            debug!(site = id.site, "an answer about a study that runs no more");
            return Ok(());
        }
        let mut asked = match (&self.engine, &message) {
            (Some(engine), FromSite::Hello(hello)) => engine.unknown_slots(hello),
            _ => Vec::new(),
        };
        asked.truncate(self.may_recall(&id.site, asked.len()));
        if let Some(engine) = &mut self.engine {
            tokio::task::block_in_place(|| engine.receive(index, message, clock));
        }
        if came {
            self.presence_changed(index, true);
        }
        // Of studies that ended a while ago.
        for slot in asked {
            if let Some(outcome) = self.shared.store.outcome(slot).await?
                && let Some(engine) = &mut self.engine
                && let Err(error) = engine.recall(index, &outcome)
            {
                warn!(site = id.site, %error, "a site cannot be told what became of a slot");
            }
        }
        Ok(())
    }

    /// Writes down that what a site sent is no message.
    pub(super) fn malformed(&mut self, id: &SessionId, reason: &str) -> Result<(), Fatal> {
        warn!(site = id.site, reason, "a site sent what is no message");
        let fill = |entry: Entry| {
            entry.with("site", &id.site).with("culprit", &id.site).with("reason", reason)
        };
        let of = (Kind::Refusal, "malformed");
        if self.log.add_of_peer(&id.site, of, fill, Instant::now())? == Pace::TooMuch {
            self.goes_on(&id.site);
        }
        Ok(())
    }

    /// Takes a signature under the charter that is proposed.
    pub(super) async fn consent(
        &mut self,
        id: &SessionId,
        consent: CharterConsent,
    ) -> Result<(), Fatal> {
        if self.session_mut(id).is_none() {
            return Ok(());
        }
        match self.take_consent(&id.site, consent).await {
            Ok(()) => Ok(()),
            Err(Fault::Fatal(error)) => Err(error),
            Err(Fault::Refused(status)) => {
                let of = (Kind::Refusal, "charter-consent");
                let fill =
                    |entry: Entry| entry.with("site", &id.site).with("reason", status.message());
                match self.log.add_of_peer(&id.site, of, fill, Instant::now())? {
                    Pace::Fine => self.show_proposal(&id.site),
                    Pace::TooMuch => self.goes_on(&id.site),
                }
                Ok(())
            }
        }
    }

    /// An upload begins; one that the site had under way counts no more.
    pub(super) fn begin_upload(&mut self, serial: &Serial) -> Result<UploadId, Fault> {
        let site = self.identify(serial)?.name.clone();
        let session = self.sessions.get_mut(&site);
        let session = session.filter(|session| session.member().is_some());
        let session = session.ok_or_else(|| {
            Status::failed_precondition(
                "an upload needs a session of the site, under the charter in force: attend first",
            )
        })?;
        session.upload += 1;
        session.uploaded = 0;
        Ok(UploadId { session: session.id.clone(), number: session.upload })
    }

    /// Takes a tile or the trailer of an upload.
    pub(super) fn tile(&mut self, upload: &UploadId, message: FromSite) -> Result<(), Fault> {
        let clock = self.watch.read();
        let bytes = match &message {
            FromSite::Tile { lanes, .. } => lanes.len() as u64 * 8,
            _ => 0,
        };
        let session = self.session_mut(&upload.session);
        let session = session.filter(|session| session.upload == upload.number);
        let session = session.ok_or_else(|| {
            Status::aborted("another upload or session of this site has begun; this one ends")
        })?;
        let index = session.member().ok_or_else(|| {
            Status::failed_precondition("the charter has changed; begin the round anew")
        })?;
        session.uploaded = session.uploaded.saturating_add(bytes);
        self.shared.metrics.upload_bytes.inc_by(bytes);
        if let Some(engine) = &mut self.engine {
            tokio::task::block_in_place(|| engine.receive(index, message, clock));
        }
        Ok(())
    }

    /// A message that waits for a site.
    pub(super) fn parcel(
        &mut self,
        serial: &Serial,
        ticket: u64,
    ) -> Result<(SessionId, Waiting, InHand), Fault> {
        let name = self.identify(serial)?.name.clone();
        let session = self.sessions.get_mut(&name);
        let parcel = session.and_then(|session| {
            let (parcel, in_hand) = session.parcel(ticket)?;
            Some((session.id.clone(), parcel, in_hand))
        });
        Ok(parcel.ok_or_else(|| {
            Status::not_found(
                "no message waits under this ticket; it ended with its session, or another one is \
                 being fetched",
            )
        })?)
    }

    /// Sends each message to those of its sites that are there.
    pub(super) fn send(&mut self, outgoing: Vec<Outgoing>) {
        let mut full = Vec::new();
        for Outgoing { to, mut message } in outgoing {
            self.observer.outgoing(&to, &mut message);
            let there = |site: &SiteIndex| {
                self.session_of(*site).is_some_and(|session| session.member().is_some())
            };
            let sites: Vec<_> = to.iter().filter(there).collect();
            if sites.is_empty() {
                continue;
            }
            let sum = match &message {
                ToSite::Published(published) => Sending::new(published),
                _ => None,
            };
            let message = match sum {
                Some(sum) if sum.bytes() > MAX_INLINE as u64 => Waiting::Sum(Box::new(sum)),
                Some(sum) => match tokio::task::block_in_place(|| sum.gather()) {
                    Ok(bytes) => Waiting::Whole(bytes),
                    // Nobody is sent a sum without the parts that show it.
                    Err(error) => {
                        warn!(%error, "a sum cannot be sent");
                        continue;
                    }
                },
                None => Waiting::Whole(tokio::task::block_in_place(|| message.encode())),
            };
            for site in sites {
                if let Some(name) = self.session_of(site).map(|session| session.id.site.clone())
                    && let Some(session) = self.sessions.get_mut(&name)
                    && session.send_waiting(message.clone()).is_err()
                {
                    full.push(name);
                }
            }
        }
        for site in full {
            self.overflowed(&site);
        }
    }

    /// Says goodbye to all sites.
    pub(super) fn close_sessions(&mut self) {
        let names: Vec<_> = self.sessions.keys().cloned().collect();
        for name in names {
            if let Some(session) = self.sessions.get(&name) {
                let closing = Closing { come_back_after_seconds: COME_BACK_SECONDS };
                let _ = session.send(Body::Closing(closing), 0);
            }
            self.end_session(&name, None);
        }
    }

    /// Sends a site the charters that it lacks.
    pub(super) fn bring_up_to_date(&mut self, name: &str) {
        let Some(last) = self.charters.last().map(|one| one.charter().fields().version) else {
            return;
        };
        let Some(row) = self.sites.named(name).cloned() else { return };
        let index = self.index_of(&row);
        let Some(session) = self.sessions.get_mut(name) else { return };
        session.index = index;
        if session.version >= last {
            return;
        }
        let held = usize::try_from(session.version).unwrap_or(usize::MAX);
        let missing = self.charters.get(held..).unwrap_or_default();
        let history = encode_history(missing);
        session.version = last;
        session.agrees = true;
        let bytes = history.len();
        if session.send(Body::Charters(history), bytes).is_err() {
            self.overflowed(name);
        }
    }

    /// Shows a site the charter that waits for its signature.
    pub(super) fn show_proposal(&mut self, name: &str) {
        let Some(pending) = &self.pending else { return };
        let Some(row) = self.sites.named(name) else { return };
        let electorate = pending.electorate(self.charters.last());
        let elector = electorate.iter().find(|site| Some(site.key) == row.key);
        if elector.is_none_or(|site| pending.has_signed(site.index)) {
            return;
        }
        let charter = encode_charter(&pending.charter);
        let Some(session) = self.sessions.get(name) else { return };
        let bytes = charter.len();
        if session.send(Body::Proposal(charter), bytes).is_err() {
            self.overflowed(name);
        }
    }

    /// Ends a session, and tells the engine.
    pub(super) fn end_session(&mut self, name: &str, why: Option<Status>) {
        let Some(session) = self.sessions.remove(name) else { return };
        session.end(why);
        let Some(index) = session.index.filter(|_| session.greeted) else { return };
        if let Some(engine) = &mut self.engine {
            engine.disconnected(index);
        }
        self.presence_changed(index, false);
    }

    pub(super) fn session_mut(&mut self, id: &SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id.site).filter(|session| session.id == *id)
    }

    /// The session of a site of the charter in force.
    pub(super) fn session_of(&self, site: SiteIndex) -> Option<&Session> {
        let name = &self.charters.last()?.charter().site(site)?.name;
        self.sessions.get(name).filter(|session| session.index == Some(site))
    }

    /// The site with this certificate, if it may still speak.
    pub(super) fn identify(&self, serial: &Serial) -> Result<&SiteRow, Status> {
        match self.sites.with_serial(&serial.to_string()) {
            Some(site) if site.standing != Standing::Revoked => Ok(site),
            Some(_) => Err(Status::permission_denied(
                "this site was revoked; ask the federation's operator for a new invitation",
            )),
            None => Err(Status::permission_denied(
                "no site of this federation has this certificate; enrol with an invitation",
            )),
        }
    }

    /// Its index in the charter in force.
    pub(super) fn index_of(&self, site: &SiteRow) -> Option<SiteIndex> {
        let sites = self.charters.last()?.sites();
        sites.iter().find(|one| Some(one.key) == site.key).map(|one| one.index)
    }

    /// Whether the site holds what is in force here; a status where it holds something else.
    fn compare_charters(&mut self, site: &SiteRow, arrival: &Arrival) -> Result<bool, Fault> {
        let Some(version) = arrival.charter_version.checked_sub(1) else { return Ok(false) };
        let own = usize::try_from(version).ok().and_then(|version| self.charters.get(version));
        if own.is_some_and(|own| Some(own.digest()) == arrival.charter) {
            return Ok(usize::try_from(version).ok() == self.charters.len().checked_sub(1));
        }
        let how = match own {
            Some(_) => Charter::Other(arrival.charter_version),
            None => Charter::Later(arrival.charter_version),
        };
        self.found.charter_differs(&site.name, how);
        let (version, reason) = (how.version(), how.reason());
        warn!(site = site.name, version, reason);
        let fill = |entry: Entry| {
            let entry = entry.with("site", &site.name).with("version", version);
            entry.with("reason", reason)
        };
        let of = (Kind::Alarm, "charter-differs");
        self.log.add_of_peer(&site.name, of, fill, Instant::now())?;
        Err(Status::failed_precondition(reason).into())
    }

    /// A site that is refused again and again is heard no more, for now.
    pub(super) fn goes_on(&mut self, name: &str) {
        warn!(site = name, "a site goes on with what is refused; its session ends");
        let why = "too much of what this site says is refused; see its log, then come back";
        self.end_session(name, Some(Status::resource_exhausted(why)));
    }

    pub(super) fn overflowed(&mut self, name: &str) {
        warn!(site = name, "a site does not read what it is sent; its session ends");
        let why = "this site does not read what it is sent; it may come back";
        self.end_session(name, Some(Status::resource_exhausted(why)));
    }
}

impl From<Full> for Status {
    fn from(Full: Full) -> Self {
        Status::resource_exhausted("the queue of this site is full")
    }
}
