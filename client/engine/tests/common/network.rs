//! The network: every message is encoded, shown to the test, and decoded again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::ChaCha20Rng;
use ripieno_analysis::Report;
use ripieno_coordinator_engine::{Clock, Event};
use ripieno_study::{Digest, SiteIndex};
use ripieno_wire::{FromSite, Published, ToSite};

use super::federation::{Federation, START};

/// How many messages a test may take: beyond, the parties go round in circles.
const MOST_MESSAGES: usize = 60_000;

/// A message on its way.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // There are never many.
pub(crate) enum Flight {
    /// To a site.
    Down(SiteIndex, ToSite),
    /// From a site.
    Up(SiteIndex, FromSite),
}

impl Flight {
    /// The site at one end.
    pub(crate) fn site(&self) -> SiteIndex {
        match self {
            Flight::Down(site, _) | Flight::Up(site, _) => *site,
        }
    }
}

/// What becomes of a message.
pub(crate) enum Fate {
    /// It arrives.
    Pass,
    /// It is lost.
    Drop,
    /// These arrive instead.
    Replace(Vec<Flight>),
    /// It arrives when nothing else is on its way.
    Hold,
    /// It is lost with its site's connection; the site is back after so long.
    Lose(Duration),
}

/// Decides about every message before it arrives.
pub(crate) type Hook = Box<dyn FnMut(&Flight) -> Fate>;

/// What is on its way, and what has happened.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) now: Duration,
    pub(crate) hook: Option<Hook>,
    /// Which link goes next; in the order of sending where there is none. A link keeps its order.
    pub(crate) shuffle: Option<ChaCha20Rng>,
    pub(crate) events: Vec<Event>,
    /// What every site answered to every message, in order.
    pub(crate) answers: Vec<(SiteIndex, Vec<FromSite>)>,
    /// Every published sum, once.
    pub(crate) published: Vec<Published>,
    /// How often a site's process has ended.
    pub(crate) crashes: usize,
    queue: VecDeque<Flight>,
    held: VecDeque<Flight>,
    pub(crate) away: BTreeMap<SiteIndex, Option<Duration>>,
    delivered: usize,
}

impl Network {
    /// Seconds since 1970.
    pub(crate) fn unix(&self) -> u64 {
        START + self.now.as_secs()
    }

    /// Whatever was on its way is lost.
    pub(crate) fn forget(&mut self) {
        self.queue.clear();
        self.held.clear();
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_silent(&self) -> bool {
        self.queue.is_empty() && self.held.is_empty()
    }

    /// The next message, and whether the test has seen it already.
    fn next(&mut self) -> Option<(Flight, bool)> {
        let at = match &mut self.shuffle {
            Some(rng) if !self.queue.is_empty() => {
                let pick = rng.random_range(0..self.queue.len());
                let link = |flight: &Flight| (flight.site(), matches!(flight, Flight::Up(..)));
                let chosen = link(&self.queue[pick]);
                self.queue.iter().position(|flight| link(flight) == chosen).unwrap_or(0)
            }
            _ => 0,
        };
        let fresh = self.queue.remove(at).map(|flight| (flight, false));
        fresh.or_else(|| self.held.pop_front().map(|flight| (flight, true)))
    }
}

impl Federation {
    /// The time, as the coordinator is told it.
    pub(crate) fn clock(&self) -> Clock {
        let since_start = self.network.now.saturating_sub(self.crashes.began);
        Clock { since_start, unix: self.network.unix() }
    }

    /// All sites attend.
    pub(crate) fn attend_all(&mut self) {
        let sites: Vec<_> = self.sites.keys().copied().collect();
        sites.into_iter().for_each(|site| self.attend(site));
    }

    /// A site connects, and says what it lacks.
    pub(crate) fn attend(&mut self, site: SiteIndex) {
        self.network.away.remove(&site);
        let hello = FromSite::Hello(self.sites[&site].hello());
        self.arrive(Flight::Up(site, hello));
    }

    /// A site's connection breaks, for `away` or until the test lets it attend.
    pub(crate) fn lose(&mut self, site: SiteIndex, away: Option<Duration>) {
        self.coordinator.disconnected(site);
        self.network.away.insert(site, away.map(|away| self.network.now + away));
    }

    /// Submits a study.
    pub(crate) fn submit(&mut self, text: &str) -> Digest {
        let (submission, clock) = (self.submission(text), self.clock());
        self.crashes.submitted.push((text.to_owned(), submission.clone()));
        self.coordinator.submit(text, submission, clock).expect("the study is taken")
    }

    /// All sites attend, and a study is submitted.
    pub(crate) fn begin(&mut self, text: &str) -> Digest {
        self.attend_all();
        self.submit(text)
    }

    /// Lets everything happen until every study of `studies` has ended and nothing is on its way.
    pub(crate) fn run(&mut self, studies: &[Digest]) {
        while self.step(studies) {}
    }

    /// Delivers until a message to `site` that `wanted` knows would be next: that one is given to
    /// the test instead.
    pub(crate) fn intercept(
        &mut self,
        site: SiteIndex,
        wanted: impl Fn(&ToSite) -> bool,
    ) -> ToSite {
        loop {
            self.collect();
            match self.network.next() {
                Some((Flight::Down(to, message), _)) if to == site && wanted(&message) => {
                    return message;
                }
                Some((flight, seen)) => self.pass(flight, seen),
                None => self.let_time_pass(),
            }
        }
    }

    /// A message to a site, now; its answers go nowhere.
    pub(crate) fn tell(&mut self, site: SiteIndex, message: ToSite) -> Vec<FromSite> {
        let now = self.network.unix();
        self.sites.get_mut(&site).expect("a site").handle(message, now)
    }

    /// A message to a site, now; its answers go on to the coordinator.
    pub(crate) fn deliver(&mut self, site: SiteIndex, message: ToSite) {
        self.arrive(Flight::Down(site, message));
    }

    /// A site's own words, such as its steward's; they go to the coordinator.
    pub(crate) fn answer(&mut self, site: SiteIndex, answer: FromSite) {
        self.network.queue.push_back(Flight::Up(site, answer));
    }

    /// Lets everything happen until it is `then`.
    pub(crate) fn pass_time_until(&mut self, then: Duration) {
        loop {
            self.collect();
            let next = self.next_deadline();
            match self.network.next() {
                Some((flight, seen)) => self.pass(flight, seen),
                None if next.is_some_and(|next| next <= then) => self.let_time_pass(),
                None => break,
            }
        }
        self.network.now = then;
    }

    /// The result of a study, where it has one; the reason where it was given up.
    pub(crate) fn result(&self, study: &Digest) -> Option<Result<&Report, &str>> {
        self.network.events.iter().find_map(|event| match event {
            Event::StudyDone { study: done, report } if done == study => Some(Ok(&**report)),
            Event::StudyFailed { study: failed, reason } if failed == study => {
                Some(Err(reason.as_str()))
            }
            _ => None,
        })
    }

    /// Takes one step; whether there is another.
    pub(crate) fn step(&mut self, studies: &[Digest]) -> bool {
        self.collect();
        match self.network.next() {
            Some((flight, seen)) => self.pass(flight, seen),
            None if studies.iter().all(|study| self.is_over(study)) => {
                return self.next_return();
            }
            None => self.let_time_pass(),
        }
        true
    }

    /// The studies are over, but a lost site may still come back and catch up.
    fn next_return(&mut self) -> bool {
        let Some(back) = self.network.away.values().flatten().min().copied() else { return false };
        self.network.now = self.network.now.max(back);
        self.welcome_back();
        true
    }

    fn is_over(&self, study: &Digest) -> bool {
        let status = self.coordinator.status(study);
        self.result(study).is_some() || status.is_some_and(|status| status.ended.is_some())
    }

    /// When the coordinator wants to be told the time.
    fn next_deadline(&self) -> Option<Duration> {
        self.coordinator.next_deadline().map(|deadline| deadline + self.crashes.began)
    }

    pub(crate) fn collect(&mut self) {
        let drained = self.coordinator.drain();
        if !self.make_durable(&drained) {
            self.crash_coordinator();
            return self.collect();
        }
        self.network.events.extend(drained.events);
        for outgoing in drained.outgoing {
            if let ToSite::Published(published) = &outgoing.message {
                self.keep(published);
            }
            for site in outgoing.to.iter() {
                self.network.queue.push_back(Flight::Down(site, outgoing.message.clone()));
            }
        }
    }

    fn keep(&mut self, published: &Published) {
        let ctx = |published: &Published| published.contract.contract.ctx();
        if !self.network.published.iter().any(|known| ctx(known) == ctx(published)) {
            self.network.published.push(published.clone());
        }
    }

    fn pass(&mut self, flight: Flight, seen: bool) {
        self.network.delivered += 1;
        assert!(self.network.delivered < MOST_MESSAGES, "the federation does not come to rest");
        if self.network.away.contains_key(&flight.site()) {
            return;
        }
        let hook = self.network.hook.as_mut().filter(|_| !seen);
        let fate = hook.map_or(Fate::Pass, |hook| hook(&flight));
        match fate {
            Fate::Pass => self.arrive(flight),
            Fate::Drop => {}
            Fate::Replace(flights) => flights.into_iter().for_each(|flight| self.arrive(flight)),
            Fate::Hold => self.network.held.push_back(flight),
            Fate::Lose(away) => self.lose(flight.site(), Some(away)),
        }
    }

    fn arrive(&mut self, flight: Flight) {
        match flight {
            Flight::Down(site, message) => {
                let message = ToSite::decode(message.encode()).expect("it decodes");
                let answers = self.tell(site, message);
                if self.tapes[&site].fuse().is_blown() {
                    return self.crash(site);
                }
                self.network.answers.push((site, answers.clone()));
                let answers = answers.into_iter().map(|answer| Flight::Up(site, answer));
                self.network.queue.extend(answers);
            }
            Flight::Up(site, message) => {
                let message = FromSite::decode(message.encode()).expect("it decodes");
                let clock = self.clock();
                self.coordinator.receive(site, message, clock);
            }
        }
    }

    /// A site's process has ended with all that it was about to say. A second later another one is
    /// there.
    pub(crate) fn crash(&mut self, site: SiteIndex) {
        self.restart(site);
        self.network.crashes += 1;
        self.lose(site, Some(Duration::from_secs(1)));
    }

    /// Nothing is on its way: a deadline passes, or a site comes back.
    fn let_time_pass(&mut self) {
        let deadline = self.next_deadline();
        let back = self.network.away.values().flatten().copied();
        let next = deadline.into_iter().chain(back).min().expect("something happens next");
        self.network.now = self.network.now.max(next);
        self.welcome_back();
        let clock = self.clock();
        self.coordinator.tick(clock);
        self.network.delivered += 1;
        assert!(self.network.delivered < MOST_MESSAGES, "time does not pass");
    }

    fn welcome_back(&mut self) {
        let now = self.network.now;
        let back = |(site, until): (&SiteIndex, &Option<Duration>)| {
            until.filter(|until| *until <= now).map(|_| *site)
        };
        let returned: Vec<_> = self.network.away.iter().filter_map(back).collect();
        returned.into_iter().for_each(|site| self.attend(site));
    }
}
