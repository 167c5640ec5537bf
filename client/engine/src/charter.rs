//! A charter follows the one in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::CryptoRng;
use ripieno_audit::{Kind, Storage};
use ripieno_identity::RatifiedCharter;
use ripieno_secagg::Roster;
use ripieno_secagg::journal::Journal;
use ripieno_secagg::ledger::Ledger;
use ripieno_study::{Check, Digest, Refusal};

use crate::setup::{Setup, keep_foreign};
use crate::shelf::Shelf;
use crate::site::Site;

impl<J: Journal, S: Storage, R: CryptoRng, B: Shelf> Site<J, S, R, B> {
    /// The charter in force.
    #[must_use]
    pub fn charter(&self) -> &RatifiedCharter {
        &self.charter
    }

    /// Puts the next charter in force, which [`RatifiedCharter::succeed`] has verified: epochs and
    /// the set-up under way are dropped with their secrets, studies go on in epochs of the new
    /// charter. Sums that were opened under the old one can still be verified, until the site
    /// restarts. Slots of this site's data that have no certificate yet stay unresolved: one that
    /// comes late is verified by the members of the old charter, also after a restart.
    ///
    /// # Errors
    /// Check H1 where it does not follow the charter in force, or does not list this site's key: the
    /// site was revoked.
    pub fn succeed(&mut self, charter: RatifiedCharter) -> Result<(), Refusal> {
        self.written()?;
        self.check_succession(&charter)?;
        let party = self.party.under(Arc::new(Roster::from(&charter))).map_err(|_| {
            let (index, version) = (self.party.index(), charter.charter().fields().version);
            let reason = format!(
                "version {version} of the charter does not list this site's key as that of \
                 {index}: it was revoked, and comes back as a new site"
            );
            Refusal::own(Check::H1, reason)
        })?;
        self.leave_charter();
        self.numbers = self.past.numbers(&party.roster().charter);
        self.party = party;
        self.charter = charter;
        let event = self.event(Kind::Membership).with("step", "charter-succeeded");
        let event = event.with("version", self.charter.charter().fields().version);
        self.note(event.with("charter", self.charter.digest()));
        self.seal();
        self.keep_epochs();
        self.written()
    }

    /// Epochs end, with their secrets; what they opened, and what they may have opened, is kept.
    fn leave_charter(&mut self) {
        let roster = Arc::new(self.party.roster().clone());
        let mut epochs: Vec<_> = std::mem::take(&mut self.epochs).into_values().collect();
        // The newest one is forgotten last.
        epochs.sort_by_key(|epoch| epoch.transcript().epoch());
        for epoch in epochs {
            keep_foreign(&mut self.foreign, epoch.transcript().clone(), &roster);
        }
        self.past.leave(&roster, self.numbers.last, &open_epochs(&self.ledger));
        self.setup = Setup::None;
        self.begun.clear();
        self.under_way.clear();
    }

    /// A slot was resolved: perhaps nobody asks for the members of its charter any more.
    pub(crate) fn keep_past(&mut self) {
        if self.past.keep_only(&open_epochs(&self.ledger)) {
            self.keep_epochs();
        }
    }

    /// The chain of digests, once more.
    fn check_succession(&self, charter: &RatifiedCharter) -> Result<(), Refusal> {
        let (old, new) = (self.charter.charter().fields(), charter.charter().fields());
        let follows = new.federation == old.federation
            && old.version.checked_add(1) == Some(new.version)
            && new.previous == Some(self.charter.digest());
        if follows {
            return Ok(());
        }
        let reason = format!(
            "version {} of the charter of {:?} does not follow version {} of {:?}, which is in \
             force",
            new.version, new.federation, old.version, old.federation
        );
        Err(Refusal::own(Check::H1, reason))
    }
}

/// The epochs of slots for which a certificate may still come.
fn open_epochs<J: Journal>(ledger: &Ledger<J>) -> BTreeSet<Digest> {
    ledger.without_certificate().map(|entry| entry.id.transcript).collect()
}
