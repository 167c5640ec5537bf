//! What a site must not forget: opened as a whole, under one lock.

mod accept;
mod charters;
mod consents;
mod inventory;
pub(crate) mod limits;
mod people;
mod shelf;
mod small;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ripieno_audit::{AuditLog, Event, Kind};
use ripieno_client_engine::ENTRIES_PER_SIGNATURE;
use ripieno_files::{
    AppendFile, FileError, Follower, KeyFile, Limits, Opened, StateDir, flush_folder,
};
use ripieno_identity::SigningKey;
use ripieno_secagg::ledger::Ledger;
use ripieno_secagg::witness::Witness;
use ripieno_terminal::{Exit, Failure};

pub(crate) use accept::{CONDEMNED, accept};
pub(crate) use charters::{
    BadCharters, Charters, Taken, load as load_charters, load_proposal, of_key,
};
pub(crate) use consents::{Consents, FileConsents};
pub(crate) use inventory::{BadFolder, Inventory};
pub(crate) use people::note;
pub(crate) use shelf::{FileShelf, Saved};
pub(crate) use small::{digest_of, digest_of_key, found, read as read_small};

use crate::clock::now;
use crate::config::Config;
use crate::layout::{self, Layout};

/// The folder of the site's studies.
pub(crate) const STUDIES: &str = "studies";

/// A site's folder, locked for this process, with all that it holds.
pub(crate) struct State {
    pub(crate) dir: StateDir,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) inventory: Inventory,
    pub(crate) records: Records,
    pub(crate) charters: Charters,
    pub(crate) consents: FileConsents,
    /// What people and daemon did.
    pub(crate) people: AuditLog<AppendFile>,
    /// How far the ledger has come.
    pub(crate) ledger: Follower,
    /// What was found and mended, for the steward to know.
    pub(crate) mended: Vec<String>,
}

/// What becomes a [`Site`](ripieno_client_engine::Site) once there is a charter.
pub(crate) struct Records {
    pub(crate) ledger: Ledger<AppendFile>,
    pub(crate) witness: Witness<AppendFile>,
    pub(crate) audit: AuditLog<AppendFile>,
    pub(crate) shelf: FileShelf,
    pub(crate) saved: Saved,
}

impl State {
    /// Opens and checks everything. An unfinished record at the end of a file is cut off, reported,
    /// and written to the audit log.
    ///
    /// # Errors
    /// [`Exit::Output`], naming the file and what to do.
    pub(crate) fn open(config: &Config) -> Result<Self, Failure> {
        let layout = &config.layout;
        let dir = StateDir::open(layout.dir()).map_err(Failure::output)?;
        let (inventory, torn) = Inventory::open(layout).map_err(no_inventory)?;
        let mut opening = Opening { inventory, mended: torn.into_iter().collect() };
        opening.inventory.check_fresh().map_err(Failure::output)?;
        let key = Arc::new(signing_key(layout)?);
        flush_studies(layout).map_err(Failure::output)?;
        let found = found(layout, key.public())?;
        opening.inventory.verify(&found).map_err(Failure::output)?;
        opening.inventory.shorten().map_err(Failure::output)?;
        let (file, records) = opening.records(layout::LEDGER, layout.ledger(), limits::LEDGER)?;
        let follower = file.follower();
        let ledger =
            Ledger::open(file, &records).map_err(|error| damaged(&layout.ledger(), error))?;
        let (file, records) =
            opening.records(layout::WITNESS, layout.witness(), limits::WITNESS)?;
        let witness =
            Witness::open(file, &records).map_err(|error| damaged(&layout.witness(), error))?;
        let audit = opening.log(layout::AUDIT, &layout.audit(), &key)?;
        let mut people = opening.log(layout::PEOPLE, &layout.people(), &key)?;
        let Opening { inventory, mended } = opening;
        let folder = dir.root().folder(STUDIES).map_err(Failure::output)?;
        let (shelf, saved) =
            FileShelf::open(&folder, inventory.clone()).map_err(Failure::output)?;
        let charters = Charters::open(layout, inventory.clone())?;
        let consents = Consents::read(&layout.consents())?;
        let consents = FileConsents::new(consents, inventory.clone());
        for line in &mended {
            let event = Event::new(Kind::Alarm, now()).with("problem", line);
            people.append(event).map_err(Failure::output)?;
        }
        let records = Records { ledger, witness, audit, shelf, saved };
        let ledger = follower;
        Ok(Self { dir, key, inventory, records, charters, consents, people, ledger, mended })
    }
}

/// A folder whose files of records are being opened.
struct Opening {
    inventory: Inventory,
    mended: Vec<String>,
}

impl Opening {
    /// Opens a file of records, which has come at least as far as the inventory says.
    fn open(&mut self, name: &str, path: PathBuf, limits: Limits) -> Result<AppendFile, Failure> {
        let Opened { file, torn } = AppendFile::open(path, limits).map_err(Failure::output)?;
        self.inventory.follow(name, &file).map_err(Failure::output)?;
        self.mended.extend(torn.map(|torn| format!("{torn}; they were cut off")));
        Ok(file)
    }

    fn records(
        &mut self,
        name: &str,
        path: PathBuf,
        limits: Limits,
    ) -> Result<(AppendFile, Vec<Vec<u8>>), Failure> {
        let file = self.open(name, path, limits)?;
        let records = file.records(0..file.count()).map_err(Failure::output)?;
        Ok((file, records))
    }

    fn log(
        &mut self,
        name: &str,
        path: &Path,
        key: &Arc<SigningKey>,
    ) -> Result<AuditLog<AppendFile>, Failure> {
        let file = self.open(name, path.to_owned(), limits::AUDIT)?;
        let log = AuditLog::open(file, key.clone(), ENTRIES_PER_SIGNATURE);
        log.map_err(|error| damaged(path, error))
    }
}

/// The site's own key.
pub(crate) fn signing_key(layout: &Layout) -> Result<SigningKey, Failure> {
    let seed = KeyFile::at(layout.key()).read().map_err(Failure::output)?;
    Ok(SigningKey::from_seed(&seed))
}

/// Makes durable which studies there are, before it is believed: as for the root when a file of
/// records is opened.
fn flush_studies(layout: &Layout) -> Result<(), FileError> {
    let path = layout.dir().join(STUDIES);
    if path.exists() { flush_folder(&path) } else { Ok(()) }
}

pub(crate) fn no_inventory(error: BadFolder) -> Failure {
    let failure = Failure::output(error);
    failure.next(format!("where there is no copy of it: {} records accept", crate::program()))
}

fn damaged(path: &Path, error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::Output, error.into().context(path.display().to_string()))
        .next("keep a copy of the folder, then restore it from the backup; the other sites will notice what is missing")
}
