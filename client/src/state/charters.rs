//! The charters that a site holds: those in force here, those that are verified and still to come,
//! and the one that waits for signatures.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ripieno_identity::{Charter, PublicKey, RatifiedCharter};
use ripieno_study::{Check, Refusal, SiteIndex};
use ripieno_terminal::{Exit, Failure};
use ripieno_wire::{History, WireError, membership};
use thiserror::Error;

use super::consents::FileConsents;
use super::inventory::{BadFolder, Inventory};
use super::limits::{CHARTER, CHARTERS};
use super::small::read;
use crate::layout::{self, Layout};

/// The charters of a site, durable.
#[derive(Debug)]
pub(crate) struct Charters {
    inventory: Inventory,
    in_force: Vec<RatifiedCharter>,
    to_come: Vec<RatifiedCharter>,
    proposal: Option<Charter>,
}

/// What a history led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing new.
    Known,
    /// There are charters to come.
    New,
}

/// Why charters or a proposal are not taken.
#[derive(Debug, Error)]
pub(crate) enum BadCharters {
    /// They do not follow the rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// They are no charters.
    #[error("the coordinator sent charters that cannot be read: {0}")]
    Wire(#[from] WireError),
    /// Each is written down, so they are few.
    #[error("there were too many others in the last hour")]
    TooMany,
    /// They cannot be kept.
    #[error(transparent)]
    Folder(#[from] BadFolder),
}

impl Charters {
    /// Reads what is kept, and verifies it from version 1 on.
    ///
    /// # Errors
    /// Where a file is damaged.
    pub(crate) fn open(layout: &Layout, inventory: Inventory) -> Result<Self, Failure> {
        let in_force = load(&layout.charters())?;
        let mut to_come = load(&layout.charters_to_come())?;
        let known = to_come.iter().zip(&in_force).all(|(one, two)| one == two);
        // A crash between the two writes leaves what is in force in both files.
        to_come =
            if known { to_come.split_off(in_force.len().min(to_come.len())) } else { Vec::new() };
        let proposal = load_proposal(layout)?;
        let mut charters = Self { inventory, in_force, to_come, proposal };
        charters.drop_old_proposal().map_err(|error| Failure::new(Exit::Output, error))?;
        Ok(charters)
    }

    /// The charter in force here.
    pub(crate) fn held(&self) -> Option<&RatifiedCharter> {
        self.in_force.last()
    }

    /// The newest charter that this site knows to be in force elsewhere.
    pub(crate) fn newest(&self) -> Option<&RatifiedCharter> {
        self.to_come.last().or_else(|| self.held())
    }

    /// The verified charters behind the one in force here.
    pub(crate) fn to_come(&self) -> &[RatifiedCharter] {
        &self.to_come
    }

    /// The charter that waits for signatures.
    pub(crate) fn proposal(&self) -> Option<&Charter> {
        self.proposal.as_ref()
    }

    /// Whether a site without a charter founded the federation whose charters are to come: then
    /// its steward has compared the words already.
    pub(crate) fn is_founder(&self, consents: &FileConsents) -> bool {
        let first = self.to_come.first().map(RatifiedCharter::charter);
        first.is_some_and(|first| {
            let fields = first.fields();
            fields.version == 1 && consents.signed(&fields.federation, 1) == Some(first.digest())
        })
    }

    /// Verifies a history, and keeps what is new.
    ///
    /// # Errors
    /// [`BadCharters`]; nothing has changed.
    pub(crate) fn take(
        &mut self,
        bytes: Bytes,
        coordinator: Option<PublicKey>,
    ) -> Result<Taken, BadCharters> {
        let history: History = membership::decode_history(bytes)?;
        if let Some(last) = self.before(&history) {
            let mut next = history.verify_after(last)?;
            if self.held().is_none() {
                check_coordinator(&next, coordinator)?;
            }
            let mut new = self.to_come.clone();
            new.append(&mut next);
            return self.wait_for(new);
        }
        let new = match self.held() {
            Some(held) => history.verify_after(held)?,
            None => first_history(history, coordinator)?,
        };
        let known = self.to_come.last().map(RatifiedCharter::digest);
        if new.is_empty() || new.last().map(RatifiedCharter::digest) == known {
            return Ok(Taken::Known);
        }
        // Before a charter is in force here nothing vouches for those that wait: others may come
        // in their place.
        let same = self.held().is_some() || new.iter().zip(&self.to_come).all(|(a, b)| a == b);
        if new.len() < self.to_come.len() && same {
            return Ok(Taken::Known);
        }
        self.wait_for(new)
    }

    /// The last of the charters that wait, where a history goes on from it: within a session the
    /// coordinator sends each charter once.
    fn before(&self, history: &History) -> Option<&RatifiedCharter> {
        let last = self.to_come.last()?;
        let next = last.charter().fields().version.checked_add(1);
        (history.first_version() == next).then_some(last)
    }

    /// Keeps verified charters that wait to be in force.
    fn wait_for(&mut self, new: Vec<RatifiedCharter>) -> Result<Taken, BadCharters> {
        let all = [self.in_force.as_slice(), new.as_slice()].concat();
        let bytes = membership::encode_history(&all);
        if bytes.len() as u64 > CHARTERS {
            let reason = format!("the charters together are larger than {CHARTERS} bytes");
            return Err(Refusal::coordinator(Check::H1, reason).into());
        }
        self.inventory.write(layout::CHARTERS_TO_COME, &bytes, 0o600)?;
        self.to_come = new;
        self.drop_old_proposal()?;
        Ok(Taken::New)
    }

    /// Puts the first of those to come in force.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn advance(&mut self) -> Result<(), BadFolder> {
        let Some(next) = self.to_come.first().cloned() else { return Ok(()) };
        let all = [self.in_force.as_slice(), &[next]].concat();
        self.write(&all)?;
        self.in_force = all;
        self.to_come.remove(0);
        Ok(())
    }

    /// Puts all of those to come in force, with one write.
    ///
    /// # Errors
    /// Where it cannot be written; nothing has changed.
    pub(crate) fn advance_all(&mut self) -> Result<(), BadFolder> {
        let all = [self.in_force.as_slice(), self.to_come.as_slice()].concat();
        self.write(&all)?;
        self.in_force = all;
        self.to_come.clear();
        Ok(())
    }

    /// Keeps a proposal that this site could sign: the successor of the newest charter, or a first
    /// one that lists its `own` key and names the `coordinator` that invited it. Whether it is new
    /// and one of these. Whether one more may be written, `room` says.
    ///
    /// # Errors
    /// [`BadCharters`]; nothing has changed.
    pub(crate) fn propose(
        &mut self,
        bytes: &Bytes,
        own: PublicKey,
        coordinator: Option<PublicKey>,
        room: impl FnOnce() -> bool,
    ) -> Result<bool, BadCharters> {
        let charter = membership::decode_charter(bytes.clone())?;
        let known = self.proposal.as_ref().map(Charter::digest) == Some(charter.digest());
        if known || !self.may_follow(&charter, own, coordinator)? {
            return Ok(false);
        }
        if !room() {
            return Err(BadCharters::TooMany);
        }
        self.inventory.write(layout::PROPOSAL, bytes, 0o600)?;
        self.proposal = Some(charter);
        Ok(true)
    }

    /// Whether it is this site's to sign. What another version is, or of a federation that this site
    /// is not in yet, comes of itself later.
    fn may_follow(
        &self,
        charter: &Charter,
        own: PublicKey,
        coordinator: Option<PublicKey>,
    ) -> Result<bool, Refusal> {
        let (fields, newest) = (charter.fields(), self.newest());
        let next = newest.map_or(1, |newest| newest.charter().fields().version.saturating_add(1));
        if fields.version != next || (newest.is_none() && of_key(charter, own).is_none()) {
            return Ok(false);
        }
        match newest {
            // What no site may sign is shown to no steward.
            Some(newest) => newest.check_successor(charter)?,
            None if coordinator.is_some_and(|other| other != fields.coordinator) => {
                let reason = "the proposed charter is of another coordinator";
                return Err(Refusal::coordinator(Check::H1, reason));
            }
            None => {}
        }
        Ok(true)
    }

    fn drop_old_proposal(&mut self) -> Result<(), BadFolder> {
        let newest = self.newest().map_or(0, |newest| newest.charter().fields().version);
        if self.proposal.as_ref().is_some_and(|charter| charter.fields().version <= newest) {
            self.proposal = None;
            self.inventory.remove(layout::PROPOSAL)?;
        }
        Ok(())
    }

    fn write(&self, all: &[RatifiedCharter]) -> Result<(), BadFolder> {
        self.inventory.write(layout::CHARTERS, &membership::encode_history(all), 0o600)
    }
}

/// The index of a key in a charter.
pub(crate) fn of_key(charter: &Charter, key: PublicKey) -> Option<SiteIndex> {
    charter.fields().sites.iter().find(|site| site.key == key).map(|site| site.index)
}

/// Reads and verifies a file of charters; none where there is no file.
///
/// # Errors
/// Where the file is damaged.
pub(crate) fn load(path: &Path) -> Result<Vec<RatifiedCharter>, Failure> {
    let Some(bytes) = read(path, CHARTERS)? else { return Ok(Vec::new()) };
    let history = membership::decode_history(bytes.into()).map_err(|e| damaged(path, e))?;
    history.verify().map_err(|e| damaged(path, e))
}

/// Reads the proposal; `None` where there is none.
///
/// # Errors
/// Where the file is damaged.
pub(crate) fn load_proposal(layout: &Layout) -> Result<Option<Charter>, Failure> {
    let path: PathBuf = layout.proposal();
    let Some(bytes) = read(&path, CHARTER)? else { return Ok(None) };
    membership::decode_charter(bytes.into()).map(Some).map_err(|e| damaged(&path, e))
}

fn damaged(path: &Path, error: impl Into<anyhow::Error>) -> Failure {
    let context = format!("{} is damaged; restore it from the backup", path.display());
    Failure::new(Exit::Output, error.into().context(context))
}

/// The history for a site that holds no charter: its last charter must name the coordinator that
/// invited the site.
fn first_history(
    history: History,
    coordinator: Option<PublicKey>,
) -> Result<Vec<RatifiedCharter>, BadCharters> {
    let charters = history.verify()?;
    check_coordinator(&charters, coordinator)?;
    Ok(charters)
}

/// The last of these charters names the coordinator that invited the site.
fn check_coordinator(
    charters: &[RatifiedCharter],
    coordinator: Option<PublicKey>,
) -> Result<(), Refusal> {
    let named = charters.last().map(RatifiedCharter::coordinator);
    if coordinator.is_some() && named != coordinator {
        let reason = "the charter names another coordinator than the invitation did";
        return Err(Refusal::coordinator(Check::H1, reason));
    }
    Ok(())
}
