//! Who a site is in the protocol.

use std::sync::Arc;

use ripieno_identity::{PublicKey, Signature, SigningKey};
use ripieno_study::{Check, Digest, Refusal, SiteIndex};

use crate::roster::Roster;

/// A site with its key, under the charter that it has accepted.
#[derive(Clone, Debug)]
pub struct Party {
    index: SiteIndex,
    key: Arc<SigningKey>,
    roster: Arc<Roster>,
}

impl Party {
    /// The site `index` of the roster.
    ///
    /// # Errors
    /// Check H1 where the roster gives `index` another key, or none.
    pub fn new(
        index: SiteIndex,
        key: Arc<SigningKey>,
        roster: Arc<Roster>,
    ) -> Result<Self, Refusal> {
        let listed: Option<&PublicKey> = roster.sites.get(&index);
        if listed != Some(&key.public()) {
            let reason = format!("the charter does not list this site's key as that of {index}");
            return Err(Refusal::own(Check::H1, reason));
        }
        Ok(Self { index, key, roster })
    }

    /// The same site under another charter.
    ///
    /// # Errors
    /// Check H1 where its roster gives the index another key, or none.
    pub fn under(&self, roster: Arc<Roster>) -> Result<Self, Refusal> {
        Self::new(self.index, Arc::clone(&self.key), roster)
    }

    /// The site's index.
    #[must_use]
    pub fn index(&self) -> SiteIndex {
        self.index
    }

    /// The charter's members.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Signs a digest as this site.
    #[must_use]
    pub fn sign(&self, digest: &Digest) -> Signature {
        self.key.sign(digest)
    }
}
