//! The names in a site's folder.

use std::path::{Path, PathBuf};

/// A site's folder, by the names of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(PathBuf);

macro_rules! names {
    ($($(#[$doc:meta])* $function:ident = $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub(crate) const $constant: &str = $name;)*

        impl Layout {
            $($(#[$doc])* #[must_use] pub fn $function(&self) -> PathBuf { self.0.join($constant) })*
        }
    };
}

names! {
    /// The configuration.
    config = CONFIG = "site.toml";
    /// The seed of the site's own key.
    key = KEY = "site.key";
    /// Key and certificate for connections.
    connection = CONNECTION = "connection.pem";
    /// Key and request of an enrolment that is not finished.
    request = REQUEST = "request.pem";
    /// Key and request of a renewal that is not finished.
    renewal = RENEWAL = "renewal.pem";
    /// Certificates of the federation's authorities.
    authorities = AUTHORITIES = "authorities.pem";
    /// The list of these that the coordinator signed, with its number.
    authorities_signed = AUTHORITIES_SIGNED = "authorities.signed";
    /// All charters, the one in force last.
    charters = CHARTERS = "charters";
    /// All charters, with some that are verified and not in force here yet.
    charters_to_come = CHARTERS_TO_COME = "charters.next";
    /// The charter that waits for signatures.
    proposal = PROPOSAL = "proposal";
    /// Which charters this site signed.
    consents = CONSENTS = "consents";
    /// What is known of the tables, and what was confirmed.
    catalog = CATALOG = "catalog";
    /// What the owners of data sets grant.
    grants = GRANTS = "grants";
    /// The label under which the ledger counts this site's data: drawn once, kept for good.
    lineage = LINEAGE = "lineage";
    /// The ledger.
    ledger = LEDGER = "ledger";
    /// What was seen of the peers' ledgers.
    witness = WITNESS = "witness";
    /// The log of what the people of the site and its daemon did.
    people = PEOPLE = "people.log";
    /// The log of what the site decided.
    audit = AUDIT = "audit.log";
    /// What each of the other files was when it was written last.
    inventory = INVENTORY = "inventory";
    /// Where the people of the site reach the daemon.
    socket = SOCKET = "site.sock";
}

impl Layout {
    /// The folder at this path.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0
    }
}
