//! What each file of a site's folder was when it was written last: a file that is gone, changed, or
//! an older copy is noticed before it is believed.
//!
//! The inventory is a file of records. One is added, and durable, before a small file is replaced or
//! removed; each also holds how far the files had come by then that are only added to. So after a
//! crash at most the file that the last record names may still be what it was before. At a start a
//! long one, and in a run a larger one, is replaced, as a whole, by one that begins with a snapshot:
//! what all its records say.
//!
//! All of this is against accidents: whoever may write the folder can also write the inventory.

mod book;
mod fault;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ripieno_files::{AppendFile, FileError, Opened, remove, write_atomically};
use ripieno_study::Digest;
use sha2::{Digest as _, Sha256};

use self::book::{Book, End, Record};
pub(crate) use self::fault::BadFolder;
use super::limits::{INVENTORY, SMALL_INVENTORY};
use crate::layout::Layout;

/// By name, what each small file of a folder is.
pub(crate) type Files = BTreeMap<String, Digest>;

/// The inventory of a folder. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Inventory(Arc<Mutex<Book>>);

impl Inventory {
    /// The inventory of a new folder; one that is there is gone on with.
    pub(crate) fn ensure(layout: &Layout) -> Result<Self, BadFolder> {
        match AppendFile::create(layout.inventory(), INVENTORY) {
            Ok(file) => Ok(Self::of(file, layout)),
            Err(FileError::Exists(_)) => Self::open(layout).map(|(inventory, _)| inventory),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the inventory of a folder, and what was cut off its end.
    pub(crate) fn open(layout: &Layout) -> Result<(Self, Option<String>), BadFolder> {
        let Opened { file, torn } = AppendFile::open(layout.inventory(), INVENTORY)?;
        let inventory = Self::of(file, layout);
        let mut book = inventory.book();
        book.read()?;
        drop(book);
        Ok((inventory, torn.map(|torn| format!("{torn}; they were cut off"))))
    }

    fn of(file: AppendFile, layout: &Layout) -> Self {
        let book = Book::new(file, layout.dir().to_owned());
        Self(Arc::new(Mutex::new(book)))
    }

    /// Compares a file of records with how far it had come, and keeps an eye on it from now on.
    pub(crate) fn follow(&self, name: &str, file: &AppendFile) -> Result<(), BadFolder> {
        let mut book = self.book();
        if let Some(End { records, check }) = book.logs.get(name).copied() {
            let path = file.path().to_owned();
            match file.tip_at(records)? {
                None => return Err(BadFolder::Short { path, found: file.count(), records }),
                Some(tip) if tip.check != *check.as_bytes() => {
                    return Err(BadFolder::Forked { path, records });
                }
                Some(_) => {}
            }
        }
        book.followed.insert(name.to_owned(), file.follower());
        Ok(())
    }

    /// Whether this site has found out that the folder is an older one.
    pub(crate) fn check_fresh(&self) -> Result<(), BadFolder> {
        let book = self.book();
        let stale = |reason: String| BadFolder::Stale { folder: book.dir.clone(), reason };
        book.stale.clone().map_or(Ok(()), |reason| Err(stale(reason)))
    }

    /// Compares what is in the folder with what was written last. Where the process ended between
    /// the last record and the change that it announces, that is written down.
    pub(crate) fn verify(&self, found: &Files) -> Result<(), BadFolder> {
        let mut book = self.book();
        let undone = book.undone(found);
        let mut differences = book.differences(found).into_iter();
        let wrong = differences.find(|(name, _)| undone.as_ref() != Some(name));
        wrong.map_or(Ok(()), |(_, fault)| Err(fault))?;
        undone.map_or(Ok(()), |name| book.change(&name, found.get(&name).copied(), |_| Ok(())))
    }

    /// The same for whoever goes on with a folder whatever else is wrong with it.
    pub(crate) fn settle(&self, found: &Files) -> Result<(), BadFolder> {
        let mut book = self.book();
        let undone = book.undone(found);
        undone.map_or(Ok(()), |name| book.change(&name, found.get(&name).copied(), |_| Ok(())))
    }

    /// What in the folder is not as it was written last, by name.
    pub(crate) fn differing(&self, found: &Files) -> BTreeSet<String> {
        let book = self.book();
        let names = book.files.keys().chain(found.keys());
        names.filter(|name| !book.is_as_written(name, found)).cloned().collect()
    }

    /// Where it has grown long, replaces it by one that says the same in one record. What the other
    /// end causes is written into it, so it would grow for ever. Only behind [`Self::verify`]: what a
    /// file was before the last record is forgotten.
    pub(crate) fn shorten(&self) -> Result<(), BadFolder> {
        self.book().shorten(SMALL_INVENTORY)
    }

    /// Refuses where it knows another file under this name.
    pub(crate) fn check_same(&self, name: &str, digest: Option<Digest>) -> Result<(), BadFolder> {
        let book = self.book();
        match book.files.get(name) {
            Some(known) if *known != digest => Err(BadFolder::Changed(book.dir.join(name))),
            _ => Ok(()),
        }
    }

    /// Whether it says anything of a file.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.book().files.contains_key(name)
    }

    /// Replaces a small file, with these permission bits.
    pub(crate) fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), BadFolder> {
        let digest = Digest::from_bytes(Sha256::digest(bytes).into());
        self.book().change(name, Some(digest), |path| write_atomically(path, bytes, mode))
    }

    /// Removes a small file, durably; nothing where there is none.
    pub(crate) fn remove(&self, name: &str) -> Result<(), BadFolder> {
        let mut book = self.book();
        if matches!(book.files.get(name), None | Some(None)) {
            return Ok(());
        }
        book.change(name, None, remove)
    }

    /// Writes down what a file is that is there already, or that there is none.
    pub(crate) fn adopt(&self, name: &str, digest: Option<Digest>) -> Result<(), BadFolder> {
        let mut book = self.book();
        if book.files.get(name) == Some(&digest) {
            return Ok(());
        }
        book.change(name, digest, |_| Ok(()))
    }

    /// Writes down how far the files of records have come.
    pub(crate) fn mark(&self) -> Result<(), BadFolder> {
        self.book().append(Record::default())
    }

    /// Nobody goes on with this folder: it is older than what this site signed; `reason` says how
    /// that was found out.
    pub(crate) fn condemn(&self, reason: &str) -> Result<(), BadFolder> {
        let stale = Some(reason.to_owned());
        self.book().append(Record { stale, ..Record::default() })
    }

    /// Why nothing more is kept.
    pub(crate) fn failed(&self) -> Option<String> {
        self.book().failed.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Whatever panicked, what is in memory is no more than what was written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
