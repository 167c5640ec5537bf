//! The form of an upload in a file.
//!
//! ```text
//! file  = "ripieno-upload-1" tile* end
//! tile  = number (u32 LE) | lanes (u32 LE) | check (32 bytes) | each lane as u64 LE
//! end   = 2^32 - 1 (u32 LE) | tiles before it (u32 LE) | check (32 bytes)
//! check = SHA-256("ripieno-upload-1" | transcript | slot (u16 LE) | site (u16 LE) | all of the
//!         record but the check)
//! ```
//!
//! A tile that came again stands behind the first one and counts instead of it. Without its end a
//! file is not complete. All of this is against accidents of the disk: what a site signed is checked
//! elsewhere.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ripieno_files::{FileError, Folder};
use ripieno_secagg::{Lanes, SlotId};
use ripieno_study::SiteIndex;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::spool::objects::{Object, ObjectError, TEMPORARY, system};
use crate::spool::quota::{Claim, Quota};

const MARK: [u8; 16] = *b"ripieno-upload-1";
/// Number, count and check.
const HEAD_BYTES: u64 = 40;
/// The number of no tile: that of the end.
const END: u32 = u32::MAX;

/// Whose upload it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) slot: SlotId,
    pub(crate) site: SiteIndex,
}

/// Why a tile cannot be kept or given back.
#[derive(Debug, Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("it is not there")]
    Absent,
    #[error("{name} is damaged: {reason}; the site has to send its upload again")]
    Damaged { name: String, reason: &'static str },
    #[error(
        "all uploads together may take {most} bytes, and have; wait until a round ends, or allow \
         more"
    )]
    Quota { most: u64 },
    #[error("an upload cannot have so many tiles or lanes")]
    TooLong,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// Of its first lane, in bytes from the start of the file.
    offset: u64,
    lanes: u32,
    check: [u8; 32],
}

type Places = BTreeMap<u32, Place>;

/// An upload that is coming in. Its file goes away when this is dropped.
#[derive(Debug)]
pub(crate) struct Draft {
    owner: Owner,
    file: NamedTempFile,
    folder: Folder,
    places: Places,
    records: u32,
    end: u64,
    sealed: bool,
    claim: Claim,
}

/// An upload that is complete.
pub(crate) struct Complete {
    owner: Owner,
    object: Box<dyn Object>,
    places: Places,
}

impl Owner {
    /// How names of the slot's uploads begin.
    pub(crate) fn prefix(slot: SlotId) -> String {
        format!("upload-{}-{}-", slot.transcript, slot.slot)
    }

    /// Under which the complete upload is stored.
    pub(crate) fn name(&self) -> String {
        format!("{}{}", Self::prefix(self.slot), self.site.get())
    }

    /// The owner of a stored upload of this slot.
    pub(crate) fn of(slot: SlotId, name: &str) -> Option<Self> {
        let site = name.strip_prefix(&Self::prefix(slot))?.parse().ok().and_then(SiteIndex::new)?;
        Some(Self { slot, site })
    }

    fn check(&self, number: u32, count: u32, lanes: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(MARK)
            .chain_update(self.slot.transcript)
            .chain_update(self.slot.slot.to_le_bytes())
            .chain_update(self.site.get().to_le_bytes())
            .chain_update(number.to_le_bytes())
            .chain_update(count.to_le_bytes())
            .chain_update(lanes)
            .finalize()
            .into()
    }

    fn damaged(&self, reason: &'static str) -> UploadError {
        UploadError::Damaged { name: self.name(), reason }
    }

    /// Lanes as they were read, if they are what was written.
    fn lanes(&self, number: u32, place: &Place, bytes: &[u8]) -> Result<Lanes, UploadError> {
        if self.check(number, place.lanes, bytes) != place.check {
            return Err(self.damaged("the lanes of a tile do not fit their check"));
        }
        let (lanes, _) = bytes.as_chunks::<8>();
        let lanes: Vec<u64> = lanes.iter().copied().map(u64::from_le_bytes).collect();
        Ok(lanes.into())
    }
}

impl Draft {
    /// An upload without tiles.
    pub(crate) fn create(
        owner: Owner,
        folder: &Folder,
        quota: &Quota,
    ) -> Result<Self, UploadError> {
        let mut builder = tempfile::Builder::new();
        let created = builder.prefix(TEMPORARY).tempfile_in(folder.path());
        let file = created.map_err(system("create a file in", folder.path()))?;
        let mut draft = Self {
            owner,
            file,
            folder: folder.clone(),
            places: Places::new(),
            records: 0,
            end: 0,
            sealed: false,
            claim: quota.claim(),
        };
        draft.append(&MARK)?;
        Ok(draft)
    }

    /// Where its file is.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// How many different tiles have come.
    pub(crate) fn tiles(&self) -> usize {
        self.places.len()
    }

    /// Keeps a tile.
    pub(crate) fn put(&mut self, number: u32, lanes: &[u64]) -> Result<(), UploadError> {
        let count = u32::try_from(lanes.len()).map_err(|_| UploadError::TooLong)?;
        if number == END || self.sealed || self.records == u32::MAX {
            return Err(UploadError::TooLong);
        }
        let mut record = Vec::with_capacity(HEAD_BYTES as usize + 8 * lanes.len());
        record.resize(HEAD_BYTES as usize, 0);
        lanes.iter().for_each(|lane| record.extend_from_slice(&lane.to_le_bytes()));
        let check = self.finish(number, count, &mut record);
        let offset = self.end + HEAD_BYTES;
        self.append(&record)?;
        self.places.insert(number, Place { offset, lanes: count, check });
        self.records += 1;
        Ok(())
    }

    /// Gives a tile back, or `None` where it has not come.
    pub(crate) fn get(&self, number: u32) -> Result<Option<Lanes>, UploadError> {
        let Some(place) = self.places.get(&number) else { return Ok(None) };
        let mut bytes = vec![0; 8 * place.lanes as usize];
        let read = self.file.as_file().read_exact_at(&mut bytes, place.offset);
        read.map_err(system("read an upload in", self.folder.path()))?;
        self.owner.lanes(number, place, &bytes).map(Some)
    }

    /// Writes the end. There is no tile after it.
    pub(crate) fn seal(&mut self) -> Result<(), UploadError> {
        if !self.sealed {
            // Where the end goes may be the rest of a longer record that did not fit.
            let cut = self.file.as_file().set_len(self.end);
            cut.map_err(system("write an upload in", self.folder.path()))?;
            let mut record = vec![0; HEAD_BYTES as usize];
            self.finish(END, self.records, &mut record);
            self.append(&record)?;
            self.sealed = true;
        }
        Ok(())
    }

    /// The same upload after its file has become this object.
    pub(crate) fn into_complete(self, object: Box<dyn Object>) -> Complete {
        self.claim.keep();
        let (_, path) = self.file.into_parts();
        // There is nothing at this path any more; it is only not to be removed.
        let _ = path.keep();
        Complete { owner: self.owner, object, places: self.places }
    }

    /// Fills in the head of a record.
    fn finish(&self, number: u32, count: u32, record: &mut [u8]) -> [u8; 32] {
        let (head, lanes) = record.split_at_mut(HEAD_BYTES as usize);
        let check = self.owner.check(number, count, lanes);
        let parts = number.to_le_bytes().into_iter().chain(count.to_le_bytes()).chain(check);
        head.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        check
    }

    /// Writes behind what is there. What an attempt that failed has left is written over by the next.
    fn append(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let length = bytes.len() as u64;
        let needed = (self.end + length).saturating_sub(self.claim.bytes());
        self.claim.add(needed).map_err(|most| UploadError::Quota { most })?;
        let written = self.file.as_file().write_all_at(bytes, self.end);
        written.map_err(system("write an upload in", self.folder.path()))?;
        self.end += length;
        Ok(())
    }
}

impl Complete {
    /// Reads where the tiles of a stored upload are, and that it ends where it should.
    pub(crate) fn open(owner: Owner, object: Box<dyn Object>) -> Result<Self, UploadError> {
        let mut mark = [0; MARK.len()];
        if object.bytes() < MARK.len() as u64 {
            return Err(owner.damaged("it is too short"));
        }
        object.read_at(0, &mut mark)?;
        if mark != MARK {
            return Err(owner.damaged("it is not an upload"));
        }
        let (mut places, mut records, mut at) = (Places::new(), 0, MARK.len() as u64);
        loop {
            let (number, place) = head(&owner, object.as_ref(), at)?;
            if number == END {
                return match place.lanes == records
                    && place.offset == object.bytes()
                    && place.check == owner.check(END, records, &[])
                {
                    true => Ok(Self { owner, object, places }),
                    false => Err(owner.damaged("its end does not fit it")),
                };
            }
            records += 1;
            at = place.offset + 8 * u64::from(place.lanes);
            places.insert(number, place);
        }
    }

    /// Bytes of its file.
    pub(crate) fn bytes(&self) -> u64 {
        self.object.bytes()
    }

    /// Gives a tile back, or `None` where the upload has no such tile.
    pub(crate) fn get(&self, number: u32) -> Result<Option<Lanes>, UploadError> {
        let Some(place) = self.places.get(&number) else { return Ok(None) };
        // That the file is this long was seen when it was opened.
        let mut bytes = vec![0; 8 * place.lanes as usize];
        self.object.read_at(place.offset, &mut bytes)?;
        self.owner.lanes(number, place, &bytes).map(Some)
    }
}

/// Reads the head of a record; the lanes behind it are within the file.
fn head(owner: &Owner, object: &dyn Object, at: u64) -> Result<(u32, Place), UploadError> {
    let cut = || owner.damaged("it ends within a tile");
    let offset = at.checked_add(HEAD_BYTES).filter(|end| *end <= object.bytes()).ok_or_else(cut)?;
    let mut head = [0; HEAD_BYTES as usize];
    object.read_at(at, &mut head)?;
    let [a, b, c, d, e, f, g, h, check @ ..] = head;
    let (number, lanes) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if number != END && offset + 8 * u64::from(lanes) > object.bytes() {
        return Err(cut());
    }
    Ok((number, Place { offset, lanes, check }))
}
