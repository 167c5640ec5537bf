//! The one task that owns engine and database. Commands come in through a bounded queue; what they
//! led to is made durable in one transaction, and only then is anything sent, shown or answered.
//!
//! - `command`: what can be asked;
//! - `attendance`: sessions of sites, and what they say; `session`: one of them;
//! - `enrolment`, `charters`, `revocation`: who is in the federation; `authority`: who certifies;
//! - `studies`: what researchers ask; `listing`: lists of studies; `office`: what operators ask;
//! - `costs`: how much of what costs the coordinator something a site may say;
//! - `news`: what is told of all that; `told`: what was told of a study; `ledgers`: which of the
//!   sites' ledgers are refused; `found`: what else the operator has to know of;
//! - `roll`: the sites as they stand in the store.

mod attendance;
mod authority;
mod charters;
mod command;
mod costs;
mod enrolment;
mod error;
mod found;
mod ledgers;
mod listing;
mod news;
mod office;
mod revocation;
mod roll;
mod session;
mod studies;
mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ripieno_coordinator_engine::{Coordinator, Saved};
use ripieno_identity::{PublicKey, RatifiedCharter};
use ripieno_study::{Digest, SiteIndex, SiteSet};
use ripieno_transport::server::Acceptor;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::sleep_until;

pub(crate) use command::{
    Arrival, Claim, Command, Handle, Holdings, Reply, Researcher, SessionId, UploadId,
};
pub use error::Fatal;
pub(crate) use found::Found;
pub(crate) use news::shown;
pub(crate) use revocation::{follow_lists, follow_log, revoked};
pub(crate) use session::{End, InHand, Messages, Seat, Waiting};
pub(crate) use studies::reason;

use crate::certificates::Certificates;
use crate::clock::Watch;
use crate::config::Settings;
use crate::folder::Folder;
use crate::log::Log;
use crate::membership::Pending;
use crate::metrics::Metrics;
use crate::observe::Observer;
use crate::spool::{DiskSpools, Faults, Quota};
use crate::store::{Heard, SiteRow, Store};
use command::Fault;
use costs::Costs;
use roll::Roll;
use session::Session;
use told::Told;

/// Commands that wait for the actor; whoever sends more waits.
const QUEUE: usize = 256;
/// Commands that are carried out before what they led to is made durable.
const BATCH: usize = 64;
/// How often certificates and lists are looked after.
const UPKEEP: Duration = Duration::from_hours(1);
/// The shortest wait for a deadline that has passed.
const BREATH: Duration = Duration::from_millis(20);

/// What the services may read without asking.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) folder: Folder,
    /// The coordinator's key.
    pub(crate) key: PublicKey,
    pub(crate) store: Store,
    /// All charters, the one in force last.
    pub(crate) charters: watch::Sender<Arc<Vec<RatifiedCharter>>>,
    /// Sites of the charter in force that were revoked: they vouch for nobody.
    pub(crate) cut_off: watch::Sender<SiteSet>,
    /// Studies of which something was stored.
    pub(crate) news: broadcast::Sender<Digest>,
    pub(crate) metrics: Arc<Metrics>,
    /// Why nothing goes on any more, once that is so.
    pub(crate) broken: OnceLock<String>,
}

impl Shared {
    /// The charter in force.
    pub(crate) fn charter(&self) -> Option<RatifiedCharter> {
        self.charters.borrow().last().cloned()
    }
}

/// What the actor is made of.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) log: Log,
    pub(crate) certificates: Certificates,
    pub(crate) acceptor: Acceptor,
    pub(crate) spools: DiskSpools,
    pub(crate) pending: Option<Pending>,
    pub(crate) sites: Vec<SiteRow>,
    pub(crate) saved: Saved,
    /// What was found at the start.
    pub(crate) found: Found,
    pub(crate) observer: Arc<dyn Observer>,
}

/// Engine, database and sessions.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    log: Log,
    certificates: Certificates,
    acceptor: Acceptor,
    engine: Option<Coordinator>,
    /// For the engine, until there is a charter.
    waiting: Option<(DiskSpools, Saved)>,
    charters: Vec<RatifiedCharter>,
    pending: Option<Pending>,
    sites: Roll,
    /// Sites that came or went, and of which that is not written yet.
    heard: Vec<Heard>,
    /// By site.
    sessions: BTreeMap<String, Session>,
    /// By site; they outlast its sessions.
    costs: BTreeMap<String, Costs>,
    next_session: u64,
    watch: Watch,
    told: BTreeMap<Digest, Told>,
    /// The newest epoch that was set up, with its holders.
    epoch: Option<(u64, SiteSet)>,
    /// Sites whose ledgers were refused (check L1), and by whom.
    behind: BTreeMap<SiteIndex, ledgers::Refusers>,
    found: Found,
    /// Answers, until what they say is durable.
    answers: Vec<Box<dyn FnOnce() + Send>>,
    draining: Option<Reply<()>>,
    observer: Arc<dyn Observer>,
    /// What the uploads take on the disk, and whether it has failed.
    uploads: Quota,
    faults: Faults,
    commits: u64,
    stopped: bool,
}

/// Starts the actor; the handle leads to it, and the task ends with it.
pub(crate) fn start(
    parts: Parts,
) -> Result<(Handle, tokio::task::JoinHandle<Result<(), Fatal>>), Fatal> {
    let (commands, mut queue) = mpsc::channel(QUEUE);
    let mut actor = Actor::new(parts)?;
    let task = tokio::spawn(async move {
        let ended = actor.run(&mut queue).await;
        if let Err(fatal) = &ended {
            // Before those who wait for an answer learn that there is none.
            let _ = actor.shared.broken.set(fatal.to_string());
        }
        ended
    });
    Ok((Handle::new(commands), task))
}

impl Actor {
    fn new(parts: Parts) -> Result<Self, Fatal> {
        let Parts { shared, log, certificates, acceptor, spools, pending, .. } = parts;
        let Parts { sites, saved, found, observer, .. } = parts;
        let charters = shared.charters.borrow().as_ref().clone();
        let (uploads, faults) = (spools.quota(), spools.faults());
        let mut actor = Self {
            shared,
            log,
            certificates,
            acceptor,
            engine: None,
            waiting: Some((spools, saved)),
            charters,
            pending,
            sites: Roll::of(sites),
            heard: Vec::new(),
            sessions: BTreeMap::new(),
            costs: BTreeMap::new(),
            next_session: 0,
            watch: Watch::start(),
            told: BTreeMap::new(),
            epoch: None,
            behind: BTreeMap::new(),
            found,
            answers: Vec::new(),
            draining: None,
            observer,
            uploads,
            faults,
            commits: 0,
            stopped: false,
        };
        actor.wake()?;
        actor.tell_who_is_cut_off();
        Ok(actor)
    }

    async fn run(&mut self, queue: &mut mpsc::Receiver<Command>) -> Result<(), Fatal> {
        self.sign_authorities()?;
        self.look_for_stranded().await?;
        self.settle().await?;
        let mut upkeep = Instant::now() + UPKEEP;
        while !self.stopped {
            let wake = self.deadline(upkeep);
            tokio::select! {
                command = queue.recv() => match command {
                    Some(command) => self.batch(command, queue).await?,
                    // Nobody is left who could ask.
                    None => break,
                },
                () = sleep_until(wake.into()) => self.tick(),
            }
            if upkeep <= Instant::now() {
                upkeep = Instant::now() + UPKEEP;
                self.look_after_certificates().await?;
                self.log.flush(Instant::now())?;
            }
            self.settle().await?;
        }
        Ok(())
    }

    async fn batch(
        &mut self,
        first: Command,
        queue: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Fatal> {
        self.carry_out(first).await?;
        for _ in 1..BATCH {
            let Ok(next) = queue.try_recv() else { break };
            self.carry_out(next).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, command: Command) -> Result<(), Fatal> {
        if !command.is_of_session() {
            // What sites are to the federation depends on whether they were heard.
            self.write_heard().await?;
        }
        match command {
            Command::Enrol { claim, reply } => {
                let result = self.enrol(*claim).await;
                self.answer(reply, result)
            }
            Command::Renew { serial, request, digest, reply } => {
                let result = self.renew(&serial, (&request, digest)).await;
                self.answer(reply, result)
            }
            Command::Arrive { arrival, reply } => {
                let result = self.arrive(*arrival).await;
                self.answer(reply, result)
            }
            Command::Depart { session } => {
                self.depart(&session);
                Ok(())
            }
            Command::Message { session, message } => self.message(&session, *message).await,
            Command::Malformed { session, reason } => self.malformed(&session, &reason),
            Command::Consent { session, consent } => self.consent(&session, consent).await,
            Command::Holds { session, holdings } => self.holds(&session, holdings).await,
            Command::BeginUpload { serial, reply } => {
                let result = self.begin_upload(&serial);
                self.answer(reply, result)
            }
            Command::Tile { upload, message, reply } => {
                let result = self.tile(&upload, *message);
                self.answer(reply, result)
            }
            Command::Parcel { serial, ticket, reply } => {
                let result = self.parcel(&serial, ticket);
                self.answer(reply, result)
            }
            Command::Fetched { session, ticket } => {
                if let Some(session) = self.session_mut(&session) {
                    session.fetched(ticket);
                }
                Ok(())
            }
            Command::Drain { reply } => {
                if let Some(engine) = &mut self.engine {
                    engine.hold();
                }
                self.draining = Some(reply);
                Ok(())
            }
            Command::Close { reply } => {
                self.close_sessions();
                self.answer(reply, Ok(()))
            }
            Command::Stop { reply } => {
                self.log_stop()?;
                self.stopped = true;
                self.answer(reply, Ok(()))
            }
            other => self.carry_out_for_people(other).await,
        }
    }

    async fn carry_out_for_people(&mut self, command: Command) -> Result<(), Fatal> {
        match command {
            Command::Discover { reply } => {
                let result = Ok((self.presence(), self.signed_authorities()));
                self.answer(reply, result)
            }
            Command::Submit { text, submission, reply } => {
                let result = self.submit(&text, *submission);
                self.answer(reply, result)
            }
            Command::List { who, reply } => {
                let result = Ok(self.listing(|researcher| *researcher == who.key));
                self.answer(reply, result)
            }
            Command::Get { who, study, reply } => {
                let result = self.get(who, &study).await;
                self.answer(reply, result)
            }
            Command::Cancel { who, study, reason, reply } => {
                let result = self.cancel(who, &study, &reason);
                self.answer(reply, result)
            }
            Command::Result { who, study, reply } => {
                let result = self.result(who, &study).await;
                self.answer(reply, result)
            }
            Command::Present { reply } => {
                let result = Ok(self.present());
                self.answer(reply, result)
            }
            Command::OperatorStatus { reply } => {
                let result = Ok(self.status());
                self.answer(reply, result)
            }
            Command::Invite { request, reply } => {
                let result = self.invite(request).await;
                self.answer(reply, result)
            }
            Command::Sites { reply } => {
                let result = Ok(self.list_sites());
                self.answer(reply, result)
            }
            Command::ShowCharter { reply } => {
                let result = Ok(self.show_charter());
                self.answer(reply, result)
            }
            Command::Propose { request, reply } => {
                let result = self.propose_by_request(request).await;
                self.answer(reply, result)
            }
            Command::Revoke { request, reply } => {
                let result = self.revoke(request).await;
                self.answer(reply, result)
            }
            Command::Authority { request, reply } => {
                let result = self.authority(request).await;
                self.answer(reply, result)
            }
            Command::OperatorCancel { study, reason, reply } => {
                let result = self.cancel_for_operator(&study, &reason);
                self.answer(reply, result)
            }
            Command::OperatorStudies { reply } => {
                let result = Ok(self.listing(|_| true));
                self.answer(reply, result)
            }
            // All others were carried out by the caller.
            _ => Ok(()),
        }
    }

    /// Keeps an answer until what it says is durable.
    fn answer<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        result: Result<T, Fault>,
    ) -> Result<(), Fatal> {
        let result = match result {
            Ok(value) => Ok(value),
            Err(Fault::Refused(status)) => Err(status),
            Err(Fault::Fatal(error)) => return Err(error),
        };
        // Whoever asked may be gone.
        self.answers.push(Box::new(move || drop(reply.send(result))));
        Ok(())
    }

    fn tick(&mut self) {
        let clock = self.watch.read();
        if let Some(engine) = &mut self.engine {
            tokio::task::block_in_place(|| engine.tick(clock));
        }
    }

    /// When there is something to do without a command.
    fn deadline(&self, upkeep: Instant) -> Instant {
        let engine = self.engine.as_ref().and_then(Coordinator::next_deadline);
        let engine = engine.map(|at| self.watch.at(at).max(Instant::now() + BREATH));
        engine.map_or(upkeep, |at| at.min(upkeep))
    }

    /// Makes durable what there is to be, then sends, shows and answers.
    async fn settle(&mut self) -> Result<(), Fatal> {
        self.write_heard().await?;
        self.store_and_send().await?;
        // Only now: what was agreed under the old charter is durable before there is another.
        let charters = self.charters.len();
        self.change_charter_when_quiet().await?;
        if self.charters.len() > charters {
            self.store_and_send().await?;
        }
        self.measure();
        for answer in self.answers.drain(..) {
            answer();
        }
        if self.engine.as_ref().is_none_or(Coordinator::is_quiet)
            && let Some(reply) = self.draining.take()
        {
            let _ = reply.send(Ok(()));
        }
        Ok(())
    }

    fn measure(&self) {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let metrics = &self.shared.metrics;
        metrics.sites_connected.set(whole(self.sessions.len()));
        metrics.studies_running.set(whole(self.told.len()));
        metrics.spool_bytes.set(i64::try_from(self.uploads.used()).unwrap_or(i64::MAX));
    }

    /// Makes durable what the engine has changed, then sends and shows it.
    async fn store_and_send(&mut self) -> Result<(), Fatal> {
        if let Some(engine) = &mut self.engine {
            let drained = tokio::task::block_in_place(|| engine.drain());
            // What the engine made of it is not kept: after the next start the uploads come again.
            if let Some(fault) = self.faults.first() {
                return Err(Fatal::Uploads(fault.to_owned()));
            }
            let news = self.news(&drained);
            if !drained.changes.is_empty() || !news.is_empty() {
                self.commits += 1;
                self.observer.before_commit(self.commits);
                let began = Instant::now();
                self.shared.store.commit(&drained.changes, &news).await?;
                self.shared.metrics.commit(began.elapsed());
                self.observer.after_commit(self.commits);
            }
            self.log_events(&drained)?;
            self.send(drained.outgoing);
            for one in news {
                // Nobody may be watching.
                let _ = self.shared.news.send(one.study);
            }
        }
        Ok(())
    }

    /// Starts the engine, if there is a charter.
    fn wake(&mut self) -> Result<(), Fatal> {
        let Some(charter) = self.charters.last().cloned() else { return Ok(()) };
        let Some((spools, saved)) = self.waiting.take() else { return Ok(()) };
        let key = crate::keys::read(&self.shared.folder)?;
        let limits = (&self.shared.settings.phases).into();
        let clock = self.watch.read();
        let revoked = self.revoked_members().into_iter().collect();
        let (spools, saved) = (Box::new(spools), (saved, &revoked));
        let engine = Coordinator::restore(charter, key, limits, spools, saved, clock)?;
        self.told = engine.statuses().filter(|s| s.ended.is_none()).map(|s| Told::of(&s)).collect();
        self.engine = Some(engine);
        Ok(())
    }
}
