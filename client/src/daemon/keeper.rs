//! The task that owns the site: all that it decides, it decides here, one thing after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use ripieno_audit::{AuditLog, Event, Kind};
use ripieno_client_engine::{Gate, Site, SiteParts, StudyStanding};
use ripieno_files::{AppendFile, Follower, StateDir};
use ripieno_identity::{RatifiedCharter, SigningKey};
use ripieno_rpc::LedgerBehind;
use ripieno_study::{Check, Culprit, Digest, Refusal, SiteIndex};
use ripieno_terminal::{Exit, Failure};
use ripieno_wire::{FromSite, ToSite};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::Ending;
use super::alarms::{About, Alarms, Bucket, Notes};
use super::authorities::Holdings;
use super::outbox::{Link, Outbox};
use super::remote::Connection;
use crate::clock::now;
use crate::config::Config;
use crate::state::{Charters, FileConsents, FileShelf, Inventory, Records, State, of_key};

/// How often time passes for the engine.
const TICK: Duration = Duration::from_secs(60);
/// How long words that were said already may take to be handed on at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// The site's engine over files.
pub(crate) type Engine = Site<AppendFile, AppendFile, UnwrapErr<SysRng>, FileShelf>;

/// What the site does at the moment.
pub(crate) enum Duty {
    /// It waits for a charter that lists it. `None` for the moment in which it becomes the other.
    Waiting(Option<Box<(Records, Gate)>>),
    /// It takes part.
    Serving(Box<Engine>),
}

/// Something that the steward asks.
pub(crate) type Ask = Box<dyn FnOnce(&mut Keeper) + Send>;

/// What a session says to the keeper; `session` tells a late word of an earlier one.
pub(crate) enum Word {
    /// A session is about to begin.
    Arrive { link: Link, reply: oneshot::Sender<Arrived> },
    /// The coordinator has welcomed the site.
    Welcomed { session: u64, clock: u64 },
    /// A message for the engine; where it was fetched as a parcel, the room that it takes up.
    ToSite { session: u64, message: Box<ToSite>, room: Option<OwnedSemaphorePermit> },
    /// Whether a large parcel can be of use now.
    MayFetch { session: u64, reply: oneshot::Sender<bool> },
    /// Charters that the site lacks.
    Charters { session: u64, bytes: bytes::Bytes },
    /// The list of authorities to trust; `done` goes when it is handled.
    Authorities { session: u64, bytes: bytes::Bytes, done: oneshot::Sender<()> },
    /// A new certificate is on the disk.
    Recertified,
    /// A charter to be signed.
    Proposal { session: u64, bytes: bytes::Bytes },
    /// The coordinator says that peers, or itself, refuse this site's ledger.
    LedgerBehind { session: u64, behind: LedgerBehind },
    /// The session is over; what was wrong, where the coordinator did something that it must not.
    Ended { session: u64, alarm: Option<String> },
    /// Something for the steward to look at.
    Alarm(About, String),
}

/// What a session begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) session: u64,
    pub(crate) charter_version: u32,
    pub(crate) charter: Option<Digest>,
    pub(crate) holdings: Holdings,
}

/// Owns everything that changes.
pub(crate) struct Keeper {
    pub(super) config: Config,
    pub(super) key: Arc<SigningKey>,
    pub(super) duty: Duty,
    pub(super) charters: Charters,
    pub(super) consents: FileConsents,
    pub(super) people: AuditLog<AppendFile>,
    pub(super) inventory: Inventory,
    /// How far the ledger has come.
    pub(super) ledger: Follower,
    pub(super) outbox: Outbox,
    pub(super) alarms: Alarms,
    /// How much of what the other end causes was written down.
    notes: Notes,
    /// How many lists of authorities were taken over.
    pub(super) lists: Bucket,
    /// How many proposals were kept.
    pub(super) proposals: Bucket,
    pub(super) connection: watch::Receiver<Connection>,
    pub(super) started: Instant,
    /// The epoch of the last advert.
    pub(super) epoch: Option<u64>,
    /// Why the daemon must end.
    pub(super) ending: Option<Ending>,
    session: u64,
    /// Keeps the folder to this process.
    _dir: StateDir,
}

impl Keeper {
    /// Puts a site together: with the charter in force where there is one.
    ///
    /// # Errors
    /// Where a record is damaged, or the charter does not list the site's key.
    pub(crate) fn new(
        config: Config,
        state: State,
        gate: Gate,
        connection: watch::Receiver<Connection>,
    ) -> Result<Self, Failure> {
        let State { dir, key, inventory, records, charters, consents, people, ledger, mended } =
            state;
        let mut keeper = Self {
            config,
            key,
            duty: Duty::Waiting(Some(Box::new((records, gate)))),
            charters,
            consents,
            people,
            inventory,
            ledger,
            outbox: Outbox::default(),
            alarms: Alarms::default(),
            notes: Notes::default(),
            lists: Bucket::full(tokio::time::Instant::now()),
            proposals: Bucket::full(tokio::time::Instant::now()),
            connection,
            started: Instant::now(),
            epoch: None,
            ending: None,
            session: 0,
            _dir: dir,
        };
        for (number, line) in mended.into_iter().enumerate() {
            keeper.alarms.raise(About::Mended(number), line);
        }
        keeper.note(Event::new(Kind::Start, now()).with("program", env!("CARGO_PKG_VERSION")))?;
        keeper.inventory.mark().map_err(Failure::output)?;
        if keeper.charters.held().is_some() {
            keeper.begin_duty()?;
        }
        keeper.take_over()?;
        Ok(keeper)
    }

    /// Works until it is stopped, or until the site is no member any more.
    ///
    /// # Errors
    /// Where something cannot be made durable: nothing leaves any more.
    pub(crate) async fn run(
        mut self,
        mut words: mpsc::Receiver<Word>,
        mut asks: mpsc::Receiver<Ask>,
        stop: CancellationToken,
    ) -> Result<Ending, Failure> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(ending) = self.ending.take() {
                return self.end(ending).await;
            }
            let room = self.outbox.has_room();
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.end(Ending::Stopped).await,
                () = self.outbox.send_next() => {}
                Some(ask) = asks.recv() => computing(|| ask(&mut self)),
                _ = tick.tick() => computing(|| self.tick())?,
                Some(word) = words.recv(), if room => computing(|| self.hear(word))?,
            }
            self.look_for_trouble();
            self.look_for_stale_folder().await?;
        }
    }

    /// Writes an entry to the log of people and daemon.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub(super) fn note(&mut self, event: Event) -> Result<(), Failure> {
        self.people.append(event).map(drop).map_err(Failure::output)
    }

    /// Writes an entry that the other end can cause: of each kind only so many an hour, and how
    /// many more there were.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub(super) fn note_some(&mut self, about: About, event: Event) -> Result<(), Failure> {
        match self.notes.take(about, tokio::time::Instant::now()) {
            None => Ok(()),
            Some(0) => self.note(event),
            Some(more) => self.note(event.with("not-written-before", more)),
        }
    }

    /// Messages of the engine, to be sent in order.
    pub(super) fn say(&mut self, messages: impl IntoIterator<Item = FromSite>) {
        for message in messages {
            if let FromSite::Advert(advert) = &message {
                self.epoch = Some(advert.epoch);
            }
            if let FromSite::Refused { refusal, .. } = &message {
                warn!(check = %refusal.check, culprit = %refusal.culprit, reason = refusal.reason, "refused");
            }
            self.outbox.push(message);
        }
    }

    /// Makes the engine from the records and the charter in force.
    ///
    /// # Errors
    /// Where a record is damaged, or the charter does not list this site's key.
    pub(super) fn begin_duty(&mut self) -> Result<(), Failure> {
        let Some(charter) = self.charters.held().cloned() else { return Ok(()) };
        let Duty::Waiting(parts) = &mut self.duty else { return Ok(()) };
        let Some(index) = of_key(charter.charter(), self.key.public()) else {
            let error = anyhow::anyhow!("the charter in force does not list this site's key");
            return Err(Failure::new(Exit::Denied, error));
        };
        let Some(parts) = parts.take() else {
            return Err(Failure::new(Exit::Internal, anyhow::anyhow!("the site began twice")));
        };
        let (Records { ledger, witness, audit, shelf, saved }, gate) = *parts;
        let rng = UnwrapErr(SysRng);
        let key = self.key.clone();
        let parts =
            SiteParts { index, key, charter, gate, ledger, witness, audit, rng, shelf, saved };
        let site = Site::new(parts).map_err(|error| Failure::new(Exit::Output, error))?;
        info!(%index, "the site takes part");
        self.duty = Duty::Serving(Box::new(site));
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Failure> {
        if let Duty::Serving(site) = &mut self.duty {
            let messages = site.tick(now());
            self.say(messages);
        }
        for (about, more) in self.notes.overdue(tokio::time::Instant::now()) {
            let event = Event::new(Kind::Alarm, now()).with("about", format!("{about:?}"));
            self.note(event.with("not-written-before", more))?;
        }
        self.take_over()
    }

    fn hear(&mut self, word: Word) -> Result<(), Failure> {
        match word {
            Word::Arrive { link, reply } => self.arrive(link, reply),
            Word::Welcomed { session, clock } if self.is_current(session) => {
                self.welcomed(clock)?;
            }
            Word::ToSite { session, message, room } if self.is_current(session) => {
                self.handle(*message)?;
                // The next parcel may be fetched.
                drop(room);
            }
            Word::MayFetch { session, reply } if self.is_current(session) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.awaits_sums());
            }
            Word::Charters { session, bytes } if self.is_current(session) => {
                self.take_charters(bytes)?;
            }
            Word::Authorities { session, bytes, done } if self.is_current(session) => {
                self.take_authorities(bytes)?;
                drop(done);
            }
            Word::Recertified => self.recertified(),
            Word::Proposal { session, bytes } if self.is_current(session) => {
                self.take_proposal(&bytes)?;
            }
            Word::LedgerBehind { session, behind } if self.is_current(session) => {
                self.ledger_behind(&behind)?;
            }
            Word::Ended { session, alarm } => {
                if self.is_current(session) {
                    self.outbox.close();
                }
                if let Some(alarm) = alarm {
                    self.alarm(About::Session, alarm)?;
                }
            }
            Word::Alarm(about, text) => self.alarm(about, text)?,
            _ => debug!("a late word of an earlier session"),
        }
        Ok(())
    }

    fn arrive(&mut self, link: Link, reply: oneshot::Sender<Arrived>) {
        self.session += 1;
        self.outbox.open(link);
        let held = self.charters.held();
        let arrived = Arrived {
            session: self.session,
            charter_version: held.map_or(0, |held| held.charter().fields().version),
            charter: held.map(RatifiedCharter::digest),
            holdings: self.holdings(),
        };
        // Whoever asked may have given up meanwhile.
        let _ = reply.send(arrived);
    }

    fn welcomed(&mut self, clock: u64) -> Result<(), Failure> {
        let own = now();
        if own.abs_diff(clock) > super::alarms::CLOCK_TOLERANCE {
            let text = format!(
                "this machine's clock and the coordinator's are {} s apart: set this one by NTP, or \
                 tell the federation's operator",
                own.abs_diff(clock)
            );
            self.alarms.raise(About::Clock, text);
        } else {
            self.alarms.clear(About::Clock);
        }
        self.send_consent()?;
        self.hello();
        Ok(())
    }

    /// Says what this site lacks, so that it is told again.
    pub(super) fn hello(&mut self) {
        if let Duty::Serving(site) = &self.duty {
            let hello = FromSite::Hello(site.hello());
            self.outbox.push(hello);
        }
    }

    fn handle(&mut self, message: ToSite) -> Result<(), Failure> {
        self.look_for_hint(&message);
        let Duty::Serving(site) = &mut self.duty else {
            debug!(?message, "passed over: no charter lists this site yet");
            return Ok(());
        };
        debug!(?message, "handled");
        let before = site.newest_epoch();
        let sum = match &message {
            ToSite::Propose(proposal) => {
                Some((proposal.contract.contract.study, proposal.survivors.clone()))
            }
            _ => None,
        };
        let messages = site.handle(message, now());
        if self.behind().is_some() {
            // It ends: nothing that can fail comes before that is written down.
            self.say(messages);
            return Ok(());
        }
        let Duty::Serving(site) = &self.duty else { return Ok(()) };
        let signed = messages.iter().any(|message| matches!(message, FromSite::Ballot(_)));
        if let Some((study, survivors)) = sum.filter(|_| signed) {
            self.alarms.clear_sums(&study.short(), &survivors);
        }
        // Its holders have taken this site's ledger, and signed it.
        if site.newest_epoch() > before {
            self.alarms.clear(About::Restored);
            self.alarms.clear(About::Hint);
        }
        self.look_for_old_ledgers(&messages)?;
        self.say(messages);
        self.take_over()
    }

    /// The coordinator says that this site's own ledger is refused. Nothing proves it: it can be
    /// made up, by the coordinator or by one site. The people have to ask before they act on it.
    fn ledger_behind(&mut self, behind: &LedgerBehind) -> Result<(), Failure> {
        let charter = self.charters.held().map(RatifiedCharter::charter);
        let listed = |index: &u32| {
            let index = SiteIndex::new(u16::try_from(*index).ok()?)?;
            charter?.site(index).filter(|site| site.key != self.key.public())
        };
        let sites = behind.refused_by.iter().filter_map(listed).map(|site| site.name.as_str());
        let own = behind.by_coordinator.then_some("the coordinator itself");
        let named: Vec<_> = own.into_iter().chain(sites).collect();
        let by =
            if named.is_empty() { "nobody that it names".to_owned() } else { named.join(", ") };
        let text = format!(
            "the coordinator says that this site's ledger is refused (check L1) by {by}. Nothing \
             proves it: the coordinator, or one site that lies, can make it up. Call the stewards \
             of the sites that are named first, and of another one, on numbers that you know; never \
             move or replace the ledger on this alarm alone. Was this folder restored from a \
             backup, and do they confirm it, then put the newest folder back; only if there is \
             none, come back as a new site"
        );
        self.alarm(About::Restored, text)
    }

    /// Which ledgers of peers this site refuses, and which it takes: an epoch in which it deals.
    fn look_for_old_ledgers(&mut self, messages: &[FromSite]) -> Result<(), Failure> {
        // Of an older folder there is an alarm of its own, and nothing to compare.
        let stale = matches!(&self.duty, Duty::Serving(site) if site.behind().is_some());
        for message in messages {
            match message {
                FromSite::Bundles(bundles) => {
                    let dealt = |site| bundles.iter().any(|bundle| bundle.to == site);
                    self.alarms.clear_ledgers(|site| !dealt(site));
                }
                FromSite::Refused { id, study, refusal } if refusal.check == Check::L1 => {
                    match (id, study, refusal.culprit) {
                        (_, Some(study), Culprit::Own) if !stale => {
                            self.other_sums(study, refusal)?;
                        }
                        (Some(_), Some(study), Culprit::Site(site)) => {
                            self.refused_in_a_sum(site, study, refusal)?;
                        }
                        (_, _, Culprit::Site(site)) => self.refused_in_an_epoch(site, refusal)?,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A peer's ledger is older than what was seen of it.
    fn refused_in_an_epoch(&mut self, site: SiteIndex, refusal: &Refusal) -> Result<(), Failure> {
        let Some(name) = self.site_name(site) else { return Ok(()) };
        let text = format!(
            "the ledger of {name} is refused (check L1): {}. This site takes part in no such epoch with \
             it, for it may have forgotten what was opened: call its steward, on a number that you know",
            refusal.reason
        );
        self.alarm(About::Ledger(site), text)
    }

    /// A peer's trailer does not go together with what the others, or this site, know.
    fn refused_in_a_sum(
        &mut self,
        site: SiteIndex,
        study: &Digest,
        refusal: &Refusal,
    ) -> Result<(), Failure> {
        let Some(name) = self.site_name(site) else { return Ok(()) };
        let text = format!(
            "what {name} says of its ledger in a sum of study {} is refused (check L1): {}. It was \
             restored from a backup, or lacks a certificate, or some of the others do: call its steward \
             and another one, on numbers that you know, and compare before anything is moved",
            study.short(),
            refusal.reason
        );
        self.alarm(About::Sums(site), text)
    }

    /// Trailers name different sums of a study, and this site's are not those of most of the others, or
    /// nobody can tell whose ledger lacks one. It may hold more than the others as well as less.
    fn other_sums(&mut self, study: &Digest, refusal: &Refusal) -> Result<(), Failure> {
        let text = format!(
            "the sites of a sum name different sums of study {} (check L1): {}. One of you was restored \
             from a backup, or lacks a certificate that another one has. Call the other stewards, on \
             numbers that you know, and compare; never move or replace the ledger on this alarm alone",
            study.short(),
            refusal.reason
        );
        self.alarm(About::Forgotten, text)
    }

    /// What the charter in force calls a site.
    fn site_name(&self, site: SiteIndex) -> Option<String> {
        let charter = self.charters.held().map(RatifiedCharter::charter)?;
        charter.site(site).map(|known| known.name.clone())
    }

    /// Peers notice a folder that was restored from a backup (check L1); what a site wanted to take
    /// part in ends then, without a word on whose folder it was. It is a hint of its own: what is said
    /// of this site's ledger stands beside it.
    fn look_for_hint(&mut self, message: &ToSite) {
        let ToSite::Ended { reason, .. } = message else { return };
        if reason.contains("restored from a backup") || reason.contains("check L1") {
            let text = format!(
                "peers have seen a newer ledger of a site than it shows now ({reason}). Nothing \
                 proves it. If this folder was restored from a backup, it has forgotten what was \
                 opened since: put the newest folder back, and only if there is none, come back as \
                 a new site. Else do nothing"
            );
            self.alarms.raise(About::Hint, text);
        }
    }

    /// Tells the site's people, and writes it down.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub(super) fn alarm(&mut self, about: About, text: String) -> Result<(), Failure> {
        let event = Event::new(Kind::Alarm, now()).with("problem", &text);
        warn!("{text}");
        if self.alarms.raise(about, text) {
            self.note_some(about, event)?;
        }
        Ok(())
    }

    /// Whether a sum may come that this site has to verify, and that may be large.
    fn awaits_sums(&self) -> bool {
        let Duty::Serving(site) = &self.duty else { return false };
        let open = |standing| {
            matches!(standing, StudyStanding::Pending { .. } | StudyStanding::Running { .. })
        };
        site.unresolved().next().is_some() || site.studies().any(|known| open(known.standing))
    }

    fn is_current(&self, session: u64) -> bool {
        self.session == session && self.outbox.is_open()
    }

    /// Hands on what was said already, and ends the session.
    pub(super) async fn flush(&mut self) {
        let flushed = async {
            while self.outbox.has_talk() {
                self.outbox.send_next().await;
            }
        };
        if timeout(FLUSH, flushed).await.is_err() {
            debug!("some words were not sent; the coordinator will ask again");
        }
        self.outbox.close();
    }

    /// Hands on what was said already, and signs the logs.
    async fn end(mut self, ending: Ending) -> Result<Ending, Failure> {
        self.flush().await;
        let event = Event::new(Kind::Stop, now());
        self.note(match &ending {
            Ending::Stopped => event,
            Ending::Revoked(why) => event.with("reason", why),
        })?;
        self.people.seal(now()).map_err(Failure::output)?;
        // Where it failed before, the people know it, and it takes nothing more.
        if self.inventory.failed().is_none() {
            self.inventory.mark().map_err(Failure::output)?;
        }
        info!("stopped");
        Ok(ending)
    }
}

/// Computes here; other tasks of this thread go on elsewhere meanwhile.
pub(super) fn computing<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
