//! E1–E4 at the coordinator: one epoch in use, the next one set up before its slots run out.

use std::sync::Arc;
use std::time::Duration;

use ripieno_secagg::coordinator::{Accepting, Epoch, Gathering, Sharing};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::params::Parameters;
use ripieno_secagg::witness::Counts;
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::coordinator::{Desk, refusal_of};
use crate::event::Event;
use crate::limits::Limits;

/// The next epoch is set up when the current one has so few slots left.
const LOW_SLOTS: u16 = 4;

/// How far a set-up has come.
enum Setup {
    Idle,
    Gathering(Gathering),
    Sharing(Sharing),
    Accepting(Accepting),
}

/// An epoch with the number of its next unused slot.
struct InUse {
    epoch: Arc<Epoch>,
    next_slot: u16,
}

impl InUse {
    fn left(&self) -> u16 {
        self.epoch.transcript().params().slots().saturating_sub(self.next_slot)
    }
}

/// The epochs of a federation.
pub(crate) struct Epochs {
    setup: Setup,
    asked: SiteSet,
    /// What was known of the sites' ledgers when the set-up began.
    seen: Counts,
    since: Duration,
    /// After a set-up that failed, no other begins before.
    not_before: Duration,
    last: u64,
    wanted: bool,
    current: Option<InUse>,
    next: Option<InUse>,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Self {
            setup: Setup::Idle,
            asked: SiteSet::default(),
            seen: Counts::default(),
            since: Duration::ZERO,
            not_before: Duration::ZERO,
            last: 0,
            wanted: false,
            current: None,
            next: None,
        }
    }

    /// The epoch in use; asks for one where there is none.
    pub(crate) fn current(&mut self) -> Option<Arc<Epoch>> {
        if self.current.as_ref().is_none_or(|epoch| epoch.left() == 0) {
            self.current = self.next.take();
        }
        let left = self.current.as_ref().map_or(0, InUse::left);
        let under_way = !matches!(self.setup, Setup::Idle);
        self.wanted |= left <= LOW_SLOTS && self.next.is_none() && !under_way;
        self.current.as_ref().filter(|epoch| epoch.left() > 0).map(|epoch| epoch.epoch.clone())
    }

    /// Uses up one slot of the epoch in use.
    pub(crate) fn take_slot(&mut self) -> Option<u16> {
        let epoch = self.current.as_mut().filter(|epoch| epoch.left() > 0)?;
        let slot = epoch.next_slot;
        epoch.next_slot += 1;
        Some(slot)
    }

    /// Gives the epoch in use up: it lacks a site that is needed and is there.
    pub(crate) fn renew(&mut self) {
        self.current = None;
        self.wanted = true;
    }

    pub(crate) fn receive(&mut self, site: SiteIndex, message: FromSite, desk: &mut Desk) {
        if self.is_late(&message) {
            return;
        }
        let result = match (&mut self.setup, message) {
            (Setup::Gathering(step), FromSite::Advert(advert)) => {
                let head = advert.ledger;
                // Every honest site would refuse the whole epoch for this advert.
                let seen = desk.witness.advert_since(&self.seen, site, head);
                let result = refusal_of(seen).and_then(|()| step.receive(advert));
                if result.is_err() && !step.sites().contains(site) {
                    self.asked.remove(site);
                }
                result
            }
            (Setup::Sharing(step), FromSite::Bundles(bundles)) => step.receive(site, bundles),
            (Setup::Accepting(step), FromSite::Acceptance(acceptance)) => step.receive(acceptance),
            // Of a step that is over.
            _ => return,
        };
        desk.blame(site, result);
    }

    /// Whether a message is of a set-up that is over: late, and no fault of its site.
    fn is_late(&self, message: &FromSite) -> bool {
        match (&self.setup, message) {
            (_, FromSite::Advert(advert)) => advert.epoch < self.last,
            (Setup::Sharing(step), FromSite::Bundles(bundles)) => {
                let transcript = step.transcript().digest();
                bundles.iter().all(|bundle| bundle.transcript != transcript)
            }
            (Setup::Accepting(step), FromSite::Acceptance(acceptance)) => {
                acceptance.transcript != step.transcript().digest()
            }
            _ => false,
        }
    }

    /// Sends a holder that has come back what it may have missed of the epochs that can be used.
    pub(crate) fn remind(&self, site: SiteIndex, desk: &mut Desk) {
        for in_use in self.current.iter().chain(&self.next) {
            if in_use.epoch.joined().contains(site) {
                let transcript = in_use.epoch.transcript();
                let (epoch, acceptances) = (transcript.epoch(), in_use.epoch.acceptances());
                let to = site.into();
                desk.send(to, ToSite::Acceptances { epoch, acceptances });
            }
        }
    }

    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        match self.setup {
            Setup::Idle => self.wanted.then_some(self.not_before).filter(|at| *at > self.since),
            _ => Some(self.since + limits.setup),
        }
    }

    /// Ends a step whose time is up, with whoever has answered.
    pub(crate) fn expire(&mut self, desk: &mut Desk) {
        if self.deadline(&desk.limits).is_some_and(|deadline| deadline <= desk.now()) {
            self.end_step(desk);
        }
    }

    /// Begins a set-up that is wanted, and ends a step that everyone has answered.
    pub(crate) fn advance(&mut self, desk: &mut Desk) -> bool {
        let answered = match &self.setup {
            Setup::Idle if self.wanted && self.not_before <= desk.now() && can_be_set_up(desk) => {
                self.begin(desk);
                return true;
            }
            Setup::Idle => return false,
            Setup::Gathering(step) => step.sites(),
            Setup::Sharing(step) => step.dealers(),
            Setup::Accepting(step) => step.holders(),
        };
        let all = self.asked.is_subset(&answered);
        if all {
            self.end_step(desk);
        }
        all
    }

    fn begin(&mut self, desk: &mut Desk) {
        self.wanted = false;
        self.last += 1;
        let announced = Announcement { epoch: self.last, slots: desk.limits.slots };
        self.setup = Setup::Gathering(Gathering::new(desk.roster.clone(), announced));
        self.asked = desk.present.clone();
        self.seen = desk.witness.counts();
        self.since = desk.now();
        desk.send(self.asked.clone(), ToSite::Announce(announced));
    }

    fn end_step(&mut self, desk: &mut Desk) {
        self.since = desk.now();
        self.setup = match std::mem::replace(&mut self.setup, Setup::Idle) {
            Setup::Idle => Setup::Idle,
            Setup::Gathering(step) => match step.close() {
                Ok(step) => self.relay_adverts(step, desk),
                Err(refusal) => self.fail(refusal, desk),
            },
            Setup::Sharing(step) => self.relay_bundles(step, desk),
            Setup::Accepting(step) => self.finish(step.close(), desk),
        };
    }

    fn relay_adverts(&mut self, step: Sharing, desk: &mut Desk) -> Setup {
        let transcript = step.transcript();
        let adverts = transcript.adverts().map(|(_, advert)| advert.clone()).collect();
        let slots = transcript.params().slots();
        self.asked = transcript.holders();
        desk.send(
            self.asked.clone(),
            ToSite::Adverts { epoch: transcript.epoch(), slots, adverts },
        );
        Setup::Sharing(step)
    }

    fn relay_bundles(&mut self, step: Sharing, desk: &mut Desk) -> Setup {
        let epoch = step.transcript().epoch();
        self.asked = step.dealers();
        for holder in self.asked.iter() {
            let bundles = step.bundles_for(holder);
            desk.send(holder.into(), ToSite::Bundles { epoch, bundles });
        }
        Setup::Accepting(step.close())
    }

    fn finish(&mut self, epoch: Epoch, desk: &mut Desk) -> Setup {
        let acceptances = epoch.acceptances();
        let params = epoch.transcript().params();
        let usable = epoch.eligible(&epoch.transcript().holders()).len();
        if usable < usize::from(params.minimum(0)) {
            let reason = format!("only {usable} sites accepted each other's shares");
            return self.fail(Refusal::own(Check::A3, reason), desk);
        }
        let holders = epoch.joined();
        let transcript = epoch.transcript();
        desk.send(holders.clone(), ToSite::Acceptances { epoch: transcript.epoch(), acceptances });
        let threshold = transcript.params().threshold();
        desk.tell(Event::EpochReady { epoch: transcript.epoch(), holders, threshold });
        let ready = InUse { epoch: Arc::new(epoch), next_slot: 0 };
        if self.current.as_ref().is_none_or(|current| current.left() == 0) {
            self.current = Some(ready);
        } else {
            self.next = Some(ready);
        }
        Setup::Idle
    }

    fn fail(&mut self, refusal: Refusal, desk: &mut Desk) -> Setup {
        desk.tell(Event::EpochFailed { epoch: self.last, refusal });
        // Another is begun for a study that waits for it, and for nobody else.
        self.wanted = false;
        self.not_before = desk.now() + desk.limits.setup;
        Setup::Idle
    }
}

/// Whether the sites that are there are enough for an epoch at all. With fewer, a set-up could
/// only fail, over and over.
fn can_be_set_up(desk: &Desk) -> bool {
    Parameters::new(desk.present.len(), desk.roster.corrupt, desk.limits.slots).is_ok()
}
