//! What phases share: keys, limits, who is there, and where messages go.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ripieno_identity::SigningKey;
use ripieno_secagg::coordinator::Spool;
use ripieno_secagg::{Roster, SlotId};
use ripieno_study::{Digest, Refusal, SiteIndex, SiteSet};
use ripieno_wire::ToSite;

use crate::changes::{Change, Drained};
use crate::coordinator::{Clock, Outgoing};
use crate::event::Event;
use crate::limits::Limits;
use crate::seen::Seen;
use crate::spools::{Spools, SpoolsError};

/// What phases share.
pub(crate) struct Desk {
    pub(crate) roster: Arc<Roster>,
    pub(crate) key: SigningKey,
    pub(crate) limits: Limits,
    pub(crate) minimum_sites: u16,
    pub(crate) present: SiteSet,
    /// Sites of the charter that were revoked: they are as good as gone.
    pub(crate) expelled: SiteSet,
    /// No slot and no set-up begins.
    pub(crate) held: bool,
    pub(crate) clock: Clock,
    /// What was seen of the sites' ledgers (check L1): honest sites refuse what contradicts it.
    pub(crate) seen: Seen,
    spools: Box<dyn Spools + Send>,
    /// Slots whose uploads nobody needs any more.
    freed: Freed,
    /// The same, once the changes that say so are durable.
    to_remove: Vec<SlotId>,
    /// After a restart: the only slots whose uploads are needed, once the next changes are durable.
    to_keep: Option<ToKeep>,
    /// Uploads could not be opened at all.
    pub(crate) without_uploads: bool,
    changes: Vec<Change>,
    outbox: Vec<Outgoing>,
    events: Vec<Event>,
}

/// Slots, and whether the changes that say so were handed out.
struct ToKeep {
    slots: BTreeSet<SlotId>,
    is_handed_out: bool,
}

type Freed = Arc<Mutex<Vec<SlotId>>>;

/// The uploads of a slot, for as long as somebody needs them: when this is dropped they are removed
/// with the next changes.
pub(crate) struct Uploads {
    id: SlotId,
    spool: Box<dyn Spool + Send>,
    freed: Freed,
}

impl Uploads {
    pub(crate) fn spool(&self) -> &(dyn Spool + Send) {
        &*self.spool
    }

    pub(crate) fn spool_mut(&mut self) -> &mut (dyn Spool + Send) {
        &mut *self.spool
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        self.freed.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
    }
}

impl Desk {
    pub(crate) fn new(
        roster: Roster,
        minimum_sites: u16,
        key: SigningKey,
        limits: Limits,
        spools: Box<dyn Spools + Send>,
    ) -> Self {
        Self {
            roster: Arc::new(roster),
            key,
            limits,
            minimum_sites,
            present: SiteSet::default(),
            expelled: SiteSet::default(),
            held: false,
            clock: Clock { since_start: Duration::ZERO, unix: 0 },
            seen: Seen::default(),
            spools,
            freed: Freed::default(),
            to_remove: Vec::new(),
            to_keep: None,
            without_uploads: false,
            changes: Vec::new(),
            outbox: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sends a message to whoever of `to` is there now. To a site that comes later, its hello says
    /// what it lacks: a message from before would reach it beside the answer to that, and tell it
    /// the same thing twice or out of order.
    pub(crate) fn send(&mut self, to: SiteSet, message: ToSite) {
        let to = match to.is_subset(&self.present) {
            true => to,
            false => to.iter().filter(|site| self.present.contains(*site)).collect(),
        };
        if !to.is_empty() {
            self.outbox.push(Outgoing { to, message });
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Makes a change durable before anything that is sent from now on.
    pub(crate) fn save(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Whether there is something to be made durable.
    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.since_start
    }

    /// Notes a site's message that was refused; the round goes on without it.
    pub(crate) fn blame(
        &mut self,
        study: Option<Digest>,
        site: SiteIndex,
        result: Result<(), Refusal>,
    ) {
        if let Err(refusal) = result {
            self.tell(Event::Refused { study, site, refusal, found_here: true });
        }
    }

    /// Sites of the charter that may take part.
    pub(crate) fn members(&self) -> SiteSet {
        let sites: SiteSet = self.roster.sites.keys().copied().collect();
        sites.difference(&self.expelled)
    }

    /// How many sites could still take part in a study, where these say no to it. Sites that were
    /// revoked count until there is another charter: it may need fewer, or bring others.
    pub(crate) fn left_without(&self, said_no: &SiteSet) -> usize {
        let said_no = said_no.difference(&self.expelled);
        self.roster.sites.keys().filter(|site| !said_no.contains(**site)).count()
    }

    /// How many sites the charter in force has.
    pub(crate) fn listed(&self) -> usize {
        self.roster.sites.len()
    }

    /// The uploads of a slot.
    pub(crate) fn open_uploads(&mut self, id: SlotId) -> Result<Uploads, SpoolsError> {
        let spool = self.spools.open(id).inspect_err(|_| self.without_uploads = true)?;
        if let Some(keep) = &mut self.to_keep {
            keep.slots.insert(id);
        }
        Ok(Uploads { id, spool, freed: self.freed.clone() })
    }

    /// Removes the uploads of all other slots: what a crash has left behind.
    pub(crate) fn keep_only(&mut self, slots: BTreeSet<SlotId>) {
        self.to_keep = Some(ToKeep { slots, is_handed_out: false });
    }

    /// Everything since the last call. What the changes of the call before made needless is removed
    /// now: they are durable.
    pub(crate) fn drain(&mut self) -> Drained {
        for id in std::mem::take(&mut self.to_remove) {
            self.spools.remove(id);
        }
        match self.to_keep.take() {
            Some(keep) if keep.is_handed_out => self.spools.keep_only(&keep.slots),
            other => self.to_keep = other.map(|keep| ToKeep { is_handed_out: true, ..keep }),
        }
        let mut freed = self.freed.lock().unwrap_or_else(PoisonError::into_inner);
        self.to_remove = std::mem::take(&mut freed);
        drop(freed);
        Drained {
            changes: std::mem::take(&mut self.changes),
            outgoing: std::mem::take(&mut self.outbox),
            events: std::mem::take(&mut self.events),
        }
    }
}
