//! The end of the coordinator's process at any point, and another one that goes on from what was
//! durable.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ripieno_coordinator_engine::{
    Change, Coordinator, Drained, MemorySpools, RestoreError, Spools, SpoolsError,
};
use ripieno_identity::Submission;
use ripieno_secagg::coordinator::{ReadTiles, Spool, SpoolError};
use ripieno_secagg::{Lanes, SlotId};
use ripieno_study::{SiteIndex, SiteSet, Study};
use ripieno_wire::ToSite;

use super::federation::{Federation, coordinator_key};

/// When the coordinator's process ends: at which drain that has changes, and whether these were
/// made durable. Nothing of that drain leaves either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    pub(crate) at: usize,
    pub(crate) durable: bool,
}

/// The crashes of a test, and what must hold over all of them.
#[derive(Default)]
pub(crate) struct Crashes {
    /// The crashes to come, in order.
    pub(crate) planned: Vec<Crash>,
    /// Drains that had changes, so far.
    pub(crate) drains: usize,
    /// When this coordinator's process began.
    pub(crate) began: Duration,
    /// What was submitted: whoever was told nothing submits again.
    pub(crate) submitted: Vec<(String, Submission)>,
    /// Sites of the charter that were revoked, as who drives the coordinator has it stored.
    pub(crate) revoked: SiteSet,
    announced: BTreeSet<u64>,
}

impl Federation {
    /// Makes changes durable; `false` where the process ends instead.
    pub(crate) fn make_durable(&mut self, drained: &Drained) -> bool {
        let crash = match drained.changes.is_empty() {
            true => None,
            false => {
                let at = self.crashes.drains;
                self.crashes.drains += 1;
                self.crashes.planned.iter().find(|crash| crash.at == at).copied()
            }
        };
        // Until a change says otherwise, durably, the uploads of a stored sum are needed.
        assert!(self.spools.inner.slots().len() >= self.saved.sums.len(), "uploads are gone");
        if crash.is_none_or(|crash| crash.durable) {
            self.check(&drained.changes);
            self.saved.apply(&drained.changes);
        }
        if crash.is_none() {
            self.check_numbers(drained);
        }
        crash.is_none()
    }

    /// Another process goes on; every site that is not away says hello.
    pub(crate) fn restore(&mut self) {
        self.try_restore().expect("what was stored is sound");
        let clock = self.clock();
        for (text, submission) in self.crashes.submitted.clone() {
            let study = Study::parse(&text).expect("a study").digest();
            if self.coordinator.status(&study).is_none() {
                self.coordinator.submit(&text, submission, clock).expect("the study is taken");
            }
        }
        let away = &self.network.away;
        let there: Vec<SiteIndex> =
            self.sites.keys().filter(|site| !away.contains_key(*site)).copied().collect();
        there.into_iter().for_each(|site| self.attend(site));
    }

    pub(crate) fn try_restore(&mut self) -> Result<(), RestoreError> {
        self.crashes.began = self.network.now;
        self.coordinator = Coordinator::restore(
            self.charter.clone(),
            coordinator_key(),
            self.limits.clone(),
            Box::new(self.spools.clone()),
            (self.saved.clone(), &self.crashes.revoked),
            self.clock(),
        )?;
        Ok(())
    }

    /// The process ends, and another goes on. What was not drained is lost.
    pub(crate) fn crash_coordinator(&mut self) {
        self.network.forget();
        self.restore();
    }

    /// A slot has one outcome.
    fn check(&self, changes: &[Change]) {
        for change in changes {
            if let Change::Outcome { slot, .. } = change {
                let known = self.saved.outcomes.iter().any(|(_, known, _)| known == slot);
                assert!(!known, "{slot} has a second outcome");
            }
        }
    }

    /// The number of an epoch is used once.
    fn check_numbers(&mut self, drained: &Drained) {
        for outgoing in &drained.outgoing {
            if let ToSite::Announce(announced) = &outgoing.message {
                let fresh = self.crashes.announced.insert(announced.epoch);
                assert!(fresh, "epoch {} is announced twice", announced.epoch);
            }
        }
    }
}

/// Uploads in memory, which a test may damage or keep from being stored.
#[derive(Clone, Default)]
pub(crate) struct TestSpools {
    pub(crate) inner: MemorySpools,
    pub(crate) faults: Arc<Faults>,
}

/// What goes wrong.
#[derive(Default)]
pub(crate) struct Faults {
    /// Uploads that are gone.
    pub(crate) lost: AtomicBool,
    /// Uploads whose tiles come back changed.
    pub(crate) changed: Mutex<BTreeSet<SiteIndex>>,
    /// Tiles that can still be put.
    pub(crate) full: AtomicBool,
    /// How often an upload could not be completed.
    pub(crate) failed: AtomicUsize,
}

impl Spools for TestSpools {
    fn open(&mut self, id: SlotId) -> Result<Box<dyn Spool + Send>, SpoolsError> {
        let inner = self.inner.open(id)?;
        Ok(Box::new(TestSpool { inner, faults: self.faults.clone() }))
    }

    fn remove(&mut self, id: SlotId) {
        self.inner.remove(id);
    }

    fn keep_only(&mut self, ids: &BTreeSet<SlotId>) {
        self.inner.keep_only(ids);
    }
}

struct TestSpool {
    inner: Box<dyn Spool + Send>,
    faults: Arc<Faults>,
}

impl Spool for TestSpool {
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Lanes) -> Result<(), SpoolError> {
        self.inner.put(site, tile, lanes)
    }

    fn get(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError> {
        if self.faults.lost.load(Ordering::Relaxed) {
            return Err(SpoolError { site, tile, reason: "the disk is gone".into() });
        }
        let mut lanes = self.inner.get(site, tile)?;
        if self.faults.changed.lock().expect("no panic").contains(&site) {
            lanes.iter_mut().take(1).for_each(|lane| *lane ^= 1);
        }
        Ok(lanes)
    }

    fn complete(&mut self, site: SiteIndex) -> Result<(), SpoolError> {
        if self.faults.full.load(Ordering::Relaxed) {
            self.faults.failed.fetch_add(1, Ordering::Relaxed);
            return Err(SpoolError { site, tile: 0, reason: "the disk is full".into() });
        }
        self.inner.complete(site)
    }

    fn share(&self) -> Arc<dyn ReadTiles> {
        self.inner.share()
    }

    fn discard(&mut self, site: SiteIndex) {
        self.inner.discard(site);
    }
}
