//! The coordinator: its parts, and who a message belongs to.

use std::collections::BTreeMap;
use std::time::Duration;

use ripieno_identity::{RatifiedCharter, SigningKey, Submission};
use ripieno_secagg::Roster;
use ripieno_study::{Check, Digest, Refusal, SiteIndex, SiteSet, Study};
use ripieno_wire::{FromSite, Hello, ToSite};

use crate::changes::Drained;
use crate::desk::Desk;
use crate::epochs::Epochs;
use crate::error::{CancelError, SubmitError};
use crate::event::Event;
use crate::limits::Limits;
use crate::past::Past;
use crate::run::Run;
use crate::spools::Spools;
use crate::status::StudyStatus;

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

/// A coordinator of one federation.
pub struct Coordinator {
    pub(crate) charter: RatifiedCharter,
    pub(crate) desk: Desk,
    pub(crate) epochs: Epochs,
    pub(crate) runs: BTreeMap<Digest, Run>,
    /// Studies whose records are damaged, and what is wrong with them: they are over, and what is
    /// stored of them is left as it is.
    pub(crate) damaged: BTreeMap<Digest, String>,
    /// Studies that ended a while ago: they are in the store alone.
    pub(crate) past: BTreeMap<Digest, Past>,
    /// How many ends of studies were durable so far.
    pub(crate) endings: u64,
}

impl Coordinator {
    /// A coordinator under a charter that has coordinated nothing yet.
    #[must_use]
    pub fn new(
        charter: RatifiedCharter,
        key: SigningKey,
        limits: Limits,
        spools: Box<dyn Spools + Send>,
    ) -> Self {
        let minimum_sites = charter.charter().fields().policy.minimum_sites;
        let desk = Desk::new(Roster::from(&charter), minimum_sites, key, limits, spools);
        Self {
            charter,
            desk,
            epochs: Epochs::default(),
            runs: BTreeMap::new(),
            damaged: BTreeMap::new(),
            past: BTreeMap::new(),
            endings: 0,
        }
    }

    /// Takes a study; it is offered to every site that is there. Whoever submitted it is told once
    /// the changes are durable.
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
        let is_known = self.runs.contains_key(&digest) || self.past.contains_key(&digest);
        if is_known || self.damaged.contains_key(&digest) {
            return Err(SubmitError::Known(digest.short()));
        }
        let run = Run::new(study, submission, &mut self.desk)?;
        self.runs.insert(digest, run);
        self.settle();
        Ok(digest)
    }

    /// Ends a study without a result. A slot that is under way gets its outcome first, and where
    /// that is the last sum the study has its result all the same.
    ///
    /// # Errors
    /// [`CancelError`]; nothing was changed.
    pub fn cancel(
        &mut self,
        study: &Digest,
        reason: &str,
        clock: Clock,
    ) -> Result<(), CancelError> {
        self.desk.clock = clock;
        if self.damaged.contains_key(study) || self.past.contains_key(study) {
            return Err(CancelError::Over(study.short()));
        }
        let run = self.runs.get_mut(study).ok_or_else(|| CancelError::Unknown(study.short()))?;
        if run.ended().is_some() {
            return Err(CancelError::Over(study.short()));
        }
        run.cancel(reason.to_owned(), &mut self.desk);
        self.settle();
        Ok(())
    }

    /// Where every study in memory stands, by digest: those that run, and those that ended lately.
    pub fn statuses(&self) -> impl Iterator<Item = StudyStatus> + '_ {
        self.runs.values().map(Run::status)
    }

    /// Where a study in memory stands.
    #[must_use]
    pub fn status(&self, study: &Digest) -> Option<StudyStatus> {
        self.runs.get(study).map(Run::status)
    }

    /// The result of a study in memory as JSON, also after a restart.
    #[must_use]
    pub fn report_json(&self, study: &Digest) -> Option<&str> {
        self.runs.get(study)?.report()
    }

    /// The sites that are there.
    #[must_use]
    pub fn present(&self) -> &SiteSet {
        &self.desk.present
    }

    /// The charter in force.
    #[must_use]
    pub fn charter(&self) -> &RatifiedCharter {
        &self.charter
    }

    /// An authenticated site is there, and gets what it lacks.
    fn attend(&mut self, site: SiteIndex, hello: &Hello) {
        self.desk.present.insert(site);
        self.epochs.catch_up(site, hello.last_epoch, &mut self.desk);
        self.epochs.attend(site, &mut self.desk);
        for (study, reason) in &self.damaged {
            if hello.rounds.contains_key(study) {
                let (study, reason) = (*study, reason.clone());
                self.desk.send(site.into(), ToSite::Ended { study, reason });
            }
        }
        self.remind_past(site, hello);
        for run in self.runs.values_mut() {
            run.remind(site, hello, &mut self.desk);
        }
    }

    /// A site is gone.
    pub fn disconnected(&mut self, site: SiteIndex) {
        self.desk.present.remove(site);
    }

    /// Takes a message of an authenticated site; none of a site that was revoked.
    pub fn receive(&mut self, site: SiteIndex, message: FromSite, clock: Clock) {
        self.desk.clock = clock;
        if !self.desk.members().contains(site) {
            return;
        }
        if let Err(refusal) = check_name(site, &message) {
            self.desk.tell(Event::Refused { study: None, site, refusal, found_here: true });
            return;
        }
        match message {
            FromSite::Hello(hello) => self.attend(site, &hello),
            FromSite::Advert(_) | FromSite::Bundles(_) | FromSite::Acceptance(_) => {
                self.epochs.receive(site, message, &mut self.desk);
            }
            FromSite::Refused { study: None, id: None, refusal } => {
                self.desk.tell(Event::Refused { study: None, site, refusal, found_here: false });
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

    /// What is to be made durable, then sent, then shown since the last call: see [`Drained`].
    pub fn drain(&mut self) -> Drained {
        self.forget_ended();
        self.collect_changes();
        self.desk.drain()
    }

    /// Puts on the desk all that is to be made durable.
    pub(crate) fn collect_changes(&mut self) {
        self.epochs.save(&mut self.desk);
        for change in self.desk.seen.changes() {
            self.desk.save(change);
        }
        for run in self.runs.values_mut() {
            run.save(&mut self.desk);
        }
    }

    /// Moves on whatever can move on, until nothing does.
    pub(crate) fn settle(&mut self) {
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
