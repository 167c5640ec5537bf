//! The uploads of all slots, in folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ripieno_coordinator_engine::{Spools, SpoolsError};
use ripieno_files::{Folder, LockFile};
use ripieno_secagg::coordinator::{ReadTiles, Spool, SpoolError};
use ripieno_secagg::{Lanes, SlotId};
use ripieno_study::SiteIndex;

use crate::spool::faults::Faults;
use crate::spool::objects::{LocalObjects, ObjectError, Objects, Stored, TEMPORARY, system};
use crate::spool::quota::Quota;
use crate::spool::upload::{Complete, Draft, Owner, UploadError};

/// How the names of all uploads begin.
const UPLOADS: &str = "upload-";

/// Uploads on a disk: those that come in, in a folder that this process owns; complete ones among
/// the objects. After a crash the complete ones are there and the others are gone.
///
/// How long an upload may be is for the round's plan to say: whoever puts tiles has checked them
/// against it. What all uploads together may take can be bounded here.
#[derive(Debug)]
pub struct DiskSpools {
    folder: Folder,
    objects: Arc<dyn Objects>,
    quota: Quota,
    faults: Faults,
    _lock: LockFile,
}

impl DiskSpools {
    /// Uploads in the folders `spool` and `objects` of a coordinator's state folder, bounded by the
    /// disk only.
    ///
    /// # Errors
    /// [`ObjectError::File`] where another process has them, where others may reach them, or where
    /// the system says no.
    pub fn open(state: &Path) -> Result<Self, ObjectError> {
        let objects = LocalObjects::open(state.join("objects"))?;
        Self::open_with(&state.join("spool"), Arc::new(objects), u64::MAX)
    }

    /// Uploads that come in, in this folder, complete ones among these objects; all together at most
    /// `most` bytes. What a process that was killed left of unfinished ones is removed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        folder: &Path,
        objects: Arc<dyn Objects>,
        most: u64,
    ) -> Result<Self, ObjectError> {
        let folder = Folder::open(folder)?;
        let lock = LockFile::hold(&folder.file("lock")?)?;
        sweep(&folder)?;
        let used = objects.list(UPLOADS)?.iter().map(|stored| stored.bytes).sum();
        let (quota, faults) = (Quota::new(most, used), Faults::default());
        Ok(Self { folder, objects, quota, faults, _lock: lock })
    }

    /// How many bytes all uploads take.
    pub(crate) fn quota(&self) -> Quota {
        self.quota.clone()
    }

    /// Whether the disk has failed.
    pub(crate) fn faults(&self) -> Faults {
        self.faults.clone()
    }

    fn read(&self, owner: Owner) -> Result<Complete, UploadError> {
        Complete::open(owner, self.objects.open(&owner.name())?)
    }

    /// Removes the complete uploads with one of these names, and says in the log where it cannot.
    fn remove_if(&self, prefix: &str, unwanted: impl Fn(&str) -> bool) {
        let stored = match self.objects.list(prefix) {
            Ok(stored) => stored,
            Err(error) => return tracing::warn!("uploads that nobody needs stay: {error}"),
        };
        for Stored { name, bytes } in stored.iter().filter(|stored| unwanted(&stored.name)) {
            match self.objects.delete(name) {
                Ok(()) => self.quota.give_back(*bytes),
                Err(error) => tracing::warn!("an upload that nobody needs stays: {error}"),
            }
        }
    }
}

impl Spools for DiskSpools {
    fn open(&mut self, id: SlotId) -> Result<Box<dyn Spool + Send>, SpoolsError> {
        let failed = |error: ObjectError| SpoolsError { id, reason: error.to_string() };
        let mut complete = BTreeMap::new();
        for Stored { name, bytes } in self.objects.list(&Owner::prefix(id)).map_err(failed)? {
            if let Some(owner) = Owner::of(id, &name) {
                let upload = self.read(owner).map(Arc::new).map_err(|error| error.to_string());
                complete.insert(owner.site, Kept { bytes, upload });
            }
        }
        let (folder, objects) = (self.folder.clone(), self.objects.clone());
        let (quota, faults) = (self.quota.clone(), self.faults.clone());
        let drafts = BTreeMap::new();
        Ok(Box::new(SlotSpool { id, folder, objects, quota, faults, drafts, complete }))
    }

    fn remove(&mut self, id: SlotId) {
        self.remove_if(&Owner::prefix(id), |_| true);
    }

    fn keep_only(&mut self, ids: &BTreeSet<SlotId>) {
        let wanted: BTreeSet<_> = ids.iter().map(|id| Owner::prefix(*id)).collect();
        let prefix = |name: &str| name.rfind('-').map(|end| name.split_at(end + 1).0.to_owned());
        self.remove_if(UPLOADS, |name| prefix(name).is_none_or(|slot| !wanted.contains(&slot)));
    }
}

/// An upload that was stored, or why it cannot be used.
struct Kept {
    bytes: u64,
    upload: Result<Arc<Complete>, String>,
}

/// The uploads of one slot.
struct SlotSpool {
    id: SlotId,
    folder: Folder,
    objects: Arc<dyn Objects>,
    quota: Quota,
    faults: Faults,
    drafts: BTreeMap<SiteIndex, Draft>,
    complete: BTreeMap<SiteIndex, Kept>,
}

impl SlotSpool {
    fn owner(&self, site: SiteIndex) -> Owner {
        Owner { slot: self.id, site }
    }

    fn keep(&mut self, site: SiteIndex, number: usize, lanes: &[u64]) -> Result<(), UploadError> {
        let number = u32::try_from(number).map_err(|_| UploadError::TooLong)?;
        if let Some(draft) = self.drafts.get_mut(&site) {
            return draft.put(number, lanes);
        }
        let mut draft = Draft::create(self.owner(site), &self.folder, &self.quota)?;
        draft.put(number, lanes)?;
        self.drafts.insert(site, draft);
        Ok(())
    }

    fn give(&self, site: SiteIndex, number: usize) -> Result<Lanes, String> {
        let absent = || UploadError::Absent.to_string();
        let number = u32::try_from(number).map_err(|_| absent())?;
        // What cannot be read is as good as damaged: the matter of its slot.
        let said = |error: UploadError| error.to_string();
        let coming = self.drafts.get(&site).map(|draft| draft.get(number)).transpose();
        if let Some(lanes) = coming.map_err(said)?.flatten() {
            return Ok(lanes);
        }
        let kept = self.complete.get(&site).ok_or_else(absent)?;
        read(&kept.upload, number)
    }

    /// What is said of an upload that was not kept; where the disk has failed, that is kept in mind.
    fn said(&self, error: &UploadError) -> String {
        self.faults.note(error);
        error.to_string()
    }

    /// Makes an upload an object. One that was stored before is replaced.
    fn store(&mut self, site: SiteIndex) -> Result<(), UploadError> {
        let owner = self.owner(site);
        let Some(draft) = self.drafts.get_mut(&site) else {
            let kept = self.complete.get(&site).is_some_and(|kept| kept.upload.is_ok());
            return if kept { Ok(()) } else { Err(UploadError::Absent) };
        };
        draft.seal()?;
        self.objects.put(&owner.name(), draft.path())?;
        let object = self.objects.open(&owner.name())?;
        if let Some(draft) = self.drafts.remove(&site) {
            let complete = draft.into_complete(object);
            let kept = Kept { bytes: complete.bytes(), upload: Ok(Arc::new(complete)) };
            if let Some(before) = self.complete.insert(site, kept) {
                self.quota.give_back(before.bytes);
            }
        }
        Ok(())
    }
}

impl Spool for SlotSpool {
    fn put(&mut self, site: SiteIndex, tile: usize, lanes: Lanes) -> Result<(), SpoolError> {
        let kept = self.keep(site, tile, &lanes);
        kept.map_err(|error| SpoolError { site, tile, reason: self.said(&error) })
    }

    fn get(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError> {
        self.give(site, tile).map_err(|reason| SpoolError { site, tile, reason })
    }

    fn complete(&mut self, site: SiteIndex) -> Result<(), SpoolError> {
        let tile = self.drafts.get(&site).map_or(0, Draft::tiles);
        let stored = self.store(site);
        stored.map_err(|error| SpoolError { site, tile, reason: self.said(&error) })
    }

    fn share(&self) -> Arc<dyn ReadTiles> {
        let uploads = self.complete.iter().map(|(site, kept)| (*site, kept.upload.clone()));
        Arc::new(Shared(uploads.collect()))
    }

    fn discard(&mut self, site: SiteIndex) {
        self.drafts.remove(&site);
        let Some(Kept { bytes, .. }) = self.complete.remove(&site) else { return };
        match self.objects.delete(&self.owner(site).name()) {
            Ok(()) => self.quota.give_back(bytes),
            Err(error) => tracing::warn!("an upload that nobody needs stays: {error}"),
        }
    }
}

/// The complete uploads of a slot: their files stay open, so they are there for as long as this is.
struct Shared(BTreeMap<SiteIndex, Result<Arc<Complete>, String>>);

impl ReadTiles for Shared {
    fn tile(&self, site: SiteIndex, tile: usize) -> Result<Lanes, SpoolError> {
        let absent = || UploadError::Absent.to_string();
        let upload = self.0.get(&site).ok_or_else(absent);
        let number = u32::try_from(tile).map_err(|_| absent());
        let lanes = upload.and_then(|upload| read(upload, number?));
        lanes.map_err(|reason| SpoolError { site, tile, reason })
    }
}

fn read(upload: &Result<Arc<Complete>, String>, number: u32) -> Result<Lanes, String> {
    let complete = upload.as_ref().map_err(Clone::clone)?;
    let lanes = complete.get(number).map_err(|error| error.to_string())?;
    lanes.ok_or_else(|| UploadError::Absent.to_string())
}

/// Removes unfinished uploads. Only with the lock held: nobody is writing them.
fn sweep(folder: &Folder) -> Result<(), ObjectError> {
    let path = folder.path();
    let failed = system("list", path);
    for entry in std::fs::read_dir(path).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            std::fs::remove_file(entry.path()).map_err(system("remove", &entry.path()))?;
        }
    }
    Ok(())
}
