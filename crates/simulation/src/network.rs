//! The network of a simulation: every message is encoded, counted, perhaps lost, and decoded.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rand::rngs::ChaCha20Rng;
use ripieno_analysis::Report;
use ripieno_coordinator_engine::{Clock, Event};
use ripieno_study::{Digest, SiteIndex, Study};
use ripieno_wire::{FromSite, StudyVerdict, ToSite};

use crate::error::SimulationError;
use crate::federation::{Federation, limits, rng_for};
use crate::losses::Losses;
use crate::outcome::{Outcome, RoundRecord, Seen, SumReceipt};
use crate::{Options, Watched};

/// Bytes and messages of one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that it sent.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
}

/// How far a lost site is.
#[derive(Clone, Copy, Debug)]
struct Loss {
    /// Messages that still arrive at the coordinator.
    left: u32,
    /// When it comes back.
    until: Duration,
}

enum InFlight {
    Down(SiteIndex, Bytes),
    Up(SiteIndex, Bytes),
}

struct Network<'a> {
    federation: Federation,
    losses: &'a Losses,
    rng: ChaCha20Rng,
    now: Duration,
    epoch_start: u64,
    queue: VecDeque<InFlight>,
    lost: BTreeMap<SiteIndex, Loss>,
    traffic: BTreeMap<SiteIndex, Traffic>,
    seen: BTreeMap<SiteIndex, Seen>,
    rounds: Vec<RoundRecord>,
    receipts: Vec<SumReceipt>,
    answers: BTreeMap<SiteIndex, StudyVerdict>,
    refusals: Vec<(SiteIndex, String)>,
    last_round: u32,
    round_began: Instant,
    result: Option<Result<Report, String>>,
}

/// Runs a study to its end.
pub(crate) fn run(
    federation: Federation,
    study: &Study,
    options: &Options,
    watch: &mut dyn FnMut(&Watched<'_>),
    started: Instant,
) -> Result<Outcome, SimulationError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut network = Network {
        rng: rng_for(federation.seed, "losses"),
        federation,
        losses: &options.losses,
        now: Duration::ZERO,
        epoch_start: seconds,
        queue: VecDeque::new(),
        lost: BTreeMap::new(),
        traffic: BTreeMap::new(),
        seen: BTreeMap::new(),
        rounds: Vec::new(),
        receipts: Vec::new(),
        answers: BTreeMap::new(),
        refusals: Vec::new(),
        last_round: 0,
        round_began: started,
        result: None,
    };
    network.begin(study)?;
    network.pump(watch)?;
    network.finish(study, started)
}

impl Network<'_> {
    fn clock(&self) -> Clock {
        Clock { since_start: self.now, unix: self.epoch_start + self.now.as_secs() }
    }

    fn begin(&mut self, study: &Study) -> Result<(), SimulationError> {
        let clock = self.clock();
        let indices: Vec<_> = self.federation.sites.keys().copied().collect();
        for site in indices {
            self.attend(site)?;
        }
        let submission = self.federation.submission.clone();
        self.federation.coordinator.submit(study.text(), submission, clock)?;
        Ok(())
    }

    /// A site connects and says what it lacks.
    fn attend(&mut self, site: SiteIndex) -> Result<(), SimulationError> {
        let hello = self.federation.sites.get(&site).map(ripieno_client_engine::Site::hello);
        match hello {
            Some(hello) => self.deliver_up(site, &FromSite::Hello(hello).encode()),
            None => Ok(()),
        }
    }

    /// Delivers messages until there are none, then lets the next deadline pass; until the study
    /// has ended.
    fn pump(&mut self, watch: &mut dyn FnMut(&Watched<'_>)) -> Result<(), SimulationError> {
        loop {
            self.collect(watch)?;
            if self.result.is_some() && self.queue.is_empty() {
                return Ok(());
            }
            match self.queue.pop_front() {
                Some(InFlight::Down(site, bytes)) => self.deliver_down(site, bytes)?,
                Some(InFlight::Up(site, bytes)) => self.deliver_up(site, &bytes)?,
                None => self.let_time_pass()?,
            }
        }
    }

    /// Takes what the coordinator wants to send and to tell.
    fn collect(&mut self, watch: &mut dyn FnMut(&Watched<'_>)) -> Result<(), SimulationError> {
        let drained = self.federation.coordinator.drain();
        for event in &drained.events {
            let names = &self.federation.names;
            let name = |site: SiteIndex| names.get(&site).map_or("?", String::as_str);
            watch(&Watched { event, name: &name, numbers: self.federation.numbers });
            self.note(event);
        }
        for outgoing in drained.outgoing {
            if let ToSite::Published(published) = &outgoing.message {
                self.keep_receipt(&published.contract, &published.receipt);
            }
            let bytes = outgoing.message.encode();
            for site in outgoing.to.iter() {
                self.queue.push_back(InFlight::Down(site, bytes.clone()));
            }
        }
        Ok(())
    }

    fn keep_receipt(
        &mut self,
        contract: &ripieno_secagg::round::start::SignedContract,
        receipt: &ripieno_secagg::round::publish::Receipt,
    ) {
        let last = self.receipts.last().map_or(0, |kept| kept.contract.contract.round);
        if contract.contract.round > last {
            let (contract, receipt) = (contract.clone(), receipt.clone());
            self.receipts.push(SumReceipt { contract, receipt });
        }
    }

    fn deliver_down(&mut self, site: SiteIndex, bytes: Bytes) -> Result<(), SimulationError> {
        if self.lost.get(&site).is_some_and(|loss| loss.left == 0) {
            return Ok(());
        }
        self.traffic.entry(site).or_default().received += bytes.len() as u64;
        let now = self.clock().unix;
        let Some(party) = self.federation.sites.get_mut(&site) else { return Ok(()) };
        for answer in party.handle(ToSite::decode(bytes)?, now) {
            self.queue.push_back(InFlight::Up(site, answer.encode()));
        }
        Ok(())
    }

    fn deliver_up(&mut self, site: SiteIndex, bytes: &Bytes) -> Result<(), SimulationError> {
        if let Some(loss) = self.lost.get_mut(&site) {
            if loss.left == 0 {
                return Ok(());
            }
            loss.left -= 1;
        }
        self.traffic.entry(site).or_default().sent += bytes.len() as u64;
        let message = FromSite::decode(bytes.clone())?;
        if let FromSite::Tile { id, lanes, .. } = &message {
            self.seen.entry(site).or_insert_with(|| Seen::new(*id)).add(*id, lanes);
        }
        let clock = self.clock();
        self.federation.coordinator.receive(site, message, clock);
        Ok(())
    }

    /// Nothing is in flight: the next thing to happen is a deadline, or a site's return.
    fn let_time_pass(&mut self) -> Result<(), SimulationError> {
        let deadline = self.federation.coordinator.next_deadline();
        let back = self.lost.values().map(|loss| loss.until).min();
        let next = deadline.into_iter().chain(back).min().ok_or(SimulationError::Stuck)?;
        self.now = self.now.max(next);
        let clock = self.clock();
        let returned: Vec<_> =
            self.lost.iter().filter(|(_, l)| l.until <= self.now).map(|(site, _)| *site).collect();
        for site in returned {
            self.lost.remove(&site);
            self.attend(site)?;
        }
        self.federation.coordinator.tick(clock);
        for (site, party) in &mut self.federation.sites {
            let answers = party.tick(clock.unix).into_iter();
            self.queue.extend(answers.map(|answer| InFlight::Up(*site, answer.encode())));
        }
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::RoundStarted { round, participants, .. } => {
                let first = *round != self.last_round;
                self.last_round = *round;
                let limits = limits();
                // Back when the outcome was decided without it, or could not be.
                let until = self.now + limits.collect + limits.decide / 2;
                for (site, left) in self.losses.draw(*round, first, participants, &mut self.rng) {
                    self.federation.coordinator.disconnected(site);
                    self.lost.insert(site, Loss { left, until });
                }
            }
            Event::RoundFinished { summary, .. } => {
                let elapsed = self.round_began.elapsed();
                self.round_began = Instant::now();
                self.rounds.push(RoundRecord { summary: summary.clone(), elapsed });
            }
            Event::StudyAnswered { site, verdict, .. } => {
                self.answers.insert(*site, verdict.clone());
            }
            Event::Refused { site, refusal, .. } => {
                self.refusals.push((*site, refusal.to_string()));
            }
            Event::StudyDone { report, .. } => self.result = Some(Ok(report.as_ref().clone())),
            Event::StudyFailed { reason, .. } | Event::StudyCancelled { reason, .. } => {
                self.result = Some(Err(reason.clone()));
            }
            Event::EpochReady { .. }
            | Event::EpochFailed { .. }
            | Event::Uploaded { .. }
            | Event::SlotVoided { .. } => {}
        }
    }

    fn name(&self, site: SiteIndex) -> &str {
        self.federation.names.get(&site).map_or("?", String::as_str)
    }

    fn finish(self, study: &Study, started: Instant) -> Result<Outcome, SimulationError> {
        let report = match self.result {
            Some(Ok(ref report)) => report.clone(),
            Some(Err(ref reason)) => return Err(self.failure(&study.digest(), reason)),
            None => return Err(SimulationError::Stuck),
        };
        let mut verified = Vec::new();
        for (index, site) in &self.federation.sites {
            match site.report(&study.digest()) {
                Some(own) if own.digest() == report.digest() => verified.push(*index),
                Some(_) => {
                    let site = self.name(*index).to_owned();
                    return Err(SimulationError::Disagreement { site });
                }
                // It refused the study, or was away at the end.
                None => {}
            }
        }
        Ok(Outcome {
            report,
            rounds: self.rounds,
            receipts: self.receipts,
            names: self.federation.names,
            charter: self.federation.charter,
            numbers: self.federation.numbers,
            traffic: self.traffic,
            seen: self.seen,
            verified,
            refusals: self.refusals,
            seed: self.federation.seed,
            elapsed: started.elapsed(),
        })
    }

    /// What went wrong, with what each site keeps for its own people: they are all one person here.
    fn failure(&self, study: &Digest, reason: &str) -> SimulationError {
        let problem = |site: &SiteIndex| {
            self.federation.sites.get(site).and_then(|party| party.problem(study))
        };
        let answer = |(site, verdict): (&SiteIndex, &StudyVerdict)| {
            let name = self.name(*site);
            match verdict {
                StudyVerdict::Approved => None,
                StudyVerdict::Pending { reason } => {
                    Some(format!("{name} waits for its steward: {reason}"))
                }
                StudyVerdict::Refused { rule, reason } => {
                    let reason = problem(site).unwrap_or(reason);
                    Some(format!("{name} refuses the study ({rule}): {reason}"))
                }
            }
        };
        let refusals: Vec<String> = self.answers.iter().filter_map(answer).collect();
        if !refusals.is_empty() {
            let by_data = |verdict: &StudyVerdict| match verdict {
                StudyVerdict::Approved => true,
                StudyVerdict::Refused { rule, .. } => rule == "data",
                StudyVerdict::Pending { .. } => false,
            };
            return if self.answers.values().all(by_data) {
                SimulationError::Data { refusals }
            } else {
                SimulationError::Study { refusals }
            };
        }
        let line = |(site, refusal): &(SiteIndex, String)| {
            let name = self.name(*site);
            match problem(site) {
                Some(problem) => format!("{name}: {refusal}: {problem}"),
                None => format!("{name}: {refusal}"),
            }
        };
        let refusals = self.refusals.iter().map(line).collect();
        SimulationError::GivenUp { reason: reason.to_owned(), refusals }
    }
}
