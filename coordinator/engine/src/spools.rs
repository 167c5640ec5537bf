//! Where the uploads of all slots are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ripieno_secagg::coordinator::{ReadTiles, Spool, SpoolError, TilesInMemory};
use ripieno_secagg::{Lanes, SlotId};
use ripieno_study::SiteIndex;
use thiserror::Error;

/// The uploads of a slot cannot be kept, or read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the uploads of {id} cannot be kept: {reason}")]
pub struct SpoolsError {
    /// The slot.
    pub id: SlotId,
    /// What the storage said.
    pub reason: String,
}

/// Storage for the uploads of slots. An upload that was [`complete`](Spool::complete) survives a
/// crash; parts of one need not.
pub trait Spools {
    /// Opens the uploads of a slot: none at first, and after a restart those that were complete.
    ///
    /// # Errors
    /// Where the storage fails.
    fn open(&mut self, id: SlotId) -> Result<Box<dyn Spool + Send>, SpoolsError>;

    /// Removes the uploads of a slot, which nobody will need again. What cannot be removed now is
    /// removed by [`keep_only`](Spools::keep_only).
    fn remove(&mut self, id: SlotId);

    /// Removes the uploads of all other slots: what a crash has left behind.
    fn keep_only(&mut self, ids: &BTreeSet<SlotId>);
}

type Upload = BTreeMap<usize, Lanes>;
type Slots = BTreeMap<SlotId, BTreeMap<SiteIndex, Upload>>;

/// Uploads in memory. A clone sees the same complete uploads: so a test may crash a coordinator and
/// keep its storage.
#[derive(Clone, Debug, Default)]
pub struct MemorySpools {
    slots: Arc<Mutex<Slots>>,
}

impl MemorySpools {
    /// The slots that have complete uploads.
    #[must_use]
    pub fn slots(&self) -> BTreeSet<SlotId> {
        lock(&self.slots).keys().copied().collect()
    }
}

impl Spools for MemorySpools {
    fn open(&mut self, id: SlotId) -> Result<Box<dyn Spool + Send>, SpoolsError> {
        Ok(Box::new(SlotSpool { id, slots: self.slots.clone(), parts: BTreeMap::new() }))
    }

    fn remove(&mut self, id: SlotId) {
        lock(&self.slots).remove(&id);
    }

    fn keep_only(&mut self, ids: &BTreeSet<SlotId>) {
        lock(&self.slots).retain(|id, _| ids.contains(id));
    }
}

/// The uploads of one slot.
struct SlotSpool {
    id: SlotId,
    slots: Arc<Mutex<Slots>>,
    /// Uploads that are not complete.
    parts: BTreeMap<SiteIndex, Upload>,
}

impl Spool for SlotSpool {
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Lanes) -> Result<(), SpoolError> {
        self.parts.entry(site).or_default().insert(tile, lanes);
        Ok(())
    }

    fn get(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError> {
        let part = self.parts.get(&site).and_then(|upload| upload.get(&tile)).cloned();
        let kept = || lock(&self.slots).get(&self.id)?.get(&site)?.get(&tile).cloned();
        part.or_else(kept).ok_or_else(|| SpoolError { site, tile, reason: "is not there".into() })
    }

    fn complete(&mut self, site: SiteIndex) -> Result<(), SpoolError> {
        if let Some(upload) = self.parts.remove(&site) {
            lock(&self.slots).entry(self.id).or_default().insert(site, upload);
        }
        Ok(())
    }

    fn share(&self) -> Arc<dyn ReadTiles> {
        let slots = lock(&self.slots);
        let uploads = slots.get(&self.id).into_iter().flatten();
        let tiles = uploads.flat_map(|(site, upload)| {
            upload.iter().map(|(tile, lanes)| ((*site, *tile), lanes.clone()))
        });
        Arc::new(tiles.collect::<TilesInMemory>())
    }

    fn discard(&mut self, site: SiteIndex) {
        self.parts.remove(&site);
        if let Some(uploads) = lock(&self.slots).get_mut(&self.id) {
            uploads.remove(&site);
        }
    }
}

/// Whoever held the lock has left the map whole: every change is one call.
fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}
