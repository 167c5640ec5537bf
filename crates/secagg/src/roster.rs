//! What the protocol knows of a charter: the sites' keys, the coordinator's key, and c.

use std::collections::BTreeMap;

use ripieno_identity::{PublicKey, RatifiedCharter, Signature};
use ripieno_study::{Check, Culprit, Digest, Refusal, SiteIndex};

/// A cohort that was drawn for a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// The seed of the draw.
    pub seed: Digest,
    /// The study that it was made for.
    pub study: Digest,
    /// The cohort's number, from 0.
    pub number: u32,
}

/// The members of a federation, from the charter that a site has accepted. Sites know their peers
/// from here alone (docs/protocol.md §2).
#[derive(Clone, Debug)]
pub struct Roster {
    /// Digest of the charter.
    pub charter: Digest,
    /// The federation's name.
    pub federation: String,
    /// c: sites assumed corrupt.
    pub corrupt: u16,
    /// The coordinator's key.
    pub coordinator: PublicKey,
    /// The sites' keys; of a drawn cohort, those of its members.
    pub sites: BTreeMap<SiteIndex, PublicKey>,
    /// The cohort; `None` where nothing was drawn.
    pub cohort: Option<Cohort>,
}

impl From<&RatifiedCharter> for Roster {
    fn from(charter: &RatifiedCharter) -> Self {
        Self {
            charter: charter.digest(),
            federation: charter.federation().to_owned(),
            corrupt: charter.corrupt(),
            coordinator: charter.coordinator(),
            sites: charter.sites().iter().map(|site| (site.index, site.key)).collect(),
            cohort: None,
        }
    }
}

impl Roster {
    /// Verifies a site's signature on `digest`, in a message that came from the site itself; a
    /// failure names the site under `check`.
    ///
    /// # Errors
    /// Where the site is not of the charter, or the signature is not its own.
    pub fn verify_site(
        &self,
        check: Check,
        site: SiteIndex,
        digest: &Digest,
        signature: &Signature,
    ) -> Result<(), Refusal> {
        let Some(key) = self.sites.get(&site) else {
            let list = if self.cohort.is_some() { "cohort" } else { "charter" };
            return Err(Refusal::site(check, site, format!("it is not in the {list}")));
        };
        key.verify(digest, signature)
            .map_err(|_| Refusal::site(check, site, "the signature does not verify"))
    }

    /// Verifies a site's signature on `digest`, in a message that the coordinator relayed. A
    /// failure names the coordinator: anybody can make a signature that does not verify, and the
    /// coordinator is to relay none.
    ///
    /// # Errors
    /// Where the site is not of the charter, or the signature is not its own.
    pub fn verify_relayed(
        &self,
        check: Check,
        site: SiteIndex,
        digest: &Digest,
        signature: &Signature,
    ) -> Result<(), Refusal> {
        self.verify_site(check, site, digest, signature).map_err(|refusal| {
            let reason = format!("in the name of {site}: {}", refusal.reason);
            Refusal::coordinator(check, reason)
        })
    }

    /// Verifies the coordinator's signature on `digest`.
    ///
    /// # Errors
    /// Where the signature is not the charter's coordinator's.
    pub fn verify_coordinator(
        &self,
        check: Check,
        digest: &Digest,
        signature: &Signature,
    ) -> Result<(), Refusal> {
        self.coordinator.verify(digest, signature).map_err(|_| Refusal {
            check,
            culprit: Culprit::Coordinator,
            reason: "the signature is not that of the charter's coordinator".into(),
        })
    }
}
