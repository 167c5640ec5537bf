//! What a site keeps of the charters before the one in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ripieno_secagg::Roster;
use ripieno_secagg::epoch::advertise::Numbers;
use ripieno_study::Digest;

/// Numbers of epochs, and who can resolve a slot that was entered under an earlier charter.
#[derive(Default)]
pub(crate) struct Past {
    /// By charter, the number of the last epoch that this site advertised for.
    pub(crate) last: BTreeMap<Digest, u64>,
    /// By epoch, the members of the charter that it was set up under: of slots that have no
    /// certificate yet.
    pub(crate) rosters: BTreeMap<Digest, Arc<Roster>>,
}

impl Past {
    /// The numbers by which an announcement under `charter` is judged.
    pub(crate) fn numbers(&self, charter: &Digest) -> Numbers {
        let others = self.last.iter().filter(|(other, _)| *other != charter);
        let before = others.map(|(_, last)| *last).max().unwrap_or(0);
        Numbers { last: self.last.get(charter).copied().unwrap_or(0), before }
    }

    /// The members of an earlier charter whose certificates resolve the slots of an epoch.
    pub(crate) fn roster(&self, transcript: &Digest) -> Option<&Arc<Roster>> {
        self.rosters.get(transcript)
    }

    /// A charter is left: slots of `open` epochs that are not known from before are of its members.
    pub(crate) fn leave(&mut self, roster: &Arc<Roster>, last: u64, open: &BTreeSet<Digest>) {
        self.last.insert(roster.charter, last);
        for transcript in open {
            self.rosters.entry(*transcript).or_insert_with(|| roster.clone());
        }
    }

    /// Forgets the members where no slot needs them; whether there were any.
    pub(crate) fn keep_only(&mut self, open: &BTreeSet<Digest>) -> bool {
        let before = self.rosters.len();
        self.rosters.retain(|transcript, _| open.contains(transcript));
        self.rosters.len() < before
    }
}
