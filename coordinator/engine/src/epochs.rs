//! E1–E4 at the coordinator: one epoch in use, the next one set up before its slots run out.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ripieno_secagg::coordinator::{Accepting, Epoch, Gathering, Sharing};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::params::Parameters;
use ripieno_secagg::witness::Counts;
use ripieno_study::{Check, Refusal, SiteIndex, SiteSet};
use ripieno_wire::{FromSite, ToSite};

use crate::changes::Change;
use crate::desk::Desk;
use crate::event::Event;
use crate::limits::Limits;
use crate::records::{self, EpochRecord};

/// The next epoch is set up when the current one has so few slots left.
const LOW_SLOTS: u16 = 4;
/// Epochs that sites may know of and an older store does not. No site takes a number that is more
/// than 2^16 after its last (check A2): one that missed many still takes those after such a leap.
const MOST_AHEAD: u64 = 1 << 12;
/// How far numbers go on towards what too few sites know to be believed, after a set-up that failed.
const STEP: u64 = 16;
/// However many set-ups have failed, the next one waits no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How far a set-up has come.
#[derive(Default)]
enum Setup {
    #[default]
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

/// An epoch that a round, a sum, or the rounds to come still need.
struct Known {
    epoch: Weak<Epoch>,
    is_stored: bool,
}

/// The epochs of a federation.
#[derive(Default)]
pub(crate) struct Epochs {
    setup: Setup,
    asked: SiteSet,
    /// The sites that were there when the last set-up began.
    invited: SiteSet,
    /// What was known of the sites' ledgers when the set-up began.
    seen: Counts,
    since: Duration,
    /// After a set-up that failed, no other begins before.
    not_before: Duration,
    /// Set-ups that failed, one after the other.
    failures: u32,
    last: u64,
    /// The highest number that sites know and that was not given here: numbers go on after it.
    ahead: u64,
    /// The numbers that sites say they know and that were not given here.
    claimed: BTreeMap<SiteIndex, u64>,
    wanted: bool,
    current: Option<InUse>,
    next: Option<InUse>,
    known: BTreeMap<u64, Known>,
}

impl Epochs {
    /// After a restart: a set-up that was under way is dead, and its number stays used.
    pub(crate) fn restore(last: u64) -> Self {
        Self { last, ..Self::default() }
    }

    /// An epoch that was stored, for the rounds under way and the sums that need it. No round begins
    /// in it any more: the store may be an older one, and its slots may have been given since.
    pub(crate) fn insert(&mut self, epoch: &Arc<Epoch>) {
        let known = Known { epoch: Arc::downgrade(epoch), is_stored: true };
        self.known.insert(epoch.transcript().epoch(), known);
    }

    /// Under another charter there are other epochs.
    pub(crate) fn reset(&mut self) {
        let known = std::mem::take(&mut self.known);
        let Self { last, ahead, .. } = *self;
        *self = Self { last, ahead, known, ..Self::default() };
    }

    /// The epoch in use: its number, and its share-holders.
    pub(crate) fn in_use(&self) -> Option<(u64, SiteSet)> {
        let in_use = self.current.as_ref().or(self.next.as_ref())?;
        Some((in_use.epoch.transcript().epoch(), in_use.epoch.joined()))
    }

    /// A site knows an epoch's number that was never given here. Where more sites than may be corrupt
    /// know one, and two at least, what is stored is older than what was sent, and numbers go on after
    /// it. A few sites alone are not believed: they could drive the numbers up until honest ones refuse
    /// them. Nor is any leap longer than [`MOST_AHEAD`], from the last number that was given here.
    pub(crate) fn catch_up(&mut self, site: SiteIndex, last: u64, desk: &mut Desk) {
        let own = self.last.max(self.ahead);
        if last > self.last.saturating_add(MOST_AHEAD) {
            let reason = format!(
                "it knows epoch {last}, the last one that is stored here is {}; that is too many \
                 to be true",
                self.last
            );
            desk.blame(None, site, Err(Refusal::site(Check::A2, site, reason)));
        }
        self.claimed.insert(site, last);
        let Some(known) = self.believed(desk).filter(|known| *known > own) else { return };
        let reason = format!(
            "sites know epoch {known}, the last one that is stored here is {own}: the coordinator's \
             store is an older one; new epochs follow"
        );
        desk.tell(Event::EpochFailed { epoch: own, refusal: Refusal::own(Check::A2, reason) });
        self.ahead = known;
        desk.save(Change::LastEpoch(known));
    }

    /// What more sites than may be corrupt know, and two at least, as far as one leap goes.
    fn believed(&self, desk: &Desk) -> Option<u64> {
        let mut claims: Vec<u64> = self.claimed.values().copied().collect();
        claims.sort_unstable_by_key(|claim| Reverse(*claim));
        let known = claims.get(usize::from(desk.roster.corrupt.max(1)))?;
        Some(self.last.saturating_add(MOST_AHEAD).min(*known))
    }

    /// A set-up has failed. Where one of its sites knows a higher number it refuses all up to that
    /// one, and the set-up may have failed for it: the store is an older one, and nobody else is there
    /// who knows. Or the site lies: the numbers go on by a few, so that the first case comes to its
    /// end, and the second does no harm.
    fn step_on(&mut self, desk: &Desk) {
        let claims = self.claimed.iter().filter(|(site, _)| self.invited.contains(**site));
        let known = claims.map(|(_, claim)| *claim).max().unwrap_or_default();
        let few = known.min(self.last.saturating_add(STEP));
        self.ahead = self.believed(desk).unwrap_or_default().max(few).max(self.ahead);
    }

    /// What is to be stored since the last call.
    pub(crate) fn save(&mut self, desk: &mut Desk) {
        self.known.retain(|number, known| {
            let Some(epoch) = known.epoch.upgrade() else {
                desk.save(Change::EpochGone { number: *number });
                return false;
            };
            if !std::mem::replace(&mut known.is_stored, true) {
                let record = records::seal(&EpochRecord::new(&epoch));
                desk.save(Change::Epoch { number: *number, record });
            }
            true
        });
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
                let seen = desk.seen.advert_since(&self.seen, site, head);
                let result = seen.and_then(|()| step.receive(advert));
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
        desk.blame(None, site, result);
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

    /// A site is there. One that the last set-up did not have is a reason to try again at once.
    pub(crate) fn attend(&mut self, site: SiteIndex, desk: &mut Desk) {
        if self.failures > 0 && !self.invited.contains(site) {
            self.invited.insert(site);
            self.failures = 0;
            self.not_before = desk.now();
        }
        self.remind(site, desk);
    }

    /// A site was revoked: it is not waited for.
    pub(crate) fn expel(&mut self, site: SiteIndex) {
        self.asked.remove(site);
    }

    /// Sends a holder that has come back what it may have missed of the epochs that can be used, or in
    /// which rounds are under way.
    fn remind(&self, site: SiteIndex, desk: &mut Desk) {
        for held in self.known.values().filter_map(|known| known.epoch.upgrade()) {
            if held.joined().contains(site) {
                let (epoch, acceptances) = (held.transcript().epoch(), held.acceptances());
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
        self.last = self.last.max(self.ahead).saturating_add(1);
        desk.save(Change::LastEpoch(self.last));
        let announced = Announcement { epoch: self.last, slots: desk.limits.slots };
        self.setup = Setup::Gathering(Gathering::new(desk.roster.clone(), announced));
        self.asked = desk.present.clone();
        self.invited = self.asked.clone();
        self.seen = desk.seen.counts();
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
            let asked = epoch.transcript().holders().len();
            let reason = format!("{usable} of {asked} sites accepted each other's shares");
            return self.fail(Refusal::own(Check::A3, reason), desk);
        }
        let holders = epoch.joined();
        let transcript = epoch.transcript();
        desk.send(holders.clone(), ToSite::Acceptances { epoch: transcript.epoch(), acceptances });
        let threshold = transcript.params().threshold();
        desk.tell(Event::EpochReady { epoch: transcript.epoch(), holders, threshold });
        let ready = InUse { epoch: Arc::new(epoch), next_slot: 0 };
        let weak = Arc::downgrade(&ready.epoch);
        let known = Known { epoch: weak, is_stored: false };
        self.known.insert(ready.epoch.transcript().epoch(), known);
        self.failures = 0;
        if self.current.as_ref().is_none_or(|current| current.left() == 0) {
            self.current = Some(ready);
        } else {
            self.next = Some(ready);
        }
        Setup::Idle
    }

    fn fail(&mut self, refusal: Refusal, desk: &mut Desk) -> Setup {
        desk.tell(Event::EpochFailed { epoch: self.last, refusal });
        self.step_on(desk);
        // Another is begun for a study that waits for it, and for nobody else.
        self.wanted = false;
        let wait = desk.limits.setup.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.not_before = desk.now() + wait.min(LONGEST_WAIT.max(desk.limits.setup));
        Setup::Idle
    }
}

/// Whether the sites that are there are enough for an epoch at all. With fewer, a set-up could
/// only fail, over and over. None begins while rounds are held.
fn can_be_set_up(desk: &Desk) -> bool {
    let enough =
        Parameters::new(desk.present.len(), desk.roster.corrupt, desk.limits.slots).is_ok();
    enough && !desk.held
}
