//! The coordinator: its parts, and who a message belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ripieno_analysis::AnalysisError;
use ripieno_identity::{RatifiedCharter, SigningKey, Submission};
use ripieno_secagg::Roster;
use ripieno_secagg::journal::MemoryJournal;
use ripieno_secagg::ledger::LedgerError;
use ripieno_secagg::witness::Witness;
use ripieno_study::manifest::ManifestError;
use ripieno_study::{Check, Digest, Refusal, SiteIndex, SiteSet, Study};
use ripieno_wire::{FromSite, Hello, ToSite};
use thiserror::Error;

use crate::epochs::Epochs;
use crate::event::Event;
use crate::limits::Limits;
use crate::run::Run;

/// The time, as the driver tells it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Time since the driver started; never goes back.
    pub since_start: Duration,
    /// Seconds since 1970-01-01 UTC, for receipts.
    pub unix: u64,
}

/// A message on its way to sites.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Who gets it.
    pub to: SiteSet,
    /// The message.
    pub message: ToSite,
}

/// Why a study was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The manifest is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The analysis cannot be carried out.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The submission is not signed by a researcher whom a site vouches for.
    #[error(transparent)]
    Submission(#[from] Refusal),
    /// The submission is for another text.
    #[error("the submission is signed for study {signed}, the text is study {text}")]
    Text {
        /// What was signed.
        signed: String,
        /// What came with it.
        text: String,
    },
    /// The study runs already.
    #[error("study {0} was submitted before")]
    Known(String),
}

/// What phases share: keys, limits, who is there, and where messages go.
pub(crate) struct Desk {
    pub(crate) roster: Arc<Roster>,
    pub(crate) key: SigningKey,
    pub(crate) limits: Limits,
    pub(crate) minimum_sites: u16,
    pub(crate) present: SiteSet,
    pub(crate) clock: Clock,
    /// What was seen of the sites' ledgers (check L1): honest sites refuse what contradicts it.
    pub(crate) witness: Witness<MemoryJournal>,
    outbox: Vec<Outgoing>,
    events: Vec<Event>,
}

impl Desk {
    pub(crate) fn send(&mut self, to: SiteSet, message: ToSite) {
        if !to.is_empty() {
            self.outbox.push(Outgoing { to, message });
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.since_start
    }

    /// Notes a site's message that was refused; the round goes on without it.
    pub(crate) fn blame(&mut self, site: SiteIndex, result: Result<(), Refusal>) {
        if let Err(refusal) = result {
            self.tell(Event::Refused { site, refusal });
        }
    }
}

/// A coordinator of one federation.
pub struct Coordinator {
    charter: RatifiedCharter,
    desk: Desk,
    epochs: Epochs,
    runs: BTreeMap<Digest, Run>,
}

impl Coordinator {
    /// A coordinator under a charter.
    #[must_use]
    pub fn new(charter: RatifiedCharter, key: SigningKey, limits: Limits) -> Self {
        let desk = Desk {
            roster: Arc::new(Roster::from(&charter)),
            key,
            limits,
            minimum_sites: charter.charter().fields().policy.minimum_sites,
            present: SiteSet::default(),
            clock: Clock { since_start: Duration::ZERO, unix: 0 },
            witness: Witness::default(),
            outbox: Vec::new(),
            events: Vec::new(),
        };
        Self { charter, desk, epochs: Epochs::new(), runs: BTreeMap::new() }
    }

    /// Takes a study; it is offered to every site that is there.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing was started.
    pub fn submit(
        &mut self,
        text: &str,
        submission: Submission,
        clock: Clock,
    ) -> Result<Digest, SubmitError> {
        self.desk.clock = clock;
        let study = Study::parse(text)?;
        let digest = study.digest();
        if submission.study != digest {
            let (signed, text) = (submission.study.short(), digest.short());
            return Err(SubmitError::Text { signed, text });
        }
        submission.verify(&self.charter, clock.unix)?;
        if self.runs.contains_key(&digest) {
            return Err(SubmitError::Known(digest.short()));
        }
        let run = Run::new(study, submission, &mut self.desk)?;
        self.runs.insert(digest, run);
        self.settle();
        Ok(digest)
    }

    /// An authenticated site is there, and gets what it lacks.
    fn attend(&mut self, site: SiteIndex, hello: &Hello) {
        self.desk.present.insert(site);
        self.epochs.remind(site, &mut self.desk);
        for run in self.runs.values_mut() {
            run.remind(site, hello, &mut self.desk);
        }
    }

    /// A site is gone.
    pub fn disconnected(&mut self, site: SiteIndex) {
        self.desk.present.remove(site);
    }

    /// Takes a message of an authenticated site.
    pub fn receive(&mut self, site: SiteIndex, message: FromSite, clock: Clock) {
        self.desk.clock = clock;
        if let Err(refusal) = check_name(site, &message) {
            self.desk.tell(Event::Refused { site, refusal });
            return;
        }
        match message {
            FromSite::Hello(hello) => self.attend(site, &hello),
            FromSite::Advert(_) | FromSite::Bundles(_) | FromSite::Acceptance(_) => {
                self.epochs.receive(site, message, &mut self.desk);
            }
            FromSite::Refused { study: None, id: None, refusal } => {
                self.desk.tell(Event::Refused { site, refusal });
            }
            other => {
                if let Some(run) = self.runs.values_mut().find(|run| run.concerns(&other)) {
                    run.receive(site, other, &mut self.desk);
                }
            }
        }
        self.settle();
    }

    /// Ends the phases whose time is up.
    pub fn tick(&mut self, clock: Clock) {
        self.desk.clock = clock;
        self.epochs.expire(&mut self.desk);
        for run in self.runs.values_mut() {
            run.expire(&mut self.desk);
        }
        self.settle();
    }

    /// When the next phase's time is up, since the driver started.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let limits = &self.desk.limits;
        let runs = self.runs.values().filter_map(|run| run.deadline(limits));
        runs.chain(self.epochs.deadline(limits)).min()
    }

    /// The messages to send and the events to show since the last call.
    pub fn drain(&mut self) -> (Vec<Outgoing>, Vec<Event>) {
        (std::mem::take(&mut self.desk.outbox), std::mem::take(&mut self.desk.events))
    }

    /// Moves on whatever can move on, until nothing does.
    fn settle(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            for run in self.runs.values_mut() {
                moved |= run.advance(&mut self.epochs, &mut self.desk);
            }
            // After the runs, which say whether an epoch is wanted.
            moved |= self.epochs.advance(&mut self.desk);
        }
    }
}

/// The refusal in a witness's answer. A witness in memory has no other error.
pub(crate) fn refusal_of(result: Result<(), LedgerError>) -> Result<(), Refusal> {
    match result {
        Err(LedgerError::Refused(refusal)) => Err(refusal),
        _ => Ok(()),
    }
}

/// A site speaks in its own name only: whose connection it is was authenticated.
fn check_name(site: SiteIndex, message: &FromSite) -> Result<(), Refusal> {
    let (check, named) = match message {
        FromSite::Advert(advert) => (Check::A1, advert.from),
        FromSite::Bundles(bundles) => {
            let other = bundles.iter().map(|bundle| bundle.from).find(|from| *from != site);
            (Check::A3, other.unwrap_or(site))
        }
        FromSite::Acceptance(acceptance) => (Check::A3, acceptance.from),
        FromSite::Trailer { trailer, .. } => (Check::R1, trailer.from),
        FromSite::Ballot(ballot) => (Check::U1, ballot.from),
        FromSite::Release(release) => (Check::R2, release.from),
        FromSite::Proof(proof) => (Check::R2, proof.holder),
        FromSite::Verdict(verdict) => (Check::P1, verdict.from),
        FromSite::Hello(_)
        | FromSite::StudyAnswer(_)
        | FromSite::Tile { .. }
        | FromSite::State { .. }
        | FromSite::Refused { .. } => return Ok(()),
    };
    if named == site {
        return Ok(());
    }
    Err(Refusal::site(check, site, format!("it sent a message in the name of {named}")))
}
